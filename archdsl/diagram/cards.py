"""What a picture of a network says: cards, and each device's part of them, as plain text.

A card is a stage, or as much of it as runs without an exchange between devices before one of its
layers. Shapes are written CxHxW with ×; what cannot be known is `?`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.analysis import Analysis
from archdsl.diagram.bands import Band, unfold
from archdsl.network import Branches, Group, Item, Layer, Stage, subgroups
from archdsl.shape import Shape


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

    @property
    def name(self) -> str:
        return self.stage.name if self.begins else f"{self.stage.name}, continued"


def cards(analysis: Analysis) -> tuple[Card, ...]:
    """The stages in order, each cut where devices receive from each other before a layer."""
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
            bands = unfold(analysis, items)
            found.append(Card(key, stage, tuple(items), bands, received, inside, number == 0))
    return tuple(found)


def _traffic(analysis: Analysis, item: Item) -> int:
    costs = analysis.parts[item.path]
    return costs.traffic if costs else 0


class Holdings:
    """What each device holds of what the parts give."""

    def __init__(self, analysis: Analysis) -> None:
        self.flows = analysis.shapes.flows
        self.devices = analysis.network.devices
        self._split = _split(analysis)

    def shape(self, path: str, device: int) -> str:
        """The shape that a device holds: 128×13×13 of 256×13×13."""
        shape, split = self.flows[path].output, self._split[path]
        if shape is not None and split:
            shape = Shape((_part(shape.channels, self.devices, device), *shape.dims[1:]))
        return "?" if split is None else written(shape)

    def share(self, card: Card, device: int) -> str:
        """A device's part of the output, `128 of 256 channels`; empty where it is not divided."""
        path = card.items[-1].path
        shape = self.flows[path].output
        if shape is None or not self._split[path]:
            return ""
        own = _part(shape.channels, self.devices, device)
        return f"{own} of {shape.channels} {'channels' if shape.is_map else 'features'}"


def _part(channels: int, devices: int, device: int) -> int:
    """How many channels a device holds: as evenly as possible, the first devices one more."""
    return channels // devices + (device < channels % devices)


def _split(analysis: Analysis) -> dict[str, bool | None]:
    """Whether devices hold their parts of what a part or a group gives, by path.

    None where it is not known; on one device it never is so.
    """
    network = analysis.network
    found: dict[str, bool | None] = {}

    def walk(group: Group, split: bool | None) -> bool | None:
        for item in group.items:
            before = split
            for inner in subgroups(item):
                split = walk(inner, before if isinstance(item, Branches) else split)
            if isinstance(item, Layer) and network.devices > 1:
                place = analysis.places.get(item.path)
                split = place.split_output if place else None
            found[item.path] = split
        found[group.path] = split
        return split

    split: bool | None = False
    for stage in network.stages:
        split = walk(stage, split)
    return found


def shapes(holdings: Holdings, card: Card, device: int) -> Iterator[tuple[Band, str]]:
    """The bands of a card with the shape that a device then holds; empty if it is as above."""
    above = ""
    for band in card.bands:
        shape = holdings.shape(band.end, device)
        yield band, shape if shape != above else ""
        above = shape


def parameters(analysis: Analysis, card: Card) -> str:
    """What the card's parts learn, on all devices together; empty if nothing."""
    costs = [analysis.parts[item.path] for item in card.items]
    known = [cost.params for cost in costs if cost is not None]
    if len(known) < len(costs):
        return "? parameters"
    return f"{sum(known):,} parameters" if any(known) else ""


def written(shape: Shape | None) -> str:
    """A shape as papers print it: 96×55×55."""
    return "?" if shape is None else "×".join(map(str, shape.dims))
