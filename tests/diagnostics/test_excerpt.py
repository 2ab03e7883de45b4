"""Excerpts: marks under the right columns, whatever stands in the line.

What is expected is written as a terminal shows it; wide characters take two of its columns, so
marks beneath them look shifted to an editor whose font draws them narrower.
"""

from __future__ import annotations

import pytest

from archdsl.diagnostics import Label
from archdsl.diagnostics.excerpt import MAX_CHARACTERS, Excerpt
from archdsl.source import Source, Span
from archdsl.styled import plain


def span(source: Source, part: str) -> Span:
    start = source.text.index(part)
    return Span(source, start, start + len(part))


def shown(primary: Label, *secondary: Label) -> list[str]:
    return [plain(line) for line in Excerpt(primary, secondary).lines()]


def marked(text: str, part: str) -> list[str]:
    """The lines below the file's name, of one label without words."""
    return shown(Label(span(Source("a.arch", text), part)))[1:]


@pytest.mark.parametrize(
    ("line", "under"),
    [
        ("conv 8 bad", "       ━━━"),
        ("\tconv 8 bad", "           ━━━"),  # a tab is shown as four spaces
        ("畳み込み bad", "         ━━━"),  # wide characters take two columns
        ("e\u0301te\u0301 bad", "    ━━━"),  # combining accents take none
        ("ก\u0e31น bad", "   ━━━"),  # nor do Thai vowels, whose combining class is 0
        (
            "\u1100\u1161\u11a8 bad",
            "   ━━━",
        ),  # nor a syllable's vowel and final after its wide start
        ("\U0001f642 bad", "   ━━━"),  # an emoji takes two
        ("\u2764\ufe0f bad", "  ━━━"),  # one made wide by a selector is shown without it
        ("\U0001f469\u200d\U0001f4bb bad", "      ━━━"),  # ␦ for the joiner: 2 + 1 + 2
        ("\x1b[31m bad", "      ━━━"),  # ␦ for a control character
        ("\u3000 bad", "  ━━━"),  # and for a wide space, which is shown narrow
        ("conv 8 bad\r", "       ━━━"),
    ],
)
def test_the_mark_stands_under_its_text(line: str, under: str) -> None:
    lines = marked(f"first\n{line}\nlast", "bad")
    assert lines[1] == f"  │ {under}"


@pytest.mark.parametrize(
    ("line", "part", "under"),
    [
        ("a 畳み b", "畳み", "  ━━━━"),
        ("a\tb", "\t", " ━━━━"),
        ("cafe\u0301 b", "\u0301", "   ━"),  # an accent: under the letter that it is on
        ("a \u200b b", "\u200b", "  ━"),
        ("a 畳\u0301 b", "\u0301", "  ━━"),
        ("\u0301b", "\u0301", "━"),
    ],
)
def test_the_mark_is_as_wide_as_its_text(line: str, part: str, under: str) -> None:
    assert marked(line, part)[1] == f"  │ {under}"


@pytest.mark.parametrize(
    ("start", "end", "under"),
    [
        (2, 2, "  ━"),  # nothing: the place where it would stand
        (5, 5, "     ━"),  # after the last character
        (5, 6, "     ━"),  # the line's end
        (6, 7, "     ━"),
        (3, 7, "   ━━"),  # to the line's end, which is not shown
        (3, 6, "   ━━"),
    ],
)
def test_places_at_the_end_of_a_line(start: int, end: int, under: str) -> None:
    source = Source("a.arch", "ab cd\r\nef\r\n")
    assert shown(Label(Span(source, start, end)))[1:] == ["1 │ ab cd", f"  │ {under}"]


def test_a_place_at_the_end_of_the_text() -> None:
    source = Source("a.arch", "ab\n")
    assert shown(Label(Span(source, 3, 3), "nothing here")) == [
        "  ┌─ a.arch:2:1",
        "2 │",
        "  │ ━ nothing here",
    ]


def test_labels_on_one_line_do_not_run_into_each_other() -> None:
    source = Source("a.arch", "alpha beta gamma")
    lines = shown(
        Label(span(source, "alpha"), "a long remark"),
        Label(span(source, "beta"), "b"),
        Label(span(source, "gamma"), "g"),
    )
    assert lines[1:] == [
        "1 │ alpha beta gamma",
        "  │ ━━━━━ a long remark",
        "  │       ──── b",
        "  │            ───── g",
    ]


def test_labels_share_a_row_where_there_is_room() -> None:
    source = Source("a.arch", "conv1: conv 96 11x11 stride=4     -> 96x55x55")
    lines = shown(
        Label(span(source, "conv 96 11x11 stride=4")), Label(span(source, "96x55x55"), "claims 55")
    )
    assert lines[2] == "  │        ━━━━━━━━━━━━━━━━━━━━━━        ──────── claims 55"


def test_what_a_label_says_is_measured_in_columns() -> None:
    near, far = Source("a.arch", "ab cd  ef"), Source("a.arch", "ab cd   ef")
    words = "畳み"  # four columns
    lines = shown(Label(span(near, "ab"), words), Label(span(near, "ef"), "e"))
    assert lines[2:] == ["  │ ━━ 畳み", "  │        ── e"]
    lines = shown(Label(span(far, "ab"), words), Label(span(far, "ef"), "e"))
    assert lines[2:] == ["  │ ━━ 畳み ── e"]


