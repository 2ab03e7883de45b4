"""What joins two maps: lines from all that one number reads to that number, or an arrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from archdsl.diagram.figure.layout import Placed, Solid
from archdsl.diagram.figure.maps import Kernel, Made
from archdsl.diagram.figure.projection import Cuboid
from archdsl.diagram.figure.scene import Point

SPOTS = (Point(0.62, 0.56), Point(0.58, 0.27))
"""Where in a map kernels lie, back and up, in turn."""

SHARED = 0.55
"""How far back they lie in a map that every device reads."""

TOGETHER = 0.95
"""How much of the height of such a map they take at the most."""

HEAD = 2.6
"""Points of an arrow's head."""

INTO = 9.0
"""How many points into a map the number is, at the most."""


@dataclass(frozen=True, slots=True)
class Link:
    """Lines that come together at `end`; or with one start, an arrow.

    `crosses` says that they go from one device to another.
    """

    starts: tuple[Point, ...]
    end: Point
    crosses: bool
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A kernel in a solid: the cuboid that it sees."""

    kernel: Kernel
    cuboid: Cuboid


def seen(before: Placed, after: Placed, turn: int) -> dict[tuple[Solid, Solid], Seen]:
    """The kernels of a map in the one before, by the solids that they join."""
    kernel = after.map.kernel
    if kernel is None:
        return {}
    return {
        (source, target): Seen(
            kernel, _window(source.last, kernel, _spot(source, target, after, turn))
        )
        for source, target in _pairs(before, after)
    }


def links(before: Placed, after: Placed, turn: int, room: float) -> list[Link]:
    """What joins a map with the next, left of which writing takes `room`."""
    kernels = seen(before, after, turn)
    reads = after.map.made in (Made.KERNEL, Made.DENSE) and before.map.shape is not None
    found = []
    for source, target in _pairs(before, after):
        crosses = None not in (source.row, target.row) and source.row != target.row
        if not reads:
            end = _front(target.first, room)
            found.append(Link((source.last.at(1, 0.5, 0.5),), end, crosses, arrow=True))
            continue
        kernel = kernels.get((source, target))
        starts = kernel.cuboid.side if kernel else _whole(before, source)
        found.append(Link(starts, _number(after, target.first, turn), crosses))
    return found


def _pairs(before: Placed, after: Placed) -> Iterator[tuple[Solid, Solid]]:
    """Which solids of a map the solids of the next read: of their own device, or of all."""
    for target in after.solids:
        for source in before.solids:
            whole = None in (source.row, target.row)
            if after.map.crosses or whole or source.row == target.row:
                yield source, target


def _spot(source: Solid, target: Solid, after: Placed, turn: int) -> Point:
    """Where a kernel lies; in a map that every device reads, one above another if they fit, else
    all in one place."""
    kernel, count = after.map.kernel, len(after.solids)
    if source.row is not None or target.row is None:
        return SPOTS[turn % 2]
    if kernel and count * sqrt(kernel.part[0]) > TOGETHER:
        return Point(SHARED, 0.5)
    return Point(SHARED, 1 - (target.row + 0.5) / len(after.solids))


def _window(cuboid: Cuboid, kernel: Kernel, spot: Point) -> Cuboid:
    """What a kernel sees of a map, on the scale of that, as near to a spot as it fits."""
    high, wide = (min(1.0, sqrt(part)) for part in kernel.part)
    back = min(max(spot.x - wide / 2, 0.0), 1 - wide)
    up = min(max(spot.y - high / 2, 0.0), 1 - high)
    return cuboid.part(1, Point(back, up), Point(back + wide, up + high))


def _whole(before: Placed, source: Solid) -> tuple[Point, ...]:
    """The corners of all that a dense layer reads: of a bar, its ends."""
    cuboid = source.last
    if before.map.is_bar:
        return cuboid.at(1, 1, 0.5), cuboid.at(1, 0, 0.5)
    return cuboid.side


def _number(after: Placed, cuboid: Cuboid, turn: int) -> Point:
    """The number that reads it."""
    if after.map.is_bar:
        return cuboid.at(0.5, 0.5, 0)
    across = min(0.5, INTO / cuboid.channels)
    spot = SPOTS[turn % 2]
    return cuboid.at(across, spot.y, spot.x)


def _front(cuboid: Cuboid, room: float) -> Point:
    """Before what is written left of its front, as high as its middle."""
    return Point(cuboid.corner.x - room - 1.5, cuboid.at(0, 0.5, 0.5).y)
