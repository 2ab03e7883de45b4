"""A diagnostic is data. The renderers in `render.py` are views of this one value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from archdsl.source import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the catalogue: what kind of finding a diagnostic is."""

    code: str
    name: str
    meaning: str
    severity: Severity = Severity.ERROR
    fatal: bool = False
    """The tool could not do its work at all: exit code 2 instead of 1."""


@dataclass(frozen=True, slots=True)
class Label:
    """A place in the source, and a few words about it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `span` by `replacement`; an empty span inserts."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit of the file that would make the finding go away, and what it means to make it."""

    title: str
    edits: tuple[Edit, ...]
    remark: str = ""
    safe: bool = False
    """Safe fixes keep the network's meaning; the others need the author's judgement."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: a headline that stands alone, its place, the arithmetic, and the remedy.

    `primary` is None only for what has no place in a text: a file that cannot be read.
    """

    rule: Rule
    message: str
    primary: Label | None
    file: str
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()

    @property
    def severity(self) -> Severity:
        return self.rule.severity

    @property
    def sort_key(self) -> tuple[str, int]:
        return self.file, self.primary.span.start if self.primary else -1


def at(
    rule: Rule,
    span: Span,
    message: str,
    *,
    label: str = "",
    secondary: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
    help: tuple[str, ...] = (),
) -> Diagnostic:
    """A diagnostic whose place is `span`."""
    return Diagnostic(rule, message, Label(span, label), span.source.name, secondary, notes, help)


class Findings(list[Diagnostic]):
    """The diagnostics a phase has collected so far. Phases add to it and go on."""

    def sorted(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self, key=lambda diagnostic: diagnostic.sort_key))
