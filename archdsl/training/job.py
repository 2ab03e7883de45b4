"""What a run is asked to do: a network, its generated module and its recipe."""

from dataclasses import dataclass, field
from pathlib import Path

from archdsl.api import Arch, require_checked
from archdsl.codegen import names
from archdsl.codegen.probes import probes
from archdsl.codegen.pytorch import module
from archdsl.training import record
from archdsl.training.errors import TrainingError
from archdsl.words.activation import Softmax
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
    """The generated Python text."""
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
    used: dict[str, str] = field(default_factory=dict)
    """The texts of the other files that the network came from, by their places beside the spec."""


def job(arch: Arch, data: Data | None = None) -> Job:
    """What training an arch means: its generated module by its recipe, on `data` if it is given.

    An arch without a `train` block gets the recipe's defaults.

    Raises:
        SpecError: the arch does not check.
        TrainingError: its input is no CxHxW, or its output no vector of logits.
    """
    require_checked(arch)
    network = arch.network
    written = Path(network.source.name)
    spec_name = written.name if written.suffix == ".arch" else f"{arch.name}.arch"
    if len(network.input.dims) != 3:
        raise TrainingError(f"{spec_name}: the input is {network.input}; training takes CxHxW")
    channels, height, width = network.input.dims
    if arch.output is None or len(arch.output.dims) != 1:
        raise TrainingError(
            f"{spec_name}: the output is {arch.output}; to train, end in one number for each class"
        )
    last = next((layer for layer in reversed(network.layers) if layer.op.computes), None)
    if last is not None and isinstance(last.op, Softmax):
        raise TrainingError(
            f"{spec_name}: the network ends in {last.path}, and the loss takes logits and applies "
            "softmax itself: remove the layer, which changes no prediction"
        )
    recipe = network.recipe or Recipe()
    # A stage is named by its attribute in the module, where the two differ: `float_`.
    attributes = names.attributes(stage.name for stage in network.stages)
    scale = tuple(
        line.model_copy(update={"target": attributes.get(line.target, line.target)})
        for line in recipe.scale
    )
    recipe = recipe.model_copy(update={"scale": scale})
    generated = module(arch.analysis, probes(arch.analysis))
    spec, *used = network.definition.module.sources()
    return Job(
        name=Path(spec_name).stem,
        input=(channels, height, width),
        classes=arch.output.size,
        module=generated.text,
        class_name=generated.class_name,
        spec=spec.text,
        spec_name=spec_name,
        recipe=recipe if data is None else recipe.model_copy(update={"data": data}),
        parameters=arch.params or 0,
        values=network.parameters,
        used=record.places(spec, spec_name, used),
    )
