"""The rules explained: what `archdsl explain` prints, read off the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import cleandoc
from itertools import groupby
from textwrap import wrap
from typing import Any

from archdsl.compiler import compile_bytes
from archdsl.diagnostics import Diagnostic, Rule
from archdsl.diagnostics.catalogue import RULES
from archdsl.report import WIDTH
from archdsl.styled import Line, Piece, line

EXAMPLE = "net.arch"
"""What the file of an example is called."""

ROOMS = {
    "E0": "files",
    "E1": "syntax",
    "E2": "words and names",
    "E3": "shapes",
    "E4": "claims",
    "W5": "lints",
}
"""What the rules are about, by how their codes begin."""


def findings(rule: Rule) -> tuple[Diagnostic, ...]:
    """What `check` finds in a rule's example."""
    if not rule.example:
        return ()
    return compile_bytes(cleandoc(rule.example).encode(), EXAMPLE).diagnostics


# --- all of them ------------------------------------------------------------------------------


def listing() -> Iterator[Line]:
    """All rules, by what they are about, a line to each, in at most 80 columns."""
    yield _title("what archdsl finds", "archdsl explain NAME explains one")
    for room, group in groupby(RULES, lambda rule: ROOMS[rule.code[:2]]):
        rules = list(group)
        width = max(len(rule.name) for rule in rules)
        yield ()
        yield line(Piece(f"  {room}", "dim"))
        for rule in rules:
            yield line(
                Piece(f"    {rule.code}  ", "dim"),
                Piece(rule.name.ljust(width), "strong"),
                Piece(f"  {rule.meaning}"),
            )


def _title(left: str, right: str) -> Line:
    gap = " " * max(2, WIDTH - len(left) - len(right))
    return line(Piece(left, "strong"), Piece(gap + right, "dim"))


# --- one of them ------------------------------------------------------------------------------


def page(rule: Rule) -> Iterator[Line]:
    """All that there is to say of a rule, in at most 80 columns but for what `check` prints."""
    yield _title(rule.name, f"{rule.code} · {rule.severity.value}")
    for paragraph in (rule.meaning, rule.text, rule.why):
        yield ()
        yield from _filled(paragraph)
    if rule.example:
        yield from _section("example", _code(rule.example))
        yield ()
        for finding in findings(rule):
            style = finding.severity.value
            yield line(Piece(f"    {style}: ", style), Piece(finding.message))
        yield from _section("without it", _code(rule.mended))
    yield from _section("what to do", _filled(rule.remedy, "    "))
    ways = tuple(_ways(rule))
    if ways:
        width = max(len(command) for command, _ in ways)
        yield from _section(
            "where it is meant",
            (
                line(Piece(f"    {command.ljust(width)}", "code"), Piece(f"   {scope}", "dim"))
                for command, scope in ways
            ),
        )


def _section(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    yield ()
    yield line(Piece(f"  {title}", "dim"))
    yield from lines


def _filled(paragraph: str, indent: str = "  ") -> Iterator[Line]:
    width = WIDTH - len(indent)
    for text in wrap(paragraph, width, break_long_words=False, break_on_hyphens=False):
        yield line(Piece(indent + text))


def _code(text: str) -> Iterator[Line]:
    return (line(Piece(f"    {row}", "code")) for row in cleandoc(text).splitlines())


def _ways(rule: Rule) -> Iterator[tuple[str, str]]:
    """How to say that a finding counts otherwise, and where that holds."""
    if rule.of_layers:
        yield f"allow={rule.argument}", "on the layer"
    if rule.judgement:
        yield f"archdsl check --allow {rule.name}", "or --warn, --deny"


# --- json -------------------------------------------------------------------------------------


def as_json(rule: Rule) -> dict[str, Any]:
    """A rule for `--format json`; docs/json.md says what the fields mean."""
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "summary": rule.meaning,
        "text": rule.text,
        "why": rule.why,
        "example": cleandoc(rule.example),
        "mended": cleandoc(rule.mended),
        "remedy": rule.remedy,
        "levels": rule.judgement,
        "allow": rule.argument if rule.of_layers else None,
    }
