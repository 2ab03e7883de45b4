"""What a run is asked to do: a network, its generated module and its recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archdsl.analysis import Analysis
from archdsl.api import Arch, require_checked
from archdsl.codegen import layouts
from archdsl.codegen.layout import Layout
from archdsl.codegen.probes import probes
from archdsl.codegen.pytorch import Module, module
from archdsl.codegen.trainable import trainable
from archdsl.source import Source
from archdsl.training.keeping import record
from archdsl.words.arithmetic import Quantity
from archdsl.words.recipe import Data, Recipe


@dataclass(frozen=True)
class Job:
    """A network that was checked, generated and is to be trained."""

    name: str
    """What its runs are called: runs/NAME-1, runs/NAME-2, …"""
    input: tuple[int, int, int]
    """C x H x W of one image."""
    classes: int
    """Logits per image."""
    module: str
    """The generated Python text, of the fused layout."""
    class_name: str
    """The nn.Module in it, constructible without arguments."""
    spec: str
    """The text of the .arch file."""
    spec_name: str
    """Its file name, "small.arch"."""
    recipe: Recipe
    parameters: int
    """How many the spec counts; the imported module must agree."""
    values: dict[str, Quantity] = field(default_factory=dict)
    """The arch's own parameters as they are trained, `--set` included."""
    divided: dict[Layout, Module] = field(default_factory=dict)
    """The other layouts, where the network is divided over devices."""
    devices: int = 1
    restated: tuple[str, ...] = ()
    """The recipe's lines that were said anew for the run."""
    used: dict[str, str] = field(default_factory=dict)
    """The texts of the other files that the network came from, by their places beside the spec."""


def job(arch: Arch, data: Data | None = None, lines: Sequence[str | Source] = ()) -> Job:
    """What training an arch means: its generated module by its recipe, on `data` if it is given.

    `lines` change the recipe, as those of `Arch.recipe` do. An arch without a `train` block gets
    the recipe's defaults.

    Raises:
        SpecError: the arch does not check, or a line is wrong.
        TrainingError: its input is no CxHxW, or its output no vector of logits.
    """
    require_checked(arch)
    network = arch.network
    task = trainable(arch.analysis, arch.recipe(lines))
    recipe = task.recipe
    probed = probes(arch.analysis)
    generated = module(arch.analysis, probed)
    spec, *used = network.definition.module.sources()
    return Job(
        name=Path(task.spec_name).stem,
        input=task.input,
        classes=task.classes,
        module=generated.text,
        class_name=generated.class_name,
        spec=spec.text,
        spec_name=task.spec_name,
        recipe=recipe if data is None else recipe.model_copy(update={"data": data}),
        parameters=arch.params or 0,
        values=network.parameters,
        divided=_divided(arch, probed),
        devices=network.devices,
        restated=tuple(line.text if isinstance(line, Source) else line for line in lines),
        used=record.places(spec, task.spec_name, used),
    )


def _divided(arch: Arch, probed: Mapping[str, Sequence[Analysis]]) -> dict[Layout, Module]:
    if arch.network.devices == 1:
        return {}
    return {
        layout: layouts.module(arch.analysis, probed, layout)
        for layout in (Layout.TOWERS, Layout.RANKS)
    }
