"""Which elements of a graph's SVG show a part of the network: for pages that point at them."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis import Analysis
from archdsl.diagram.bands import Band, Inside, Join, Row, Times
from archdsl.diagram.sheet import Sheet
from archdsl.diagram.style import PLAIN, Style
from archdsl.network import Use


def elements(analysis: Analysis, style: Style = PLAIN) -> dict[str, tuple[str, ...]]:
    """The ids of the elements that show every stage and part, by its path, nearest first.

    That is a stage's cards and a part's chip, on every device that is drawn; of what is drawn once
    for several (iterations of a repeat, uses of a block), the one that is drawn, and then the chip
    that it is in; of what is folded away, that chip or the card.
    """
    known = _Elements(Sheet(analysis, style))
    network = analysis.network
    paths = [*(stage.path for stage in network.stages), *(part.path for part in network.parts)]
    return {path: known.of(path) for path in paths}


class _Elements:
    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.shown: dict[str, list[str]] = {}
        """The ids by the path of what is drawn."""
        self.stands: dict[str, str] = {}
        """By path, of an iteration or a use, the path of the one that is drawn for it."""
        endings = [sheet.ending(device) for device in sheet.devices.values()]
        for card in sheet.cards:
            self.shown.setdefault(card.stage.path, []).extend(sheet.ids(card))
            for band in card.bands:
                self._add(band, endings)
        self.in_cards = set(self.shown)
        for block in sheet.blocks:
            for band in block.bands:
                self._add(band, [""])

    def of(self, path: str) -> tuple[str, ...]:
        standing = path
        while standing not in self.shown:
            standing = self._standing(standing) or standing.rpartition(".")[0]
        around = path
        while around not in self.in_cards:
            around = around.rpartition(".")[0]
        return tuple(dict.fromkeys([*self.shown[standing], *self.shown[around]]))

    def _standing(self, path: str) -> str | None:
        """The same path in what is drawn for what it is in; None if that is drawn itself."""
        above = path
        while above:
            if above in self.stands:
                return self.stands[above] + path[len(above) :]
            above = above.rpartition(".")[0]
        return None

    def _add(self, band: Band, endings: list[str]) -> None:
        for path in self._paths(band):
            self.shown[path] = [f"a_part:{path}{ending}" for ending in endings]
        match band:
            case Join():
                for column in band.columns:
                    for inner in column:
                        self._add(inner, endings)
            case Times() | Inside():
                for inner in band.bands:
                    self._add(inner, endings)

    def _paths(self, band: Band) -> Iterator[str]:
        """What a band draws itself; notes what it draws for others."""
        match band:
            case Row():
                for chip in band.chips:
                    yield chip.path
                    drawn = self.sheet.blocks.drawing(chip) if isinstance(chip, Use) else None
                    if drawn is not None and drawn.use.path != chip.path:
                        self.stands[chip.path] = drawn.use.path
            case Join():
                yield band.layer.path
            case Inside():
                yield band.end
            case Times():
                yield band.path
                first, *others = band.iterations
                self.stands |= {other.path: first.path for other in others}
