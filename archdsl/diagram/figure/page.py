"""The page: how wide a figure is, and how large its text and spaces are there."""

from __future__ import annotations

from dataclasses import dataclass

MILLIMETRE = 72 / 25.4
"""In points."""

ONE_COLUMN, TWO_COLUMNS = 88.0, 180.0
"""Widths that journals have, in millimetres."""

NARROW = 100.0
"""Millimetres up to which text may be smaller."""


@dataclass(frozen=True, slots=True)
class Page:
    """Sizes of a page in points.

    An edge is drawn as long as its scale times the square root of its size; `most_edge` is the
    largest scale there is, `good_edge` one for which depths give way, `least_edge` and
    `least_depth` the smallest that can still be read.
    """

    width: float
    text: float
    small: float
    """Of text: of kernels and of words."""
    gap: float
    """From one map to what is written left of the next."""
    bar: float
    """How thick a vector is."""
    most_edge: float
    good_edge: float
    least_edge: float
    least_depth: float
    map_height: float
    """How high a map may be, where it stands alone; where there are devices, a part of it."""
    lines: int
    """How many lines of maps there may be."""
    beside: bool
    """Whether a kernel's height and width are written beside it; else between the maps, as 3×3."""
    margin: float = 3.0


def page(width: float) -> Page:
    """The page of a width in millimetres: of two columns of text, or of one."""
    points = width * MILLIMETRE
    if width <= NARROW:
        return Page(
            points,
            text=6.0,
            small=5.5,
            gap=9.0,
            bar=3.5,
            most_edge=6.5,
            good_edge=3.6,
            least_edge=2.3,
            least_depth=0.3,
            map_height=70.0,
            lines=3,
            beside=False,
        )
    return Page(
        points,
        text=7.0,
        small=6.3,
        gap=16.0,
        bar=5.5,
        most_edge=9.0,
        good_edge=6.0,
        least_edge=3.0,
        least_depth=0.4,
        map_height=112.0,
        lines=2,
        beside=True,
    )
