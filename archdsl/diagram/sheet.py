"""What stands in a picture of a network, before any of it is markup: cards, columns, blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archdsl.analysis import Analysis
from archdsl.diagnostics import Diagnostic
from archdsl.diagram.bands import Band, Chip, chips
from archdsl.diagram.blocks import Blocks
from archdsl.diagram.cards import Card, cards, shown_devices
from archdsl.diagram.faults import Faults
from archdsl.diagram.style import Fold, Style

TOTAL, GAP = "all", "gap"
"""Columns that are no device: what all devices hold, and the space where edges cross."""


class Sheet:
    """The cards of a network's stages, the columns that they stand in, and the blocks below.

    With several devices there is a column to each, one for what they hold together and one for
    what crosses between them. Where the stages stand side by side, columns are rows.
    """

    def __init__(
        self, analysis: Analysis, style: Style, findings: Iterable[Diagnostic] = ()
    ) -> None:
        self.analysis = analysis
        self.network = analysis.network
        self.style = style
        self.palette = style.palette
        self.cards = cards(analysis, style.fold)
        self.faults = Faults(analysis, findings)
        count = self.network.devices
        self.several = count > 1 and bool(self.cards)
        shown = shown_devices(count if self.several else 1)
        self.elided = self.several and len(shown) < count
        self.devices = {str(device): device for device in shown}
        self.columns = list(self.devices)
        if self.several:
            self.columns.insert(len(shown) - 1 if self.elided else len(shown) // 2, GAP)
            self.columns.insert(0, TOTAL)
        bands = () if style.fold is Fold.STAGE else self._bands()
        self.blocks = Blocks(analysis, bands)

    @property
    def chips(self) -> Iterator[Chip]:
        """All that is drawn, in cards and in blocks."""
        for band in self._bands():
            yield from chips(band)
        for block in self.blocks:
            for band in block.bands:
                yield from chips(band)

    def ending(self, device: int) -> str:
        """What the ids of parts end with that are drawn on this device: `@0`."""
        return f"@{device}" if self.several else ""

    def ids(self, card: Card) -> Iterator[str]:
        """The ids of a card on every device that is drawn."""
        for device in self.devices.values():
            yield f"stage:{card.key}{self.ending(device)}"

    def _bands(self) -> Iterator[Band]:
        for card in self.cards:
            yield from card.bands
