"""Views of a diagnostic: text for people, in full or on one line, and JSON for programs.

Its other views, which only some runs need, are `github.py` and `sarif.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.diagnostics import catalogue
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity
from archdsl.diagnostics.excerpt import Excerpt, width
from archdsl.source import Span
from archdsl.styled import Line, Piece, line

# --- text -------------------------------------------------------------------------------------


def text(diagnostic: Diagnostic, first: int = 1) -> Iterator[Line]:
    """The diagnostic as a compiler prints it: headline, excerpt with labels, notes, help.

    The edits that are offered are numbered from `first`.
    """
    yield line(_kind(diagnostic), Piece(f": {diagnostic.message}", "strong"))
    margin = ""
    if diagnostic.primary is not None:
        excerpt = Excerpt(diagnostic.primary, diagnostic.secondary)
        margin = " " * excerpt.margin
        yield from excerpt.lines()
    yield from advice(diagnostic, margin, first)


def advice(diagnostic: Diagnostic, margin: str = "", first: int = 1) -> Iterator[Line]:
    """What is said below the excerpt: the arithmetic, the help and the edits that are offered."""
    for note in diagnostic.notes:
        yield line(Piece(f"{margin} = ", "frame"), Piece(note))
    for help in diagnostic.help:
        colon = ":" if diagnostic.fixes and help is diagnostic.help[-1] else ""
        yield line(Piece(f"{margin} help: ", "help"), Piece(help + colon))
    longest = max((width(fix.title) for fix in diagnostic.fixes), default=0)
    for number, fix in enumerate(diagnostic.fixes, first):
        gap = " " * (longest - width(fix.title) + 3)
        yield line(
            Piece(f"{margin}   {number}  ", "frame"),
            Piece(fix.title, "code"),
            Piece(gap + fix.remark if fix.remark else ""),
        )


def concise(diagnostic: Diagnostic) -> Line:
    """`net.arch:9:10: error[E301 lossy-stride] headline`; a file without a place has no numbers."""
    span = diagnostic.primary.span if diagnostic.primary is not None else None
    place = f":{span.line}:{span.column}" if span is not None else ""
    return line(
        Piece(f"{diagnostic.file}{place}: "),
        _kind(diagnostic),
        Piece(f" {diagnostic.message}", "strong"),
    )


def is_of_a_file(diagnostic: Diagnostic) -> bool:
    """Whether a file is to blame; what is wrong with --set is of the command line."""
    return diagnostic.rule is not catalogue.BAD_OVERRIDE


def _kind(diagnostic: Diagnostic) -> Piece:
    severity = diagnostic.severity.value
    return Piece(f"{severity}[{diagnostic.rule.code} {diagnostic.rule.name}]", severity)


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
        "label": diagnostic.primary.text if diagnostic.primary else "",
        "secondary": [_label(label) for label in diagnostic.secondary],
        "notes": list(diagnostic.notes),
        "help": list(diagnostic.help),
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
    }


def _label(label: Label) -> dict[str, Any]:
    return {"file": label.span.source.name, **_range(label.span), "text": label.text}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "remark": fix.remark,
        "applicability": "safe" if fix.safe else "unsafe",
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    file = edit.span.source.name
    return {"file": file, **_range(edit.span), "replacement": edit.replacement}


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


def pointers(numbered: Iterable[tuple[Diagnostic, int]]) -> Iterator[Line]:
    """Where to go from here, below findings with the number of the first edit of each."""
    for diagnostic, number in numbered:
        if diagnostic.fixes and diagnostic.severity is Severity.ERROR:
            pick = f"--pick {number} " if diagnostic.is_tied else ""
            fix = f"archdsl check --fix {pick}applies {number}"
            yield line(Piece(f"{fix} · archdsl explain {diagnostic.rule.name}", "dim"))
            return
