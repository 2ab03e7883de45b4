"""What is written on a line of maps: sizes along the edges, kernels, and what happens between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.diagram.figure.fit import BEFORE_LABEL, DENSE
from archdsl.diagram.figure.labels import LEADING, Label, Place, Side, middle
from archdsl.diagram.figure.layout import Placed, Solid
from archdsl.diagram.figure.links import Seen
from archdsl.diagram.figure.maps import Made, Map
from archdsl.diagram.figure.page import Page
from archdsl.diagram.figure.projection import Cuboid
from archdsl.diagram.figure.scene import Point
from archdsl.diagram.figure.text import DIGIT, fitting
from archdsl.diagram.palette import Palette
from archdsl.shape import Shape

LONGEST = 46.0
"""Points that the name of a map may take."""


class Writer:
    """Makes the labels of what stands on a line."""

    def __init__(self, page: Page, palette: Palette, devices: Sequence[int]) -> None:
        self.page = page
        self.palette = palette
        self.devices = devices

    def sizes(self, placed: Placed) -> Iterator[Label]:
        """The shape of a map, an axis to an edge, on every device."""
        if placed.map.skipped:
            return
        for solid in placed.solids:
            device = self.devices[solid.row] if solid.row is not None else 0
            shape = placed.map.held(device)
            if shape is not None and placed.again:
                yield self._below(solid, shape.channels)._replace(color=self.palette.muted)
            elif shape is None:
                yield self._unknown(solid.last)
            elif shape.is_map:
                yield from self._map(solid, shape)
            else:
                yield self._below(solid, shape.channels)

    def title(self, placed: Placed) -> Iterator[Label]:
        """What made a map, and how many there are of it, above."""
        each = placed.map
        if placed.again or not (each.skipped or each.name or each.times > 1):
            return
        words = f"{each.skipped:,} more" if each.skipped else self._title(each)
        top = min(placed.solids, key=lambda solid: solid.first.box.top)
        first, last = top.first.at(0, 1, 0.5), top.last.at(1, 1, 0.5)
        x = (first.x + last.x) / 2
        size = self.page.text
        base = top.first.box.top - 2.2
        places = [
            Place(Point(x + aside, base - row * 1.1 * size), Side.MIDDLE)
            for row in range(4)
            for aside in (0.0, -4.0, 4.0)
        ]
        color = self.palette.wrong if each.wrong else self.palette.ink
        yield Label((words,), size, color, tuple(places), outside=True)

    def _title(self, each: Map) -> str:
        """`fire ×2`; of a long name, its beginning."""
        count = f"×{each.times:,}" if each.times > 1 else ""
        return f"{fitting(each.name, self.page.text, LONGEST)} {count}".strip()

    def kernel(self, seen: Seen) -> Iterator[Label]:
        """The height left of a kernel and its width above it, where there is room.

        One that covers all of a map is as high and wide as that says.
        """
        kernel, size, cuboid = seen.kernel, self.page.small, seen.cuboid
        if kernel.part == (1.0, 1.0):
            return
        left, top, end = cuboid.at(0, 0.5, 0), cuboid.at(0, 1, 0.5), cuboid.at(1, 0.5, 1)
        above = [
            Place(Point(top.x - 0.3, top.y - 1.0), Side.RIGHT),
            Place(Point(top.x + 1.0, top.y - 1.2), Side.MIDDLE),
            Place(Point(top.x + cuboid.channels / 2, top.y - 1.2), Side.MIDDLE),
        ]
        beside = [
            Place(Point(left.x - 0.9, middle(left.y, size) + down), Side.RIGHT)
            for down in (0.0, 1.5, -1.5)
        ]
        after = Place(Point(end.x + 0.9, middle(end.y, size) + 2), Side.LEFT)
        color = self.palette.ink
        if kernel.height == kernel.width and not self.page.both:
            yield Label((str(kernel.height),), size, color, (*beside, *above, after))
            return
        yield Label((str(kernel.height),), size, color, (*beside, after))
        yield Label((str(kernel.width),), size, color, tuple(above), needed=False)

    def between(self, before: Placed, after: Placed) -> Iterator[Label]:
        """What happens between two maps, below what joins them."""
        words = list(after.map.notes)
        if after.map.made is Made.DENSE:
            words.append(DENSE)
        for source, target in _level(before, after):
            bottom = max(source.last.corner.y, target.first.corner.y)
            axis = (source.last.box.top + source.last.box.bottom) / 2
            x = (source.last.box.right + target.first.corner.x) / 2
            for note in words:
                lines = tuple(_wrapped(note))
                high = LEADING * self.page.small * (len(lines) - 1)
                heights = [*_steps(axis + 6, bottom + 4 * self.page.text, 2.0)]
                above = [2 * axis - y - high + self.page.small / 2 for y in heights]
                heights = [*above, *heights] if note is DENSE else [*heights, *above]
                places = [
                    Place(Point(x + aside, y), Side.MIDDLE)
                    for y in heights
                    for aside in (0.0, -4.0, 4.0, -9.0, 9.0)
                ]
                yield Label(lines, self.page.small, self.palette.muted, tuple(places), outside=True)

    def _map(self, solid: Solid, shape: Shape) -> Iterator[Label]:
        depth, height, width = shape.dims
        yield self._below(solid, depth)
        size, color, cuboid = self.page.text, self.palette.ink, solid.first
        yield Label(
            (str(height),),
            size,
            color,
            tuple(
                Place(Point(edge.x - BEFORE_LABEL, middle(edge.y, size)), Side.RIGHT)
                for up in (0.5, 0.35, 0.65, 0.2, 0.8, 0.05, 0.95)
                for edge in [cuboid.at(0, up, 0)]
            ),
        )
        low = solid.last.at(1, 0, 0.5)
        yield Label(
            (str(width),),
            size,
            color,
            (
                *(
                    Place(Point(edge.x - 1.0, edge.y - 1.2), Side.RIGHT)
                    for back in (0.5, 0.65, 0.35, 0.8, 1.0)
                    for edge in [cuboid.at(0, 1, back)]
                ),
                Place(Point(low.x + 1.5, low.y + DIGIT * size + 0.6), Side.LEFT),
            ),
        )

    def _below(self, solid: Solid, count: int) -> Label:
        """How many channels or features, below the middle of the front."""
        size = self.page.text
        first, last = solid.first.at(0, 0, 0), solid.last.at(1, 0, 0)
        x, y = (first.x + last.x) / 2, first.y + DIGIT * size + 1.8
        return Label(
            (str(count),),
            size,
            self.palette.ink,
            (Place(Point(x, y), Side.MIDDLE),),
            outside=True,
        )

    def _unknown(self, cuboid: Cuboid) -> Label:
        at, size = cuboid.at(0.5, 0.5, 0), 1.3 * self.page.text
        place = Place(Point(at.x, middle(at.y, size)), Side.MIDDLE)
        return Label(("?",), size, self.palette.muted, (place,))


def _level(before: Placed, after: Placed) -> Iterator[tuple[Solid, Solid]]:
    """The pairs beside which it is written what happens: of the same row, else the lowest."""
    rows = {solid.row: solid for solid in before.solids}
    pairs = [(rows[solid.row], solid) for solid in after.solids if solid.row in rows]
    yield from pairs or [(before.solids[-1], after.solids[-1])]


def _wrapped(note: str) -> Iterator[str]:
    """`Stride` above `of 4`: two lines at the most."""
    first, _, rest = note.partition(" ")
    yield first
    if rest:
        yield rest


def _steps(start: float, end: float, step: float) -> Iterator[float]:
    while start <= end:
        yield start
        start += step
