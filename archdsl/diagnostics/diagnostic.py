"""A diagnostic is data. The renderers in `render.py` are views of this one value."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import NamedTuple

from archdsl.source import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


class Rule(NamedTuple):
    """One entry of the catalogue: what kind of finding a diagnostic is."""

    code: str
    name: str
    meaning: str
    """What is so, in a line."""
    severity: Severity = Severity.ERROR
    fatal: bool = False
    """The tool could not do its work at all: exit code 2 instead of 1."""
    judgement: bool = False
    """An author may mean it: its level can be chosen on the command line."""
    of_layers: bool = False
    """The layer that it is found at can say so itself: `allow=lossy_stride`."""
    text: str = ""
    """What it means, for `archdsl explain`. Paragraphs are lines."""
    why: str = ""
    """Why it matters."""
    example: str = ""
    """A file in which it is found, and nothing else is; empty where one text cannot show it."""
    mended: str = ""
    """The same file without it."""
    remedy: str = ""
    """What to do about it."""

    @property
    def argument(self) -> str:
        """The name as the language writes it: `lossy_stride`."""
        return self.name.replace("-", "_")


class Label(NamedTuple):
    """A place in the source, and a few words about it."""

    span: Span
    text: str = ""


class Edit(NamedTuple):
    """Replace the text of `span` by `replacement`; an empty span inserts."""

    span: Span
    replacement: str


class Fix(NamedTuple):
    """An edit of the file that would make the finding go away, and what it means to make it."""

    title: str
    edits: tuple[Edit, ...]
    remark: str = ""
    safe: bool = False
    """Safe fixes keep the network's meaning; the others need the author's judgement."""
    rank: tuple[float, ...] = ()
    """By which the fixes of a finding are ordered; of two that are equal neither is likelier."""


class Diagnostic(NamedTuple):
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
    level: Severity | None = None
    """How it counts where that is not as its rule says: chosen on the command line."""

    def beside(self, labels: tuple[Label, ...]) -> Diagnostic:
        """The same with more places; those that only repeat where it stands are left out."""
        known = [label.span for label in (self.primary, *self.secondary) if label is not None]
        more = tuple(label for label in labels if not any(map(label.span.holds, known)))
        return self._replace(secondary=(*self.secondary, *more)) if more else self

    @property
    def severity(self) -> Severity:
        return self.level or self.rule.severity

    @property
    def is_tied(self) -> bool:
        """Whether the first two fixes are as likely as each other."""
        return len(self.fixes) > 1 and self.fixes[0].rank == self.fixes[1].rank

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
            kept[number] = kept[number]._replace(notes=(*kept[number].notes, note))
        return kept

    def without(self, known: Findings) -> Findings:
        """Those that say something new."""
        said = {finding.identity for finding in known}
        return Findings(finding for finding in self if finding.identity not in said)

    def sorted(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self, key=lambda diagnostic: diagnostic.sort_key))
