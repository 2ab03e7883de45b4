"""Fixes made: the edits that the compiler offers, applied to a file's bytes."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from archdsl.compiler import Compilation
from archdsl.diagnostics import Diagnostic, Fix, Severity
from archdsl.diagnostics.edits import edited


class CannotFix(Exception):
    """No edit can be chosen, or made in this file; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """A fix that was made: of which finding, and what else was offered for it, by its number."""

    finding: Diagnostic
    fix: Fix
    others: tuple[tuple[int, Fix], ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file's bytes with fixes made; what kept others from being made, each as a sentence."""

    data: bytes
    made: tuple[Made, ...]
    refused: tuple[str, ...]


def numbered(findings: Iterable[Diagnostic]) -> Iterator[tuple[int, Diagnostic, Fix]]:
    """Every fix with its number: they count on from one finding to the next."""
    offered = ((finding, fix) for finding in findings for fix in finding.fixes)
    return ((number, finding, fix) for number, (finding, fix) in enumerate(offered, 1))


def fixed(
    data: bytes, name: str, compiled: Callable[[bytes], Compilation], pick: int | None = None
) -> Fixed:
    """The bytes of the file `name` with fixes made: the first of every error, or number `pick`.

    After each fix the file is compiled again, so that no edit is made which another one has made
    needless. A finding of which two fixes are equally likely is left as it is. Raises CannotFix if
    there is no fix of that number.
    """
    if pick is not None:
        made = _picked(compiled(data).diagnostics, pick)
        return Fixed(applied(made.fix, name, data), (made,), ())
    done: list[Made] = []
    refused: dict[str, str] = {}
    while (made_next := _next(compiled(data).diagnostics, refused)) is not None:
        try:
            data = applied(made_next.fix, name, data)
        except CannotFix as error:
            refused[made_next.finding.message] = str(error)
            continue
        if made_next.finding.message in {made.finding.message for made in done}:
            break  # it came again: going on would go round in a circle
        done.append(made_next)
    return Fixed(data, tuple(done), tuple(refused.values()))


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


def _picked(findings: Iterable[Diagnostic], pick: int) -> Made:
    offered = list(numbered(findings))
    for number, finding, fix in offered:
        if number == pick:
            return Made(finding, fix, _others(offered, finding, fix))
    count = f"there are {len(offered)}" if offered else "none is offered"
    raise CannotFix(f"there is no edit {pick}: {count}")


def _next(findings: tuple[Diagnostic, ...], refused: dict[str, str]) -> Made | None:
    """The first fix of the first error that has one and was not refused before."""
    offered = list(numbered(findings))
    for number, finding, fix in offered:
        if finding.severity is not Severity.ERROR or finding.message in refused:
            continue
        if fix is not finding.fixes[0]:
            continue
        if finding.is_tied:
            refused[finding.message] = (
                f"{finding.message}: edits {number} and {number + 1} are equally likely; "
                f"make one with  --fix --pick {number}"
            )
            continue
        return Made(finding, fix, _others(offered, finding, fix))
    return None


def _others(
    offered: list[tuple[int, Diagnostic, Fix]], finding: Diagnostic, fix: Fix
) -> tuple[tuple[int, Fix], ...]:
    return tuple(
        (number, other) for number, of, other in offered if of is finding and other is not fix
    )
