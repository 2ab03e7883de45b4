"""The graph of a network as DOT text: one row to a stage, one column to a device.

Written for `dot`. Nodes are called STAGE@DEVICE (`conv2@0`), @input and @output; of several
devices also STAGE@all (their figures together), STAGE@exchange (what they receive from each other
before the stage) and STAGE@gap. BLOCK@block, below the output, shows what is in a block. No name in
a spec has an @ in it. Unseen nodes and edges make rows and columns a grid. There is no cluster: dot
does not keep the order of clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise, permutations

from archdsl.analysis import Analysis
from archdsl.diagram.bands import Join, chips
from archdsl.diagram.blocks import Block, Blocks
from archdsl.diagram.cards import Card, Holdings, cards, parameters, shapes, written
from archdsl.diagram.chips import CHARACTER, MAX_TEXT, NAME, NOTE, Painter, family, swatch
from archdsl.diagram.dot import bold, cell, edge, font, node, paragraph, quoted, row, table, text
from archdsl.diagram.faults import Faults
from archdsl.diagram.palette import BLOCK, COLUMN, INK, LINE, MUTED, TONES, TRAFFIC, WRONG, Tone
from archdsl.network import Use
from archdsl.shape import Shape

FONT = "Helvetica,Arial,sans-serif"
TITLE = 20
"""Its font's size in points."""

MAX_COLUMNS = 4
"""More devices than this are drawn as the first two and the last."""

FAULT_LINES = 3
"""Of MAX_TEXT characters each, that one fault takes at the most."""

TITLE_WIDTH, TITLE_LINES = 84, 4
"""Characters of a line of the title comment, and how many lines of it are shown."""

BLOCKS_WIDTH, BLOCKS_APART = 720, 24
"""In points, of the blocks side by side below the output, and from one to the next."""

COLUMN_WEIGHT = 50
"""How strongly dot straightens the edges down a column."""

GAP_WIDTH = 108
"""In points, of the space where edges cross: more than the figures take that stand there."""

TOTAL, GAP = "all", "gap"
"""Columns that are no device: what all devices hold, and the space where edges cross."""

