"""The graph of a network as DOT text: one row to a stage, one column to a device.

Written for `dot`. Nodes are called STAGE@DEVICE (`conv2@0`), @input and @output; of several
devices also STAGE@all (their figures together) and STAGE@exchange (what they receive from each
other before the stage). No name in a spec has an @ in it. Unseen nodes and edges make rows and
columns a grid. There is no cluster: dot does not keep the order of clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, permutations

from archdsl.analysis import Analysis
from archdsl.diagram.cards import (
    Card,
    brief,
    cards,
    false_claims,
    family,
    parameters,
    rows,
    share,
    written,
)
from archdsl.diagram.dot import bold, cell, edge, font, node, paragraph, quoted, row, table, text
from archdsl.diagram.palette import COLUMN, INK, LINE, MUTED, TONES, TRAFFIC, UNKNOWN, WRONG, Tone
from archdsl.network import Layer
from archdsl.shape import Shape

FONT = "Helvetica,Arial,sans-serif"
TITLE, NAME, NOTE = 20, 12, 10
"""Font sizes in points; a layer is written at NOTE size too."""

CHARACTER = 5.7
"""Points that a character at NOTE size takes, generously: a digit of Helvetica takes 5.6."""

MAX_COLUMNS = 4
"""More devices than this are drawn as the first two and the last."""

MAX_TEXT = 48
"""Characters of one name, layer or claim."""

TITLE_WIDTH, TITLE_LINES = 84, 4
"""Characters of a line of the title comment, and how many lines of it are shown."""

COLUMN_WEIGHT = 50
"""How strongly dot straightens the edges down a column."""

GAP_WIDTH = 108
"""In points, of the space where edges cross: more than the figures take that stand there."""

TOTAL, GAP = "all", "gap"
"""Columns that are no device: what all devices hold, and the space where edges cross."""

CROSSING: dict[str, str | int] = {
    "color": TRAFFIC,
    "style": "dashed",
    "weight": 0,
    "constraint": "false",
}


def graph(analysis: Analysis) -> str:
    """A network as DOT text: the same bytes for the same network.

    Stages run from top to bottom, each drawn on every device with the part that it holds. What
    cannot be known is drawn as `?`. A stage of which something false is claimed is outlined.
    """
    return "\n".join(_Graph(analysis).lines()) + "\n"


class _Graph:
    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.network = analysis.network
        self.cards = cards(analysis)
        count = self.network.devices
        self.several = count > 1 and bool(self.cards)
        self.elided = self.several and count > MAX_COLUMNS
        shown = [0, 1, count - 1] if self.elided else range(count if self.several else 1)
        self.devices = {str(device): device for device in shown}
        self.columns = list(self.devices)
        if self.several:
            self.columns.insert(len(shown) - 1 if self.elided else len(shown) // 2, GAP)
            self.columns.insert(0, TOTAL)
        self.complaints = {card.key: false_claims(analysis, card.stage) for card in self.cards}
        self.widths = self._widths()
        self.margin = self._margin()

    def lines(self) -> Iterator[str]:
        yield f"digraph {quoted(self.network.name)} {{"
        yield "  graph [splines=line, outputorder=edgesfirst, nodesep=0.3, ranksep=0.3, pad=0.25,"
        yield f'    bgcolor="white", fontname="{FONT}", fontcolor="{INK}", labelloc=t,'
        yield f"    label=<{self._heading()}>]"
        yield f'  node [shape=plain, fontname="{FONT}", fontsize={NOTE}, fontcolor="{INK}"]'
        yield f'  edge [color="{LINE}", arrowsize=0.6]'
        for statements in (self._nodes(), self._edges(), self._rows()):
            yield ""
            yield from (f"  {statement}" for statement in statements)
        yield "}"

    def _output(self) -> Shape | None:
        layers = self.network.layers
        return self.analysis.flow(layers[-1]).output if layers else self.network.input

    # --- nodes and edges ----------------------------------------------------------------------

    def _nodes(self) -> Iterator[str]:
        """The nodes, column by column."""
        yield node("@input", _terminal("input", self.network.input), group=GAP)
        for column in self.columns:
            if self.several and column != GAP:
                yield node(f"@{column}", self._head(column), group=column)
            for card in self.cards:
                if column == GAP:
                    if card.received:
                        yield node(f"{card.key}@exchange", _traffic(card), group=GAP)
                    yield node(f"{card.key}@gap", self._between(), group=GAP)
                else:
                    own = column in self.devices
                    label = self._card(card, self.devices[column]) if own else self._total(card)
                    yield node(f"{card.key}@{column}", label, group=column)
        yield node("@output", _terminal("output", self._output()), group=GAP)

    def _edges(self) -> Iterator[str]:
        """Down every column, and across where devices receive from each other.

        Edges are straight from centre to centre; with more than two columns these would go behind
        other cards, so there they leave below and arrive above.
        """
        ports = {"tailport": "s", "headport": "n"} if len(self.devices) > 2 else {}
        for column in self.devices:
            path = ["@input", *(f"{card.key}@{column}" for card in self.cards), "@output"]
            for tail, head in pairwise(path):
                inner = not self.several or not {tail, head} & {"@input", "@output"}
                yield edge(tail, head, weight=COLUMN_WEIGHT if inner else 1, **ports)
        for above, card in pairwise(self.cards):
            if card.received:
                for source, target in permutations(self.devices, 2):
                    tail, head = f"{above.key}@{source}", f"{card.key}@{target}"
                    yield edge(tail, head, **ports, **CROSSING)

    def _rows(self) -> Iterator[str]:
        """Several devices: what holds the grid, unseen.

        The gap's column goes through the input, what crosses and the output.
        """
        if not self.several:
            return
        yield "edge [style=invis]"
        for column in self.columns:
            path = [f"{card.key}@{column}" for card in self.cards]
            if column == GAP:
                path = ["@input"]
                for card in self.cards:
                    path += [f"{card.key}@exchange"] * (card.received > 0)
                    path.append(f"{card.key}@gap")
                path.append("@output")
            else:
                path = [f"@{column}", *path]
            if column in self.devices:
                path = path[:2]  # the rest is joined in sight
            for tail, head in pairwise(path):
                yield edge(tail, head, weight=COLUMN_WEIGHT)
        heads = ["@input" if column == GAP else f"@{column}" for column in self.columns]
        grid = [heads, *([f"{c.key}@{column}" for column in self.columns] for c in self.cards)]
        for line in grid:
            yield f"{{ rank=same; {' -> '.join(map(quoted, line))} }}"

    def _head(self, column: str) -> str:
        """What stands above a column."""
        if column in self.devices:
            name = font(bold(f"device {column}"), NAME, MUTED)
            return table(row(cell(name, WIDTH=sum(self.widths))), BGCOLOR=COLUMN, CELLPADDING=6)
        return self._aside([font("all devices", NAME, MUTED)])

    def _between(self) -> str:
        """What stands in the gap: a blank, or dots for the devices that are not drawn."""
        dots = font("⋯", TITLE, MUTED) if self.elided else ""
        return table(row(cell(dots, WIDTH=GAP_WIDTH)))

    # --- labels -------------------------------------------------------------------------------

    def _heading(self) -> str:
        """The name, the title comment, what the network is in figures, and the legend."""
        network, costs = self.network, self.analysis.costs
        facts = [f"{written(network.input)} → {written(self._output())}"]
        if network.devices > 1:
            facts.append(f"{network.devices:,} devices")
        facts.append(f"{costs.params:,} parameters" if costs else "? parameters")
        lines = [font(bold(text(network.name, MAX_TEXT)), TITLE)]
        lines += [
            font(line, NAME, MUTED) for line in paragraph(network.title, TITLE_WIDTH, TITLE_LINES)
        ]
        lines.append(font(" · ".join(facts), NAME))
        if costs and costs.traffic:
            crossing = f"{costs.traffic:,} numbers per image cross between the devices"
            lines.append(font(crossing, NAME, TRAFFIC))
        lines.append(self._legend())
        return table(*(row(cell(line)) for line in lines if line), CELLPADDING=3)

    def _legend(self) -> str:
        """The families that are drawn, in the palette's order, and what an outline means."""
        used = {family(layer) for layer in self.network.layers}
        chips = [_chip(kind.value, tone) for kind, tone in TONES.items() if kind in used]
        if any(self.complaints.values()):
            chips.append(_chip("does not check", Tone("#ffffff", WRONG)))
        return table(row(*chips), CELLSPACING=4) if chips else ""

    def _card(self, card: Card, device: int) -> str:
        """A stage on one device."""
        note = share(self.analysis, card, device)
        if not self.several:
            note = parameters(self.analysis, card)
        left, right = self.widths
        head = row(
            cell(font(bold(text(card.name, MAX_TEXT)), NAME), ALIGN="LEFT"),
            cell(font(note, NOTE, MUTED), ALIGN="RIGHT"),
        )
        lines = [row(cell(table(head, WIDTH=left + right, CELLPADDING=4), COLSPAN=2))]
        for packed in rows(self.analysis, card, device):
            chips = row(
                *(_chip(text(brief(layer), MAX_TEXT), _tone(layer)) for layer in packed.layers)
            )
            lines.append(
                row(
                    cell(table(chips, WIDTH=left, CELLSPACING=2)),
                    cell(font(packed.shape, NOTE), WIDTH=right, ALIGN="RIGHT", CELLPADDING=4),
                )
            )
        if not self.several:
            lines += [
                row(cell(line, ALIGN="LEFT", COLSPAN=2, CELLPADDING=4))
                for line in self._wrong(card)
            ]
        outlined = bool(self.complaints[card.key])
        return table(
            *lines,
            BORDER=2 if outlined else 1,
            COLOR=WRONG if outlined else LINE,
            BGCOLOR="white",
            STYLE="ROUNDED",
            CELLPADDING=2,
        )

    def _total(self, card: Card) -> str:
        """The output and the parameters of a stage on all devices together."""
        shape = font(bold(written(self.analysis.flow(card.layers[-1]).output)), NOTE)
        learned = font(parameters(self.analysis, card), NOTE, MUTED)
        return self._aside([shape, learned, *self._wrong(card)])

    def _aside(self, lines: list[str]) -> str:
        """Lines in the margin, all ending on one vertical line."""
        cells = [row(cell(line, ALIGN="RIGHT", WIDTH=self.margin)) for line in lines if line]
        return table(*cells, CELLPADDING=1)

    def _wrong(self, card: Card) -> list[str]:
        """The false claims of a stage, on the first of its cards."""
        said = self.complaints[card.key] if card.begins else ()
        return [font(text(line, MAX_TEXT), NOTE, WRONG) for line in said]

    def _margin(self) -> int:
        """The width in points of what stands beside the columns."""
        lines = [line for said in self.complaints.values() for line in said]
        lines += [parameters(self.analysis, card) for card in self.cards]
        longest = max((min(len(line), MAX_TEXT) for line in lines), default=0)
        return round(longest * CHARACTER)

    def _widths(self) -> tuple[int, int]:
        """In points, for all cards alike, so that columns have straight sides: layers, shapes."""
        left = right = whole = 0.0
        for card in self.cards:
            for device in self.devices.values():
                note = share(self.analysis, card, device) or parameters(self.analysis, card)
                whole = max(whole, 1.25 * len(card.name) + len(note) + 4)
                for packed in rows(self.analysis, card, device):
                    left = max(left, sum(len(brief(layer)) + 1.5 for layer in packed.layers))
                    right = max(right, len(packed.shape) + 2)
        left = max(min(left, MAX_TEXT), whole - right)
        return round(left * CHARACTER), round(right * CHARACTER)


def _terminal(name: str, shape: Shape | None) -> str:
    """The input or the output."""
    cells = cell(font(bold(name), NAME)), cell(font(written(shape), NAME))
    return table(row(*cells), BORDER=1, COLOR=LINE, BGCOLOR="white", STYLE="ROUNDED", CELLPADDING=5)


def _traffic(card: Card) -> str:
    """What crosses, on white where the edges cross."""
    figure = font(bold(f"{card.received:,}"), NOTE, TRAFFIC)
    unit = font("numbers per image", NOTE, TRAFFIC)
    return table(row(cell(figure)), row(cell(unit)), BGCOLOR="white", CELLPADDING=1)


def _chip(markup: str, tone: Tone) -> str:
    """A cell on a layer family's colour."""
    words = font(markup, NOTE)
    return cell(words, BORDER=1, COLOR=tone.line, BGCOLOR=tone.fill, CELLPADDING=3)


def _tone(layer: Layer) -> Tone:
    kind = family(layer)
    return TONES[kind] if kind else UNKNOWN
