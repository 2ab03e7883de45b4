"""The network of a run: built from the run's own module, on its devices."""

from pathlib import Path

import torch
from torch import Tensor, nn

from archdsl.codegen.layout import Layout
from archdsl.torch.generated import imported
from archdsl.training.errors import TrainingError
from archdsl.training.keeping import record
from archdsl.training.plan import Plan
from archdsl.training.together.team import Team


def network(plan: Plan, team: Team, folder: Path) -> tuple[nn.Module, dict[str, Tensor]]:
    """The network of the run's own module, on its devices, and its tensors as on one device.

    Its weights begin as those of the fused layout do from the same seed.

    Raises:
        TrainingError: it has another number of parameters than the spec counts.
    """
    job, place = plan.job, plan.where
    fused = place.layout is Layout.FUSED
    single = _imported(folder / (record.MODULE if fused else record.FUSED), job.class_name)()
    count = sum(p.numel() for p in single.parameters())
    if count != job.parameters:
        raise TrainingError(
            f"{folder / record.MODULE}: {job.class_name} has {count:,} parameters where the spec "
            f"counts {job.parameters:,}; this is a bug in archdsl, please report it with the spec"
        )
    single.to(plan.precision.dtype)
    if fused:
        single.to(device=place.first, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return single, single.state_dict()
    layout_class = _imported(folder / record.MODULE, job.divided[place.layout].class_name)
    options = {"devices": place.devices} if place.layout is Layout.TOWERS else {}
    built = team.build(layout_class, **options).to(plan.precision.dtype)
    whole = single.state_dict()
    built.load_state_dict(whole)
    if place.layout is Layout.RANKS:
        built.to(place.first)
    built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return built, whole


def shapes_alone(plan: Plan, folder: Path) -> nn.Module:
    """The network on one device, of a run that divides it: on the meta device, without weights."""
    with torch.device("meta"):
        return _imported(folder / record.FUSED, plan.job.class_name)()


def _imported(path: Path, class_name: str) -> type[nn.Module]:
    """A class of the run's own module: what is trained is that very file."""
    module = imported(path.read_text(encoding="utf-8"), str(path.resolve()))
    found: type[nn.Module] = getattr(module, class_name)
    return found
