"""The graph of a network as DOT text: one row to a stage, one column to a device.

Written for `dot`. Nodes are called STAGE@DEVICE (`conv2@0`), @input and @output; of several
devices also STAGE@all (their figures together), STAGE@exchange (what they receive from each other
before the stage) and STAGE@gap. BLOCK@block, below the output, shows what is in a block. No name in
a spec has an @ in it. Unseen nodes and edges make rows and columns a grid. There is no cluster: dot
does not keep the order of clusters. Where the network runs from left to right, rows are columns.

In an SVG every node and every part has an id:

- `input`, `output`; `stage:conv2`, on several devices `stage:conv2@0` and so on, with
  `total:conv2`, `exchange:conv2` and `inside:conv2`; `device:0`. A stage that an exchange cuts goes
  on as `stage:conv2+2`;
- `a_part:conv2.relu` (Graphviz puts the `a_` before ids of cells), on several devices
  `a_part:conv2.relu@0`: the chip of a layer, a join, a repeat or a use, by its path;
- `block:fire`, or `block:fire+2` of its second drawing, with the parts of the use that is drawn.

`elements` gives the ids that show a path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from archdsl.analysis import Analysis
from archdsl.diagnostics import Diagnostic
from archdsl.diagram import labels
from archdsl.diagram.blocks import Block
from archdsl.diagram.cards import Card
from archdsl.diagram.chips import NAME, NOTE
from archdsl.diagram.dot import cell, edge, font, node, quoted, row, table
from archdsl.diagram.heading import heading
from archdsl.diagram.sheet import GAP, TOTAL, Sheet
from archdsl.diagram.stages import Stages
from archdsl.diagram.style import PLAIN, Style

FONT = "Helvetica,Arial,sans-serif"

COLUMN_WEIGHT = 50
"""How strongly dot straightens the edges down a column."""


def graph(analysis: Analysis, style: Style = PLAIN, findings: Iterable[Diagnostic] = ()) -> str:
    """A network as DOT text: the same bytes for the same network and style.

    Stages run one after the other, each drawn on every device with the part that it holds. What
    cannot be known is drawn as `?`. A stage with an error of the `findings`, or of which something
    false is claimed, is outlined and says so.
    """
    return "\n".join(_Graph(Sheet(analysis, style, findings)).lines()) + "\n"


class _Graph:
    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.cards = sheet.cards
        self.palette = sheet.palette
        self.stages = Stages(sheet)
        self.blocks = labels.BlockLabels(sheet)
        self.dashed: dict[str, str | int] = {
            "color": self.palette.traffic,
            "style": "dashed",
            "weight": 0,
        }

    def lines(self) -> Iterator[str]:
        ink, paper, line = self.palette.ink, self.palette.paper, self.palette.line
        yield f"digraph {quoted(self.sheet.network.name)} {{"
        yield "  graph [splines=line, outputorder=edgesfirst, nodesep=0.3, ranksep=0.3, pad=0.25,"
        yield f"    rankdir={self.sheet.style.rankdir}, bgcolor={quoted(paper)}, labelloc=t,"
        yield f"    fontname={quoted(FONT)}, fontcolor={quoted(ink)},"
        yield f"    label=<{heading(self.sheet)}>]"
        yield f"  node [shape=plain, fontname={quoted(FONT)}, fontsize={NOTE},"
        yield f"    fontcolor={quoted(ink)}]"
        yield f"  edge [color={quoted(line)}, arrowsize=0.6]"
        for statements in (self._nodes(), self._edges(), self._unseen()):
            yield ""
            yield from (f"  {statement}" for statement in statements)
        yield "}"

    # --- nodes and edges ----------------------------------------------------------------------

    def _nodes(self) -> Iterator[str]:
        """The nodes, column by column."""
        network, output = self.sheet.network, self.sheet.analysis.output
        yield _node("@input", "input", labels.terminal("input", network.input, self.palette), GAP)
        for column in self.sheet.columns:
            if self.sheet.several and column != GAP:
                yield _node(f"@{column}", f"device:{column}", self._head(column), column)
            for card in self.cards:
                yield from self._in_column(card, column)
        yield _node("@output", "output", labels.terminal("output", output, self.palette), GAP)
        for shelf in self.blocks.shelves():
            yield from self._shelf(shelf)

    def _shelf(self, shelf: Sequence[Block]) -> Iterator[str]:
        """The blocks of one line: where there are several, all as large as the largest, so that
        they begin on one line and the middle of them is where it seems to be."""
        size: dict[str, str | float] = {}
        if len(shelf) > 1:
            width = round(self.blocks.width / 72, 2)
            height = round(max(map(self.blocks.height, shelf)) / 72, 2)
            size = {"shape": "none", "margin": 0, "width": width, "height": height, "labelloc": "t"}
        for block in shelf:
            known = {"id": f"block:{block.key}", "class": "block"}
            yield node(f"{block.key}@block", self.blocks.label(block), **known, **size)

    def _in_column(self, card: Card, column: str) -> Iterator[str]:
        """The nodes of a card in one column."""
        name = f"{card.key}@{column}"
        if column == GAP:
            if card.received:
                crossing = labels.traffic(card.received, self.palette)
                yield _node(f"{card.key}@exchange", f"exchange:{card.key}", crossing, GAP)
            yield _node(name, f"inside:{card.key}", labels.between(card, self.sheet), GAP)
        elif column == TOTAL:
            yield _node(name, f"total:{card.key}", self.stages.total(card), TOTAL)
        else:
            device = self.sheet.devices[column]
            label = self.stages.card(card, device)
            yield _node(name, f"stage:{card.key}{self.sheet.ending(device)}", label, column)

    def _edges(self) -> Iterator[str]:
        """Down every column, and across where devices receive from each other.

        Edges are straight from centre to centre; with more than two columns these would go behind
        other cards, so there they leave below and arrive above. What devices receive before a card
        crosses through the figure of it; what they receive while a card is computed, from card to
        card beside it.
        """
        devices = self.sheet.devices
        sides = ("e", "w") if self.sheet.style.is_wide else ("s", "n")
        has_sides = len(devices) > 2
        leaves = {"tailport": sides[0]} if has_sides else {}
        arrives = {"headport": sides[1]} if has_sides else {}
        for column in devices:
            path = ["@input", *(f"{card.key}@{column}" for card in self.cards), "@output"]
            for tail, head in pairwise(path):
                inner = not self.sheet.several or not {tail, head} & {"@input", "@output"}
                yield edge(tail, head, weight=COLUMN_WEIGHT if inner else 1, **leaves, **arrives)
        for above, card in pairwise(self.cards):
            if card.received:
                middle = f"{card.key}@exchange"
                for column in devices:
                    yield edge(f"{above.key}@{column}", middle, dir="none", **leaves, **self.dashed)
                for column in devices:
                    yield edge(middle, f"{card.key}@{column}", **arrives, **self.dashed)
        for card in self.cards:
            if card.inside:
                for left, right in pairwise(devices):
                    tail, head = f"{card.key}@{left}", f"{card.key}@{right}"
                    yield edge(tail, head, **self.dashed, dir="both")

    # --- the grid -----------------------------------------------------------------------------

    def _unseen(self) -> Iterator[str]:
        """What holds the nodes in place, unseen."""
        if self.sheet.several or self.sheet.blocks:
            yield "edge [style=invis]"
        if self.sheet.several:
            yield from self._grid()
        yield from self._shelves()

    def _shelves(self) -> Iterator[str]:
        """The blocks side by side below the output, in as many lines as they need.

        What is in the middle of each line stands below the network.
        """
        above = "@output"
        for number, blocks in enumerate(self.blocks.shelves(), 1):
            shelf = [f"{block.key}@block" for block in blocks]
            middle = shelf[len(shelf) // 2]
            if len(shelf) % 2 == 0:
                middle = f"@shelf{number}"
                shelf.insert(len(shelf) // 2, middle)
                yield node(middle, table(row(cell(""))), group=GAP)
            yield edge(above, middle, weight=COLUMN_WEIGHT)
            yield _rank(shelf)
            above = middle

    def _grid(self) -> Iterator[str]:
        """Several devices: the gap's column goes through the input, what crosses, the output."""
        columns, devices = self.sheet.columns, self.sheet.devices
        for column in columns:
            path = [f"{card.key}@{column}" for card in self.cards]
            if column == GAP:
                path = ["@input"]
                for card in self.cards:
                    path += [f"{card.key}@exchange"] * (card.received > 0)
                    path.append(f"{card.key}@gap")
                path.append("@output")
            else:
                path = [f"@{column}", *path]
            if column in devices:
                path = path[:2]  # the rest is joined in sight
            for tail, head in pairwise(path):
                yield edge(tail, head, weight=COLUMN_WEIGHT)
        yield _rank(["@input" if column == GAP else f"@{column}" for column in columns])
        for card in self.cards:
            beside = [
                card.inside > 0 and {left, right} <= devices.keys()
                for left, right in pairwise(columns)
            ]
            yield _rank([f"{card.key}@{column}" for column in columns], beside)

    def _head(self, column: str) -> str:
        """What stands above a column."""
        if column == TOTAL:
            return self.stages.aside([font("all devices", NAME, self.palette.muted)])
        width = None if self.sheet.style.is_wide else self.stages.widths.whole
        return labels.device(column, self.palette, width)


def _node(name: str, known: str, label: str, column: str) -> str:
    """A node; its id in an SVG; the column, in which dot places it."""
    return node(name, label, id=known, **{"class": known.partition(":")[0]}, group=column)


def _rank(names: list[str], seen: list[bool] | None = None) -> str:
    """Nodes from left to right on one line; `seen` says which neighbours are joined in sight."""
    links = ["; " if joined else " -> " for joined in seen or [False] * (len(names) - 1)]
    rest = (link + quoted(name) for link, name in zip(links, names[1:], strict=True))
    return f"{{ rank=same; {quoted(names[0])}{''.join(rest)} }}"
