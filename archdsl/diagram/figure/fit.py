"""How a figure fits its page: the lines of maps, and one scale each for edges, depths and bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt

from archdsl.diagram.figure.maps import Map
from archdsl.diagram.figure.page import Page
from archdsl.diagram.figure.projection import reach, rise
from archdsl.diagram.figure.text import width
from archdsl.shape import Shape

DEPTH = 0.42
"""The scale of depths to that of edges, where there is room for both."""

MOST_DEPTH = 0.9
"""The same at the most, where maps may not be higher but there is room beside them."""

MOST_BAR = 2.4
"""Points to the square root of a vector's features, at the most."""

INPUT = 1.6
"""How much higher a map may be that stands between the rows of devices."""

COPIES = 3
"""Of a run of equal maps, so many are drawn."""

BETWEEN = 2.0
"""Points between these."""

QUIET = (12.0, 22.0, 16.0)
"""Depth, height and width in points of a map whose shape is not known."""

LEAST = 1.2
"""Points of an edge, however short."""

BEFORE_LABEL = 1.6
"""Points from an edge to what is written beside it."""

DENSE = "dense"
"""What is written beside a layer that reads all of a map."""


@dataclass(frozen=True, slots=True)
class Scales:
    """Points to the square root of a size, and the thickness of a bar in points."""

    edge: float
    depth: float
    bar: float
    thick: float

    def edges(self, each: Map, channels: int | None = None) -> tuple[float, float, float]:
        """Depth, height and width in points of a map; with as many channels as a device has."""
        if each.shape is None:
            return QUIET
        count = each.shape.channels if channels is None else channels
        if each.is_bar:
            return self.thick, max(LEAST, self.bar * sqrt(count)), self.thick
        _, height, across = (max(LEAST, self.edge * sqrt(size)) for size in each.shape.dims)
        return max(LEAST, self.depth * sqrt(count)), height, across


@dataclass(frozen=True, slots=True)
class Fit:
    """The maps of every line, and the scales; a line after the first begins with the last map of
    the line above."""

    lines: tuple[tuple[Map, ...], ...]
    scales: Scales
    more: tuple[float, ...]
    """What the gaps of each line have beside what they need."""

    @property
    def maps(self) -> tuple[Map, ...]:
        return tuple(each for line in self.lines for each in line)


def fit(maps: Sequence[Map], count: int, page: Page, rows: int) -> Fit | None:
    """Maps on so many lines; None where they would be too small to read."""
    found = forced(maps, count, page, rows)
    scales = found.scales
    if scales.edge < page.least_edge or scales.depth < page.least_depth:
        return None
    return found


def forced(maps: Sequence[Map], count: int, page: Page, rows: int) -> Fit:
    """Maps on so many lines, however small."""
    lines = _lines(maps, count, page)
    tallest = page.map_height / (1 + 0.5 * (rows - 1))
    edge = min([page.most_edge, *(_edge(line, page) for line in lines)])
    for each, shape in _known(maps, bars=False):
        most = tallest if each.parts or rows == 1 else INPUT * tallest
        edge = min(edge, most / _rise(shape))
    depth = min([MOST_DEPTH * edge, *(_depth(line, page, edge) for line in lines)])
    scales = Scales(edge, depth, _bar(maps, edge, tallest), page.bar)
    return Fit(lines, scales, tuple(_more(line, page, scales) for line in lines))


def left(each: Map, page: Page) -> float:
    """Points that what is written left of a map takes."""
    if each.shape is None:
        return 0.0
    if each.is_bar:
        return max(0.0, (width(str(each.shape.channels), page.text) - page.bar) / 2)
    return width(str(each.shape.dims[1]), page.text) + BEFORE_LABEL


def right(each: Map, page: Page) -> float:
    """Points that what is written right of a map takes."""
    return max(0.0, left(each, page) - reach(page.bar)) if each.is_bar else 0.0


def gap(each: Map, page: Page) -> float:
    """Points of free space before a map, at the least; beside a bar there are words in it."""
    if not each.is_bar:
        return page.gap
    return max(page.gap, width(DENSE, page.small) + BEFORE_LABEL)


