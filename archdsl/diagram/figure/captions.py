"""What is said of a figure in sentences: what is wrong, how it is to be read, and what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.analysis import Analysis
from archdsl.diagram.chips import written
from archdsl.diagram.faults import Faults
from archdsl.diagram.figure.layout import rows
from archdsl.diagram.figure.maps import Map


def caption(drawn: Sequence[Map]) -> str:
    """The law of the scales, and which devices are drawn where not all are."""
    return f"{_scales(drawn)} {_devices(drawn)}".strip()


def wrong(analysis: Analysis, faults: Faults) -> Iterator[str]:
    """Every fault, with its stage's name in it."""
    yield from (fault.removeprefix("✗ ") for fault in faults.general)
    for stage in analysis.network.stages:
        for fault in faults.of(stage.path):
            said = fault.removeprefix("✗ ")
            yield said if stage.name in said else f"{stage.name}: {said}"


def description(analysis: Analysis, faults: Faults) -> str:
    """What network it is, its shapes, its parameters, and what is wrong with it."""
    network, costs = analysis.network, analysis.costs
    said = [network.title] if network.title else []
    said.append(f"{written(network.input)} → {written(analysis.output)}")
    said.append(f"{costs.params:,} parameters" if costs else "? parameters")
    if network.devices > 1:
        said.append(f"{network.devices:,} devices")
    return " · ".join([*said, *wrong(analysis, faults)])


def _scales(drawn: Sequence[Map]) -> str:
    known = [each for each in drawn if each.shape is not None]
    if not known:
        return ""
    if all(each.is_bar for each in known):
        return "Bars are drawn as the square roots of their sizes, on one scale."
    kernels, bars = any(each.kernel for each in known), any(each.is_bar for each in known)
    edges = "Edges of maps and of kernels," if kernels else "Edges" + "," * bars
    kinds = f"{edges} depths and bars" if bars else f"{edges} and depths"
    return f"{kinds} are drawn as the square roots of their sizes, each on one scale."


def _devices(drawn: Sequence[Map]) -> str:
    count = max((len(each.parts) for each in drawn), default=0)
    shown = len(rows(drawn))
    if shown >= count:
        return ""
    return f"Of {count:,} devices, {shown} are drawn: the first two and the last."
