"""Two networks compared part by part: every difference as an atom, of which `tell` makes lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from archdsl.analysis import Analysis
from archdsl.analysis.shapes import infer
from archdsl.diagnostics import Findings
from archdsl.diff.align import Pair, aligned
from archdsl.diff.explain import Explained
from archdsl.diff.forms import Forms, called, only
from archdsl.diff.values import Value, additions, sized, text
from archdsl.network import (
    Body,
    Branches,
    Group,
    Item,
    Layer,
    Repeat,
    Stage,
    Use,
    brief,
    subgroups,
)
from archdsl.words.word import Unbound

SHORT = 30
"""What was replaced is told too, if it takes so many characters or fewer."""

Kind: TypeAlias = Literal["changed", "added", "removed", "replaced", "moved", "renamed"]


@dataclass(frozen=True, slots=True)
class Within:
    """A block's use, or an iteration of a repeat, that something stands in."""

    key: str
    """The block's name, or the repeat's path with a dot: what all of its kind share."""
    path: str
    every: str
    """What all of them are called: `in every fire`."""
    repeat: str = ""
    """The title of the repeat; empty for a block's use."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One difference. Atoms of one `unit` are one line, but for what holds everywhere."""

    unit: int
    role: Literal["say", "out", "in"]
    """Something to say; a layer that is gone; layers that are new."""
    kind: Kind
    place: str
    """What the line begins with: a stage or a layer; empty for the network."""
    text: str
    glue: str = ": "
    within: tuple[Within, ...] = ()
    word: str = ""
    """The word of which it may hold everywhere; empty for what is of one place."""
    everywhere: str = ""
    """What is told then: `relu → tanh`."""
    part: str = ""
    """The layer that it is of."""
    values: tuple[Value, ...] = ()
    written: str = ""
    """The same with the expressions that were written: `filters width → (2*width)`."""
    anchor: str = ""
    """Of new layers: `after conv`."""


