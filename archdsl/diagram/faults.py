"""What is wrong with a network's parts, and false of what is claimed of them, with true figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archdsl.analysis import Analysis, Verdict
from archdsl.network import Branches, Layer, Part
from archdsl.shape import Misfit, Shape
from archdsl.words.word import Unbound

MAX_FAULTS = 5
"""Lines of one stage; of more faults, the last line tells their number."""


class Fault(NamedTuple):
    """What is wrong with the part or the group of this path."""

    path: str
    text: str


class Faults:
    """The faults of every stage in the order of its parts, those of the whole stage last."""

    def __init__(self, analysis: Analysis) -> None:
        self._of: dict[str, list[Fault]] = {}
        self._around: set[str] = set()
        order = {part.path: place for place, part in enumerate(analysis.network.parts)}
        found = [*_problems(analysis), *_undivided(analysis), *_false_claims(analysis)]
        for fault in sorted(found, key=lambda fault: order.get(fault.path, len(order))):
            stage, *names = fault.path.split(".")
            self._of.setdefault(stage, []).append(fault)
            self._around.add(stage)
            for name in names:
                stage = f"{stage}.{name}"
                self._around.add(stage)
        self._at = {fault.path for faults in self._of.values() for fault in faults}

    def of(self, stage: str) -> tuple[str, ...]:
        """Those of a stage with all that is in it, a line to each."""
        found = [f"✗ {fault.text}" for fault in self._of.get(stage, ())]
        if len(found) > MAX_FAULTS:
            more = len(found) - MAX_FAULTS + 1
            found[MAX_FAULTS - 1 :] = [f"✗ {more:,} more"]
        return tuple(found)

    def on(self, part: Part) -> bool:
        """Whether a layer is wrong itself; or a repeat or a use, with all that is in it."""
        return part.path in (self._at if isinstance(part, Layer) else self._around)

    def __bool__(self) -> bool:
        return bool(self._of)


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
        if verdict.holds is False and verdict.subject in analysis.parts:
            yield Fault(verdict.subject, _claimed(verdict))


def _claimed(verdict: Verdict) -> str:
    """What is claimed and what is true; of whom, where that is not a whole stage."""
    title, _, claim = verdict.text.partition(" ")
    who = f"{title} " if "." in title else ""
    if verdict.is_shape:
        figures = f"claims {verdict.claimed}, gives {verdict.actual}".replace("x", "×")
        return f"{who}{figures}"
    return f"{who}claims {claim}, has {verdict.actual:,}"
