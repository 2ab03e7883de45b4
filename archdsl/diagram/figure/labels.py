"""Where labels go: each to the first of its places where it is in nobody's way, or the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from math import inf
from typing import NamedTuple

from archdsl.diagram.figure.scene import Box, Point, Text
from archdsl.diagram.figure.text import DIGIT, ink, width

BESIDE, ABOVE = 2.4, 0.8
"""Points between the ink of two labels, at the least: figures side by side would read as one."""

LEADING = 1.12
"""From one baseline to the next, to the size."""

STEP = 2.0
"""Points from one place to the next where a label has to go further down."""

CROSSED, TOUCHED, COVERED, NEXT = 20.0, 4.0, 80.0, 0.25
"""What it costs to lie on a line, on a solid's edge, on a solid, and at the next place."""

CLEAR = 0.5
"""Points that a text keeps from lines, where it can."""

MASK = 0.7
"""Points around a text where a line is interrupted."""


class Side(Enum):
    """Which part of a text stands at its place; as a factor of its width."""

    LEFT = 0.0
    MIDDLE = 0.5
    RIGHT = 1.0


class Place(NamedTuple):
    """Where a label can stand: a point of its first baseline."""

    at: Point
    side: Side


class Label(NamedTuple):
    """Lines of text with the places where they can go, the best first.

    One that is `needed` goes further down if all are taken; another is left out.
    """

    lines: tuple[str, ...]
    size: float
    color: str
    places: tuple[Place, ...]
    needed: bool = True
    outside: bool = False
    """Whether it should stand on no solid."""
    spare: tuple[Place, ...] = ()
    """Where it goes only if others have taken all of its places."""


class _Segment(NamedTuple):
    start: Point
    end: Point
    around: Box


class Labels:
    """Puts labels on a page of this width, round what is drawn."""

    def __init__(
        self,
        page: float,
        lines: Iterable[tuple[Point, Point]],
        edges: Iterable[tuple[Point, Point]],
        solids: Iterable[Box],
    ) -> None:
        self.page = page
        self.lines = [_Segment(start, end, _around(start, end)) for start, end in lines]
        self.edges = [_Segment(start, end, _around(start, end)) for start, end in edges]
        self.solids = list(solids)
        self.taken: list[Box] = []
        self.texts: list[Text] = []
        self.masks: list[Box] = []
        """Where lines are to be interrupted for a text to be read."""

    def put(self, label: Label) -> None:
        best = self._best(label, label.places) or self._best(label, label.spare)
        if not best and label.needed:
            best = self._further(label)
        self._take(label, best)

    def _best(self, label: Label, places: Sequence[Place]) -> list[Text]:
        """The texts of a label where they are least in the way; none if all places are taken."""
        best: list[Text] = []
        least = inf
        for rank, place in enumerate(places):
            if NEXT * rank >= least:
                break
            texts = self._fitting(label, place)
            if texts and (cost := NEXT * rank + self._cost(label, texts)) < least:
                best, least = texts, cost
        return best

    def _fitting(self, label: Label, place: Place) -> list[Text]:
        """The texts of a label at a place; none if it does not fit there."""
        texts = self._texts(label, place)
        boxes = [ink(text) for text in texts]
        inside = all(box.left >= 0 and box.right <= self.page for box in boxes)
        if not inside or any(
            box.overlaps(other, BESIDE, ABOVE) for box in boxes for other in self.taken
        ):
            return []
        return texts

    def _further(self, label: Label) -> list[Text]:
        """The texts of a label below its last place, within the page's sides."""
        (x, y), side = label.places[-1]
        widest = max(width(line, label.size) for line in label.lines)
        begin = min(max(x - side.value * widest, 1.0), self.page - widest - 1.0)
        while True:
            texts = self._fitting(label, Place(Point(begin, y), Side.LEFT))
            if texts or widest > self.page:
                return texts
            y += STEP

    def _texts(self, label: Label, place: Place) -> list[Text]:
        (x, y), side = place
        return [
            Text(
                Point(x - side.value * width(line, label.size), y + row * LEADING * label.size),
                line,
                label.size,
                label.color,
            )
            for row, line in enumerate(label.lines)
        ]

    def _cost(self, label: Label, texts: Sequence[Text]) -> float:
        cost = 0.0
        for text in texts:
            box = ink(text).grown(CLEAR)
            cost += CROSSED * _crossings(self.lines, box) + TOUCHED * _crossings(self.edges, box)
            if label.outside:
                cost += COVERED * sum(box.overlaps(solid, 1.2, 0.6) for solid in self.solids)
        return cost

    def _take(self, label: Label, texts: Iterable[Text]) -> None:
        for text in texts:
            box = ink(text)
            self.texts.append(text)
            self.taken.append(box)
            mask = box.grown(MASK)
            is_free = label.outside or not any(mask.overlaps(solid) for solid in self.solids)
            if is_free and _crossings(self.lines, box):
                self.masks.append(mask)


def middle(y: float, size: float) -> float:
    """The baseline of figures of a size whose middle is at a height."""
    return y + DIGIT * size / 2


def _around(start: Point, end: Point) -> Box:
    return Box(min(start.x, end.x), min(start.y, end.y), max(start.x, end.x), max(start.y, end.y))


def _crossings(segments: Iterable[_Segment], box: Box) -> int:
    """How many lines go through a box: those that have corners of it on both sides."""
    return sum(segment.around.overlaps(box) and _crosses(segment, box) for segment in segments)


def _crosses(segment: _Segment, box: Box) -> bool:
    (x, y), end, _ = segment
    dx, dy = end.x - x, end.y - y
    sides = [
        dx * (bottom - y) - dy * (side - x)
        for side in (box.left, box.right)
        for bottom in (box.top, box.bottom)
    ]
    return min(sides) <= 0 <= max(sides)