class Comparison:
    """The stages of two networks, and what became of them.

    The network before is the explained one: what follows from parameters is no difference. The
    values told are those of the network as it was.
    """

    def __init__(self, before: Analysis, explained: Explained, after: Analysis) -> None:
        networks = [(side.network, side.shapes) for side in (before, after)]
        if explained.network is not before.network:
            networks.append((explained.network, infer(explained.network, Findings())))
        self.forms = Forms(*networks)
        self.atoms: list[Atom] = []
        self.twins: dict[str, Use] = {}
        """Uses of the same blocks in the network after, by their paths before."""
        self.arguments_differ = False
        """Whether any of them has other arguments."""
        self.stages: list[tuple[Stage | None, Stage | None]] = []
        """In the order of the text, the removed ones where they were."""
        self.parts: dict[str, dict[str, str]] = {}
        """The titles by path of the parts that were compared, by their word or block."""
        self.compared = Counter[str]()
        """How many uses of each block were, and iterations of each repeat: by the key of Within."""
        self._original = {part.path: part for part in before.network.parts}
        self._given = explained.given
        self._units = 0
        self._items(explained.network.stages, after.network.stages, "", ())

    # --- sequences ----------------------------------------------------------------------------

    def _items(
        self, before: Sequence[Item], after: Sequence[Item], place: str, within: tuple[Within, ...]
    ) -> None:
        """The parts of a network, a stage or a body that is called `place`."""
        pairs, moved = self.forms.beside(before, after)
        if place and self._is_replaced(before, after, pairs, moved):
            gone, told = _listed(before), f"replaced by {_listed(after)}"
            if len(gone) <= SHORT:
                self._say("replaced", place, f"{gone} {told}", within)
            else:
                self._say("replaced", place, told, within, glue=" ")
            return
        origins = {j: i for i, j in moved.items()}
        stayed: Pair = (None, None)
        removed: list[Item] = []
        added: list[int] = []
        for i, j in pairs:
            if i is not None and j is not None:
                self._stretch(before, after, stayed, removed, added, place, within)
                stayed, removed, added = (i, j), [], []
            elif i is not None and i not in moved:
                removed.append(before[i])
            elif j is not None and j in origins:
                self._move(before[origins[j]], j, after, place, within)
            elif j is not None:
                added.append(j)
        self._stretch(before, after, stayed, removed, added, place, within)

    def _stretch(
        self,
        before: Sequence[Item],
        after: Sequence[Item],
        stayed: Pair,
        removed: Sequence[Item],
        added: Sequence[int],
        place: str,
        within: tuple[Within, ...],
    ) -> None:
        """A part that stayed, and what went and what came up to the next that did."""
        i, j = stayed
        if i is not None and j is not None:
            x, y = before[i], after[j]
            new = [after[place] for place in added]
            if self._split_off(x, y, removed, new, within):
                return
            self._became(x, y, place, within)
        self._gap(removed, added, after, place, within)

    def _split_off(
        self,
        x: Item,
        y: Item,
        removed: Sequence[Item],
        added: Sequence[Item],
        within: tuple[Within, ...],
    ) -> bool:
        """Tell of the last layers of a stage that became stages, or the other way round."""
        if not isinstance(x, Stage) or not isinstance(y, Stage) or x.name != y.name:
            return False
        whole, others = (x, added) if added else (y, removed)
        stages = [stage for stage in others if isinstance(stage, Stage)]
        tail = [item for stage in stages for item in stage.items]
        left = len(whole.items) - len(tail)
        if not tail or len(stages) < len(others) or (added and removed) or left < 1:
            return False
        same = list(zip(whole.items[left:], tail, strict=True))
        if any(self.forms(a) != self.forms(b) for a, b in same):
            return False
        if "." not in x.path:
            self.stages.append((x, y))
            self.stages += [(None, stage) if added else (stage, None) for stage in stages]
        for stage in stages:
            told = f"split off {x.name}: {brief(stage)}" if added else f"merged into {y.name}"
            self._say("moved", stage.path, told, within, glue=" ")
        for a, b in same if added else ((b, a) for a, b in same):
            self._note(a)
            self._same(a, b, within)
        items = (x.items[:left], y.items) if added else (x.items, y.items[:left])
        self._items(*items, x.path, within)
        return True

    def _is_replaced(
        self,
        before: Sequence[Item],
        after: Sequence[Item],
        pairs: Sequence[Pair],
        moved: Mapping[int, int],
    ) -> bool:
        """Whether so little is left that naming each change would say less."""
        left = sum(
            i is not None and j is not None and self.forms(before[i]) == self.forms(after[j])
            for i, j in pairs
        )
        came = sum(i is None for i, _ in pairs)
        went = sum(j is None for _, j in pairs)
        return bool(came and went and not moved) and 3 * left < max(len(before), len(after))

    def _gap(
        self,
        removed: Sequence[Item],
        added: Sequence[int],
        after: Sequence[Item],
        place: str,
        within: tuple[Within, ...],
    ) -> None:
        """What went and what came between two parts that stayed."""
        gone = [item for item in removed if isinstance(item, Stage)]
        new = [stage for j in added if isinstance(stage := after[j], Stage)]
        if not place:
            self.stages += [(stage, None) for stage in gone] + [(None, stage) for stage in new]
        if gone and new:
            names = ", ".join(stage.path for stage in gone)
            told = f"replaced by {'; '.join(f'{stage.name}: {brief(stage)}' for stage in new)}"
            self._say("replaced", names, told, within, glue=" ")
        elif gone:
            for stage in gone:
                self._say("removed", stage.path, "removed", within, glue=" ")
        else:
            for j in added:
                if isinstance(stage := after[j], Stage):
                    where = f"inserted {_anchor(after, j, j)}".rstrip()
                    told = f"{where}: {brief(stage)}"
                    self._say("added", stage.path, told, within, glue=" ")
        self._layers_gap(removed, added, after, place, within)

    def _layers_gap(
        self,
        removed: Sequence[Item],
        added: Sequence[int],
        after: Sequence[Item],
        place: str,
        within: tuple[Within, ...],
    ) -> None:
        """What of it are layers, uses of blocks and repeats."""
        unit = self._unit()
        for item in removed:
            if not isinstance(item, Stage):
                self._note(item)
                self.atoms.append(
                    Atom(
                        unit,
                        "out",
                        "removed",
                        place,
                        item.brief,
                        within=within,
                        word=called(item),
                        everywhere=f"{called(item)} removed",
                        part=item.path,
                        written=item.head.text,
                    )
                )
        new = [j for j in added if not isinstance(after[j], Stage)]
        if new:
            parts = [part for j in new if not isinstance(part := after[j], Stage)]
            told = _listed(parts)
            previous = after[new[0] - 1] if new[0] else None
            word = "" if previous is None or isinstance(previous, Stage) else called(previous)
            self.atoms.append(
                Atom(
                    unit,
                    "in",
                    "added",
                    place,
                    told,
                    within=within,
                    word=word,
                    everywhere=f"{told} inserted after every {word}",
                    written=" · ".join(part.head.text for part in parts),
                    anchor=_anchor(after, new[0], new[-1]),
                )
            )

    def _move(
        self, x: Item, j: int, after: Sequence[Item], place: str, within: tuple[Within, ...]
    ) -> None:
        if isinstance(x, Stage):
            self._say("moved", x.path, f"moved {_anchor(after, j, j)}", within, glue=" ")
        else:
            self._say("moved", place, f"{x.brief} moved {_anchor(after, j, j)}", within)
        self._became(x, after[j], place, within)

    # --- what a part became -------------------------------------------------------------------

    def _became(self, x: Item, y: Item, place: str, within: tuple[Within, ...]) -> None:
        """A part of what is called `place`, and what it is now."""
        if isinstance(x, Stage) and isinstance(y, Stage) and not place:
            self.stages.append((x, y))
        self._note(x)
        if self.forms(x) == self.forms(y):
            self._same(x, y, within)
            return
        match x, y:
            case Stage(), Stage():
                if x.name != y.name and (x.labelled or y.labelled):
                    self._say("renamed", x.path, f"renamed to {y.name}", within, glue=" ")
                self._items(x.items, y.items, x.path, within)
            case Use(), Use():
                self._use(x, y, place, within)
            case Repeat(), Repeat():
                self._repeat(x, y, within)
            case Repeat(), Layer() | Use() if (single := only(x)) is not None:
                self._unrolled(single, len(x.iterations), place, within)
                self._became(single, y, place, within)
            case Layer() | Use(), Repeat() if (single := only(y)) is not None:
                self._rolled(x, len(y.iterations), place, within)
                self._became(x, single, place, within)
            case Layer(), Layer():
                self._layer(x, y, place, within)
                if isinstance(x, Branches) and isinstance(y, Branches):
                    self._branches(x, y, within)

    def _same(self, x: Item, y: Item, within: tuple[Within, ...]) -> None:
        """What is the same part, but perhaps for arguments that explain what is in it."""
        if isinstance(x, Use) and isinstance(y, Use):
            self._twins(x, y, within)
        inside = zip(subgroups(x), subgroups(y), strict=True)
        for old, new in inside:
            for a, b in zip(old.items, new.items, strict=True):
                self._note(a)
                self._same(a, b, self._inside(x, old, within))

    def _inside(self, x: Item, group: Group, within: tuple[Within, ...]) -> tuple[Within, ...]:
        """What stands in a group of a part stands within this."""
        if isinstance(x, Use):
            return (*within, Within(called(x), x.path, f"in every {called(x)}"))
        if isinstance(x, Repeat):
            return (*within, Within(f"{x.path}.", group.path, "in every repeat", x.title))
        return within

    def _use(self, x: Use, y: Use, place: str, within: tuple[Within, ...]) -> None:
        if called(x) == called(y):
            self._twins(x, y, within)
            self._items(x.body.items, y.body.items, x.path, self._inside(x, x.body, within))
        else:
            new = "".join(
                f" {name}={text(sized(value))}"
                for name, value in y.parameters.items()
                if name in y.arguments and name not in x.parameters
            )
            self._exchange(x, f"{called(y)}{new}", self._arguments(x, y), place, within)

    def _twins(self, x: Use, y: Use, within: tuple[Within, ...]) -> None:
        """Uses of the same block."""
        self.twins[x.path] = y
        self.compared[called(x)] += 1
        self.arguments_differ |= x.parameters != y.parameters
        self._values(self._arguments(x, y), x, y, within)

    def _arguments(self, x: Use, y: Use) -> list[Value]:
        """Those that differ, and do not follow from others."""
        given = self._given.get(x.path, x.parameters)
        original = self._original.get(x.path)
        before = original.parameters if isinstance(original, Use) else given
        return [
            Value(name, sized(before.get(name, value)), sized(y.parameters[name]))
            for name, value in given.items()
            if name in y.parameters and y.parameters[name] not in (value, before.get(name))
        ]

    def _repeat(self, x: Repeat, y: Repeat, within: tuple[Within, ...]) -> None:
        counts = len(x.iterations), len(y.iterations)
        if counts[0] != counts[1]:
            told = f"{counts[0]} → {_times(counts[1])}"
            value = Value("count", *counts)
            self._say("changed", x.title, told, within, values=(value,))
        self.compared[f"{x.path}."] = min(counts)
        for old, new in zip(x.iterations, y.iterations, strict=False):
            self._body(old, new, self._inside(x, old, within))

    def _unrolled(self, x: Item, count: int, place: str, within: tuple[Within, ...]) -> None:
        """A part that was repeated so often and stands there by itself now."""
        if count == 1:
            self._say("removed", place, f"repeat around {x.name} removed", within)
        else:
            self._say("changed", place, f"{x.name} {_times(count)} → once", within)

    def _rolled(self, x: Item, count: int, place: str, within: tuple[Within, ...]) -> None:
        """A part that stood there by itself and is repeated so often now."""
        if count == 1:
            self._say("added", place, f"repeat around {x.name} added", within)
        else:
            self._say("changed", place, f"{x.name} once → {_times(count)}", within)

    def _branches(self, x: Branches, y: Branches, within: tuple[Within, ...]) -> None:
        for i, j in aligned(x.branches, y.branches, self.forms.apart):
            if i is not None and j is not None:
                self._body(x.branches[i], y.branches[j], within)
            elif i is not None:
                told = f"branch {i + 1} removed: {_listed(x.branches[i].items)}"
                self._say("removed", x.title, told, within)
            elif j is not None:
                told = f"branch {j + 1} added: {_listed(y.branches[j].items)}"
                self._say("added", x.title, told, within)

    def _body(self, x: Body, y: Body, within: tuple[Within, ...]) -> None:
        if self.forms(x) == self.forms(y):
            for a, b in zip(x.items, y.items, strict=True):
                self._note(a)
                self._same(a, b, within)
        else:
            self._items(x.items, y.items, x.path, within)

    def _layer(self, x: Layer, y: Layer, place: str, within: tuple[Within, ...]) -> None:
        if Unbound in (type(x.op), type(y.op)):
            self._say("changed", place, f"{x.head.text} → {y.head.text}", within)
            return
        original = self._original.get(x.path)
        op = self.forms.effects(original if isinstance(original, Layer) else x)
        values = [
            replace(value, before=getattr(op, value.name, value.before))
            for value in self.forms.differing(x, y)
        ]
        values = [value for value in values if value.before != value.after]
        if type(x.op) is type(y.op):
            self._values(values, x, y, within)
        else:
            self._exchange(x, called(y) + additions(type(x.op), y.op), values, place, within)

    # --- atoms --------------------------------------------------------------------------------

    def _values(
        self,
        values: Sequence[Value],
        x: Layer | Use,
        y: Layer | Use,
        within: tuple[Within, ...],
    ) -> None:
        """Arguments that differ."""
        unit, word = self._unit(), called(x)
        for value in values:
            self.atoms.append(
                Atom(
                    unit,
                    "say",
                    "changed",
                    x.title,
                    str(value),
                    within=within,
                    word=word,
                    everywhere=f"{word}: {value}",
                    part=x.path,
                    values=(value,),
                    written=_written(x, y, value.name),
                )
            )

    def _exchange(
        self,
        x: Layer | Use,
        instead: str,
        values: Sequence[Value],
        place: str,
        within: tuple[Within, ...],
    ) -> None:
        """A layer of another word, or the use of another block, in the place of one."""
        rest = "".join(f", {value}" for value in values)
        self.atoms.append(
            Atom(
                self._unit(),
                "say",
                "replaced",
                place,
                f"{x.name} → {instead}{rest}",
                within=within,
                word=called(x),
                everywhere=f"{called(x)} → {instead}{rest}",
                part=x.path,
                values=tuple(values),
            )
        )

    def _say(
        self,
        kind: Kind,
        place: str,
        text: str,
        within: tuple[Within, ...],
        *,
        glue: str = ": ",
        values: tuple[Value, ...] = (),
    ) -> None:
        self.atoms.append(Atom(self._unit(), "say", kind, place, text, glue, within, values=values))

    def _unit(self) -> int:
        self._units += 1
        return self._units

    # --- what was compared --------------------------------------------------------------------

    def _note(self, item: Item) -> None:
        if not isinstance(item, Stage):
            self.parts.setdefault(called(item), {})[item.path] = item.title
        if isinstance(item, Repeat):
            self.compared[f"{item.path}."] = len(item.iterations)


def _listed(items: Iterable[Item]) -> str:
    return (
        " · ".join(brief(item) if isinstance(item, Stage) else item.brief for item in items)
        or "nothing"
    )


def _anchor(items: Sequence[Item], first: int, last: int) -> str:
    """Where parts stand: `after conv`, or `before relu` at the beginning."""
    if first:
        return f"after {items[first - 1].name}"
    return f"before {items[last + 1].name}" if last + 1 < len(items) else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _written(x: Layer | Use, y: Layer | Use, name: str) -> str:
    """An argument that differs as it is written, where it is so on both sides; of a block's use,
    all of them."""
    if isinstance(x, Use) or isinstance(y, Use):
        return f"{x.head.text} → {y.head.text}" if x.head.text != y.head.text else ""
    spans = [layer.bound.arguments.get(name) for layer in (x, y)]
    texts = [span.text.rpartition("=")[2].strip() for span in spans if span is not None]
    return f"{name} {' → '.join(texts)}" if len(set(texts)) == 2 else ""
