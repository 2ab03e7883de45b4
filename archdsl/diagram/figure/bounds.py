"""Where marks lie, and moving them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce

from archdsl.diagram.figure.scene import Box, Disc, Line, Mark, Point, Polygon, Text
from archdsl.diagram.figure.text import ink


def extent(marks: Iterable[Mark]) -> Box:
    """The smallest box around marks, one at the least; around the ink of texts."""
    return reduce(Box.around, map(_box, marks))


def _box(mark: Mark) -> Box:
    match mark:
        case Text():
            return ink(mark)
        case Disc():
            (x, y), radius = mark.centre, mark.radius
            return Box(x - radius, y - radius, x + radius, y + radius)
        case Line():
            points: tuple[Point, ...] = (mark.start, mark.end)
        case Polygon():
            points = mark.points
    return Box(
        min(point.x for point in points),
        min(point.y for point in points),
        max(point.x for point in points),
        max(point.y for point in points),
    )


def lowered(marks: Iterable[Mark], y: float) -> Iterator[Mark]:
    """Marks moved down."""

    def down(point: Point) -> Point:
        return Point(point.x, point.y + y)

    for mark in marks:
        match mark:
            case Polygon():
                yield replace(mark, points=tuple(map(down, mark.points)))
            case Line():
                yield replace(mark, start=down(mark.start), end=down(mark.end))
            case Disc():
                yield replace(mark, centre=down(mark.centre))
            case Text():
                yield replace(mark, start=down(mark.start))
