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
from archdsl.diagram.figure.text import DIGIT, fitting, width
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

    def inside(self, placed: Placed) -> Iterator[Label]:
        """What a map stands for, below the number of its channels."""
        if placed.again or not placed.map.inside:
            return
        solid, size = placed.solids[-1], self.page.small
        x = (solid.first.at(0, 0, 0).x + solid.last.at(1, 0, 0).x) / 2
        y = solid.first.corner.y + DIGIT * self.page.text + 1.8 + LEADING * self.page.text
        places = [
            Place(Point(x + aside, y + row * LEADING * size), Side.MIDDLE)
            for row in range(4)
            for aside in (0.0, -4.0, 4.0)
        ]
        yield Label((placed.map.inside,), size, self.palette.muted, tuple(places), outside=True)

    def row_names(self, standing: Sequence[Placed]) -> Iterator[Label]:
        """Which device each row is, above its first map; two are plain without."""
        divided = [each for each in standing if each.map.parts]
        if not divided or len(divided[0].map.parts) <= 2:
            return
        size = self.page.small
        for solid, device in zip(divided[0].solids, self.devices, strict=True):
            box = solid.first.box
            places = [
                Place(Point(x, box.top - 2.2 - row * size / 2), side)
                for row in range(6)
                for x, side in ((box.left, Side.LEFT), (box.right, Side.RIGHT))
            ]
            words = (f"device {device:,}",)
            yield Label(words, size, self.palette.muted, tuple(places), outside=True)

    def _title(self, each: Map) -> str:
        """`fire ×2`; of a long name, its beginning."""
        count = f"×{each.times:,}" if each.times > 1 else ""
        return f"{fitting(each.name, self.page.text, LONGEST)} {count}".strip()

    def kernel(self, seen: Seen) -> Iterator[Label]:
        """The height left of a kernel and its width above it, where the page has room for them.

        One that covers all of a map is as high and wide as that says.
        """
        kernel, size, cuboid = seen.kernel, self.page.small, seen.cuboid
        if not self.page.beside or kernel.part == (1.0, 1.0):
            return
        left, top, end = cuboid.at(0, 0.5, 0), cuboid.at(0, 1, 0.5), cuboid.at(1, 0.5, 1)
        above = [
            Place(Point(top.x - 0.3, top.y - 1.0), Side.RIGHT),
            Place(Point(top.x + 1.0, top.y - 1.2), Side.MIDDLE),
            *(
                Place(Point(top.x + part * cuboid.channels, top.y - up), Side.MIDDLE)
                for part in (0.5, 0.8)
                for up in (1.2, 2.4, 3.6)
            ),
        ]
        beside = [
            Place(Point(left.x - 0.9, middle(left.y, size) + down), Side.RIGHT)
            for down in (0.0, 1.5, -1.5)
        ]
        after = Place(Point(end.x + 0.9, middle(end.y, size) + 2), Side.LEFT)
        if cuboid.channels > width(str(kernel.height), size) + 2.4:
            beside.append(Place(Point(left.x + 1.2, middle(left.y, size)), Side.LEFT))
        color = self.palette.ink
        yield Label((str(kernel.height),), size, color, (*beside, after))
        yield Label((str(kernel.width),), size, color, tuple(above), needed=False)

    def between(self, before: Placed, after: Placed) -> Iterator[Label]:
        """What happens between two maps, below what joins them; of many rows, that they are joined
        densely at the first and the last."""
        words = [*after.map.notes, *([DENSE] if after.map.made is Made.DENSE else ())]
        told = [(note, tuple(_wrapped(note))) for note in words]
        if after.map.kernel and not self.page.beside:
            kernel = f"{after.map.kernel.height}×{after.map.kernel.width}"
            told = [(kernel, (kernel, *(line for _, lines in told for line in lines)))]
        pairs = list(_level(before, after))
        for source, target in pairs:
            bottom = max(source.last.corner.y, target.first.corner.y)
            axis = (source.last.box.top + source.last.box.bottom) / 2
            x = (source.last.box.right + target.first.corner.x) / 2
            is_outer = (source, target) in (pairs[0], pairs[-1])
            for note, lines in told:
                if note is DENSE and not is_outer:
                    continue
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
        depth, height, across = shape.dims
        yield self._below(solid, depth)
        size, color, cuboid = self.page.text, self.palette.ink, solid.first
        yield Label(
            (str(height),),
            size,
            color,
            tuple(
                Place(Point(edge.x - BEFORE_LABEL, middle(edge.y, size)), Side.RIGHT)
                for up in (0.5, 0.35, 0.65, 0.2, 0.8, 0.05, 0.95, -0.1)
                for edge in [cuboid.at(0, up, 0)]
            ),
        )
        low = solid.last.at(1, 0, 0.5)
        yield Label(
            (str(across),),
            size,
            color,
            (
                *(
                    Place(Point(edge.x - 1.0, edge.y - 1.2), Side.RIGHT)
                    for back in (0.5, 0.65, 0.35, 0.8, 1.0)
                    for edge in [cuboid.at(0, 1, back)]
                ),
            ),
            spare=(Place(Point(low.x + 1.5, low.y + DIGIT * size + 0.6), Side.LEFT),),
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
            tuple(Place(Point(x + aside, y), Side.MIDDLE) for aside in (0.0, 3.0, -3.0)),
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
