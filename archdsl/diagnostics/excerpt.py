"""Excerpts: the lines of a source that a diagnostic is about, with its labels beneath them.

Positions in a line are counted twice: in characters, as spans are, and in columns, as a terminal
shows them. A mark stands in the columns of the characters that it means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.diagnostics.diagnostic import Label
from archdsl.source import Source, Span
from archdsl.styled import INVISIBLE, Line, Piece, line

TAB = 4
"""Columns of a tab in an excerpt."""

MAX_CHARACTERS = 160
"""Longer source lines are cut to what stands around their labels."""

MIN_AROUND = 8
"""Characters of a long line that are shown on each side of an end of a label."""

CUT = "…"
"""Stands for what is left out of a long line."""


class _Place(NamedTuple):
    """The characters `start` up to `end` of one line, and what is said of them."""

    start: int
    end: int
    text: str
    primary: bool


class _Mark(NamedTuple):
    """A place in columns."""

    start: int
    end: int
    text: str
    primary: bool


class Excerpt:
    """The lines that the labels stand on, with the labels beneath; the primary's file first."""

    def __init__(self, primary: Label, secondary: tuple[Label, ...]) -> None:
        self.primary = primary
        self.by_file: dict[Source, dict[int, list[_Place]]] = {}
        self.first: dict[Source, Span] = {}
        """The span by which a file is located: the primary label's, else its first label's."""
        for label in (primary, *secondary):
            source = label.span.source
            self.first.setdefault(source, label.span)
            lines = self.by_file.setdefault(source, {})
            for number, place in _places(label, primary=label is primary):
                lines.setdefault(number, []).append(place)
        self.margin = len(str(max(max(lines) for lines in self.by_file.values())))

    def lines(self) -> Iterator[Line]:
        """What is printed: of each file its name, and its lines with the labels beneath."""
        for source, places in self.by_file.items():
            first = self.first[source]
            corner = " ┌─ " if source is self.primary.span.source else " ├─ "
            yield line(
                Piece(" " * self.margin + corner, "frame"),
                Piece(f"{source.name}:{first.line}:{first.column}"),
            )
            yield from self._file(source, places)

    def _file(self, source: Source, places: dict[int, list[_Place]]) -> Iterator[Line]:
        previous: int | None = None
        for number in sorted(places):
            if previous is not None and number - previous == 2:
                yield from self._source_line(source, previous + 1, [])
            elif previous is not None and number - previous > 2:
                yield line(Piece(" " * self.margin + " ⋮", "frame"))
            yield from self._source_line(source, number, places[number])
            previous = number

    def _source_line(self, source: Source, number: int, places: list[_Place]) -> Iterator[Line]:
        shown, marks = _typeset(source.line(number), places)
        gutter = str(number).rjust(self.margin)
        yield line(Piece(f"{gutter} │ ", "frame"), Piece(shown))
        blank = Piece(" " * self.margin + " │ ", "frame")
        for row in _rows(marks):
            yield line(blank, *_draw(row))


def _places(label: Label, primary: bool) -> Iterator[tuple[int, _Place]]:
    """The line and the place of a label; of one over several lines, its first and its last line.

    What it says stands at its end.
    """
    source, start = label.span.source, label.span.start
    end = max(start, start + len(label.span.text.rstrip("\r\n")))
    first, first_column = source.position(start)
    last, last_column = source.position(end)
    text = label.text
    if last > first:
        yield first, _Place(first_column - 1, len(source.line(first)), "", primary)
        raw = source.line(last)
        first_column = len(raw) - len(raw.lstrip()) + 1
    length = len(source.line(last))  # a span may begin in the line end, which is not shown
    yield last, _Place(min(first_column - 1, length), min(last_column - 1, length), text, primary)


# --- one line ---------------------------------------------------------------------------------


def _typeset(raw: str, places: list[_Place]) -> tuple[str, list[_Mark]]:
    """A line as it is shown, cut if it is long, and its places in columns of that."""
    shown: list[str] = []
    columns: dict[int, int] = {}
    column, position = 0, 0
    for start, end in _kept(len(raw), places):
        if start > position:
            shown.append(CUT)
            column += 1
        for index in range(start, end):
            cell = _cell(raw[index])
            columns[index] = column
            shown.append(cell)
            column += width(cell)
        columns[end] = column
        position = end
    if position < len(raw):
        shown.append(CUT)
    return "".join(shown), [_mark(place, columns) for place in places]


def _kept(length: int, places: list[_Place]) -> list[tuple[int, int]]:
    """What is shown of a line, in characters: all of it, or what stands around the places' ends."""
    if length <= MAX_CHARACTERS:
        return [(0, length)]
    if not places:
        return [(0, MAX_CHARACTERS)]
    room = max(MIN_AROUND, MAX_CHARACTERS // (2 * len(places)))
    kept: list[tuple[int, int]] = []
    for around in sorted({end for place in places for end in place[:2]}):
        start, end = max(0, around - room), min(length, around + room)
        if kept and start <= kept[-1][1] + 1:
            start, _ = kept.pop()
        kept.append((start, end))
    return kept


def _mark(place: _Place, columns: dict[int, int]) -> _Mark:
    """The columns of a place: at least one, and those of the letter for an accent on it."""
    start, end = columns[place.start], columns[place.end]
    index = place.start
    while start == end and place.start < place.end and index - 1 in columns:
        index -= 1
        start = columns[index]
    return _Mark(start, max(end, start + 1), place.text, place.primary)


def _rows(marks: list[_Mark]) -> list[list[_Mark]]:
    """Marks that do not run into each other share a row."""
    rows: list[list[_Mark]] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, not mark.primary)):
        last = rows[-1][-1] if rows else None
        if last is not None and mark.start > last.end + 1 + width(last.text):
            rows[-1].append(mark)
        else:
            rows.append([mark])
    return rows


def _draw(row: list[_Mark]) -> Iterator[Piece]:
    column = 0
    for mark in row:
        style = "primary" if mark.primary else "secondary"
        stroke = "━" if mark.primary else "─"
        text = f" {mark.text}" if mark.text else ""
        yield Piece(" " * (mark.start - column))
        yield Piece(stroke * (mark.end - mark.start) + text, style)
        column = mark.end + width(text)


# --- columns ----------------------------------------------------------------------------------


def width(text: str) -> int:
    """The columns that a terminal gives to printable text."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def _char_width(char: str) -> int:
    """0 for an accent or the vowel and final of a Korean syllable, 2 for a wide character, else 1.

    Unicode Standard Annex 11, and chapter 3.12 on conjoining jamo.
    """
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _cell(char: str) -> str:
    """A character as it is shown: a tab as spaces, what does not print as INVISIBLE.

    A variation selector is left out: it asks for another glyph, on whose width terminals disagree.
    """
    if char == "\t":
        return " " * TAB
    if "\ufe00" <= char <= "\ufe0f":
        return ""
    return char if char.isprintable() else INVISIBLE
