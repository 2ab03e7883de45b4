"""The labels of what is no stage: the input and the output, columns, what crosses, blocks."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagram.blocks import Block
from archdsl.diagram.cards import Card
from archdsl.diagram.chips import CHARACTER, MAX_TEXT, NAME, NOTE, written
from archdsl.diagram.dot import bold, cell, font, paragraph, row, table
from archdsl.diagram.painter import Painter
from archdsl.diagram.palette import Palette
from archdsl.diagram.sheet import Sheet
from archdsl.shape import Shape

GAP_WIDTH = 108
"""In points, of the space where edges cross: more than the figures take that stand there."""

WIDE, TALL, APART = 880, 440, 24
"""In points, of the blocks side by side below the output, of those in a column beside it, and from
one to the next."""

HEAD_HEIGHT, ROW_HEIGHT = 52, 25
"""In points, generously, of a block's heading of two lines, and of a row of chips."""

DOTS = 20
"""In points, the size of the dots that stand for the devices that are not drawn."""


def terminal(name: str, shape: Shape | None, palette: Palette) -> str:
    """The input or the output."""
    quiet = palette.muted if shape is None else None
    cells = cell(font(bold(name), NAME)), cell(font(written(shape), NAME, quiet))
    look = {"COLOR": palette.line, "BGCOLOR": palette.paper, "STYLE": "ROUNDED"}
    return table(row(*cells), BORDER=1, **look, CELLPADDING=5)


def device(name: str, palette: Palette, width: int | None) -> str:
    """What stands above a column, as wide as its cards, or before a row."""
    said = font(bold(f"device {name}"), NAME, palette.muted)
    wide = {} if width is None else {"WIDTH": width}
    return table(row(cell(said, **wide)), BGCOLOR=palette.column, CELLPADDING=6)


def traffic(received: int, palette: Palette) -> str:
    """What crosses, on paper where the edges cross."""
    figure = font(bold(f"{received:,}"), NOTE, palette.traffic)
    unit = font("numbers per image", NOTE, palette.traffic)
    return table(row(cell(figure)), row(cell(unit)), BGCOLOR=palette.paper, CELLPADDING=1)


def between(card: Card, sheet: Sheet) -> str:
    """What stands in the gap: what crosses beside a card, or a blank.

    Dots stand for the devices that are not drawn.
    """
    dots = font("⋮" if sheet.style.is_wide else "⋯", DOTS, sheet.palette.muted)
    lines = [dots] * sheet.elided + [traffic(card.inside, sheet.palette)] * (card.inside > 0)
    return table(*(row(cell(line, WIDTH=GAP_WIDTH)) for line in lines or [""]))


class BlockLabels:
    """Makes the labels of what is in the blocks.

    `width` is what the widest takes, in points.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        flows = sheet.analysis.shapes.flows
        self.painter = Painter(
            sheet.analysis,
            sheet.palette,
            lambda path: "" if sheet.several else written(flows[path].output),
            sheet.faults,
            sheet.blocks.mark,
        )
        self.width = max(map(self._width, sheet.blocks), default=0)

    def shelves(self) -> Iterator[list[Block]]:
        """The blocks in as many lines as they need, or columns where the network runs across."""
        blocks = list(self.sheet.blocks)
        if self.sheet.style.is_wide:
            room = TALL // (max(map(self.height, blocks), default=0) + APART)
        else:
            room = WIDE // (self.width + APART)
        room = max(1, room)
        for first in range(0, len(blocks), room):
            yield blocks[first : first + room]

    def label(self, block: Block) -> str:
        """What is in a block, with the numbers of one use."""
        palette = self.sheet.palette
        mark = self.sheet.blocks.mark(block.use)
        lines = paragraph(_signature(block), MAX_TEXT - len(mark), 2)
        said = [font(bold(line), NAME) for line in [*lines[:-1], lines[-1] + mark]]
        said += [
            font(line, NOTE, palette.muted) for line in paragraph(_example(block), MAX_TEXT, 2)
        ]
        rows = [row(cell(line, ALIGN="LEFT", CELLPADDING=4)) for line in said]
        if block.bands:
            rows.append(row(cell(self.painter.stack(block.bands, steady=True))))
        look = {"COLOR": palette.block.line, "BGCOLOR": palette.paper, "STYLE": "ROUNDED"}
        return table(*rows, BORDER=1, **look, CELLPADDING=2)

    def height(self, block: Block) -> int:
        """In points, generously."""
        return HEAD_HEIGHT + ROW_HEIGHT * self.painter.height(block.bands)

    def _width(self, block: Block) -> int:
        """In points."""
        signature = _signature(block) + self.sheet.blocks.mark(block.use)
        heading = max(1.25 * len(signature), len(_example(block)))
        inside = self.painter.stacked(block.bands, steady=True, closed=False)
        return round((max(min(heading, MAX_TEXT), inside) + 2) * CHARACTER)


def _signature(block: Block) -> str:
    """`block fire(squeeze, expand)`, as its definition begins."""
    return " ".join(block.use.block.statement.head.text.split())


def _example(block: Block) -> str:
    """The use that is drawn, and where it is."""
    return f"as in {block.use.path.partition('.')[0]}: {block.use.brief}"
