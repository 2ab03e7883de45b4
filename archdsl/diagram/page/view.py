"""What the sections of a page have in common: the parts of a network in order, and what is known
of each, by its path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from archdsl.analysis import Analysis, Verdict
from archdsl.diagnostics import Diagnostic, Severity
from archdsl.network import Branches, Item, Repeat, Stage, Use
from archdsl.source import Source, Span


class Entry(NamedTuple):
    """A stage, or a part of one: a row of the table, and what may be chosen in the picture."""

    part: Item
    name: str
    """What it is called in what is around it: `2.conv` of a branch."""
    depth: int
    parent: str
    """The path of the entry around it; empty for a stage of the network."""
    number: int

    @property
    def path(self) -> str:
        return self.part.path


class View:
    """A network for the page. Of a file that gives none, `found` is None."""

    def __init__(self, analysis: Analysis | None, diagnostics: Sequence[Diagnostic]) -> None:
        self.found = analysis
        self.diagnostics = tuple(diagnostics)
        self.entries = tuple(_numbered(analysis)) if analysis else ()
        self.by_path = {entry.path: entry for entry in self.entries}

    @property
    def analysis(self) -> Analysis:
        """The network: asked for by what is there only where it is known."""
        assert self.found is not None
        return self.found

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The texts that something is said of: the network's own first."""
        found: dict[Source, None] = {}
        if self.found:
            found[self.analysis.network.source] = None
            for expect in self.analysis.network.expects:
                found[expect.statement.head.source] = None
        for spans in self.spans.values():
            found |= {span.source: None for span in spans}
        for diagnostic in self.diagnostics:
            labels = (diagnostic.primary, *diagnostic.secondary)
            found |= {label.span.source: None for label in labels if label}
        return tuple(found)

    @cached_property
    def spans(self) -> dict[str, tuple[Span, ...]]:
        """Where each entry is written, by its path: its own statement first, then how that came to
        be there. A stage is written where its parts are."""
        found: dict[str, dict[Span, None]] = {entry.path: {} for entry in self.entries}
        for entry in self.entries:
            if not isinstance(entry.part, Stage):
                context = (label.span for label in entry.part.context)
                found[entry.path] = dict.fromkeys((entry.part.head, *context))
                for stage in self._stages_around(entry):
                    found[stage][entry.part.head] = None
        return {path: tuple(spans) for path, spans in found.items()}

    def _stages_around(self, entry: Entry) -> Iterator[str]:
        """The stages in which an entry is written: not those around the use of its block."""
        parent = self.by_path.get(entry.parent)
        while parent and not isinstance(parent.part, Use):
            if isinstance(parent.part, Stage):
                yield parent.path
            parent = self.by_path.get(parent.parent)

    def line_id(self, span: Span) -> str:
        """The id in the page of the line where a span begins."""
        return f"L{self.sources.index(span.source) + 1}-{span.line}"

    @cached_property
    def claims(self) -> dict[str, tuple[Verdict, ...]]:
        """What is claimed of each entry, by its path; of the whole network by the empty one."""
        found: dict[str, tuple[Verdict, ...]] = {}
        for verdict in self.found.verdicts if self.found else ():
            found[verdict.subject] = (*found.get(verdict.subject, ()), verdict)
        return found

    @cached_property
    def findings(self) -> dict[str, tuple[Diagnostic, ...]]:
        """What is found at each entry's own statement, by its path."""
        found: dict[str, tuple[Diagnostic, ...]] = {}
        placed = [(d, d.primary.span) for d in self.diagnostics if d.primary]
        for entry in self.entries if placed else ():
            part = entry.part
            if isinstance(part, Stage):
                continue
            own = [part.head, *([part.claim.span] if part.claim else [])]
            here = tuple(d for d, span in placed if any(place.holds(span) for place in own))
            if here:
                found[entry.path] = here
        return found

    @cached_property
    def wrong(self) -> frozenset[str]:
        """The paths of entries that are wrong, or of which something false is claimed, and of all
        around them."""
        found = {
            path
            for path, findings in self.findings.items()
            if any(finding.severity is Severity.ERROR for finding in findings)
        }
        if self.found:
            found |= {stop.path for stop in self.analysis.grounds.stops}
        for path, verdicts in self.claims.items():
            if any(verdict.holds is False for verdict in verdicts):
                found.add(path)
        around = set()
        for path in found & self.by_path.keys():
            entry: Entry | None = self.by_path[path]
            while entry is not None:
                around.add(entry.path)
                entry = self.by_path.get(entry.parent)
        return frozenset(around)


def _numbered(analysis: Analysis) -> Iterator[Entry]:
    for number, entry in enumerate(_entries(analysis.network.stages, "", 0)):
        yield entry._replace(number=number)


def _entries(items: Sequence[Item], parent: str, depth: int) -> Iterator[Entry]:
    """Parts in the order of the text, each before what is in it."""
    for item in items:
        name = item.path.removeprefix(f"{parent}.") if parent else item.path
        yield Entry(item, name, depth, parent, 0)
        match item:
            case Stage():
                inside = [item.items]
            case Branches():
                inside = [branch.items for branch in item.branches]
            case Repeat():
                inside = [body.items for body in item.iterations]
            case Use():
                inside = [item.body.items]
            case _:
                inside = []
        for inner in inside:
            yield from _entries(inner, item.path, depth + 1)
