"""From a map's three axes to the page: an oblique view, from above and the right.

Channels run to the right and height upwards, both as they are. Width runs back, up and to the
right, shortened.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.diagram.figure.scene import Box, Point

BACK = Point(0.46, -0.3)
"""Where a point goes on the page that lies one further back."""


@dataclass(frozen=True, slots=True)
class Cuboid:
    """A solid on the page: the front left corner of its bottom, and its edges, all in points.

    Places in it are fractions of its edges: `across` of the channels, `up` of the height, `back`
    of the width.
    """

    corner: Point
    channels: float
    height: float
    width: float

    def at(self, across: float, up: float, back: float) -> Point:
        x, y = self.corner
        return Point(
            x + across * self.channels + back * self.width * BACK.x,
            y - up * self.height + back * self.width * BACK.y,
        )

    @property
    def faces(self) -> tuple[tuple[Point, ...], tuple[Point, ...], tuple[Point, ...]]:
        """The corners of what can be seen: the front, the top, and the right side."""
        front = self.at(0, 0, 0), self.at(1, 0, 0), self.at(1, 1, 0), self.at(0, 1, 0)
        top = self.at(0, 1, 0), self.at(1, 1, 0), self.at(1, 1, 1), self.at(0, 1, 1)
        right = self.at(1, 0, 0), self.at(1, 0, 1), self.at(1, 1, 1), self.at(1, 1, 0)
        return front, top, right

    @property
    def side(self) -> tuple[Point, ...]:
        """The corners of the right side, where kernels look at the next map from."""
        return self.faces[2]

    @property
    def box(self) -> Box:
        low, high = self.at(0, 0, 0), self.at(1, 1, 1)
        return Box(low.x, high.y, high.x, low.y)

    def part(self, across: float, start: Point, end: Point) -> Cuboid:
        """The cuboid from the left side to `across`, between two places (back, up) in the side."""
        corner = self.at(0, start.y, start.x)
        return Cuboid(
            corner,
            across * self.channels,
            (end.y - start.y) * self.height,
            (end.x - start.x) * self.width,
        )


def reach(width: float) -> float:
    """How far a cuboid's back goes to the right of its front."""
    return width * BACK.x


def rise(height: float, width: float) -> float:
    """How high a cuboid is on the page."""
    return height - width * BACK.y
