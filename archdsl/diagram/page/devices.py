"""The devices: what they exchange, and what each of them holds and computes."""

from __future__ import annotations

from archdsl.analysis.claims import in_bytes, percent
from archdsl.analysis.plan import Plan
from archdsl.diagram.chips import written
from archdsl.diagram.page.cells import foot, head, number
from archdsl.diagram.page.html import Element, el


def devices(plan: Plan) -> Element:
    """What the devices exchange, and what each of them holds and computes."""
    return el("div", _exchanges(plan), _shares(plan))


def _exchanges(plan: Plan) -> Element:
    if not plan.exchanges:
        return el("p", "Nothing crosses between the devices.")
    rows = [
        el(
            "tr",
            el("th", ", ".join(reader.title for reader in exchange.readers), scope="row"),
            el("td", f"{written(exchange.shape)} of {exchange.source}"),
            *_both(plan, exchange.received),
            data_part=exchange.readers[0].path,
        )
        for exchange in plan.exchanges
    ]
    back = " Training sends as many gradients back." if plan.returns else ""
    return el(
        "table",
        el("caption", f"What crosses between the devices in a forward pass.{back}"),
        head(("before", "reads", "numbers per image", f"at batch {plan.batch:,}, float32")),
        el("tbody", *rows),
        foot("total", "", *_both(plan, plan.received)),
        class_="exchanges",
    )


def _both(plan: Plan, received: int) -> tuple[Element, Element]:
    """Numbers per image, and bytes per batch."""
    return (
        el("td", f"{received:,}", class_="number"),
        el("td", in_bytes(plan.in_bytes(received)), class_="number"),
    )


def _shares(plan: Plan) -> Element:
    rows = []
    for share in plan.shares:
        first, last = share.devices[0], share.devices[-1]
        name = str(first) if first == last else f"{first}–{last}, each"
        rows.append(el("tr", el("th", name, scope="row"), *map(number, share.load)))
    excess = (
        el("td", "none" if share <= 0 else percent(share), class_="number")
        for share in plan.imbalance.values()
    )
    common = f" {plan.common:,} of the parameters are on every device." if plan.common else ""
    return el(
        "table",
        el("caption", f"What each device holds and computes.{common}"),
        head(("device", "params", "MACs", "activations")),
        el("tbody", *rows),
        foot("most beyond the mean", *excess),
    )
