"""Atoms to the lines of a list of changes, as an author would write it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from archdsl.diff.compare import Atom, Comparison, Kind, Within
from archdsl.diff.values import Value

MOST = 3
"""A change that holds in three places or more, and in two of three that it could, is told once."""

FEW = 2
"""So many places that it does not hold in are named."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the list."""

    kind: Kind
    text: str
    places: tuple[str, ...] = ()
    """The stages and layers that it is of, by what they were called before; none: the network."""
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """A change of one place, or of all of a block's uses, before those alike are joined."""

    order: int
    kind: Kind
    place: str
    text: str
    glue: str
    within: tuple[Within, ...]
    values: tuple[Value, ...]
    written: str = ""
    places: tuple[str, ...] = ()


def told(comparison: Comparison) -> Iterator[Change]:
    """The differences of the layers, in the order of the text; what holds everywhere comes where
    it holds first."""
    atoms, found = _everywhere(comparison)
    lines = [_line(unit) for unit in _units(atoms)]
    depth = max((len(line.within) for line in lines), default=0)
    for level in reversed(range(depth)):
        lines = _in_all(lines, level, comparison)
    found += _alike(lines)
    for _, change in sorted(found, key=lambda pair: pair[0]):
        yield change


_Found = list[tuple[int, Change]]


def _everywhere(comparison: Comparison) -> tuple[list[Atom], _Found]:
    """The atoms that are left, and what holds of all layers of a word, or of nearly all."""
    groups: dict[Hashable, list[Atom]] = defaultdict(list)
    for atom in comparison.atoms:
        if atom.word:
            groups[atom.word, atom.everywhere].append(atom)
    joined: dict[Hashable, list[list[Atom]]] = defaultdict(list)
    for atoms in groups.values():
        joined[atoms[0].word, atoms[0].role, tuple(atom.unit for atom in atoms)].append(atoms)
    found: _Found = []
    told: set[Atom] = set()
    for alike in joined.values():
        first = alike[0][0]
        all_of = comparison.parts.get(first.word, {})
        where = _where(alike[0], all_of)
        if where is not None:
            told.update(*alike)
            rest = "".join(f", {atoms[0].text}" for atoms in alike[1:])
            places = tuple(dict.fromkeys(all_of.get(a.part, a.place) for a in alike[0]))
            values = tuple(value for atoms in alike for value in atoms[0].values)
            change = Change(first.kind, f"{first.everywhere}{rest}{where}", places, values)
            found.append((first.unit, change))
    return [atom for atom in comparison.atoms if atom not in told], found


def _where(atoms: Sequence[Atom], all_of: dict[str, str]) -> str | None:
    """` everywhere`, or how many places of all; None if they are too few."""
    count, total = len(atoms), len(all_of)
    says_all = atoms[0].role == "in"
    if count == total and count > 1:
        return "" if says_all else " everywhere"
    if says_all or count < MOST or 3 * count < 2 * total:
        return None
    changed = {atom.part for atom in atoms}
    others = [title for path, title in all_of.items() if path not in changed]
    exceptions = f", not in {' and '.join(others)}" if len(others) <= FEW else ""
    return f" in {count} of {total} places{exceptions}"


# --- lines ------------------------------------------------------------------------------------


def _units(atoms: Iterable[Atom]) -> Iterator[list[Atom]]:
    for _, unit in groupby(atoms, key=lambda atom: atom.unit):
        yield list(unit)


def _line(unit: Sequence[Atom]) -> _Line:
    first = unit[0]
    gone = [atom for atom in unit if atom.role == "out"]
    kind: Kind = "replaced" if gone and first.role != unit[-1].role else first.kind
    return _Line(
        order=first.unit,
        kind=kind,
        place=first.place,
        text=_said([atom.text for atom in gone], unit),
        glue=first.glue,
        within=first.within,
        values=tuple(value for atom in unit for value in atom.values),
        written=_said([atom.written for atom in gone], unit, written=True),
        places=(first.place,),
    )


def _said(gone: Sequence[str], unit: Sequence[Atom], written: bool = False) -> str:
    """What a line says after its place, in numbers or as it is written."""
    last = unit[-1]
    if last.role == "in":
        new = last.written if written else last.text
        if gone:
            return f"{' · '.join(gone)} replaced by {new}"
        return f"{new} inserted {last.anchor}".rstrip()
    if gone:
        return f"{' · '.join(gone)} removed"
    texts = [atom.written if written else atom.text for atom in unit]
    return ", ".join(dict.fromkeys(texts)) if all(texts) else ""


def _in_all(lines: list[_Line], level: int, comparison: Comparison) -> list[_Line]:
    """Lines that hold in all uses of a block, or in all iterations of a repeat, joined to one.

    By what they say, else by how it is written: an expression stands for different numbers.
    """
    for written in (False, True):
        groups: dict[Hashable, list[_Line]] = defaultdict(list)
        for line in lines:
            said = line.written if written else line.text
            if len(line.within) > level and said:
                inside = line.within[level]
                key: Hashable = (inside.key, _relative(line.place, inside), line.glue, said)
            else:
                key = line.order, line.text
            groups[key].append(line)
        lines = []
        for group in groups.values():
            key = group[0].within[level].key if len(group) > 1 else None
            whole = key is not None and len(group) == comparison.compared[key]
            lines += [_joined(group, level, written)] if whole else group
        lines.sort(key=lambda line: line.order)
    return lines


def _relative(place: str, inside: Within) -> str:
    return place[len(inside.path) :].lstrip(".")


def _joined(group: Sequence[_Line], level: int, written: bool) -> _Line:
    first = group[0]
    said = first.written if written else first.text
    inside = first.within[level]
    relative = _relative(first.place, inside)
    text = f"{relative}{first.glue}{said}" if relative else said
    return replace(
        first,
        place=inside.repeat,
        text=f"{inside.every}: {text}",
        glue=": ",
        within=first.within[:level] if inside.repeat else (),
        written="",
        places=tuple(place for line in group for place in line.places),
    )


def _alike(lines: Iterable[_Line]) -> _Found:
    """The same of several places is one change; so are all new names of stages."""
    groups: dict[Hashable, list[_Line]] = defaultdict(list)
    for line in lines:
        said = None if line.kind == "renamed" else line.text
        moved = line.order if line.kind == "moved" and line.glue != ": " else None
        groups[line.kind, said, line.glue, moved].append(line)
    found: _Found = []
    for group in groups.values():
        first = group[0]
        if first.kind == "renamed":
            text = ", ".join(f"{line.place} {line.text}" for line in group)
        else:
            names = ", ".join(dict.fromkeys(line.place for line in group if line.place))
            text = f"{names}{first.glue}{first.text}" if names else first.text
        places = tuple(dict.fromkeys(place for line in group for place in line.places))
        found.append((first.order, Change(first.kind, text, places, first.values)))
    return found
