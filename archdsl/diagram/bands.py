"""What is drawn in a card, from top to bottom: rows of chips, joins, repeats, blocks and labels.

How far they are unfolded is chosen: a stage in a line; what stands in it, with what is repeated or
used drawn once; or everything where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from archdsl.analysis import Analysis
from archdsl.diagram.style import Fold
from archdsl.network import Body, Branches, Group, Item, Layer, Repeat, Stage, Use, subgroups
from archdsl.words.word import Unbound

MAX_BRANCHES = 8
"""Of more branches than this, only the first are drawn."""

MAX_ITERATIONS = 8
"""Of more iterations than this that are drawn one by one, only the first are."""

Chip: TypeAlias = Layer | Repeat | Use
"""What a chip stands for; of a join, a repeat or a use, with all that is in it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far parts are unfolded."""

    room: int
    """Characters of the chips that share a row; in a branch each has a row of its own."""
    depth: int
    """Joins, repeats and uses that are unfolded inside one another."""
    in_place: bool = False
    """Whether a use is unfolded where it stands, and the iterations of a repeat one by one."""
    breaks: bool = True
    """Whether a row begins at what has weights, and changes the shape but once."""
    steady: bool = True
    """Whether the shapes are known: in a repeat, whether they are the same each time."""


LIMITS = {
    Fold.STAGE: Limits(room=52, depth=0, breaks=False),
    Fold.LAYER: Limits(room=28, depth=3),
    Fold.NONE: Limits(room=28, depth=6, in_place=True),
}


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
    """Whether the shapes in it are known."""

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
    steady: bool

    @property
    def path(self) -> str:
        """The repeat's, if these are its first iterations; else that of the first of them."""
        first = self.iterations[0].path
        return self.repeat.path if first == self.repeat.iterations[0].path else first

    @property
    def end(self) -> str:
        return self.iterations[-1].path


@dataclass(frozen=True, slots=True)
class Inside:
    """What is in a use of a block, or in one iteration of a repeat, under its name."""

    part: Repeat | Use
    body: Body
    title: str
    bands: tuple[Band, ...]
    steady: bool

    @property
    def end(self) -> str:
        return self.part.path if isinstance(self.part, Use) else self.body.path


@dataclass(frozen=True, slots=True)
class More:
    """Iterations of a repeat that are not drawn."""

    iterations: tuple[Body, ...]

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


Band: TypeAlias = Row | Join | Times | Inside | More | Label


def unfold(
    analysis: Analysis, items: Iterable[Item], limits: Limits = LIMITS[Fold.LAYER]
) -> tuple[Band, ...]:
    """Parts as they are drawn."""

    def is_chip(item: Item) -> bool:
        return not isinstance(item, Stage) and not (limits.depth and _opens(item, limits))

    bands: list[Band] = []
    for chips, run in groupby(items, key=is_chip):
        if chips:
            bands += _packed(analysis, [item for item in run if isinstance(item, Chip)], limits)
        else:
            bands += (band for item in run for band in _opened(analysis, item, limits))
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
        case Times() | Inside():
            for inner in band.bands:
                yield from chips(inner)


def brief(chip: Chip) -> str:
    """A part in a few characters; a layer that cannot be read is named with a question mark."""
    if isinstance(chip, Layer) and isinstance(chip.op, Unbound):
        return f"{chip.bound.statement.word.text or chip.name} ?"
    return chip.brief


def _opens(item: Item, limits: Limits) -> bool:
    """Whether there is something in a part to be unfolded where it stands."""
    match item:
        case Branches():
            return any(branch.items for branch in item.branches)
        case Repeat():
            return any(iteration.items for iteration in item.iterations)
        case Use():
            return limits.in_place and bool(item.body.items)
    return False


def _opened(analysis: Analysis, item: Item, limits: Limits) -> Iterator[Band]:
    """What is in a stage, a join, a repeat or a use; in a frame, chips share rows again."""
    inner = replace(limits, depth=limits.depth - 1)
    framed = replace(inner, room=LIMITS[Fold.NONE].room) if limits.in_place else inner
    match item:
        case Stage():
            yield Label(item)
            yield from unfold(analysis, item.items, limits)
        case Branches():
            in_branch = replace(inner, room=0)
            columns = tuple(
                unfold(analysis, branch.items, in_branch)
                for branch in item.branches[: _drawn(len(item.branches))]
            )
            yield Join(item, columns, limits.steady)
        case Use():
            bands = unfold(analysis, item.body.items, framed)
            yield Inside(item, item.body, item.brief, bands, limits.steady)
        case Repeat() if limits.in_place:
            yield from _one_by_one(analysis, item, framed)
        case Repeat():
            for _, run in groupby(item.iterations, key=_form):
                same = tuple(run)
                steady = limits.steady and _alike(analysis, same)
                bands = unfold(analysis, same[0].items, replace(inner, steady=steady))
                if bands:
                    yield Times(item, same, bands, steady)


def _one_by_one(analysis: Analysis, repeat: Repeat, limits: Limits) -> Iterator[Band]:
    """The iterations of a repeat, each in a frame; where it is one use, that is the frame."""
    count = len(repeat.iterations)
    shown = count if count <= MAX_ITERATIONS else MAX_ITERATIONS - 2
    for number, body in enumerate(repeat.iterations[:shown], 1):
        title = f"{number:,} of {count:,}"
        match body.items:
            case ():
                continue
            case (Use(body=inside) as use,) if limits.depth and inside.items:
                deeper = replace(limits, depth=limits.depth - 1)
                bands = unfold(analysis, inside.items, deeper)
                yield Inside(use, inside, f"{use.brief} · {title}", bands, limits.steady)
            case items:
                yield Inside(repeat, body, title, unfold(analysis, items, limits), limits.steady)
    if shown < count:
        yield More(repeat.iterations[shown:])


def _drawn(branches: int) -> int:
    return branches if branches <= MAX_BRANCHES else MAX_BRANCHES - 2


def _packed(analysis: Analysis, parts: list[Chip], limits: Limits) -> Iterator[Row]:
    """Chips side by side where they fit."""
    row: list[Chip] = []
    room, reshaped = 0, False
    for chip in parts:
        needed = len(brief(chip)) + 2
        flow = analysis.shapes.flows[chip.path]
        changes = limits.breaks and flow.input != flow.output
        begins = limits.breaks and (chip.op.weighted if isinstance(chip, Layer) else True)
        if row and (begins or needed > room or (reshaped and changes)):
            yield Row(tuple(row))
            row = []
        if not row:
            room, reshaped = limits.room, begins
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
