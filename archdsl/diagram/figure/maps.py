"""What a figure draws: the maps of a network from its input on, and how each is made.

As in papers, a map is drawn where a layer with weights gives it, and at the output. Pooling in
between is written beside the next map; what changes no shape is not told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import NamedTuple

from archdsl.shape import Family, Shape


class Fold(IntEnum):
    """How much of a network one map stands for."""

    REPEATS = 0
    """Repeats, and blocks with joins in them."""
    RUNS = 1
    """Runs of equal maps, as well."""
    BLOCKS = 2
    """And every block with several layers with weights."""
    STAGES = 3
    """Every stage."""


class Made(Enum):
    """How a map is made of the one before it."""

    GIVEN = "given"
    """It is the input."""
    KERNEL = "kernel"
    DENSE = "dense"
    INSIDE = "inside"
    """By layers that are not drawn."""


class Kernel(NamedTuple):
    """A window on the map before: as it is written, and its sides to those of that map."""

    height: int
    width: int
    part: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Map:
    """A map, or several equal ones in a row.

    `parts` are the channels of each device where they are divided, else it is empty. `name` is what
    made it, where that is no single layer. `sections` are the channels that were put together.
    `crosses` says that each device reads what others hold. `notes` are what happens before it.
    """

    shape: Shape | None
    made: Made
    parts: tuple[int, ...] = ()
    look: Family | None = None
    name: str = ""
    times: int = 1
    sections: tuple[int, ...] = ()
    kernel: Kernel | None = None
    crosses: bool = False
    notes: tuple[str, ...] = ()
    wrong: bool = False
    alike: bool = True
    """Whether all of several are equal; else the last of them is drawn."""
    inside: str = ""
    """What it stands for where the name does not say how much that is, as `40 conv`."""
    skipped: int = 0
    """Not a map: so many were left out here."""

    @property
    def is_bar(self) -> bool:
        return self.shape is not None and not self.shape.is_map

    def held(self, device: int) -> Shape | None:
        """What a device holds of it."""
        if self.shape is None or not self.parts:
            return self.shape
        return Shape((self.parts[device], *self.shape.dims[1:]))

    def continues(self, before: Map) -> bool:
        """Whether it looks as the one before it, and is made in the same way."""
        return (
            not (self.notes or self.skipped)
            and before.made is not Made.GIVEN
            and replace(self, times=1, kernel=None, sections=())
            == replace(before, times=1, kernel=None, sections=(), notes=())
            and _written(self.kernel) == _written(before.kernel)
        )


def _written(kernel: Kernel | None) -> tuple[int, int] | None:
    return kernel and (kernel.height, kernel.width)


def folded(maps: list[Map]) -> list[Map]:
    """With every run of equal maps as one."""
    found: list[Map] = []
    for each in maps:
        if found and each.continues(found[-1]):
            found[-1] = replace(found[-1], times=found[-1].times + each.times)
        else:
            found.append(each)
    return found


def shortened(maps: list[Map], most: int) -> list[Map]:
    """At most so many: of more, the middle is left out and counted."""
    if len(maps) <= most:
        return maps
    head = most // 2
    first, *tail = maps[head - most + 1 :]
    skipped = len(maps) - most + 1
    gap = Map(None, Made.INSIDE, skipped=skipped)
    return [*maps[:head], gap, replace(first, made=Made.INSIDE, kernel=None, notes=()), *tail]