DASHED: dict[str, str | int] = {"color": TRAFFIC, "style": "dashed", "weight": 0}
CROSSING = DASHED | {"constraint": "false"}


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
        self.holdings = Holdings(analysis)
        self.faults = Faults(analysis)
        count = self.network.devices
        self.several = count > 1 and bool(self.cards)
        self.elided = self.several and count > MAX_COLUMNS
        shown = [0, 1, count - 1] if self.elided else range(count if self.several else 1)
        self.devices = {str(device): device for device in shown}
        self.columns = list(self.devices)
        if self.several:
            self.columns.insert(len(shown) - 1 if self.elided else len(shown) // 2, GAP)
            self.columns.insert(0, TOTAL)
        self.blocks = Blocks(analysis, (band for card in self.cards for band in card.bands))
        mark = self.blocks.mark
        self.painters = {
            device: Painter(partial(self.holdings.shape, device=device), self.faults.on, mark)
            for device in self.devices.values()
        }
        self.outline = Painter(lambda _: "", self.faults.on, mark)
        self.block_width = max(map(self._width_of, self.blocks), default=0)
        self.widths = self._widths()
        self.margin = self._margin()

    def lines(self) -> Iterator[str]:
        yield f"digraph {quoted(self.network.name)} {{"
        yield "  graph [splines=line, outputorder=edgesfirst, nodesep=0.3, ranksep=0.3, pad=0.25,"
        yield f'    bgcolor="white", fontname="{FONT}", fontcolor="{INK}", labelloc=t,'
        yield f"    label=<{self._heading()}>]"
        yield f'  node [shape=plain, fontname="{FONT}", fontsize={NOTE}, fontcolor="{INK}"]'
        yield f'  edge [color="{LINE}", arrowsize=0.6]'
        for statements in (self._nodes(), self._edges(), self._unseen()):
            yield ""
            yield from (f"  {statement}" for statement in statements)
        yield "}"

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
                        yield node(f"{card.key}@exchange", _traffic(card.received), group=GAP)
                    yield node(f"{card.key}@gap", self._between(card), group=GAP)
                else:
                    own = column in self.devices
                    label = self._card(card, self.devices[column]) if own else self._total(card)
                    yield node(f"{card.key}@{column}", label, group=column)
        yield node("@output", _terminal("output", self.analysis.output), group=GAP)
        for block in self.blocks:
            yield node(f"{block.key}@block", self._block(block))

    def _edges(self) -> Iterator[str]:
        """Down every column, and across where devices receive from each other.

        Edges are straight from centre to centre; with more than two columns these would go behind
        other cards, so there they leave below and arrive above. What devices receive while a card
        is computed crosses from card to card beside it.
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
        for card in self.cards:
            if card.inside:
                for left, right in pairwise(self.devices):
                    tail, head = f"{card.key}@{left}", f"{card.key}@{right}"
                    yield edge(tail, head, **DASHED, dir="both")

    def _unseen(self) -> Iterator[str]:
        """What holds the nodes in place, unseen."""
        if self.several or self.blocks:
            yield "edge [style=invis]"
        if self.several:
            yield from self._grid()
        yield from self._shelves()

    def _shelves(self) -> Iterator[str]:
        """The blocks side by side below the output, in as many lines as they need.

        What is in the middle of each line stands below the network.
        """
        names = [f"{block.key}@block" for block in self.blocks]
        fit = max(1, BLOCKS_WIDTH // (self.block_width + BLOCKS_APART))
        above = "@output"
        for first in range(0, len(names), fit):
            shelf = names[first : first + fit]
            middle = shelf[len(shelf) // 2]
            if len(shelf) % 2 == 0:
                middle = f"@shelf{first // fit + 1}"
                shelf.insert(len(shelf) // 2, middle)
                yield node(middle, table(row(cell(""))), group=GAP)
            yield edge(above, middle, weight=COLUMN_WEIGHT)
            yield _rank(shelf)
            above = middle

    def _grid(self) -> Iterator[str]:
        """Several devices: the gap's column goes through the input, what crosses, the output."""
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
        yield _rank(heads)
        for card in self.cards:
            beside = [
                card.inside > 0 and {left, right} <= self.devices.keys()
                for left, right in pairwise(self.columns)
            ]
            yield _rank([f"{card.key}@{column}" for column in self.columns], beside)

    def _head(self, column: str) -> str:
        """What stands above a column."""
        if column in self.devices:
            name = font(bold(f"device {column}"), NAME, MUTED)
            return table(row(cell(name, WIDTH=sum(self.widths))), BGCOLOR=COLUMN, CELLPADDING=6)
        return self._aside([font("all devices", NAME, MUTED)])

    def _between(self, card: Card) -> str:
        """What stands in the gap: what crosses beside a card, or a blank.

        Dots stand for the devices that are not drawn.
        """
        crossing = _traffic(card.inside) if card.inside else ""
        lines = [font("⋯", TITLE, MUTED), crossing] if self.elided else [crossing]
        return table(*(row(cell(line, WIDTH=GAP_WIDTH)) for line in lines if line or not crossing))

    # --- labels -------------------------------------------------------------------------------

    def _heading(self) -> str:
        """The name, the title comment, what the network is in figures, and the legend."""
        network, costs = self.network, self.analysis.costs
        facts = [f"{written(network.input)} → {written(self.analysis.output)}"]
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
        bands = [band for card in self.cards for band in card.bands]
        bands += [band for block in self.blocks for band in block.bands]
        drawn = [chip for band in bands for chip in chips(band)]
        used = {family(chip) for chip in drawn}
        swatches = [swatch(kind.value, tone) for kind, tone in TONES.items() if kind in used]
        if any(isinstance(chip, Use) for chip in drawn):
            swatches.append(swatch("block", BLOCK))
        if self.faults:
            swatches.append(swatch("does not check", Tone("#ffffff", WRONG)))
        return table(row(*swatches), CELLSPACING=4) if swatches else ""

    def _card(self, card: Card, device: int) -> str:
        """A stage on one device."""
        note = self.holdings.share(card, device)
        if not self.several:
            note = parameters(self.analysis, card)
        left, right = self.widths
        painter = self.painters[device]
        left = max([left, *(round(painter.width(band) * CHARACTER) for band in card.bands)])
        head = row(
            cell(font(bold(text(card.name, MAX_TEXT)), NAME), ALIGN="LEFT"),
            cell(font(note, NOTE, MUTED), ALIGN="RIGHT"),
        )
        lines = [row(cell(table(head, WIDTH=left + right, CELLPADDING=4), COLSPAN=2))]
        for band, shape in shapes(self.holdings, card, device):
            place = {"VALIGN": "BOTTOM"} if isinstance(band, Join) else {}
            lines.append(
                row(
                    cell(painter.band(band, left)),
                    cell(font(shape, NOTE), WIDTH=right, ALIGN="RIGHT", CELLPADDING=4, **place),
                )
            )
        if not self.several:
            lines += [
                row(cell(line, ALIGN="LEFT", COLSPAN=2, CELLPADDING=4))
                for line in self._wrong(card)
            ]
        return _boxed(lines, *((WRONG, 2) if self._is_wrong(card) else (LINE, 1)))

    def _block(self, block: Block) -> str:
        """What is in a block, with the numbers of one use, in the middle of a block's width."""
        mark = self.blocks.mark(block.use)
        lines = paragraph(_signature(block), MAX_TEXT - len(mark), 2)
        said = [font(bold(line), NAME) for line in [*lines[:-1], lines[-1] + mark]]
        said += [font(line, NOTE, MUTED) for line in paragraph(_example(block), MAX_TEXT, 2)]
        lines = [row(cell(line, ALIGN="LEFT", CELLPADDING=4)) for line in said]
        if block.bands:
            lines.append(row(cell(self.outline.stack(block.bands))))
        margin = cell("", WIDTH=round((self.block_width - self._width_of(block)) / 2))
        return table(row(margin, cell(_boxed(lines, BLOCK.line)), margin))

    def _width_of(self, block: Block) -> int:
        """In points."""
        signature = _signature(block) + self.blocks.mark(block.use)
        heading = max(1.25 * len(signature), len(_example(block)))
        widest = max([min(heading, MAX_TEXT), *map(self.outline.width, block.bands)])
        return round((widest + 2) * CHARACTER)

    def _total(self, card: Card) -> str:
        """The output and the parameters of a stage on all devices together."""
        output = self.analysis.shapes.flows[card.items[-1].path].output
        shape = font(bold(written(output)), NOTE)
        learned = font(parameters(self.analysis, card), NOTE, MUTED)
        return self._aside([shape, learned, *self._wrong(card)])

    def _aside(self, lines: list[str]) -> str:
        """Lines in the margin, all ending on one vertical line."""
        cells = [row(cell(line, ALIGN="RIGHT", WIDTH=self.margin)) for line in lines if line]
        return table(*cells, CELLPADDING=1)

    def _is_wrong(self, card: Card) -> bool:
        return bool(self.faults.of(card.stage.path))

    def _wrong(self, card: Card) -> list[str]:
        """The faults of a stage, on the first of its cards."""
        said = self.faults.of(card.stage.path) if card.begins else ()
        return [
            font(line, NOTE, WRONG)
            for fault in said
            for line in paragraph(fault, MAX_TEXT, FAULT_LINES)
        ]

    def _margin(self) -> int:
        """The width in points of what stands beside the columns."""
        longest = max((len(parameters(self.analysis, card)) for card in self.cards), default=0)
        return round(max(longest, self._longest_fault()) * CHARACTER)

    def _longest_fault(self) -> int:
        """Characters of a line of a fault."""
        lines = (line for card in self.cards for line in self.faults.of(card.stage.path))
        return max((min(len(line), MAX_TEXT) for line in lines), default=0)

    def _widths(self) -> tuple[int, int]:
        """In points, for all cards alike, so that columns have straight sides: layers, shapes."""
        left = right = whole = 0.0
        for card in self.cards:
            for device in self.devices.values():
                note = self.holdings.share(card, device) or parameters(self.analysis, card)
                whole = max(whole, 1.25 * len(card.name) + len(note) + 4)
                for band, shape in shapes(self.holdings, card, device):
                    left = max(left, self.painters[device].width(band))
                    right = max(right, len(shape) + 2)
        if not self.several:
            whole = max(whole, self._longest_fault())
        left = max(min(left, MAX_TEXT), whole - right)
        return round(left * CHARACTER), round(right * CHARACTER)


def _rank(names: list[str], seen: list[bool] | None = None) -> str:
    """Nodes from left to right on one line; `seen` says which neighbours are joined in sight."""
    links = ["; " if joined else " -> " for joined in seen or [False] * (len(names) - 1)]
    rest = (link + quoted(name) for link, name in zip(links, names[1:], strict=True))
    return f"{{ rank=same; {quoted(names[0])}{''.join(rest)} }}"


def _boxed(lines: list[str], color: str, border: int = 1) -> str:
    """The table of a card."""
    style = {"COLOR": color, "BGCOLOR": "white", "STYLE": "ROUNDED"}
    return table(*lines, BORDER=border, **style, CELLPADDING=2)


def _signature(block: Block) -> str:
    """`block fire(squeeze, expand)`, as its definition begins."""
    return " ".join(block.use.block.statement.head.text.split())


def _example(block: Block) -> str:
    """The use that is drawn, and where it is."""
    return f"as in {block.use.path.partition('.')[0]}: {block.use.brief}"


def _terminal(name: str, shape: Shape | None) -> str:
    """The input or the output."""
    cells = cell(font(bold(name), NAME)), cell(font(written(shape), NAME))
    return table(row(*cells), BORDER=1, COLOR=LINE, BGCOLOR="white", STYLE="ROUNDED", CELLPADDING=5)


def _traffic(received: int) -> str:
    """What crosses, on white where the edges cross."""
    figure = font(bold(f"{received:,}"), NOTE, TRAFFIC)
    unit = font("numbers per image", NOTE, TRAFFIC)
    return table(row(cell(figure)), row(cell(unit)), BGCOLOR="white", CELLPADDING=1)
