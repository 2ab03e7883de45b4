"""What is wrong with a network's parts, and false of what is claimed of them, with true figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from pathlib import PurePath
from typing import NamedTuple

from archdsl.analysis import Analysis, Verdict
from archdsl.analysis.claims import INPUT
from archdsl.definitions import Definition
from archdsl.diagnostics import Diagnostic, Severity
from archdsl.network import Branches, Layer, Network, Part, Repeat
from archdsl.shape import Misfit, Shape
from archdsl.source import Span
from archdsl.words.word import Unbound

MAX_FAULTS = 5
"""Lines of one stage; of more faults, the last line tells their number."""

SHAPES, CLAIMS = "E3", "E4"
"""Where in the catalogue it is shapes that are wrong, and claims. Before, it is the text."""


class Fault(NamedTuple):
    """What is wrong with the part or the group of this path; the path of the network is empty."""

    path: str
    text: str


class Faults:
    """The faults of every stage in the order of its parts, those of the whole stage last.

    `findings` are what the compiler says of the file; of shapes and claims the analysis knows most
    itself. A layer at which the network stops is wrong even if nothing is said of it.
    """

    def __init__(self, analysis: Analysis, findings: Iterable[Diagnostic] = ()) -> None:
        self._of: dict[str, list[Fault]] = {}
        order = {part.path: place for place, part in enumerate(analysis.network.parts)}
        known = [*_problems(analysis), *_undivided(analysis), *_false_claims(analysis)]
        found = [*_told(analysis, findings, {fault.path for fault in known}), *known]
        for fault in sorted(found, key=lambda fault: order.get(fault.path, len(order))):
            self._of.setdefault(fault.path.partition(".")[0], []).append(fault)
        stops = {layer.path for layer in analysis.grounds.stops}
        self._at = {fault.path for fault in found} | stops
        self._around = {above for path in self._at for above in _along(path)}

    @property
    def general(self) -> tuple[str, ...]:
        """Those of no stage: of the whole network, of edits, of lines that do not parse."""
        return self.of("")

    def of(self, stage: str) -> tuple[str, ...]:
        """Those of a stage with all that is in it, a line to each."""
        texts = dict.fromkeys(fault.text for fault in self._of.get(stage, ()))
        found = [f"✗ {text}" for text in texts]
        if len(found) > MAX_FAULTS:
            more = len(found) - MAX_FAULTS + 1
            found[MAX_FAULTS - 1 :] = [f"✗ {more:,} more"]
        return tuple(found)

    def on(self, part: Part) -> bool:
        """Whether a layer is wrong itself; or a repeat or a use, with all that is in it."""
        return part.path in self._at if isinstance(part, Layer) else self.within(part.path)

    def within(self, path: str) -> bool:
        """Whether anything is wrong in what is at a path."""
        return path in self._around


def _along(path: str) -> Iterator[str]:
    """A path and those of all that it is in: `a.b.c`, `a.b`, `a`."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _told(analysis: Analysis, findings: Iterable[Diagnostic], known: Set[str]) -> Iterator[Fault]:
    """What the findings say of the text and, of parts that are not `known` to be wrong, of shapes.

    It is a fault of the parts that the text would make, else of the whole network.
    """
    network = analysis.network
    others = [
        arch.statement.span
        for arch in network.definition.module.visible.archs.values()
        if arch is not network.definition and not _varies(network.definition, arch)
    ]
    for finding in findings:
        is_error = finding.severity is Severity.ERROR
        if not is_error or finding.rule.code >= CLAIMS or finding.primary is None:
            continue
        place = finding.primary.span
        parts = _made_at(network, place)
        if parts and (finding.rule.code < SHAPES or known.isdisjoint(parts)):
            yield from (Fault(path, finding.message) for path in parts)
        elif not parts and not any(other.holds(place) for other in others):
            where = "" if place.source is network.source else f"{PurePath(finding.file).name}, "
            yield Fault("", f"{where}line {place.line}: {finding.message}")


def _made_at(network: Network, place: Span) -> list[str]:
    """The parts whose statements begin at a place; of those around it, else, the innermost."""
    heads = [part.path for part in network.parts if part.head.holds(place)]
    if heads:
        return heads
    unread = [layer for layer in network.layers if isinstance(layer.op, Unbound)]
    on_line = [layer.path for layer in unread if _shares_line(layer.head, place)]
    if on_line:
        return on_line
    around = [
        (part.bound.statement.span, part.path)
        for part in network.parts
        if isinstance(part, Layer | Repeat) and part.bound.statement.span.holds(place)
    ]
    least = min((span.end - span.start for span, _ in around), default=0)
    return [path for span, path in around if span.end - span.start == least]


def _shares_line(head: Span, place: Span) -> bool:
    """Whether a label, all that could be read of a line, stands on the line of a place."""
    return head.source is place.source and head.end > 0 and head.line == place.line


def _varies(variant: Definition, base: Definition) -> bool:
    """Whether an arch is made from another, by one variant or several."""
    seen: set[Definition] = set()
    arch: Definition | None = variant
    while arch is not None and arch not in seen and arch.base is not None:
        seen.add(arch)
        arch = arch.module.visible.archs.get(arch.base.text)
        if arch is base:
            return True
    return False


def _problems(analysis: Analysis) -> Iterator[Fault]:
    """Why a layer cannot take its input, or what it does not see of it."""
    for layer in analysis.network.layers:
        xs = _inputs(analysis, layer)
        known = [x for x in xs if x is not None]
        if isinstance(layer.op, Unbound) or len(known) < len(xs):
            continue
        try:
            layer.op.output(*known)
            found = [] if isinstance(layer, Branches) else list(layer.op.concerns(*known))
        except Misfit as misfit:
            found = [misfit]
        for problem in found:
            yield Fault(layer.path, problem.message.replace("{layer}", layer.title))


def _undivided(analysis: Analysis) -> Iterator[Fault]:
    """What keeps the devices from dividing the first layer that they cannot divide.

    No layer after it has a place.
    """
    devices = analysis.network.devices
    unplaced = (layer for layer in analysis.network.layers if layer.path not in analysis.places)
    layer = next(unplaced, None)
    if layer is None or devices == 1:
        return
    flow = analysis.flow(layer)
    if flow.input is None or flow.output is None or not flow.sound:
        return  # it has no place for this
    misfit = layer.op.indivisible(devices)
    why = misfit.message if misfit else f"{{layer}} cannot be divided over {devices} devices"
    yield Fault(layer.path, why.replace("{layer}", layer.title))


def _inputs(analysis: Analysis, layer: Layer) -> list[Shape | None]:
    """What a layer reads; of a join, what its branches give."""
    if isinstance(layer, Branches):
        return [analysis.shapes.flows[branch.path].output for branch in layer.branches]
    return [analysis.flow(layer).input]


def _false_claims(analysis: Analysis) -> Iterator[Fault]:
    for verdict in analysis.verdicts:
        if verdict.holds is False:
            path = verdict.subject if verdict.subject in analysis.parts else ""
            yield Fault(path, _claimed(verdict))


def _claimed(verdict: Verdict) -> str:
    """What is claimed and what is true; of whom, where that is not a whole stage."""
    title, _, claim = verdict.text.partition(" ")
    if not verdict.subject:
        title, claim = "", verdict.text
    who = f"{title} " if "." in title or verdict.subject == INPUT else ""
    if verdict.is_shape:
        figures = f"claims {verdict.claimed}, gives {verdict.actual}".replace("x", "×")
        return f"{who}{figures}"
    return f"{who}claims {claim}, has {verdict.actual:,}"
