"""Two networks line by line: which part of a stage became which, and in what it differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, zip_longest

from archdsl.diagram.bands import Chip
from archdsl.diff import Difference, Pair
from archdsl.diff.forms import Forms, called, only
from archdsl.diff.values import Value, additions, sized
from archdsl.network import Branches, Layer, Repeat, Stage, Use
from archdsl.words.word import Unbound

MOST_EQUAL = 3
"""More lines than this one after the other that are equal are drawn as one."""

MOST = 80
"""Of more lines of a stage than this, only the first are drawn."""

INSIDE, MOVED = "changed inside", "moved"
"""Of what differs in parts that are not drawn; of what stands elsewhere now."""


class Kind(Enum):
    """What became of a part, or of a stage."""

    SAME = "equal"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Line:
    """A part before and after, None where there is none; in words, what became of it.

    What is replaced has nothing to do with what stands beside it.
    """

    kind: Kind
    before: Chip | None
    after: Chip | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that are drawn as one."""

    lines: tuple[Line, ...]
    text: str


class Aligned:
    """The lines of the stages of two networks."""

    def __init__(self, found: Difference) -> None:
        sides = (found.before, found.after)
        self.forms = Forms(*((side.network, side.shapes) for side in sides))

    def lines(self, pair: Pair) -> list[Line | Run]:
        """A stage line by line; of long runs of equal ones, and of the last of very many, how many
        they are."""
        found: list[Line | Run] = []
        left = list(self._lines(pair))
        for kind, run in groupby(left[:MOST], key=lambda line: line.kind):
            lines = tuple(run)
            if kind is Kind.SAME and len(lines) > MOST_EQUAL:
                found.append(Run(lines, f"{len(lines):,} equal"))
            else:
                found += lines
        if len(left) > MOST:
            found.append(Run(tuple(left[MOST:]), f"… {len(left) - MOST:,} more"))
        return found

    def _lines(self, pair: Pair) -> Iterator[Line]:
        before, after = _chips(pair.before), _chips(pair.after)
        pairs, moved = self.forms.beside(before, after)
        arrived = set(moved.values())
        gone: list[Line] = []
        new: list[Line] = []
        for i, j in pairs:
            if i is not None and j is not None:
                yield from _side_by_side(gone, new)
                gone, new = [], []
                yield self._pair(before[i], after[j])
            elif i is not None:
                became = Kind.CHANGED if i in moved else Kind.REMOVED
                gone.append(Line(became, before[i], None, MOVED if i in moved else became.value))
            elif j is not None:
                became = Kind.CHANGED if j in arrived else Kind.ADDED
                new.append(Line(became, None, after[j], MOVED if j in arrived else became.value))
        yield from _side_by_side(gone, new)

    def _pair(self, x: Chip, y: Chip) -> Line:
        told = self._told(x, y)
        if told or self.forms(x) != self.forms(y):
            return Line(Kind.CHANGED, x, y, ", ".join(told) or INSIDE)
        return Line(Kind.SAME, x, y)

    def _told(self, x: Chip, y: Chip) -> list[str]:
        """In what two parts differ, but for what is in them."""
        match x, y:
            case Use(), Use() if called(x) == called(y):
                return list(map(str, _arguments(x, y)))
            case Branches(), Branches() if len(x.branches) != len(y.branches):
                return [f"{len(x.branches)} → {len(y.branches)} branches"]
            case Layer(), Layer():
                return self._of_layers(x, y)
            case Repeat() | Use(), Repeat() | Use():
                return self._of_several(x, y)
        return [f"{called(x)} → {called(y)}"]

    def _of_several(self, x: Repeat | Use, y: Repeat | Use) -> list[str]:
        """Of repeats, and of what is repeated or no longer is."""
        counts = [len(part.iterations) if isinstance(part, Repeat) else 1 for part in (x, y)]
        told = [f"{_times(counts[0])} → {_times(counts[1])}"] if counts[0] != counts[1] else []
        inner = [only(part) if isinstance(part, Repeat) else part for part in (x, y)]
        match inner:
            case [Use() as old, Use() as new] if called(old) == called(new):
                return [*map(str, _arguments(old, new)), *told]
            case [Layer() as old, Layer() as new]:
                return [*self._of_layers(old, new), *told]
            case [Use() as old, Use() as new]:
                return [f"{called(old)} → {called(new)}", *told]
        return told

    def _of_layers(self, x: Layer, y: Layer) -> list[str]:
        if Unbound in (type(x.op), type(y.op)):
            return [] if x.head.text == y.head.text else [f"{called(x)} → {called(y)}"]
        values = list(map(str, self.forms.differing(x, y)))
        if type(x.op) is not type(y.op):
            return [f"{called(x)} → {called(y)}{additions(type(x.op), y.op)}", *values]
        return values


def _side_by_side(gone: Sequence[Line], new: Sequence[Line]) -> Iterator[Line]:
    """What went and what came between two parts that stayed: in its place, as far as it goes."""
    for old, added in zip_longest(gone, new):
        if old is None or added is None or Kind.CHANGED in (old.kind, added.kind):
            yield from (line for line in (old, added) if line is not None)
        else:
            yield Line(Kind.REPLACED, old.before, added.after, Kind.REPLACED.value)


def kind(pair: Pair) -> Kind:
    """What became of a stage."""
    if pair.before is None:
        return Kind.ADDED
    if pair.after is None:
        return Kind.REMOVED
    return Kind.SAME if pair.agree else Kind.CHANGED


def _chips(stage: Stage | None) -> Sequence[Chip]:
    """What stands in a stage of a network, which has no stages in it."""
    return [item for item in stage.items if isinstance(item, Chip)] if stage else []


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _arguments(x: Use, y: Use) -> Iterator[Value]:
    """The arguments in which two uses of a block differ."""
    for name, value in x.parameters.items():
        if name in y.parameters and y.parameters[name] != value:
            yield Value(name, sized(value), sized(y.parameters[name]))
