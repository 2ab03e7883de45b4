"""Where the maps of a line stand: as cuboids from left to right, a row to a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from archdsl.diagram.cards import shown_devices
from archdsl.diagram.figure.fit import BETWEEN, Scales, copies, gap, left, right
from archdsl.diagram.figure.maps import Map
from archdsl.diagram.figure.page import Page
from archdsl.diagram.figure.projection import Cuboid, reach, rise
from archdsl.diagram.figure.scene import Point

BELOW = 2.9
"""What is written between two rows takes so many times the size of the text."""

NAMED, LEFT_OUT = 1.2, 2.6
"""The name of a row takes as many more, and where devices are left out, the mark of these."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A map on one device, or the whole of one: equal cuboids, from left to right."""

    row: int | None
    """The row of its device; None of a map that is not divided, which stands between the rows."""
    cuboids: tuple[Cuboid, ...]

    @property
    def first(self) -> Cuboid:
        return self.cuboids[0]

    @property
    def last(self) -> Cuboid:
        return self.cuboids[-1]


@dataclass(frozen=True, slots=True)
class Placed:
    """A map where it stands; `again` says that it is the last of the line above."""

    map: Map
    solids: tuple[Solid, ...]
    again: bool = False

    @property
    def cuboids(self) -> tuple[Cuboid, ...]:
        return tuple(cuboid for solid in self.solids for cuboid in solid.cuboids)


def rows(maps: Sequence[Map]) -> tuple[int, ...]:
    """The devices that have a row, of maps that are divided."""
    devices = max((len(each.parts) for each in maps), default=0)
    return shown_devices(max(1, devices))


def placed(
    line: Sequence[Map], again: bool, page: Page, scales: Scales, more: float
) -> tuple[Placed, ...]:
    """The maps of a line, in its middle; the line's axis is at height 0.

    `again` says that the first is the last of the line above, `more` how much wider the gaps are
    than they need be.
    """
    starts = []
    x = 0.0
    for number, each in enumerate(line):
        x += (gap(each, page) + more if number else 0.0) + left(each, page)
        starts.append(x)
        x += _width(each, scales) + right(each, page)
    aside = (page.width - x) / 2
    devices = rows(line)
    axes = _axes(devices, _pitch(line, page, scales), page)
    return tuple(
        Placed(each, _solids(each, scales, devices, start + aside, axes), again and number == 0)
        for number, (each, start) in enumerate(zip(line, starts, strict=True))
    )


def left_out(each: Placed, devices: tuple[int, ...], page: Page) -> Iterator[Point]:
    """Where it is marked that devices are left out between two rows of a map, below its number."""
    for (upper, lower), (before, after) in zip(
        pairwise(each.solids), pairwise(devices), strict=False
    ):
        if after - before > 1:
            x = (upper.first.corner.x + upper.last.at(1, 0, 0).x) / 2
            yield Point(x, (upper.first.corner.y + lower.first.box.top + page.small / 2) / 2)


def _width(each: Map, scales: Scales) -> float:
    """Points from the left of a map's first cuboid to the right of its last, as on the widest
    device."""
    depth, _, across = scales.edges(each, max(each.parts, default=None))
    return copies(each) * depth + BETWEEN * (copies(each) - 1) + reach(across)


def _solids(
    each: Map, scales: Scales, devices: tuple[int, ...], x: float, axes: tuple[float, ...]
) -> tuple[Solid, ...]:
    """A map on every device that is drawn."""
    if not each.parts:
        return (Solid(None, _cuboids(each, scales.edges(each), x, 0.0)),)
    return tuple(
        Solid(row, _cuboids(each, scales.edges(each, each.parts[device]), x, axis))
        for row, (device, axis) in enumerate(zip(devices, axes, strict=True))
    )


def _cuboids(
    each: Map, edges: tuple[float, float, float], x: float, axis: float
) -> tuple[Cuboid, ...]:
    """The cuboids of a map, whose middle is at the height of an axis."""
    depth, height, across = edges
    bottom = axis + rise(height, across) / 2
    return tuple(
        Cuboid(Point(x + copy * (depth + BETWEEN), bottom), depth, height, across)
        for copy in range(copies(each))
    )


def _axes(devices: tuple[int, ...], pitch: float, page: Page) -> tuple[float, ...]:
    """The heights of the rows, around 0: further apart where devices are left out between them."""
    steps = [
        pitch + (LEFT_OUT * page.text if after - before > 1 else 0.0)
        for before, after in pairwise(devices)
    ]
    heights = tuple(accumulate(steps, initial=0.0))
    return tuple(height - heights[-1] / 2 for height in heights)


def _pitch(line: Sequence[Map], page: Page, scales: Scales) -> float:
    """Points from one device's row to the next."""
    edges = [scales.edges(each, max(each.parts)) for each in line if each.parts]
    highest = max((rise(height, across) for _, height, across in edges), default=0.0)
    named = NAMED if len(rows(line)) > 2 else 0.0
    return highest + (BELOW + named) * page.text
