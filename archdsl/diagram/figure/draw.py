"""The figure of a network: its maps fitted to a page, line below line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from archdsl.analysis import Analysis
from archdsl.diagnostics import Diagnostic
from archdsl.diagram.faults import Faults
from archdsl.diagram.figure.bounds import extent, lowered
from archdsl.diagram.figure.captions import caption, description, wrong
from archdsl.diagram.figure.fit import Fit, fit, forced
from archdsl.diagram.figure.labels import LEADING
from archdsl.diagram.figure.layout import rows
from archdsl.diagram.figure.line import drawn
from archdsl.diagram.figure.maps import Fold, Map, shortened
from archdsl.diagram.figure.page import TWO_COLUMNS, Page, page
from archdsl.diagram.figure.reading import maps
from archdsl.diagram.figure.scene import Mark, Point, Scene, Text
from archdsl.diagram.figure.text import ink, legal, paragraph
from archdsl.diagram.palette import PALETTES, Palette, Theme

MOST_LAYERS = 16
"""Of more maps, blocks are drawn as one each."""

MOST_MAPS = 10
"""Where the middle has to be left out, so many are drawn."""

APART = 10.0
"""Points between two lines of maps."""

FAULT_LINES = 8
"""Lines that the faults take at the most."""


def figure(
    analysis: Analysis,
    findings: Iterable[Diagnostic] = (),
    *,
    theme: Theme = Theme.LIGHT,
    width: float = TWO_COLUMNS,
) -> Scene:
    """A network as papers draw it: its maps as cuboids to scale, and what makes each of the next.

    `width` is in millimetres; how high the scene is follows. `findings` are what the compiler says
    of the network's file, for what the analysis does not know of. What is wrong is marked.
    """
    faults, sheet, palette = Faults(analysis, findings), page(width), PALETTES[theme]
    found = _fitted(analysis, faults, sheet)
    marks: list[Mark] = []
    y = sheet.margin
    for number, (line, more) in enumerate(zip(found.lines, found.more, strict=True)):
        own = drawn(line, number > 0, sheet, found.scales, more, palette)
        box = extent(own)
        marks += lowered(own, y - box.top)
        y += box.bottom - box.top + APART
    said = list(wrong(analysis, faults))
    below = list(_below(said, caption(found.maps), sheet, palette, y))
    bottom = max((ink(text).bottom for text in below), default=y - APART)
    return Scene(
        sheet.width,
        round(bottom + sheet.margin, 2),
        palette.paper,
        (*marks, *below),
        legal(analysis.network.name),
        legal(description(analysis, faults)),
    )


def _fitted(analysis: Analysis, faults: Faults, sheet: Page) -> Fit:
    """The maps with as little folded as can be read, on as few lines."""

    @cache
    def read(fold: Fold) -> list[Map]:
        return maps(analysis, faults, fold)

    for fold, count in _ways(sheet.lines):
        found = read(fold)
        fitted = fit(found, count, sheet, len(rows(found)))
        if fitted and (fold >= Fold.BLOCKS or len(found) <= MOST_LAYERS):
            return fitted
    found = shortened(read(Fold.STAGES), MOST_MAPS)
    fits = [forced(found, 1 + more, sheet, len(rows(found))) for more in range(sheet.lines)]
    return max(fits, key=lambda each: each.scales.edge)


def _ways(lines: int) -> Iterator[tuple[Fold, int]]:
    """What to try, the best first: rather a second line than a block as one map."""
    for folds in ((Fold.REPEATS, Fold.RUNS), (Fold.BLOCKS,)):
        yield from ((fold, count) for count in (1, 2) for fold in folds)
    for count in range(3, lines + 1):
        yield from ((fold, count) for fold in (Fold.REPEATS, Fold.RUNS, Fold.BLOCKS))
    yield from ((Fold.STAGES, count) for count in range(1, lines + 1))


def _below(
    faults: list[str], words: str, sheet: Page, palette: Palette, y: float
) -> Iterator[Text]:
    """What is wrong, and how the figure is to be read, below a height."""
    size, room = sheet.small, sheet.width - 2 * sheet.margin
    lines = [line for fault in faults for line in paragraph(fault, size, room)]
    if len(lines) > FAULT_LINES:
        lines[FAULT_LINES - 1 :] = ["…"]
    for texts, color in ((lines, palette.wrong), (paragraph(words, size, room), palette.muted)):
        for text in texts:
            y += LEADING * size
            yield Text(Point(sheet.margin, y), text, size, color)
        y += size / 2
