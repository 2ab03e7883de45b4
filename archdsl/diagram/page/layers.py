"""The table of layers: the report's, with a row to every part, and the facts of each."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis import Analysis, Costs
from archdsl.diagram.chips import family, written
from archdsl.diagram.page.cells import foot, head, number
from archdsl.diagram.page.facts import facts, said
from archdsl.diagram.page.html import Element, el
from archdsl.diagram.page.view import Entry, View
from archdsl.network import Item, Stage
from archdsl.report import CLAIMED, UNKNOWN, short

MAX_OPEN = 120
"""Rows up to which all are shown; of more, only those of stages, until they are opened."""

COLUMNS = ("layer", "output", "params", "MACs", "activations")

HINT = "Point at a layer, or choose it, to see its arithmetic and all that shows it."


def layers(view: View) -> Element:
    """A row to each stage and, below it, to each of its parts; below each its facts, which the
    page shows beside the picture, and print here."""
    analysis = view.analysis
    closed = len(view.entries) > MAX_OPEN
    rows = [
        row
        for entry in view.entries
        for row in (
            _row(view, analysis, entry, closed),
            el("tr", el("td", facts(view, entry), colspan=len(COLUMNS)), class_="facts-row"),
        )
    ]
    return el(
        "table",
        el("caption", HINT),
        head(COLUMNS),
        el("tbody", *rows),
        foot("total", written(analysis.output), *_figures(analysis.costs)),
        class_="layers",
    )


def legend(analysis: Analysis) -> Element | None:
    """What stands for what is not known, where something is not."""
    grounds = analysis.grounds
    if not grounds.claimed and not grounds.stops:
        return None
    claimed = f"{CLAIMED} on a claim, not on what the layers give. " if grounds.claimed else ""
    unknown = f"{UNKNOWN} not known." if grounds.stops else ""
    return el("p", claimed + unknown, class_="legend")


def _row(view: View, analysis: Analysis, entry: Entry, closed: bool) -> Element:
    part = entry.part
    costs = analysis.parts[entry.path]
    output = analysis.shapes.flows[entry.path].output
    mark = CLAIMED if entry.path in analysis.grounds.claimed else ""
    following = view.entries[entry.number + 1 : entry.number + 2]
    opens = bool(following) and following[0].parent == entry.path
    is_stage = isinstance(part, Stage)
    text = said(part)
    name = el(
        "button",
        el("span", entry.name, class_="name"),
        el("span", text, class_="brief") if text != part.name else None,
        type="button",
        class_="choose",
        aria_pressed="false",
    )
    return el(
        "tr",
        el("th", _fold(entry, closed) if opens else None, name, *_signs(view, entry), scope="row"),
        el("td", f"{mark}{written(output)}"),
        *_figures(costs),
        class_=f"{'stage' if is_stage else 'part'} depth-{min(entry.depth, 6)}",
        data_part=entry.path,
        data_family=_look(part),
        id=f"row-{entry.number}",
    )


def _look(part: Item) -> str | None:
    """The family of a layer whose statement can be read."""
    kind = None if isinstance(part, Stage) else family(part)
    return kind.value if kind else None


def _fold(entry: Entry, closed: bool) -> Element:
    return el(
        "button",
        type="button",
        class_="fold",
        aria_expanded="false" if closed else "true",
        aria_label=f"layers of {entry.path}",
    )


def _signs(view: View, entry: Entry) -> Iterator[Element]:
    """Marks beside the name: wrong, and waiting for what the devices exchange."""
    if entry.path in view.wrong:
        yield el("span", "✗", class_="mark wrong", role="img", aria_label="wrong")
    costs = view.analysis.parts[entry.path]
    if costs and costs.traffic:
        label = f"receives {costs.traffic:,} numbers per image"
        yield el("span", "⇄", class_="mark exchange", role="img", aria_label=label, title=label)


def _figures(costs: Costs | None) -> tuple[Element, Element, Element]:
    """Parameters, MACs and activations; MACs in short, as in the report."""
    if costs is None:
        return number(None), number(None), number(None)
    macs = number(costs.macs, short(costs.macs))
    return number(costs.params), macs, number(costs.activations)
