"""A diagnostic is data. The renderers in `render.py` are views of this one value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
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

    def beside(self, labels: tuple[Label, ...]) -> Diagnostic:
        """The same with more places; those that only repeat where it stands are left out."""
        known = [label.span for label in (self.primary, *self.secondary) if label is not None]
        more = tuple(label for label in labels if not any(map(label.span.holds, known)))
        return replace(self, secondary=(*self.secondary, *more)) if more else self

    @property
    def severity(self) -> Severity:
        return self.rule.severity

    @property
    def identity(self) -> tuple[Rule, Span | None, str]:
        """What makes two findings the same one: the mistake, where and in which words."""
        return self.rule, self.primary.span if self.primary else None, self.message

    @property
    def place(self) -> tuple[Rule, str, int, str]:
        """The same over several readings of one file."""
        return self.rule, *self.sort_key, self.message

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

    def once_each(self) -> Findings:
        """Of the same mistake in the same place, as in a block that is used often, the first."""
        first: dict[tuple[Rule, Span | None], int] = {}
        more: Counter[int] = Counter()
        kept = Findings()
        for finding in self:
            place = finding.primary.span if finding.primary else None
            number = first.setdefault((finding.rule, place), len(kept))
            if number == len(kept):
                kept.append(finding)
            else:
                more[number] += 1
        for number, count in more.items():
            times = "once more" if count == 1 else f"{count:,} times more"
            note = f"the same {times}, where this is used or repeated"
            kept[number] = replace(kept[number], notes=(*kept[number].notes, note))
        return kept

    def without(self, known: Findings) -> Findings:
        """Those that say something new."""
        said = {finding.identity for finding in known}
        return Findings(finding for finding in self if finding.identity not in said)

    def sorted(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self, key=lambda diagnostic: diagnostic.sort_key))
