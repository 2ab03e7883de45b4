"""Excerpts: carets under the right columns, whatever stands in the line."""

from __future__ import annotations

import pytest

from archdsl.diagnostics import Label, at, catalogue
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import MAX_COLUMNS, as_json, text
from archdsl.diagnostics.suggest import did_you_mean, nearest
from archdsl.source import Source, Span
from archdsl.styled import plain


def span(source: Source, part: str) -> Span:
    start = source.text.index(part)
    return Span(source, start, start + len(part))


def shown(diagnostic: Diagnostic) -> list[str]:
    return [plain(line) for line in text(diagnostic)]


@pytest.mark.parametrize(
    ("line", "under"),
    [
        ("conv 8 bad", "       ━━━"),
        ("\tconv 8 bad", "           ━━━"),  # a tab is shown as four spaces
        ("畳み込み bad", "         ━━━"),  # wide characters take two columns
        ("e\u0301te\u0301 bad", "    ━━━"),  # combining accents take none
        ("conv 8 bad\r", "       ━━━"),
    ],
)
def test_the_mark_stands_under_its_text(line: str, under: str) -> None:
    source = Source("a.arch", f"first\n{line}\nlast")
    lines = shown(at(catalogue.SYNTAX, span(source, "bad"), "message"))
    assert lines[0] == "error[E101 syntax]: message"
    assert lines[3] == f"  │ {under}"


def test_labels_on_one_line_do_not_run_into_each_other() -> None:
    source = Source("a.arch", "alpha beta gamma")
    diagnostic = at(
        catalogue.SYNTAX,
        span(source, "alpha"),
        "message",
        label="a long remark",
        secondary=(Label(span(source, "beta"), "b"), Label(span(source, "gamma"), "g")),
    )
    assert shown(diagnostic)[3:] == [
        "  │ ━━━━━ a long remark",
        "  │       ──── b",
        "  │            ───── g",
    ]


def test_lines_between_labels_are_shown_or_skipped() -> None:
    source = Source("a.arch", "\n".join(f"line{n:02}" for n in range(1, 31)))
    diagnostic = at(
        catalogue.SYNTAX,
        span(source, "line30"),
        "message",
        secondary=(Label(span(source, "line01"), "one"), Label(span(source, "line03"), "three")),
    )
    assert shown(diagnostic)[1:] == [
        "   ┌─ a.arch:30:1",
        " 1 │ line01",
        "   │ ────── one",
        " 2 │ line02",
        " 3 │ line03",
        "   │ ────── three",
        "   ⋮",
        "30 │ line30",
        "   │ ━━━━━━",
    ]


def test_a_long_line_is_cut_around_its_mark() -> None:
    source = Source("a.arch", "x" * 5000 + " bad " + "y" * 5000)
    lines = shown(at(catalogue.SYNTAX, span(source, "bad"), "message"))
    assert max(map(len, lines)) < MAX_COLUMNS + 10
    column = lines[3].index("━")
    assert lines[2][column : column + 3] == "bad"


def test_control_characters_cannot_reach_the_terminal() -> None:
    source = Source("a.arch", "\x1b[31m bad \x07")
    assert not set("\x1b\x07") & set("".join(shown(at(catalogue.SYNTAX, span(source, "bad"), "m"))))


def test_json_counts_from_one_and_ends_exclusively() -> None:
    source = Source("a.arch", "first\n  conv bad\n")
    found = as_json(at(catalogue.SYNTAX, span(source, "bad"), "message", notes=("n",), help=("h",)))
    assert found == {
        "code": "E101",
        "name": "syntax",
        "severity": "error",
        "message": "message",
        "file": "a.arch",
        "line": 2,
        "column": 8,
        "end_line": 2,
        "end_column": 11,
        "notes": ["n"],
        "help": ["h"],
        "fixes": [],
    }


def test_did_you_mean() -> None:
    assert nearest("maxpol", ["maxpool", "avgpool"]) == "maxpool"
    assert nearest("Conv", ["conv", "lrn"]) == "conv"
    assert nearest("zzz", ["conv"]) is None
    assert did_you_mean("zzz", ["conv", "a"]) == ("known here: a, conv",)
    assert did_you_mean("zzz", []) == ()
