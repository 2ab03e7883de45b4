"""What a picture of a network shows: cards, their rows, and each device's part, as plain text.

A card is a stage, or as much of it as runs without an exchange between devices. Shapes are written
CxHxW with ×; what cannot be known is `?`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.analysis import Analysis
from archdsl.network import Layer, Stage
from archdsl.shape import Family, Misfit, Shape
from archdsl.words.word import Unbound

ROW_WIDTH = 28
"""Characters of the layers that share a row of a card."""


@dataclass(frozen=True, slots=True)
class Card:
    """Layers that are drawn together.

    `key` is the stage's name, with a number where the stage has several cards. `received` counts
    the numbers per image that the devices receive from each other before it, all together.
    """

    key: str
    stage: Stage
    layers: tuple[Layer, ...]
    received: int
    begins: bool
    """Whether the stage begins here, and does not go on from the card above."""

    @property
    def name(self) -> str:
        return self.stage.name if self.begins else f"{self.stage.name}, continued"


@dataclass(frozen=True, slots=True)
class Row:
    """Layers side by side, and the last one's output shape; empty if it is as in the row above."""

    layers: tuple[Layer, ...]
    shape: str


def cards(analysis: Analysis) -> tuple[Card, ...]:
    """The stages in order, each cut where devices receive from each other within it."""
    found: list[Card] = []
    used: Counter[str] = Counter()
    for stage in analysis.network.stages:
        runs: list[tuple[int, list[Layer]]] = []
        for layer in stage.layers:
            place = analysis.places.get(layer.path)
            received = place.received if place else 0
            if received or not runs:
                runs.append((received, []))
            runs[-1][1].append(layer)
        for number, (received, layers) in enumerate(runs):
            used[stage.name] += 1
            again = used[stage.name]
            key = stage.name if again == 1 else f"{stage.name}+{again}"
            found.append(Card(key, stage, tuple(layers), received, number == 0))
    return tuple(found)


def rows(analysis: Analysis, card: Card, device: int) -> tuple[Row, ...]:
    """The layers of a card, side by side where they fit.

    One with weights begins a row, and a row changes the shape but once. Shapes are those that the
    device holds.
    """
    packed: list[list[Layer]] = []
    room, reshaped = 0, False
    for layer in card.layers:
        needed = len(brief(layer)) + 2
        flow = analysis.flow(layer)
        changes = flow.input != flow.output
        if not packed or layer.op.weighted or needed > room or (reshaped and changes):
            packed.append([])
            room, reshaped = ROW_WIDTH, layer.op.weighted
        packed[-1].append(layer)
        room -= needed
        reshaped = reshaped or changes
    found: list[Row] = []
    above = ""
    for layers in packed:
        shape = held(analysis, layers[-1], device)
        found.append(Row(tuple(layers), shape if shape != above else ""))
        above = shape
    return tuple(found)


def held(analysis: Analysis, layer: Layer, device: int) -> str:
    """The shape of a layer's output that a device holds: 128×13×13 of 256×13×13."""
    shape = analysis.flow(layer).output
    devices = analysis.network.devices
    if shape is None or devices == 1:
        return written(shape)
    place = analysis.places.get(layer.path)
    if place is None:
        return "?"
    if place.split_output:
        shape = Shape((part(shape.channels, devices, device), *shape.dims[1:]))
    return written(shape)


def share(analysis: Analysis, card: Card, device: int) -> str:
    """A device's part of the output, `128 of 256 channels`; empty where it is not divided."""
    last = card.layers[-1]
    shape, place = analysis.flow(last).output, analysis.places.get(last.path)
    if shape is None or place is None or not place.split_output:
        return ""
    own = part(shape.channels, analysis.network.devices, device)
    return f"{own} of {shape.channels} {'channels' if shape.is_map else 'features'}"


def part(channels: int, devices: int, device: int) -> int:
    """How many channels a device holds: as evenly as possible, the first devices one more."""
    return channels // devices + (device < channels % devices)


def parameters(analysis: Analysis, card: Card) -> str:
    """What the card's layers learn, on all devices together; empty if nothing."""
    costs = [analysis.layers[layer.path] for layer in card.layers]
    known = [cost.params for cost in costs if cost is not None]
    if len(known) < len(costs):
        return "? parameters"
    return f"{sum(known):,} parameters" if any(known) else ""


def false_claims(analysis: Analysis, stage: Stage) -> tuple[str, ...]:
    """What is wrong with a stage's layers and with what is claimed of them, with true figures."""
    found = [f"✗ {problem}" for layer in stage.layers for problem in _problems(analysis, layer)]
    subjects = {stage.name, *(layer.path for layer in stage.layers)}
    for verdict in analysis.verdicts:
        subject, _, claim = verdict.text.partition(" ")
        if verdict.holds is False and subject in subjects:
            who = "" if subject == stage.name else f"{subject} "
            if verdict.is_shape:
                figures = f"claims {verdict.claimed}, gives {verdict.actual}".replace("x", "×")
            else:
                figures = f"claims {claim}, has {verdict.actual:,}"
            found.append(f"✗ {who}{figures}")
    return tuple(found)


def _problems(analysis: Analysis, layer: Layer) -> Iterator[str]:
    """Why a layer cannot take its input, or what it does not see of it."""
    x = analysis.flow(layer).input
    if x is None or isinstance(layer.op, Unbound):
        return
    try:
        layer.op.output(x)
        found = list(layer.op.concerns(x))
    except Misfit as misfit:
        found = [misfit]
    for problem in found:
        yield problem.message.replace("{layer}", layer.path)


def brief(layer: Layer) -> str:
    """A layer in a few characters; one that cannot be read is named with a question mark."""
    if isinstance(layer.op, Unbound):
        return f"{layer.bound.statement.word.text or layer.name} ?"
    return layer.op.brief


def family(layer: Layer) -> Family | None:
    """The layer's family, None if the layer cannot be read."""
    return None if isinstance(layer.op, Unbound) else layer.op.look


def written(shape: Shape | None) -> str:
    """A shape as papers print it: 96×55×55."""
    return "?" if shape is None else "×".join(map(str, shape.dims))
