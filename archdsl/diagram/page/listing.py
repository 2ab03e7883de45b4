"""The listing: a source with line numbers, each finding said below the line that it is about."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic
from archdsl.diagram.page.html import Child, Element, el
from archdsl.diagram.page.view import View
from archdsl.source import Source, Span

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<comment>#.*)"
    r"|(?P<label>[A-Za-z_]\w*(?=\s*:))"
    r"|(?P<claim>->\s*[^#;{}]*[^#;{}\s])"
)
"""What a line is coloured by. The grammar knows more, but only of texts without errors."""


class _Mark(NamedTuple):
    """The characters `start` up to `end` of a line, and the class that they get."""

    start: int
    end: int
    name: str


def listings(view: View) -> Iterator[Element]:
    """Every text that something is said of, the network's own first."""
    for number, source in enumerate(view.sources, 1):
        yield el("h3", source.name, class_="file")
        yield el(
            "div",
            el("ol", *_lines(view, source, number)),
            class_="listing",
            role="region",
            aria_label=source.name,
            tabindex=0,
        )


def _lines(view: View, source: Source, number: int) -> Iterator[Element]:
    found: defaultdict[int, list[Diagnostic]] = defaultdict(list)
    marks: defaultdict[int, list[_Mark]] = defaultdict(list)
    for diagnostic in view.diagnostics:
        if diagnostic.primary and diagnostic.primary.span.source is source:
            span = diagnostic.primary.span
            found[span.line].append(diagnostic)
            marks[span.line].append(_place(source, span, diagnostic.severity.value))
    written = {
        span.line for spans in view.spans.values() for span in spans if span.source is source
    }
    last = source.text.count("\n") + (not source.text.endswith("\n"))
    for line in range(1, max(last, *found, 1) + 1):  # what is missing is missed after the last line
        text = source.line(line)
        yield el(
            "li",
            _number(line, chosen=line in written),
            el("code", *_pieces(text, [*_tokens(text), *marks[line]]), dir="auto"),
            *(_finding(view, finding) for finding in found[line]),
            id=f"L{number}-{line}",
            class_="written" if line in written else None,
        )


def _number(line: int, chosen: bool) -> Element:
    """The number of a line; a button where there is something to choose."""
    if not chosen:
        return el("span", str(line), class_="number")
    label = f"layers of line {line}"
    return el("button", str(line), type="button", class_="number choose", aria_label=label)


def _place(source: Source, span: Span, name: str) -> _Mark:
    """A span on its first line; of one that is empty, the character there."""
    start = span.column - 1
    end = min(start + max(1, len(span.text.partition("\n")[0])), len(source.line(span.line)))
    return _Mark(start, end, name)


def _tokens(text: str) -> Iterator[_Mark]:
    for match in _TOKEN.finditer(text):
        yield _Mark(match.start(), match.end(), str(match.lastgroup))


def _pieces(text: str, marks: list[_Mark]) -> Iterator[Child]:
    """The text, cut where a mark begins or ends, each piece with the classes of its marks."""
    edges = sorted({0, len(text), *(m.start for m in marks), *(m.end for m in marks)})
    for start, end in pairwise(edges):
        names = [mark.name for mark in marks if mark.start <= start and end <= mark.end]
        piece = text[start:end]
        yield el("span", piece, class_=" ".join(dict.fromkeys(names))) if names else piece


def _finding(view: View, finding: Diagnostic) -> Element:
    """A finding in few words, with the way to all that is said of it."""
    severity = finding.severity.value
    target = f"finding-{view.diagnostics.index(finding) + 1}"
    return el(
        "p",
        el("strong", f"{severity} {finding.rule.code}"),
        " ",
        el("span", finding.message, dir="auto"),
        " ",
        el("a", "more", href=f"#{target}", aria_label=f"more of {finding.rule.code}"),
        class_=f"at-line {severity}",
    )
