"""What the tables of a page have in common."""

from __future__ import annotations

from archdsl.diagram.page.html import Children, Element, el
from archdsl.report import UNKNOWN


def number(figure: int | None, text: str = "") -> Element:
    """A figure; where it is written in short, the whole of it is a tooltip."""
    if figure is None:
        return el("td", UNKNOWN, class_="number", title="not known")
    kind = "number" if figure else "number none"
    return el("td", text or f"{figure:,}", class_=kind, title=f"{figure:,}" if text else None)


def head(names: tuple[str, ...]) -> Element:
    """The names of the columns."""
    return el("thead", el("tr", *(el("th", name, scope="col") for name in names)))


def foot(name: str, *cells: Children) -> Element:
    """The last row, of totals."""
    inside = (cell if isinstance(cell, Element) else el("td", cell) for cell in cells)
    return el("tfoot", el("tr", el("th", name, scope="row"), *inside))