def copies(each: Map) -> int:
    """How many cuboids stand for a run of equal maps."""
    return min(each.times, COPIES) if each.alike else 1


def _fixed(line: Sequence[Map], page: Page) -> float:
    """Points of a line that no scale changes."""
    total = 2 * page.margin + sum(gap(each, page) for each in line[1:])
    for each in line:
        total += left(each, page) + right(each, page) + BETWEEN * (copies(each) - 1)
        if each.is_bar:
            total += copies(each) * page.bar + reach(page.bar)
        elif each.shape is None:
            total += copies(each) * QUIET[0] + reach(QUIET[2])
    return total


def _across(line: Iterable[Map]) -> float:
    """What the width of a line grows by with the scale of edges."""
    return sum(reach(sqrt(shape.dims[2])) for _, shape in _known(line, bars=False))


def _deep(line: Iterable[Map]) -> float:
    """What the width of a line grows by with the scale of depths."""
    return sum(
        copies(each) * sqrt(max(each.parts, default=shape.channels))
        for each, shape in _known(line, bars=False)
    )


def _edge(line: Sequence[Map], page: Page) -> float:
    """The scale of edges with which a line is as wide as the page: with depths in proportion, or
    flatter where edges would be short."""
    room, across, deep = page.width - _fixed(line, page), _across(line), _deep(line)
    even = _scale(room, across + DEPTH * deep)
    flat = _scale(room - 1.1 * page.least_depth * deep, across)
    return max(even, min(flat, page.good_edge))


def _depth(line: Sequence[Map], page: Page, edge: float) -> float:
    """The scale of depths with which a line is as wide as the page."""
    return _scale(page.width - _fixed(line, page) - edge * _across(line), _deep(line))


def _scale(room: float, growth: float) -> float:
    """The scale with which what grows by so much takes the room.

    Where nothing grows, any does; none where there is no room.
    """
    if room <= 0:
        return 0.0
    return room / growth if growth else inf


def _more(line: Sequence[Map], page: Page, scales: Scales) -> float:
    """What each gap has to have more for a line as wide as the page, within reason."""
    used = _fixed(line, page) + scales.edge * _across(line) + scales.depth * _deep(line)
    more = (page.width - used) / max(1, len(line) - 1)
    return max(0.0, min(more, 1.5 * page.gap))


def _bar(maps: Sequence[Map], edge: float, tallest: float) -> float:
    """The scale of bars: the longest is a little higher than the highest map but the input."""
    features = [max(each.parts, default=shape.channels) for each, shape in _known(maps, bars=True)]
    if not features:
        return MOST_BAR
    heights = (edge * _rise(shape) for _, shape in _known(maps[1:], bars=False))
    highest = min(max(tallest / 2, *heights, 0.0), tallest)
    return min(MOST_BAR, 1.1 * highest / sqrt(max(features)))


def _rise(shape: Shape) -> float:
    """How high a map is on the page at a scale of 1."""
    _, height, across = shape.dims
    return rise(sqrt(height), sqrt(across))


def _known(maps: Iterable[Map], bars: bool) -> Iterator[tuple[Map, Shape]]:
    """The bars, or the others, whose shapes are known."""
    for each in maps:
        if each.shape is not None and each.is_bar == bars:
            yield each, each.shape


def _lines(maps: Sequence[Map], count: int, page: Page) -> tuple[tuple[Map, ...], ...]:
    """Maps on lines about as wide as each other."""
    weights = []
    for each in maps:
        one = [each]
        room = page.gap + _fixed(one, page)
        weights.append(room + 1.5 * page.least_edge * (_across(one) + DEPTH * _deep(one)))
    total = sum(weights)
    lines: list[list[Map]] = [[] for _ in range(count)]
    passed = 0.0
    for each, weight in zip(maps, weights, strict=True):
        lines[min(count - 1, int(count * (passed + weight / 2) / total))].append(each)
        passed += weight
    lines = [line for line in lines if line]
    return tuple(
        tuple([replace(lines[number - 1][-1], times=1), *line] if number else line)
        for number, line in enumerate(lines)
    )
