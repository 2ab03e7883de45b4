"""A network and what its recipe asks of it, judged before data is read or a script is written."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from archdsl.analysis import Analysis
from archdsl.codegen import names
from archdsl.words.activation import Softmax
from archdsl.words.recipe import Augment, Recipe


class TrainingError(Exception):
    """Something the user can put right: print the message, it names the place and the remedy."""


class WrongClasses(TrainingError):
    """Data has another number of classes than the network."""

    def __init__(self, place: str, held: int, classes: int) -> None:
        has = "1 class" if held == 1 else f"{held} classes"
        super().__init__(
            f"{place}: it has {has} and the network's output is {classes}; "
            f"make them agree, with --set classes={held} where the network has that parameter"
        )
        self.held = held
        """How many it has."""


class Trainable(NamedTuple):
    """A network that images can be trained on, and how."""

    spec_name: str
    """The name of its file, "small.arch"."""
    input: tuple[int, int, int]
    """C x H x W of one image."""
    classes: int
    """Logits per image."""
    recipe: Recipe
    """Its own, or the defaults; `scale` lines name stages by their attributes in the module."""


def trainable(analysis: Analysis, recipe: Recipe | None = None) -> Trainable:
    """What training a network that checks means, by this recipe or by its own.

    Raises:
        TrainingError: its input is no CxHxW, its output no vector of logits, there is nothing to
            learn, or a `scale` line is of nothing that is learned.
    """
    network = analysis.network
    written = Path(network.source.name)
    spec_name = written.name if written.suffix == ".arch" else f"{network.name}.arch"
    if len(network.input.dims) != 3:
        raise TrainingError(f"{spec_name}: the input is {network.input}; training takes CxHxW")
    channels, height, width = network.input.dims
    output = analysis.output
    if output is None or len(output.dims) != 1:
        raise TrainingError(
            f"{spec_name}: the output is {output}; to train, end in one number for each class"
        )
    last = next((layer for layer in reversed(network.layers) if layer.op.computes), None)
    if last is not None and isinstance(last.op, Softmax):
        raise TrainingError(
            f"{spec_name}: the network ends in {last.path}, and the loss takes logits and applies "
            "softmax itself: remove the layer, which changes no prediction"
        )
    if analysis.costs is not None and not analysis.costs.params:
        raise TrainingError(f"{spec_name}: the network has no parameters, so nothing to train")
    recipe = recipe or network.recipe or Recipe()
    learned = _learned(analysis)
    for line in recipe.scale:
        if line.target not in learned:
            raise nothing_to_scale(line.target)
    # A stage is named by its attribute in the module, where the two differ: `float_`.
    attributes = names.attributes(stage.name for stage in network.stages)
    scale = tuple(
        line.model_copy(update={"target": attributes.get(line.target, line.target)})
        for line in recipe.scale
    )
    recipe = recipe.model_copy(update={"scale": scale})
    return Trainable(spec_name, (channels, height, width), output.size, recipe)


def nothing_to_scale(target: str) -> TrainingError:
    """What is wrong with a `scale` line of a stage without weights."""
    return TrainingError(
        f"scale {target}: the network has no parameters there; "
        "name `biases` or a stage with weights"
    )


def _learned(analysis: Analysis) -> set[str]:
    """The stages that have parameters; "biases" too, if a convolution or a linear layer has one."""
    found: set[str] = set()
    for stage in analysis.network.stages:
        for layer in stage.layers:
            x = analysis.flow(layer).input
            learned = layer.op.weights(x) if x is not None else {}
            if learned:
                found.add(stage.name)
            if layer.op.weighted and "bias" in learned:
                found.add("biases")
    return found


class Kept(NamedTuple):
    """The size at which images are kept: `augment resize=`, else the network's input."""

    height: int
    width: int
    square: bool
    """Bring the shorter side to the size and keep the centre, not squeeze both sides to it."""


def kept(recipe: Recipe, height: int, width: int) -> Kept:
    """The size at which a recipe keeps images for a network's input.

    Raises:
        TrainingError: the recipe's sizes contradict each other or the input.
    """
    settings = recipe.augment or Augment()
    side = settings.resize
    crop = settings.crop
    if crop is not None and (crop, crop) != (height, width):
        raise TrainingError(
            f"augment crop={crop}: the network's input is {height}x{width}, and a crop is what "
            "it is given; make them agree"
        )
    if crop is not None and not settings.pad and side in (None, crop):
        raise TrainingError(
            f"augment crop={crop}: images are kept at that size, so there is nothing to crop; add "
            "resize= with a larger size, or pad="
        )
    if settings.pad and crop is None:
        raise TrainingError(
            f"augment pad={settings.pad}: only a crop moves over padding; add crop={height}"
        )
    if side is not None and side < max(height, width):
        raise TrainingError(
            f"augment resize={side}: smaller than the input {height}x{width}; "
            f"resize to {max(height, width)} or more"
        )
    size = (height, width) if side is None else (side, side)
    if recipe.evaluate.crops == 10 and size == (height, width):
        raise TrainingError(
            f"evaluate crops=10: images are kept at the input's {height}x{width}, where all crops "
            "are the same; add augment resize= with a larger size"
        )
    return Kept(*size, square=side is not None)


# --- what data holds, and what the network takes ----------------------------------------------

SHAPES = 10
"""How many classes `data shapes` has."""

TRAINING_SHAPES, TEST_SHAPES = 16_000, 4_000
"""How many images `data shapes` is."""

SMALLEST_SHAPES = 8
"""Pixels: below this the figures of `data shapes` cannot be told apart by anybody."""

PICTURE_CHANNELS = (1, 3)
"""Channels that image files are read with: grey or coloured."""


def require_classes(place: str, held: int, classes: int) -> None:
    """Raises WrongClasses where data has another number of classes than the network."""
    if held != classes:
        raise WrongClasses(place, held, classes)


def require_channels(place: str, held: int, size: tuple[int, int, int]) -> None:
    """Raises TrainingError where published images have other channels than C of the CxHxW kept."""
    channels, height, width = size
    if held != channels:
        raise TrainingError(
            f"{place}: its images have {held} channel(s) and the input has {channels}; "
            f"make it {held}x{height}x{width}"
        )


def require_picture_channels(place: str, channels: int) -> None:
    """Raises TrainingError where image files cannot be read with so many channels."""
    if channels not in PICTURE_CHANNELS:
        raise TrainingError(
            f"{place}: image files have 1 or 3 channels, and the input has {channels}"
        )


def require_drawable(place: str, height: int, width: int) -> None:
    """Raises TrainingError where images are too small to draw a shape in."""
    if min(height, width) < SMALLEST_SHAPES:
        raise TrainingError(
            f"{place}: {height}x{width} is too small to draw a figure in; "
            f"the input must be {SMALLEST_SHAPES}x{SMALLEST_SHAPES} at least"
        )
