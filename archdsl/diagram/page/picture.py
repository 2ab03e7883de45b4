"""The graph on the page: Graphviz's SVG, made anew of elements in the page's colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from xml.etree import ElementTree

from archdsl.analysis import Analysis
from archdsl.diagnostics import Diagnostic
from archdsl.diagram.elements import elements
from archdsl.diagram.graph import graph
from archdsl.diagram.layout import GraphvizMissing, LayoutFailed, picture
from archdsl.diagram.page.colors import VARIABLES
from archdsl.diagram.page.facts import said
from archdsl.diagram.page.html import Child, Element, Value, el
from archdsl.diagram.page.view import View
from archdsl.diagram.style import PLAIN, Style
from archdsl.network import Stage

_SVG = "{http://www.w3.org/2000/svg}"

_KEPT = frozenset(
    "d points x y x1 x2 y1 y2 cx cy r rx ry width height fill stroke stroke-width stroke-dasharray"
    " opacity fill-opacity stroke-opacity transform text-anchor font-size font-weight font-style"
    " text-decoration".split()
)
"""Attributes that are taken over: what gives things their place and look."""

_TAGS = {name: name for name in "g polygon polyline path ellipse circle rect line text".split()}
_TAGS["a"] = "g"  # a cell with a tooltip, which the page has its own of

_COLORS = {"white": "#ffffff", "black": "#000000", "transparent": "none"}


class Picture(NamedTuple):
    """A graph that was laid out, or why there is none."""

    analysis: Analysis | None = None
    """The network that is drawn."""
    svg: bytes | None = None
    shown: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """The ids in the SVG that show each part of the network, by its path."""
    note: str = ""
    """What is to be said of it: why there is none, or of what it is the picture."""

    def noted(self, note: str) -> Picture:
        """The same with a note, where there is something to be seen that it can be said of."""
        return self._replace(note=note) if self.svg else self


def draw(
    analysis: Analysis, diagnostics: Sequence[Diagnostic] = (), style: Style = PLAIN
) -> Picture:
    """Lay out a network's graph with Graphviz; where that cannot be, the note says why.

    The style is a light one: the page has its own way to be dark.
    """
    try:
        svg = picture(graph(analysis, style, diagnostics), "svg")
    except GraphvizMissing:
        note = (
            "There is no picture, since Graphviz's program dot is not installed "
            "(Debian: apt-get install graphviz; macOS: brew install graphviz)."
        )
    except LayoutFailed as error:
        note = f"There is no picture, since Graphviz did not draw it: {error}"
    else:
        return Picture(analysis, svg, elements(analysis, style))
    return Picture(note=note)


def owners(view: View, picture: Picture) -> dict[str, str]:
    """The part that each id in the SVG is chosen for: of all that it shows, the outermost."""
    found: dict[str, str] = {}
    for entry in sorted(view.entries, key=lambda entry: entry.depth):
        for name in picture.shown.get(entry.path, ()):
            found.setdefault(name, entry.path)
    return found


def embedded(view: View, picture: Picture) -> Element:
    """The picture as part of the page; what shows a part of the network can be chosen."""
    assert picture.svg is not None
    return _Embedding(view, owners(view, picture)).root(ElementTree.fromstring(picture.svg))


class _Embedding:
    def __init__(self, view: View, owners: Mapping[str, str]) -> None:
        self.view = view
        self.owners = owners
        self.reached: set[str] = set()
        """The parts that the keyboard reaches already: each at the first place that shows it."""

    def root(self, root: ElementTree.Element) -> Element:
        box = " ".join(f"{float(figure):g}" for figure in root.get("viewBox", "").split())
        return el(
            "svg",
            *self._children(root),
            viewBox=box,
            preserveAspectRatio="xMidYMin meet",
            role="group",
            aria_label=f"graph of {self.view.analysis.network.name}",
            id="graph",
        )

    def _children(self, node: ElementTree.Element) -> Iterator[Child]:
        for child in node:
            tag = _TAGS.get(child.tag.removeprefix(_SVG))
            if tag is not None:
                yield self._element(tag, child)

    def _element(self, tag: str, node: ElementTree.Element) -> Element:
        given: dict[str, Value] = {
            name: _colored(value) for name, value in node.attrib.items() if name in _KEPT
        }
        path = self._owner(node)
        if path is not None:
            holds_others = any(self._owner(inner) for inner in node.iter() if inner is not node)
            given |= self._chosen(path, holds_others)
        inside: tuple[Child, ...] = tuple(self._children(node))
        if tag == "text":
            inside = ("".join(node.itertext()),)
        return el(tag, *inside, **given)

    def _owner(self, node: ElementTree.Element) -> str | None:
        return self.owners.get(node.get("id", ""))

    def _chosen(self, path: str, holds_others: bool) -> dict[str, Value]:
        """The attributes of what can be chosen. A button hides what is in it from who does not
        see it, so a card with chips is a group."""
        again = path in self.reached
        self.reached.add(path)
        return {
            "data-part": path,
            "class": "wrong" if path in self.view.wrong else None,
            "role": "group" if holds_others else "button",
            "aria-label": _read_out(self.view, path),
            "aria-pressed": None if holds_others else "false",
            "tabindex": -1 if again else 0,
        }


def _read_out(view: View, path: str) -> str:
    """A part in a few words, for who does not see it."""
    part, flow = view.by_path[path].part, view.analysis.shapes.flows[path]
    words = "" if isinstance(part, Stage) else f", {said(part)}"
    wrong = ", wrong" if path in view.wrong else ""
    return f"{path}{words}, {flow.input or 'unknown'} to {flow.output or 'unknown'}{wrong}"


def _colored(value: str) -> str:
    """A colour of the palette as the variable that holds it; anything else as it is."""
    color = _COLORS.get(value, value)
    return f"var(--{VARIABLES[color]})" if color in VARIABLES else color
