"""What stands above a picture: the name, the network in figures, what is wrong, the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import NamedTuple

from archdsl.diagram.chips import MAX_TEXT, NAME, NOTE, family, swatch, swatch_width, written
from archdsl.diagram.dot import bold, cell, font, paragraph, plain, row, table, text
from archdsl.diagram.palette import Tone
from archdsl.diagram.sheet import Sheet
from archdsl.network import Use

TITLE = 20
"""Its font's size in points."""

WIDTH, LINES = 84, 4
"""Characters of a line of the title comment or of a fault, and how many lines of it are shown."""

APART = 4
"""In points, from one swatch of the legend to the next."""

MAX_CUT = 3
"""Stages that are named as too large to be unfolded."""


class Said(NamedTuple):
    """A line of markup, its size in points and its colour."""

    markup: str
    size: int
    color: str | None = None

    @property
    def width(self) -> int:
        """In points, about."""
        return round(len(plain(self.markup)) * self.size / 2)


def heading(sheet: Sheet) -> str:
    """The name, the title comment, what the network is in figures, and the legend."""
    network, costs, palette = sheet.network, sheet.analysis.costs, sheet.palette
    facts = [f"{written(network.input)} → {written(sheet.analysis.output)}"]
    if network.devices > 1:
        facts.append(f"{network.devices:,} devices")
    facts.append(f"{costs.params:,} parameters" if costs else "? parameters")
    lines = [Said(bold(text(network.name, MAX_TEXT)), TITLE)]
    lines += [Said(line, NAME, palette.muted) for line in paragraph(network.title, WIDTH, LINES)]
    lines.append(Said(" · ".join(facts), NAME))
    if costs and costs.traffic:
        crossing = f"{costs.traffic:,} numbers per image cross between the devices"
        lines.append(Said(crossing, NAME, palette.traffic))
    lines += [
        Said(line, NOTE, palette.wrong)
        for fault in sheet.faults.general
        for line in paragraph(fault, WIDTH, LINES)
    ]
    lines += [Said(line, NOTE, palette.muted) for line in _cut(sheet)]
    return headed(lines, _tones(sheet))


def headed(lines: Sequence[Said], tones: Mapping[str, Tone]) -> str:
    """Lines in the middle, and below them what colours mean."""
    said = [row(cell(font(line.markup, line.size, line.color))) for line in lines]
    if tones:
        # As much space beside the legend as the lines are longer: else Graphviz widens the legend.
        longest = max(line.width for line in lines)
        width = sum(swatch_width(name) + APART for name in tones)
        side = cell("", WIDTH=max(0, (longest - width) // 2))
        swatches = table(row(*starmap(swatch, tones.items())), CELLSPACING=APART)
        said.append(row(cell(table(row(side, cell(swatches), side), CELLPADDING=0))))
    return table(*said, CELLPADDING=3)


def _cut(sheet: Sheet) -> list[str]:
    """What is folded because there is too much in it."""
    names = list(dict.fromkeys(card.stage.name for card in sheet.cards if card.is_cut))
    if not names:
        return []
    more = f" and {len(names) - MAX_CUT:,} more" if len(names) > MAX_CUT else ""
    return paragraph(f"too large to be unfolded: {', '.join(names[:MAX_CUT])}{more}", WIDTH, 2)


def _tones(sheet: Sheet) -> dict[str, Tone]:
    """The families that are drawn, in the palette's order, and what an outline means."""
    drawn = list(sheet.chips)
    used = {family(chip) for chip in drawn}
    tones = {kind.value: tone for kind, tone in sheet.palette.tones.items() if kind in used}
    if any(isinstance(chip, Use) for chip in drawn):
        tones["block"] = sheet.palette.block
    if any(sheet.faults.within(card.stage.path) for card in sheet.cards):
        tones["does not check"] = Tone(sheet.palette.paper, sheet.palette.wrong)
    return tones
