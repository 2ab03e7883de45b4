"""Views of a diagnostic: text for people, and JSON for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from archdsl.diagnostics.diagnostic import Diagnostic, Fix, Label
from archdsl.source import Source, Span
from archdsl.styled import Line, Piece, line, visible

TAB = 4
"""Columns of a tab in an excerpt."""

MAX_COLUMNS = 160
"""Longer source lines are cut around what is underlined."""


# --- text -------------------------------------------------------------------------------------


def text(diagnostic: Diagnostic) -> Iterator[Line]:
    """The diagnostic as a compiler prints it: headline, excerpt with labels, notes, help."""
    severity = diagnostic.severity.value
    yield line(
        Piece(f"{severity}[{diagnostic.rule.code} {diagnostic.rule.name}]", severity),
        Piece(f": {diagnostic.message}", "strong"),
    )
    margin = ""
    if diagnostic.primary is not None:
        excerpt = _Excerpt(diagnostic)
        margin = " " * excerpt.margin
        yield from excerpt.lines()
    for note in diagnostic.notes:
        yield line(Piece(f"{margin} = ", "frame"), Piece(note))
    for help in diagnostic.help:
        colon = ":" if diagnostic.fixes and help is diagnostic.help[-1] else ""
        yield line(Piece(f"{margin} help: ", "help"), Piece(help + colon))
    width = max((len(fix.title) for fix in diagnostic.fixes), default=0)
    for number, fix in enumerate(diagnostic.fixes, 1):
        yield line(
            Piece(f"{margin}   {number}  ", "frame"),
            Piece(fix.title.ljust(width if fix.remark else 0), "code"),
            Piece(f"   {fix.remark}" if fix.remark else ""),
        )


@dataclass(frozen=True, slots=True)
class _Mark:
    start: int
    end: int
    text: str
    primary: bool


class _Excerpt:
    """The lines that the labels stand on, with the labels beneath; the primary's file first."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        assert diagnostic.primary is not None
        self.primary = diagnostic.primary
        self.by_file: dict[Source, dict[int, list[Label]]] = {}
        for label in (self.primary, *diagnostic.secondary):
            lines = self.by_file.setdefault(label.span.source, {})
            lines.setdefault(label.span.line, []).append(label)
        self.margin = len(str(max(max(lines) for lines in self.by_file.values())))

    def lines(self) -> Iterator[Line]:
        for source, lines in self.by_file.items():
            first = min(lines.values(), key=lambda labels: self.primary not in labels)[0].span
            corner = " ┌─ " if source is self.primary.span.source else " ├─ "
            yield line(
                Piece(" " * self.margin + corner, "frame"),
                Piece(f"{source.name}:{first.line}:{first.column}"),
            )
            yield from self._file(source, lines)

    def _file(self, source: Source, lines: dict[int, list[Label]]) -> Iterator[Line]:
        previous: int | None = None
        for number in sorted(lines):
            if previous is not None and number - previous == 2:
                yield from self._source_line(source, previous + 1, [])
            elif previous is not None and number - previous > 2:
                yield line(Piece(" " * self.margin + " ⋮", "frame"))
            yield from self._source_line(source, number, lines[number])
            previous = number

    def _source_line(self, source: Source, number: int, labels: list[Label]) -> Iterator[Line]:
        raw = source.line(number)
        marks = [self._mark(raw, label) for label in labels]
        shown, marks = _cut(_expand(raw), marks)
        gutter = str(number).rjust(self.margin)
        yield line(Piece(f"{gutter} │ ", "frame"), Piece(shown))
        blank = Piece(" " * self.margin + " │ ", "frame")
        for row in _rows(marks):
            yield line(blank, *_draw(row))

    def _mark(self, raw: str, label: Label) -> _Mark:
        column = label.span.column - 1
        start = _width(raw[:column])
        end = start + max(1, _width(raw[column : column + label.span.end - label.span.start]))
        return _Mark(start, end, label.text, label is self.primary)


def _rows(marks: list[_Mark]) -> list[list[_Mark]]:
    """Marks that do not run into each other share a row."""
    rows: list[list[_Mark]] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, not mark.primary)):
        last = rows[-1][-1] if rows else None
        if last is not None and mark.start > last.end + 1 + len(last.text):
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
        column = mark.end + len(text)


def _width(text: str) -> int:
    if text.isascii():
        return len(text) + text.count("\t") * (TAB - 1)
    return sum(_char_width(char, TAB) for char in text)


def _char_width(char: str, tab: int) -> int:
    if char == "\t":
        return tab
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _expand(raw: str) -> str:
    """A source line as it is shown: tabs as spaces, what does not print as INVISIBLE."""
    return visible(raw.replace("\t", " " * TAB))


def _cut(shown: str, marks: list[_Mark]) -> tuple[str, list[_Mark]]:
    """A long line, cut to a window around its first mark."""
    if len(shown) <= MAX_COLUMNS:
        return shown, marks
    first = min((mark.start for mark in marks), default=0)
    start = max(0, first - MAX_COLUMNS // 2)
    end = start + MAX_COLUMNS
    moved = [
        _Mark(mark.start - start + 1, min(mark.end, end) - start + 1, mark.text, mark.primary)
        for mark in marks
        if start <= mark.start < end
    ]
    return "…" + shown[start:end] + "…", moved


# --- data -------------------------------------------------------------------------------------


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The diagnostic for `--format json`: lines and columns count from 1, ends are exclusive."""
    return {
        "code": diagnostic.rule.code,
        "name": diagnostic.rule.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": diagnostic.file,
        **_range(diagnostic.primary.span if diagnostic.primary else None),
        "notes": list(diagnostic.notes),
        "help": list(diagnostic.help),
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "remark": fix.remark,
        "applicability": "safe" if fix.safe else "unsafe",
        "edits": [{**_range(edit.span), "replacement": edit.replacement} for edit in fix.edits],
    }


def _range(span: Span | None) -> dict[str, int | None]:
    if span is None:
        return {"line": None, "column": None, "end_line": None, "end_column": None}
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


def summary(diagnostics: Iterable[Diagnostic]) -> Line:
    """`2 errors, 1 warning`."""
    counts = {"error": 0, "warning": 0}
    for diagnostic in diagnostics:
        counts[diagnostic.severity.value] += 1
    parts = [f"{n} {noun}{'s' if n > 1 else ''}" for noun, n in counts.items() if n]
    return line(Piece(", ".join(parts), "error" if counts["error"] else "warning"))
