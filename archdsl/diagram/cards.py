"""What a picture of a network says: cards, and each device's part of them, as plain text.

A card is a stage, or as much of it as runs without an exchange between devices before one of its
layers. Shapes are written CxHxW with ×; what cannot be known is `?`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from archdsl.analysis import Analysis
from archdsl.diagram.bands import LIMITS, Band, chips, unfold
from archdsl.diagram.chips import written
from archdsl.diagram.style import Fold
from archdsl.network import Body, Branches, Group, Item, Layer, Stage, subgroups
from archdsl.shape import Shape, even_part
from archdsl.words.merge import Concat

MAX_CHIPS, MAX_ALL = 400, 2_000
"""Chips of one card, and of all cards, that unfold everything; what has more is folded."""


MOST_DEVICES = 4
"""Of more devices than this, the first two and the last are drawn."""


def shown_devices(count: int) -> tuple[int, ...]:
    """Of so many devices, those that are drawn."""
    return tuple(range(count)) if count <= MOST_DEVICES else (0, 1, count - 1)


@dataclass(frozen=True, slots=True)
class Card:
    """Parts of a stage that are drawn together.

    `key` is the stage's name, with a number where the stage has several cards. `received` counts
    the numbers per image that the devices receive from each other before it, all together;
    `inside` those that they receive in its joins, repeats and uses of blocks.
    """

    key: str
    stage: Stage
    items: tuple[Item, ...]
    bands: tuple[Band, ...]
    received: int
    inside: int
    begins: bool
    """Whether the stage begins here, and does not go on from the card above."""
    is_cut: bool = False
    """Whether there is too much in it to unfold all of it, as was asked."""

    @property
    def name(self) -> str:
        return self.stage.name if self.begins else f"{self.stage.name}, continued"


def cards(analysis: Analysis, fold: Fold) -> tuple[Card, ...]:
    """The stages in order, each cut where devices receive from each other before a layer."""
    room = MAX_ALL
    found: list[Card] = []
    used: Counter[str] = Counter()
    for stage in analysis.network.stages:
        runs: list[tuple[int, list[Item]]] = []
        for item in stage.items:
            received = 0 if any(subgroups(item)) else _traffic(analysis, item)
            if received or not runs:
                runs.append((received, []))
            runs[-1][1].append(item)
        for number, (received, items) in enumerate(runs):
            used[stage.name] += 1
            again = used[stage.name]
            key = stage.name if again == 1 else f"{stage.name}+{again}"
            inside = sum(_traffic(analysis, item) for item in items) - received
            bands = unfold(analysis, items, LIMITS[fold])
            drawn = sum(1 for band in bands for _ in chips(band))
            is_cut = fold is Fold.NONE and drawn > min(MAX_CHIPS, room)
            if is_cut:
                bands = unfold(analysis, items, LIMITS[Fold.LAYER])
            room -= drawn * (not is_cut)
            found.append(
                Card(key, stage, tuple(items), bands, received, inside, number == 0, is_cut)
            )
    return tuple(found)


def _traffic(analysis: Analysis, item: Item) -> int:
    costs = analysis.parts[item.path]
    return costs.traffic if costs else 0


class _Held(NamedTuple):
    """What one device holds of what a part or a group gives.

    `split` says whether the devices hold parts of it, None where it is not known; `channels` how
    many channels, or features, this device's part has, 0 where it is not divided.
    """

    split: bool | None
    channels: int = 0


class Holdings:
    """What each device holds of what the parts give."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.flows = analysis.shapes.flows
        self._held: dict[int, dict[str, _Held]] = {}

    def shape(self, path: str, device: int) -> str:
        """The shape that a device holds: 128×13×13 of 256×13×13."""
        shape, held = self.flows[path].output, self._of(path, device)
        if shape is not None and held.split:
            shape = Shape((held.channels, *shape.dims[1:]))
        return "?" if held.split is None else written(shape)

    def share(self, card: Card, device: int) -> str:
        """A device's part of the output, `128 of 256 channels`; empty where it is not divided."""
        path = card.items[-1].path
        shape, held = self.flows[path].output, self._of(path, device)
        if shape is None or not held.split:
            return ""
        return f"{held.channels} of {shape.channels} {'channels' if shape.is_map else 'features'}"

    def _of(self, path: str, device: int) -> _Held:
        if device not in self._held:
            self._held[device] = _Follower(self.analysis, device).held
        return self._held[device][path]


class _Follower:
    """Follows what one device holds from the input on: of every part and group, by path."""

    def __init__(self, analysis: Analysis, device: int) -> None:
        self.analysis = analysis
        self.devices = analysis.network.devices
        self.device = device
        self.held: dict[str, _Held] = {}
        held = _Held(split=False)
        for stage in analysis.network.stages:
            held = self._group(stage, held)

    def _group(self, group: Group, held: _Held) -> _Held:
        for item in group.items:
            before = held
            for inner in subgroups(item):
                held = self._group(inner, before if isinstance(item, Branches) else held)
            if isinstance(item, Layer) and self.devices > 1:
                held = self._layer(item, before)
            self.held[item.path] = held
        self.held[group.path] = held
        return held

    def _layer(self, layer: Layer, before: _Held) -> _Held:
        place, flow = self.analysis.places.get(layer.path), self.analysis.flow(layer)
        if place is None or flow.input is None or flow.output is None:
            return _Held(split=None)
        if not place.split_output:
            return _Held(split=False)
        if isinstance(layer, Branches) and isinstance(layer.op, Concat):
            return _Held(True, sum(map(self._of_branch, layer.branches)))
        if isinstance(layer, Branches) or layer.op.weighted:
            return _Held(True, even_part(flow.output.channels, self.device, self.devices))
        # Of a map that is flattened, every channel is several features.
        return _Held(True, before.channels * flow.output.channels // flow.input.channels)

    def _of_branch(self, branch: Body) -> int:
        """The channels that a device joins of a branch: those that it holds, or its part of all."""
        shape, held = self.analysis.shapes.flows[branch.path].output, self.held[branch.path]
        if held.split or shape is None:
            return held.channels
        return even_part(shape.channels, self.device, self.devices)


def shapes(holdings: Holdings, card: Card, device: int) -> Iterator[tuple[Band, str]]:
    """The bands of a card with the shape that a device then holds; empty if it is as above."""
    above = ""
    for band in card.bands:
        shape = holdings.shape(band.end, device)
        yield band, shape if shape != above else ""
        above = shape


def learned(analysis: Analysis, card: Card) -> int | None:
    """The parameters of a card's parts, on all devices together; None if they are not known."""
    costs = [analysis.parts[item.path] for item in card.items]
    known = [cost.params for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def parameters(analysis: Analysis, card: Card) -> str:
    """The same in words; empty if nothing is learned."""
    count = learned(analysis, card)
    if count is None:
        return "? parameters"
    return f"{count:,} parameters" if count else ""


def share(analysis: Analysis, card: Card) -> float:
    """Which part of the network's parameters is a card's; 0 if it is not known."""
    count = learned(analysis, card)
    return count / analysis.costs.params if count and analysis.costs else 0.0
