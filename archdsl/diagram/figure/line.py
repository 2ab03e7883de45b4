"""One line of maps: placed, painted and labelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from archdsl.diagram.figure.bounds import extent
from archdsl.diagram.figure.fit import Scales, left
from archdsl.diagram.figure.labels import Label, Labels
from archdsl.diagram.figure.layout import Placed, left_out, placed, rows
from archdsl.diagram.figure.links import Link, Seen, links, seen
from archdsl.diagram.figure.maps import Map
from archdsl.diagram.figure.page import Page
from archdsl.diagram.figure.paint import Painter
from archdsl.diagram.figure.scene import Mark, Point, Polygon
from archdsl.diagram.figure.writing import Writer
from archdsl.diagram.palette import Palette


def drawn(
    maps: Sequence[Map], again: bool, page: Page, scales: Scales, more: float, palette: Palette
) -> list[Mark]:
    """The marks of a line, from back to front; its axis is at height 0.

    `again` says that its first map is the last of the line above, `more` how much wider its gaps
    are than they need be.
    """
    devices = rows(maps)
    standing = placed(maps, again, page, scales, more)
    kernels: list[tuple[Seen, Map]] = []
    joins: list[Link] = []
    for turn, (before, after) in enumerate(pairwise(standing)):
        found = dict.fromkeys(seen(before, after, turn).values())
        kernels += [(kernel, before.map) for kernel in found]
        joins += links(before, after, turn, left(after.map, page))
    painter = Painter(palette)
    marks: list[Mark] = []
    for each in standing:
        marks += painter.solids(each)
    for kernel, of in kernels:
        marks += painter.kernel(kernel, of)
    for join in joins:
        marks += painter.link(join)
    dots = [
        dot
        for each in standing
        for at in left_out(each, devices, page)
        for dot in painter.left_out(at)
    ]
    marks += dots
    labels = Labels(
        page.width,
        [(start, join.end) for join in joins for start in join.starts],
        [edge for each in standing for edge in _edges(each)],
        [
            *(cuboid.box for each in standing for cuboid in each.cuboids),
            *(extent([dot]) for dot in dots),
        ],
    )
    writer = Writer(page, palette, devices)
    for label in _written(writer, standing, [kernel for kernel, _ in kernels]):
        labels.put(label)
    masks = [Polygon(box.corners, palette.paper) for box in labels.masks]
    return [*marks, *masks, *labels.texts]


def _written(
    writer: Writer, standing: Sequence[Placed], kernels: Sequence[Seen]
) -> Iterator[Label]:
    """The labels, those that have the least choice of places first."""
    yield from chain.from_iterable(map(writer.sizes, standing))
    yield from chain.from_iterable(map(writer.kernel, kernels))
    yield from chain.from_iterable(map(writer.title, standing))
    yield from chain.from_iterable(map(writer.inside, standing))
    yield from writer.row_names(standing)
    for before, after in pairwise(standing):
        yield from writer.between(before, after)


def _edges(each: Placed) -> Iterator[tuple[Point, Point]]:
    for cuboid in each.cuboids:
        for face in cuboid.faces:
            yield from pairwise((*face, face[0]))
