"""archdsl: a small declarative language for convolutional networks.

>>> import archdsl
>>> net = archdsl.load("specs/alexnet.arch")
>>> net.params, net.check().ok
(60965224, True)
"""

from importlib import import_module

TYPE_CHECKING = False  # typing's own is most of what loads before __main__ hears Ctrl-C
if TYPE_CHECKING:
    from archdsl import torch as torch
    from archdsl.api import Arch, CheckResult, SpecError, load
    from archdsl.network import Network
    from archdsl.shape import Shape

__all__ = ["Arch", "CheckResult", "Network", "Shape", "SpecError", "load"]
__version__ = "0.6.0"

_HOMES = {"Network": "archdsl.network", "Shape": "archdsl.shape"}


def __getattr__(name: str) -> object:
    """What the package offers, loaded when it is first asked for.

    The command line decides how it is loaded: see __main__.py.
    """
    if name == "torch":  # no part of __all__, since `import *` shall not load PyTorch
        return import_module("archdsl.torch")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "archdsl.api")), name)
