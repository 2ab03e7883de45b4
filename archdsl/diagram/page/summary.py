"""The summary: what the network is, in its author's words and in figures."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis import Analysis
from archdsl.diagram.chips import written
from archdsl.diagram.page.html import Element, el
from archdsl.diagram.page.view import View
from archdsl.report import UNKNOWN, short, tally

LIBRARY = "No network, but definitions for other files to use."


def summary(view: View, title: str) -> Element:
    """What the network is: its name, its author's words, and its figures."""
    analysis = view.found
    file = analysis.network.source.name if analysis else title
    words = analysis.network.title if analysis else ""
    if analysis is None and not view.diagnostics:
        words = LIBRARY
    return el(
        "section",
        el(
            "div",
            el("h1", title),
            el("p", words, class_="words", dir="auto") if words else None,
            el("p", file, class_="file") if analysis else None,
        ),
        el("dl", *_figures(analysis), class_="figures") if analysis else None,
        id="summary",
    )


def _figures(analysis: Analysis) -> Iterator[Element]:
    network, costs = analysis.network, analysis.costs
    pairs = [("input", written(network.input)), ("output", written(analysis.output))]
    pairs.append(("parameters", f"{costs.params:,}" if costs else UNKNOWN))
    pairs.append(("MACs", short(costs.macs) if costs else UNKNOWN))
    pairs.append(("activations", short(costs.activations) if costs else UNKNOWN))
    pairs.append(("depth", f"{costs.depth:,}" if costs else UNKNOWN))
    if network.devices > 1:
        pairs.append(("devices", f"{network.devices:,}"))
    for name, figure in pairs:
        yield el("div", el("dt", name), el("dd", figure))
    if analysis.verdicts:
        yield _verdict(analysis)


def _verdict(analysis: Analysis) -> Element:
    """How many of the claims hold, in the words of the report."""
    judged = {verdict.holds for verdict in analysis.verdicts}
    told, kind = tally(analysis.verdicts, named=False), "not-judged"
    if False in judged:
        told, kind = f"✗ {told}", "wrong"
    elif judged == {True}:
        told, kind = f"✓ {told}", "holds"
    return el("div", el("dt", "claims"), el("dd", told), class_=kind)
