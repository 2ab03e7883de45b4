"""For people with their own loop: a spec as an nn.Module, and an nn.Module held against a spec.

>>> import archdsl
>>> network = archdsl.torch.build("specs/alexnet.arch", classes=10)
>>> archdsl.torch.verify(network, "specs/alexnet.arch", classes=10).ok
True
"""

try:
    from archdsl.torch.compare import Difference, Row
    from archdsl.torch.network import Spec, WeightsError, build
    from archdsl.torch.trace import CannotRun
    from archdsl.torch.verification import Verification, verify
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"archdsl.torch needs {error.name}: install it with  pip install 'archdsl[train]'",
        name=error.name,
    ) from error

__all__ = [
    "CannotRun",
    "Difference",
    "Row",
    "Spec",
    "Verification",
    "WeightsError",
    "build",
    "verify",
]
