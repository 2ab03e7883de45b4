"""The pane of the picture: the graph, what zooms it, and the facts of what is looked at."""

from __future__ import annotations

from archdsl.diagram.page.html import Element, el
from archdsl.diagram.page.picture import Picture, embedded
from archdsl.diagram.page.view import View


def pane(view: View, picture: Picture) -> Element | None:
    """The graph with what moves it and, below it, the facts of the part that is looked at."""
    if view.found is None and picture.svg is None:
        return None
    seen = view if view.found is picture.analysis else View(picture.analysis, ())
    note = el("p", picture.note, class_="note") if picture.note else None
    viewport = (
        el(
            "div",
            embedded(seen, picture),
            class_="viewport",
            role="group",
            aria_label="Graph: plus and minus zoom, zero fits it, arrows move it",
            tabindex=0,
        )
        if picture.svg
        else None
    )
    return el(
        "section",
        el("h2", "Graph", class_="unseen"),
        note,
        _tools() if viewport else None,
        viewport,
        el(
            "aside",
            el("button", "×", type="button", class_="close", aria_label="close", hidden=True),
            el("div", class_="shown", aria_live="polite"),
            id="detail",
            class_="empty",
            aria_label="the layer that is looked at",
        ),
        id="picture",
        class_=None if viewport else "without",
    )


def _tools() -> Element:
    buttons = (("−", "zoom out", "out"), ("+", "zoom in", "in"), ("fit", "fit to width", "fit"))
    return el(
        "div",
        *(
            el("button", text, type="button", aria_label=label, title=label, data_zoom=name)
            for text, label, name in buttons
        ),
        class_="tools",
        role="toolbar",
        aria_label="zoom",
    )