def test_labels_that_overlap_have_rows_of_their_own() -> None:
    source = Source("a.arch", "conv 8 kernel")
    lines = shown(
        Label(span(source, "kernel"), "too large"),
        Label(span(source, "conv 8 kernel"), "in here"),
        Label(span(source, "8 ker"), "across"),
    )
    assert lines[2:] == [
        "  │ ───────────── in here",
        "  │      ───── across",
        "  │        ━━━━━━ too large",
    ]


def test_the_primary_label_comes_first_of_two_at_one_place() -> None:
    source = Source("a.arch", "conv 8")
    lines = shown(Label(span(source, "conv"), "one"), Label(span(source, "conv 8"), "two"))
    assert lines[2:] == ["  │ ━━━━ one", "  │ ────── two"]


def test_lines_between_labels_are_shown_or_skipped() -> None:
    source = Source("a.arch", "\n".join(f"line{n:02}" for n in range(1, 31)))
    assert shown(
        Label(span(source, "line30")),
        Label(span(source, "line01"), "one"),
        Label(span(source, "line03"), "three"),
    ) == [
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


def test_a_label_over_lines_marks_the_first_and_the_last() -> None:
    source = Source("a.arch", "a: repeat 2 {\r\n  relu\r\n  tanh\r\n\t}  # end\r\nb")
    start = source.text.index("repeat")
    lines = shown(Label(Span(source, start, source.text.index("}") + 1), "all of this"))
    assert lines == [
        "  ┌─ a.arch:1:4",
        "1 │ a: repeat 2 {",
        "  │    ━━━━━━━━━━",
        "  ⋮",
        "4 │     }  # end",
        "  │     ━ all of this",
    ]


def test_a_label_over_lines_ends_with_what_can_be_seen() -> None:
    source = Source("a.arch", "one\n two\n\nthree")
    assert shown(Label(Span(source, 0, 10), "both"))[1:] == [
        "1 │ one",
        "  │ ━━━",
        "2 │  two",
        "  │  ━━━ both",
    ]


def test_each_file_is_named_and_the_primary_ones_comes_first() -> None:
    net = Source("net.arch", "\n" * 99 + "use")
    block = Source("blocks/res.arch", "block res {\n  bad\n}")
    assert shown(
        Label(span(block, "bad"), "here"),
        Label(span(net, "use"), "used here"),
        Label(span(block, "res"), "in this"),
    ) == [
        "    ┌─ blocks/res.arch:2:3",
        "  1 │ block res {",
        "    │       ─── in this",
        "  2 │   bad",
        "    │   ━━━ here",
        "    ├─ net.arch:100:1",
        "100 │ use",
        "    │ ─── used here",
    ]


# --- long lines -------------------------------------------------------------------------------


def test_a_long_line_is_cut_around_its_mark() -> None:
    lines = marked("x" * 5000 + " bad " + "y" * 5000, "bad")
    assert lines == [
        "1 │ …" + "x" * 79 + " bad " + "y" * 79 + "…",
        "  │  " + " " * 80 + "━━━",
    ]


def test_a_long_line_of_wide_characters_is_cut_around_its_mark() -> None:
    lines = marked("み" * 5000 + " bad " + "み" * 5000, "bad")
    assert lines == [
        "1 │ …" + "み" * 79 + " bad " + "み" * 79 + "…",
        "  │  " + " " * 159 + "━━━",
    ]


def test_labels_far_apart_in_a_long_line_are_all_shown() -> None:
    source = Source("a.arch", "one" + "-" * 5000 + "bad" + "-" * 5000 + "two")
    lines = shown(
        Label(span(source, "bad"), "primary"),
        Label(span(source, "one"), "first"),
        Label(span(source, "two"), "second"),
    )
    room = "-" * (MAX_CHARACTERS // 6)
    text = f"one{room}…{room}bad{room}…{room}two"
    assert lines[1] == f"1 │ {text}"
    assert (
        lines[2]
        == "  │ ─── first"
        + " " * (text.index("bad") - 9)
        + "━━━ primary".ljust(text.index("two") - text.index("bad"))
        + "─── second"
    )


def test_a_long_mark_is_cut_in_its_middle() -> None:
    lines = marked("a " + "b" * 5000 + " c", "b" * 5000)
    assert lines == ["1 │ a " + "b" * 80 + "…" + "b" * 80 + " c", "  │   " + "━" * 161]


def test_an_accent_whose_letter_is_cut_off_is_marked_beside_the_cut() -> None:
    assert marked("x" + "\u0301" * 5000 + "\u0302", "\u0302")[1] == "  │  ━"


def test_a_long_line_between_two_labels_is_cut() -> None:
    source = Source("a.arch", "one\n" + "x" * 500 + "\ntwo")
    lines = shown(Label(span(source, "one")), Label(span(source, "two")))
    assert lines[3] == "2 │ " + "x" * MAX_CHARACTERS + "…"


def test_control_characters_cannot_reach_the_terminal() -> None:
    assert not set("\x1b\x07\x9b\u202e") & set(
        "".join(marked("\x1b[31m\x9b\u202e bad \x07", "bad"))
    )
