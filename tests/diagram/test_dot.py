"""Markup: how text is wrapped and cut."""

from __future__ import annotations

from archdsl.diagram.dot import paragraph


def test_a_paragraph_that_is_too_long_is_cut_at_a_word() -> None:
    assert paragraph("one two three four five", 9, 2) == ["one two", "three …"]
    assert paragraph("one two three fou five", 9, 2) == ["one two", "three …"]
    assert paragraph("one two thr fou five", 9, 2) == ["one two", "thr fou …"]


def test_a_word_that_is_too_long_is_cut_where_the_line_ends() -> None:
    assert paragraph("one twothreefourfive", 9, 2) == ["one twoth", "reefour …"]


def test_a_paragraph_that_fits_is_wrapped_evenly() -> None:
    assert paragraph("one two three four five", 19, 2) == ["one two three", "four five"]
