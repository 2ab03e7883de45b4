"""Fixes made: the edits that the compiler offers, applied to a file's bytes."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archdsl.diagnostics import Diagnostic, Fix, Severity
from archdsl.diagnostics.edits import edited, first_numbers


class CannotFix(Exception):
    """No edit can be chosen, or made in this file; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """A fix that is made: of which finding, and what else is offered for it, by its number."""

    finding: Diagnostic
    fix: Fix
    others: tuple[tuple[int, Fix], ...]


def numbered(findings: Iterable[Diagnostic]) -> Iterator[tuple[int, Diagnostic, Fix]]:
    """Every fix with its number, which is the one that it is shown with."""
    for finding, first in first_numbers(findings):
        for number, fix in enumerate(finding.fixes, first):
            yield number, finding, fix


def chosen(findings: Iterable[Diagnostic], pick: int | None = None) -> Made | None:
    """The first fix of the first error that has one, or the fix that has the number `pick`.

    None if no error has a fix. Raises CannotFix if there is no fix of that number, or if two are
    equally likely.
    """
    offered = list(numbered(findings))
    if pick is None:
        errors = [each for each in offered if each[1].severity is Severity.ERROR]
        if not errors:
            return None
        pick, finding, _ = errors[0]
        if finding.is_tied:
            raise CannotFix(
                f"{finding.message}: edits {pick} and {pick + 1} are equally likely; "
                f"make one with  --fix --pick {pick}"
            )
    for number, finding, fix in offered:
        if number == pick:
            others = [(n, other) for n, of, other in offered if of is finding and n != number]
            return Made(finding, fix, tuple(others))
    count = f"there are {len(offered)}" if offered else "none is offered"
    raise CannotFix(f"there is no edit {pick}: {count}")


def applied(fix: Fix, name: str, data: bytes) -> bytes:
    """The bytes of the file `name` with a fix made, its line ends and mark as they were.

    Raises CannotFix if the fix is not, or not only, an edit of this file.
    """
    if not fix.edits:
        raise CannotFix(f"'{fix.title}' is no edit of {name}: give it on the command line")
    other = next((e.span.source.name for e in fix.edits if e.span.source.name != name), None)
    if other is not None:
        raise CannotFix(
            f"'{fix.title}' is an edit of {other}, which other files may use: make it there"
        )
    mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
    text = edited(data.decode("utf-8-sig"), fix.edits)
    return mark + text.encode()
