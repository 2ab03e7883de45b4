"""The text of a diagnostic, in full and on one line, and its JSON. Excerpts: test_excerpt.py."""

from __future__ import annotations

import pytest

from archdsl.diagnostics import Edit, Fix, Label, at, catalogue
from archdsl.diagnostics.diagnostic import Diagnostic, Severity
from archdsl.diagnostics.render import as_json, concise, summary, text
from archdsl.diagnostics.suggest import did_you_mean, nearest
from archdsl.source import Source, Span
from archdsl.styled import plain

NET = Source("net.arch", "arch Net {\n  input 3x8x8\n  use\n}\n")
BLOCK = Source("blocks.arch", "block b {\n  conv bad\n}\n")


def span(source: Source, part: str) -> Span:
    start = source.text.index(part)
    return Span(source, start, start + len(part))


def shown(diagnostic: Diagnostic) -> list[str]:
    return [plain(line) for line in text(diagnostic)]


def test_a_diagnostic_in_full() -> None:
    finding = at(
        catalogue.LOSSY_STRIDE,
        span(BLOCK, "conv bad"),
        "the headline",
        label="loses a row",
        secondary=(Label(span(NET, "use"), "used here"), Label(span(BLOCK, "b {"), "in this")),
        notes=("the arithmetic",),
        help=("first", "these mend it"),
    )
    edit = Edit(span(BLOCK, "bad"), "good")
    finding = finding._replace(fixes=(Fix("畳み", (edit,), "wide"), Fix("stride=1", (edit,))))
    assert shown(finding) == [
        "error[E301 lossy-stride]: the headline",
        "  ┌─ blocks.arch:2:3",
        "1 │ block b {",
        "  │       ─── in this",
        "2 │   conv bad",
        "  │   ━━━━━━━━ loses a row",
        "  ├─ net.arch:3:3",
        "3 │   use",
        "  │   ─── used here",
        "  = the arithmetic",
        "  help: first",
        "  help: these mend it:",
        "    1  畳み       wide",
        "    2  stride=1",
    ]


def test_a_diagnostic_without_a_place() -> None:
    finding = Diagnostic(catalogue.UNREADABLE_FILE, "cannot read a.arch", None, "a.arch")
    assert shown(finding) == ["error[E001 unreadable-file]: cannot read a.arch"]
    assert plain(concise(finding)) == "a.arch: error[E001 unreadable-file] cannot read a.arch"


def test_a_diagnostic_on_one_line() -> None:
    finding = at(catalogue.SYNTAX, span(NET, "use"), "two\nlines \x1b[31m", notes=("n",))
    assert plain(concise(finding)) == "net.arch:3:3: error[E101 syntax] two␦lines ␦[31m"
    assert [piece.style for piece in concise(finding)] == ["", "error", "strong"]


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([Severity.ERROR], "1 error"),
        ([Severity.WARNING], "1 warning"),
        ([Severity.WARNING, Severity.ERROR, Severity.ERROR], "2 errors, 1 warning"),
    ],
)
def test_the_summary_counts(levels: list[Severity], said: str) -> None:
    finding = at(catalogue.LOSSY_STRIDE, span(NET, "use"), "message")
    assert plain(summary(finding._replace(level=level) for level in levels)) == said


def test_json_counts_from_one_and_ends_exclusively() -> None:
    finding = at(
        catalogue.SYNTAX,
        span(BLOCK, "bad"),
        "message",
        label="here",
        secondary=(Label(span(NET, "8\n  use"), "used"),),
        notes=("n",),
        help=("h",),
    )
    edits = (Edit(span(BLOCK, "bad"), "good"), Edit(Span(NET, 0, 0), "# mended\n"))
    finding = finding._replace(fixes=(Fix("title", edits, "remark"),))
    assert as_json(finding) == {
        "code": "E101",
        "name": "syntax",
        "severity": "error",
        "message": "message",
        "file": "blocks.arch",
        "line": 2,
        "column": 8,
        "end_line": 2,
        "end_column": 11,
        "label": "here",
        "secondary": [
            {
                "file": "net.arch",
                "line": 2,
                "column": 13,
                "end_line": 3,
                "end_column": 6,
                "text": "used",
            }
        ],
        "notes": ["n"],
        "help": ["h"],
        "fixes": [
            {
                "title": "title",
                "remark": "remark",
                "applicability": "unsafe",
                "edits": [
                    {
                        "file": "blocks.arch",
                        "line": 2,
                        "column": 8,
                        "end_line": 2,
                        "end_column": 11,
                        "replacement": "good",
                    },
                    {
                        "file": "net.arch",
                        "line": 1,
                        "column": 1,
                        "end_line": 1,
                        "end_column": 1,
                        "replacement": "# mended\n",
                    },
                ],
            }
        ],
    }


def test_did_you_mean() -> None:
    assert nearest("maxpol", ["maxpool", "avgpool"]) == "maxpool"
    assert nearest("Conv", ["conv", "lrn"]) == "conv"
    assert nearest("zzz", ["conv"]) is None
    assert did_you_mean("zzz", ["conv", "a"]) == ("known here: a, conv",)
    assert did_you_mean("zzz", []) == ()
