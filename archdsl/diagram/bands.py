"""What is drawn in a card, from top to bottom: rows of chips, joins, repeats and labels.

What stands directly in a stage is unfolded; a block's use is one chip, and what is in the block is
drawn once for all of its uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from archdsl.analysis import Analysis
from archdsl.network import Body, Branches, Group, Item, Layer, Repeat, Stage, Use, subgroups
from archdsl.words.word import Unbound

ROW_WIDTH = 28
"""Characters of the chips that share a row; in a branch each has a row of its own."""

DEPTH = 3
"""Joins and repeats that are unfolded inside one another."""

MAX_BRANCHES = 8
"""Of more branches than this, only the first are drawn."""

Chip: TypeAlias = Layer | Repeat | Use
"""What a chip stands for; of a join or a repeat, with all that is in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """Chips side by side."""

    chips: tuple[Chip, ...]

    @property
    def end(self) -> str:
        """The path of the part that gives what comes out of the row."""
        return self.chips[-1].path


@dataclass(frozen=True, slots=True)
class Join:
    """Branches side by side, each from top to bottom, and what joins them."""

    layer: Branches
    columns: tuple[tuple[Band, ...], ...]
    """The branches that are drawn."""
    steady: bool
    """Whether the shapes in it are known: in a repeat, whether they are the same each time."""

    @property
    def end(self) -> str:
        return self.layer.path

    @property
    def ends(self) -> tuple[Body, ...]:
        """The branches that are drawn, as the network has them."""
        return self.layer.branches[: len(self.columns)]

    @property
    def hidden(self) -> int:
        """How many branches are not drawn."""
        return len(self.layer.branches) - len(self.columns)


@dataclass(frozen=True, slots=True)
class Times:
    """Iterations of a repeat, one after the other, that are drawn as one."""

    repeat: Repeat
    iterations: tuple[Body, ...]
    bands: tuple[Band, ...]

    @property
    def end(self) -> str:
        return self.iterations[-1].path


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a stage inside of a block, a branch or a repeat."""

    stage: Stage

    @property
    def end(self) -> str:
        return self.stage.path


Band: TypeAlias = Row | Join | Times | Label


def unfold(
    analysis: Analysis,
    items: Iterable[Item],
    room: int = ROW_WIDTH,
    depth: int = DEPTH,
    steady: bool = True,
) -> tuple[Band, ...]:
    """Parts as they are drawn, with `room` characters to a row and `depth` levels unfolded."""

    def is_chip(item: Item) -> bool:
        return isinstance(item, Use) or not (isinstance(item, Stage) or (depth and _opens(item)))

    def opened(item: Item) -> Iterator[Band]:
        match item:
            case Stage():
                yield Label(item)
                yield from unfold(analysis, item.items, room, depth, steady)
            case Branches():
                columns = tuple(
                    unfold(analysis, branch.items, 0, depth - 1, steady)
                    for branch in item.branches[: _drawn(len(item.branches))]
                )
                yield Join(item, columns, steady)
            case Repeat():
                for _, run in groupby(item.iterations, key=_form):
                    same = tuple(run)
                    alike = steady and _alike(analysis, same)
                    inner = unfold(analysis, same[0].items, room, depth - 1, alike)
                    if inner:
                        yield Times(item, same, inner)

    bands: list[Band] = []
    for chips, run in groupby(items, key=is_chip):
        if chips:
            bands += _packed(analysis, [item for item in run if isinstance(item, Chip)], room)
        else:
            bands += (band for item in run for band in opened(item))
    return tuple(bands)


def chips(band: Band) -> Iterator[Chip]:
    """The chips of a band and, after their branches, the joins that it unfolds."""
    match band:
        case Row():
            yield from band.chips
        case Join():
            for column in band.columns:
                for inner in column:
                    yield from chips(inner)
            yield band.layer
        case Times():
            for inner in band.bands:
                yield from chips(inner)


def brief(chip: Chip) -> str:
    """A part in a few characters; a layer that cannot be read is named with a question mark."""
    if isinstance(chip, Layer) and isinstance(chip.op, Unbound):
        return f"{chip.bound.statement.word.text or chip.name} ?"
    return chip.brief


def _opens(item: Item) -> bool:
    """Whether there is something in a join or a repeat to be unfolded."""
    match item:
        case Branches():
            return any(branch.items for branch in item.branches)
        case Repeat():
            return any(iteration.items for iteration in item.iterations)
    return False


def _drawn(branches: int) -> int:
    return branches if branches <= MAX_BRANCHES else MAX_BRANCHES - 2


def _packed(analysis: Analysis, parts: list[Chip], width: int) -> Iterator[Row]:
    """Chips side by side where they fit.

    One with weights begins a row, and a row changes the shape but once.
    """
    row: list[Chip] = []
    room, reshaped = 0, False
    for chip in parts:
        needed = len(brief(chip)) + 2
        flow = analysis.shapes.flows[chip.path]
        changes = flow.input != flow.output
        begins = chip.op.weighted if isinstance(chip, Layer) else True
        if row and (begins or needed > room or (reshaped and changes)):
            yield Row(tuple(row))
            row = []
        if not row:
            room, reshaped = width, begins
        row.append(chip)
        room -= needed
        reshaped = reshaped or changes
    if row:
        yield Row(tuple(row))


def _alike(analysis: Analysis, iterations: tuple[Body, ...]) -> bool:
    """Whether the same shapes go in and come out each time."""
    flows = [analysis.shapes.flows[iteration.path] for iteration in iterations]
    return all((f.input, f.output) == (flows[0].input, flows[0].output) for f in flows)


def _form(group: Group) -> object:
    """All that is drawn of a group: equal for groups that look alike."""
    return [
        (
            item.name,
            item.op if isinstance(item, Layer) else None,
            [_form(inner) for inner in subgroups(item)],
        )
        for item in group.items
    ]
