"""The oblique view, by hand."""

from __future__ import annotations

import pytest

from archdsl.diagram.figure.projection import BACK, Cuboid, reach, rise
from archdsl.diagram.figure.scene import Box, Point

CUBOID = Cuboid(Point(10, 100), channels=20, height=30, width=50)


def test_width_runs_back_up_and_to_the_right() -> None:
    assert CUBOID.at(0, 0, 0) == Point(10, 100)
    assert CUBOID.at(1, 1, 0) == Point(30, 70)
    assert CUBOID.at(0, 0, 1) == Point(10 + 50 * BACK.x, 100 + 50 * BACK.y)
    assert BACK.x > 0 > BACK.y
    assert reach(50) == 50 * BACK.x
    assert rise(30, 50) == 30 - 50 * BACK.y


def test_three_faces_can_be_seen_of_which_the_neighbours_share_edges() -> None:
    front, top, right = map(set, CUBOID.faces)
    assert len(front & top) == len(front & right) == len(top & right) == 2
    assert len(front & top & right) == 1
    assert len(front | top | right) == 7  # of eight corners
    low, high = CUBOID.at(0, 0, 0), CUBOID.at(1, 1, 1)
    assert CUBOID.box == Box(low.x, high.y, high.x, low.y)


def test_a_part_lies_in_the_whole() -> None:
    part = CUBOID.part(1, Point(0.2, 0.5), Point(0.4, 0.75))
    assert part.corner == CUBOID.at(0, 0.5, 0.2)
    assert (part.channels, part.height) == (20, 7.5)
    assert part.width == pytest.approx(10)
    assert part.at(1, 1, 1) == pytest.approx(CUBOID.at(1, 0.75, 0.4))
