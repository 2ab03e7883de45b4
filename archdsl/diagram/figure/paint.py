"""How solids, kernels and links look: marks in the colours of a palette."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagram.figure.layout import Placed
from archdsl.diagram.figure.links import HEAD, Link, Seen
from archdsl.diagram.figure.maps import Made, Map
from archdsl.diagram.figure.projection import Cuboid
from archdsl.diagram.figure.scene import Disc, Line, Mark, Point, Polygon, Stroke
from archdsl.diagram.palette import Palette, Tone

EDGE, WRONG_EDGE, HAIR = 0.45, 1.0, 0.35
"""Widths of lines: of solids, of those that are wrong, and what joins them."""

DASH = 1.8

APART = 1.3
"""Points between the borders in a map, at the least."""

DOT = 0.75
"""The radius of a number that reads."""


class Painter:
    def __init__(self, palette: Palette) -> None:
        self.palette = palette

    def solids(self, placed: Placed) -> Iterator[Mark]:
        """A map on every device; of what was left out, three dots."""
        for solid in placed.solids:
            if placed.map.skipped:
                for part in (0.1, 0.5, 0.9):
                    yield Disc(solid.first.at(part, 0.5, 0.5), 1.0, self.palette.muted)
                continue
            for cuboid in solid.cuboids:
                yield from self._cuboid(cuboid, placed)

    def _cuboid(self, cuboid: Cuboid, placed: Placed) -> Iterator[Mark]:
        each = placed.map
        stroke = self._stroke(each)
        if each.shape is None:
            for face in cuboid.faces:
                yield Polygon(face, self.palette.paper, stroke)
            return
        tone = self._tone(each)
        fill = mixed(tone.fill, self.palette.paper, 0.6) if placed.again else tone.fill
        line = mixed(tone.line, self.palette.paper, 0.6) if placed.again else tone.line
        front, top, side = cuboid.faces
        yield Polygon(front, fill, stroke)
        yield Polygon(top, mixed(fill, self.palette.paper, 0.45), stroke)
        yield Polygon(side, mixed(fill, line, 0.4), stroke)
        yield from self._sections(cuboid, each, tone)

    def _sections(self, cuboid: Cuboid, each: Map, tone: Tone) -> Iterator[Mark]:
        """The borders between channels that were put together, where they can be told apart."""
        stroke = Stroke(mixed(tone.line, self.palette.ink, 0.25), HAIR)
        total = sum(each.sections)
        passed, drawn = 0, -APART
        for section in each.sections[:-1]:
            passed += section
            part = passed / total
            if (part - drawn) * cuboid.channels >= APART:
                drawn = part
                yield Line(cuboid.at(part, 0, 0), cuboid.at(part, 1, 0), stroke)
                yield Line(cuboid.at(part, 1, 0), cuboid.at(part, 1, 1), stroke)

    def left_out(self, at: Point) -> Iterator[Mark]:
        """Three dots, one above another."""
        for down in (-2.6, 0.0, 2.6):
            yield Disc(Point(at.x, at.y + down), DOT, self.palette.muted)

    def kernel(self, seen: Seen, of: Map) -> Iterator[Mark]:
        """A window through a map, as if that were of glass."""
        tone = self._tone(of)
        stroke = Stroke(mixed(tone.line, self.palette.ink, 0.7), HAIR)
        front, top, side = seen.cuboid.faces
        yield Polygon(front, mixed(tone.fill, tone.line, 0.75), stroke)
        yield Polygon(top, mixed(tone.fill, tone.line, 0.35), stroke)
        yield Polygon(side, mixed(tone.line, self.palette.ink, 0.2), stroke)

    def link(self, link: Link) -> Iterator[Mark]:
        color = self.palette.traffic if link.crosses else self.palette.muted
        stroke = Stroke(color, HAIR)
        if link.arrow:
            yield from _arrow(link.starts[0], link.end, stroke)
            return
        for start in dict.fromkeys(link.starts):
            yield Line(start, link.end, stroke)
        yield Disc(link.end, DOT, self.palette.ink)

    def _tone(self, each: Map) -> Tone:
        if each.look is None:
            return Tone(self.palette.column, mixed(self.palette.line, self.palette.paper, 0.4))
        return self.palette.tones[each.look]

    def _stroke(self, each: Map) -> Stroke:
        if each.wrong:
            return Stroke(self.palette.wrong, WRONG_EDGE, DASH if each.shape is None else 0)
        if each.shape is None:
            return Stroke(self.palette.line, EDGE, DASH)
        tone = self._tone(each)
        strength = 0.75 if each.made is Made.GIVEN else 0.6
        return Stroke(mixed(tone.line, self.palette.ink, strength), EDGE)


def _arrow(start: Point, end: Point, stroke: Stroke) -> Iterator[Mark]:
    dx, dy = end.x - start.x, end.y - start.y
    length = max(1e-9, (dx * dx + dy * dy) ** 0.5)
    back = Point(dx / length * HEAD, dy / length * HEAD)
    base = Point(end.x - back.x, end.y - back.y)
    yield Line(start, base, Stroke(stroke.color, 1.5 * stroke.width))
    side = Point(-back.y * 0.38, back.x * 0.38)
    corners = (
        end,
        Point(base.x + side.x, base.y + side.y),
        Point(base.x - side.x, base.y - side.y),
    )
    yield Polygon(corners, stroke.color)


def mixed(one: str, other: str, part: float) -> str:
    """A colour on the way from one to another, both #rrggbb."""
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)
