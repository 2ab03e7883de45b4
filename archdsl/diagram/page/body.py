"""The body of a page: its sections in order, and the ways to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import archdsl
from archdsl.diagram.page.claims import claims
from archdsl.diagram.page.costs import costs
from archdsl.diagram.page.devices import devices
from archdsl.diagram.page.findings import findings
from archdsl.diagram.page.html import Child, Children, Element, el
from archdsl.diagram.page.layers import layers, legend
from archdsl.diagram.page.listing import listings
from archdsl.diagram.page.pane import pane
from archdsl.diagram.page.picture import Picture
from archdsl.diagram.page.summary import summary
from archdsl.diagram.page.view import View


class Live(NamedTuple):
    """What a page that is served knows beside its network."""

    version: str
    """Tells this page from the next: a page of another version is loaded anew."""
    networks: tuple[str, ...] = ()
    """The networks of the file where it has several, each served at `?arch=NAME`."""


class Section(NamedTuple):
    """A part of the page with a heading, which the navigation leads to."""

    name: str
    heading: str
    content: Children


def body(view: View, title: str, picture: Picture, live: Live | None) -> Iterator[Child]:
    """What is in the page. What is found comes first, since it is what is looked for."""
    sections = list(_sections(view))
    first = "findings" if view.diagnostics else sections[0].name if sections else "summary"
    yield el("a", "Skip to the figures", href=f"#{first}", class_="skip")
    yield _top(view, title, sections, live)
    yield el(
        "main",
        summary(view, title),
        findings(view) if view.diagnostics else None,
        el(
            "div",
            pane(view, picture),
            el("div", *map(_section, sections), class_="sections"),
            class_="columns" if view.found or picture.svg else "columns single",
        ),
    )
    yield el("footer", f"Written by archdsl {archdsl.__version__}.")


def _top(view: View, title: str, sections: Sequence[Section], live: Live | None) -> Element:
    names = [("findings", "Findings")] if view.diagnostics else []
    names += [(section.name, section.heading) for section in sections]
    return el(
        "header",
        el("p", title, class_="name"),
        el("nav", *(el("a", text, href=f"#{name}") for name, text in names), aria_label="sections"),
        el("span", role="status", id="live") if live else None,
        el("button", "Dark", type="button", id="theme", aria_pressed="false"),
        _networks(title, live) if live and len(live.networks) > 1 else None,
        class_="top",
    )


def _networks(title: str, live: Live) -> Element:
    """The other networks of the file."""
    links = (
        el("a", name, href=f"?arch={name}", aria_current="page" if name == title else None)
        for name in live.networks
    )
    return el("nav", *links, class_="networks", aria_label="networks of this file")


def _sections(view: View) -> Iterator[Section]:
    if view.found:
        shown = (el("div", layers(view), class_="wide"), legend(view.analysis))
        yield Section("layers", "Layers", shown)
        yield Section("costs", "Costs by stage", costs(view))
        if view.analysis.verdicts:
            yield Section("claims", "Claims", el("div", claims(view), class_="wide"))
        if view.analysis.plan:
            inside = devices(view.analysis.plan)
            yield Section("devices", "Devices", el("div", inside, class_="wide"))
    if view.sources:
        yield Section("source", "Source", tuple(listings(view)))


def _section(section: Section) -> Element:
    heading = f"{section.name}-heading"
    return el(
        "section",
        el("h2", section.heading, id=heading),
        section.content,
        id=section.name,
        aria_labelledby=heading,
        tabindex=-1,
    )
