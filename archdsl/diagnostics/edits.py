"""Fixes: how those of a file are numbered, and a text with their edits made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from archdsl.diagnostics.diagnostic import Diagnostic, Edit

_GAP = re.compile(r"(?:^|(?<=\S)) {2,}(?=\S)")
"""Blanks that set off what follows, so that it stands in a column of its own."""


def first_numbers(findings: Iterable[Diagnostic]) -> Iterator[tuple[Diagnostic, int]]:
    """Each finding with the number of its first fix: they count on from one to the next."""
    number = 1
    for finding in findings:
        yield finding, number
        number += len(finding.fixes)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A text with some edits of it made; claims and comments that blanks set off keep their column.

    Of two edits that insert at one place the first goes first.
    """
    line_end = "\r\n" if "\r\n" in text else "\n"
    in_order = sorted(edits, key=lambda edit: edit.span.start)
    for edit in in_order[::-1]:  # from the end, so that the places before stay where they are
        start, end = edit.span.start, edit.span.end
        tail = _realigned(text[end:], len(edit.replacement) - (end - start))
        text = text[:start] + edit.replacement.replace("\n", line_end) + tail
    return text


def _realigned(tail: str, growth: int) -> str:
    """What follows an edit on its line, moved back by as much as the edit made the line grow."""
    line, newline, rest = tail.partition("\n")
    gap = _GAP.search(line)
    if gap is None or '"' in line[: gap.start()]:
        return tail
    width = max(2, len(gap.group()) - growth)
    return line[: gap.start()] + " " * width + line[gap.end() :] + newline + rest
