"""Stages as the tables of Graphviz's labels: their cards, and their figures beside the cards."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from archdsl.diagram.bands import Inside, Join
from archdsl.diagram.cards import Card, Holdings, parameters, shapes, share
from archdsl.diagram.chips import CHARACTER, MAX_TEXT, NAME, NOTE, written
from archdsl.diagram.dot import bold, cell, font, paragraph, row, table, text
from archdsl.diagram.painter import Painter
from archdsl.diagram.sheet import Sheet
from archdsl.diagram.style import Fold

FAULT_LINES = 3
"""Of MAX_TEXT characters each, that one fault takes at the most."""

BAR, SHORTEST = 3, 2
"""In points: how thick the bar is that shows a share of the parameters, and how long at least."""

WIDEST = 110
"""Characters of what is in a stage, up to which all stages are as wide as the widest."""

BOLD = 1.25
"""How much wider a character at NAME size is, in bold, than one at NOTE size."""


class _Widths(NamedTuple):
    """In points: a stage's name, what is in it, the shapes, and what is noted of it.

    In a card with the name above the rest, the name and the note take no columns.
    """

    name: int
    inside: int
    shape: int
    note: int

    @property
    def whole(self) -> int:
        return sum(self)


class Stages:
    """Makes the labels of stages."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.analysis = sheet.analysis
        self.palette = sheet.palette
        self.holdings = Holdings(sheet.analysis)
        self.painters = {
            device: Painter(
                sheet.analysis,
                sheet.palette,
                partial(self.holdings.shape, device=device),
                sheet.faults,
                sheet.blocks.mark,
                sheet.ending(device),
            )
            for device in sheet.devices.values()
        }
        self.in_line = sheet.style.fold is Fold.STAGE and not sheet.style.is_wide
        """Whether a card is one line; else its name stands above what is in it."""
        self.widths = self._widths(sheet.cards)
        each = [self._widths((card,)).whole for card in sheet.cards if sheet.style.is_wide]
        self.length = min(each, default=self.widths.whole)
        """In points, of the bar that would show all parameters: one that fits every card."""
        self.figures = self._figures()
        self.margin = max(self.figures, _points(self._longest_fault(sheet.cards)))

    def card(self, card: Card, device: int) -> str:
        """A stage on one device."""
        widths = self._widths((card,)) if self.sheet.style.is_wide else self.widths
        if self.in_line:
            lines = self._line(card, device, widths)
        elif self.sheet.style.fold is Fold.STAGE:
            lines = self._folded(card, device)
        else:
            lines = self._rows(card, device, widths)
        span = 4 if self.in_line else 2
        if not self.sheet.several:
            lines += [
                row(cell(line, ALIGN="LEFT", COLSPAN=span, CELLPADDING=4))
                for line in self._wrong(card)
            ]
        return self._boxed(card, lines)

    def total(self, card: Card) -> str:
        """The output and the parameters of a stage on all devices together."""
        output = self.analysis.shapes.flows[card.items[-1].path].output
        shape = font(bold(written(output)), NOTE, self._quiet(card))
        learned = font(parameters(self.analysis, card), NOTE, self.palette.muted)
        side = "CENTER" if self.sheet.style.is_wide else "RIGHT"
        bar = self._bar(card, self.figures, side)
        return self.aside([shape, learned, bar, *self._wrong(card)])

    def aside(self, lines: Iterable[str]) -> str:
        """Lines in the margin, all ending on one vertical line; above a column, in its middle."""
        side = "CENTER" if self.sheet.style.is_wide else "RIGHT"
        cells = [row(cell(line, ALIGN=side, WIDTH=self.margin)) for line in lines if line]
        return table(*cells, CELLPADDING=1)

    # --- cards --------------------------------------------------------------------------------

    def _boxed(self, card: Card, lines: list[str]) -> str:
        """The table of a card: outlined where something is wrong, quiet where nothing is known."""
        is_wrong = self.sheet.faults.within(card.stage.path)
        line = self.palette.unknown.line if self._quiet(card) else self.palette.line
        return table(
            *lines,
            BORDER=2 if is_wrong else 1,
            COLOR=self.palette.wrong if is_wrong else line,
            BGCOLOR=self.palette.paper,
            STYLE="ROUNDED",
            CELLPADDING=2,
        )

    def _rows(self, card: Card, device: int, widths: _Widths) -> list[str]:
        """The name, and below it what is in a stage with the shapes beside it."""
        head = row(self._name(card), self._note(card, device))
        lines = [row(cell(table(head, CELLPADDING=4), COLSPAN=2)), *self._bar_line(card)]
        painter, quiet = self.painters[device], self._quiet(card)
        left = max([widths.inside, *(_points(painter.width(band)) for band in card.bands)])
        for band, shape in shapes(self.holdings, card, device):
            place = {"VALIGN": "BOTTOM"} if isinstance(band, Join | Inside) else {}
            said = font(shape, NOTE, quiet)
            shown = cell(said, WIDTH=widths.shape, ALIGN="RIGHT", CELLPADDING=4, **place)
            lines.append(row(cell(painter.band(band, left)), shown))
        return lines

    def _line(self, card: Card, device: int, widths: _Widths) -> list[str]:
        """The name, what is in a stage, what comes out of it and what is learned, side by side."""
        cells = [
            self._name(card, WIDTH=widths.name),
            cell(self._chips(card, device, widths.inside)),
            self._shape(card, device, WIDTH=widths.shape),
        ]
        if not self.sheet.several:
            bar = self._bar(card, widths.note)
            note = [
                self._note(card, device, WIDTH=widths.note),
                *([cell(bar, CELLPADDING=0)] if bar else []),
            ]
            cells.append(cell(table(*map(row, note))))
        return [row(*cells)]

    def _folded(self, card: Card, device: int) -> list[str]:
        """The same, one below the other."""
        return [
            row(self._name(card), self._shape(card, device)),
            *self._bar_line(card),
            row(cell(self._chips(card, device), COLSPAN=2)),
        ]

    def _chips(self, card: Card, device: int, width: int | None = None) -> str:
        return self.painters[device].stack(card.bands, steady=False, width=width)

    def _name(self, card: Card, **place: int) -> str:
        name = font(bold(text(card.name, MAX_TEXT)), NAME, self._quiet(card))
        return cell(name, ALIGN="LEFT", CELLPADDING=4, **place)

    def _shape(self, card: Card, device: int, **place: int) -> str:
        shape = self.holdings.shape(card.items[-1].path, device)
        return cell(font(shape, NOTE, self._quiet(card)), ALIGN="RIGHT", CELLPADDING=4, **place)

    def _note(self, card: Card, device: int, **place: int) -> str:
        said = font(self._noted(card, device), NOTE, self.palette.muted)
        return cell(said, ALIGN="RIGHT", CELLPADDING=4, **place)

    def _noted(self, card: Card, device: int) -> str:
        """A device's part of the output; on one device, what the stage learns."""
        if self.sheet.several:
            return self.holdings.share(card, device)
        return parameters(self.analysis, card)

    def _bar_line(self, card: Card) -> list[str]:
        """The bar across a card; on several devices it stands in the margin."""
        bar = "" if self.sheet.several else self._bar(card, self.length)
        return [row(cell(bar, COLSPAN=2))] if bar else []

    def _bar(self, card: Card, width: int, side: str = "LEFT") -> str:
        """A stage's share of the network's parameters; nothing where it learns none."""
        part = share(self.analysis, card)
        if not part:
            return ""
        filled = max(SHORTEST, round(part * width))
        sizes = [(filled, self.palette.line), (width - filled, self.palette.column)]
        cells = (cell("", WIDTH=size, HEIGHT=BAR, BGCOLOR=tone) for size, tone in sizes if size)
        fixed: dict[str, str | int] = {
            "FIXEDSIZE": "TRUE",
            "WIDTH": width,
            "HEIGHT": BAR,
            "ALIGN": side,
        }
        return table(row(*cells), CELLPADDING=0, **fixed)

    def _quiet(self, card: Card) -> str | None:
        """The colour of a stage of which nothing is known: neither what goes in nor what comes."""
        flows = self.analysis.shapes.flows
        first, last = flows[card.items[0].path], flows[card.items[-1].path]
        is_unknown = first.input is None and last.output is None
        return self.palette.muted if is_unknown else None

    def _wrong(self, card: Card) -> list[str]:
        """The faults of a stage, on the first of its cards."""
        said = self.sheet.faults.of(card.stage.path) if card.begins else ()
        return [
            font(line, NOTE, self.palette.wrong)
            for fault in said
            for line in paragraph(fault, MAX_TEXT, FAULT_LINES)
        ]

    # --- widths -------------------------------------------------------------------------------

    def _figures(self) -> int:
        """The width in points of the figures that stand beside the columns."""
        said = (parameters(self.analysis, card) for card in self.sheet.cards)
        return _points(max(map(len, said), default=0))

    def _longest_fault(self, cards: Iterable[Card]) -> int:
        """Characters of a line of a fault."""
        lines = (line for card in cards for line in self.sheet.faults.of(card.stage.path))
        return max((min(len(line), MAX_TEXT) for line in lines), default=0)

    def _widths(self, cards: Iterable[Card]) -> _Widths:
        """For all cards alike, so that columns have straight sides."""
        cards = tuple(cards)
        name = inside = shape = note = 0.0
        for card in cards:
            for device, painter in self.painters.items():
                noted = self._noted(card, device) or parameters(self.analysis, card)
                name = max(name, BOLD * min(len(card.name), MAX_TEXT))
                note = max(note, len(noted))
                for band, said in shapes(self.holdings, card, device):
                    inside = max(inside, painter.width(band))
                    shape = max(shape, len(said) + 2)
        least = 0 if self.sheet.several else self._longest_fault(cards)
        if self.in_line:
            note = 0 if self.sheet.several else note + 1
            inside = max(inside, least - name - shape - note)
            return _Widths(*map(_points, (name + 2, inside, shape, note)))
        inside = max(min(inside, WIDEST), max(name + note + 4, least) - shape)
        return _Widths(0, _points(inside), _points(shape), 0)


def _points(characters: float) -> int:
    return round(characters * CHARACTER)
