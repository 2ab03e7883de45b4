"""A scene: a picture as data. Lengths are points, 72 to the inch; x goes right and y goes down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Point(NamedTuple):
    x: float
    y: float


class Box(NamedTuple):
    """A rectangle with upright sides."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box, beside: float = 0.0, above: float = 0.0) -> bool:
        """Whether they are closer than this, to the side and upwards."""
        return (
            self.left < other.right + beside
            and other.left < self.right + beside
            and self.top < other.bottom + above
            and other.top < self.bottom + above
        )

    def moved(self, x: float, y: float) -> Box:
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def grown(self, more: float) -> Box:
        """With as much more on every side."""
        return Box(self.left - more, self.top - more, self.right + more, self.bottom + more)

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        return (
            Point(self.left, self.top),
            Point(self.right, self.top),
            Point(self.right, self.bottom),
            Point(self.left, self.bottom),
        )

    def around(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


class Stroke(NamedTuple):
    """A line's colour, #rrggbb, its width, and the lengths of its dashes if it has any."""

    color: str
    width: float
    dash: float = 0.0


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed outline; filled, outlined, or both."""

    points: tuple[Point, ...]
    fill: str | None = None
    stroke: Stroke | None = None


@dataclass(frozen=True, slots=True)
class Line:
    start: Point
    end: Point
    stroke: Stroke


@dataclass(frozen=True, slots=True)
class Disc:
    centre: Point
    radius: float
    fill: str


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text, in the figure's font, beginning at a point of its baseline."""

    start: Point
    text: str
    size: float
    color: str


Mark: TypeAlias = Polygon | Line | Disc | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, its marks from back to front, and what it is in words."""

    width: float
    height: float
    paper: str
    marks: tuple[Mark, ...]
    title: str
    description: str

    @property
    def texts(self) -> tuple[Text, ...]:
        return tuple(mark for mark in self.marks if isinstance(mark, Text))
