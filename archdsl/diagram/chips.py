"""Bands as the tables of Graphviz's labels: chips, branches side by side, repeats in a frame."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.diagram.bands import Band, Chip, Join, Label, Row, Times, brief
from archdsl.diagram.dot import bold, cell, font, row, table, text
from archdsl.diagram.palette import BLOCK, COLUMN, LINE, MUTED, TONES, UNKNOWN, WRONG, Tone
from archdsl.network import Layer
from archdsl.shape import Family
from archdsl.words.word import Unbound

NAME, NOTE = 12, 10
"""Font sizes in points; a layer is written at NOTE size too."""

CHARACTER = 5.7
"""Points that a character at NOTE size takes, generously: a digit of Helvetica takes 5.6."""

MAX_TEXT = 48
"""Characters of one name, layer or claim."""

GUTTER = 6
"""Points between the branches of a join, beside the spaces between cells."""

BRANCH_ROOM, FRAME_ROOM = 2, 1
"""Characters that the spaces around a branch and inside of a frame take."""

COUNT_WIDTH = 6
"""Characters that `12 ×` takes beside what is repeated."""

NARROWEST = 4
"""Characters that a branch takes at the least."""

NESTED_HEIGHT = 26
"""Points of each row of a join beside a frame in it, so that no row alone takes what that needs."""


class Painter:
    """Makes markup of bands.

    `shape` gives the shape at a path as it is to be written; `wrong` says whether a part is to be
    outlined; `mark` gives what is added to the text of a chip.
    """

    def __init__(
        self,
        shape: Callable[[str], str],
        wrong: Callable[[Chip], bool],
        mark: Callable[[Chip], str],
    ) -> None:
        self.shape = shape
        self.wrong = wrong
        self.mark = mark

    def band(self, band: Band, width: int | None = None) -> str:
        """One band: as wide as its place, or `width` points and, on the left, no wider than it is.

        Graphviz widens what is in a table to fill it, but not to fill the table's own WIDTH.
        """
        wide = {} if width is None else {"WIDTH": width}
        match band:
            case Row():
                return table(row(*map(self.chip, band.chips)), **wide, CELLSPACING=2)
            case Join():
                return table(row(cell(self._join(band))), **wide, CELLPADDING=2)
            case Times():
                return table(row(cell(self._times(band))), **wide, CELLPADDING=2)
            case Label():
                name = cell(font(text(band.stage.name, MAX_TEXT), NOTE, MUTED), ALIGN="LEFT")
                return table(row(name), **wide, CELLSPACING=2)

    def stack(self, bands: tuple[Band, ...], width: int | None = None) -> str:
        """Bands from top to bottom."""
        return table(*(row(cell(self.band(band, width))) for band in bands))

    def chip(self, chip: Chip, **attributes: int) -> str:
        """A cell on the colour of the part's family."""
        mark = self.mark(chip)
        words = text(brief(chip), MAX_TEXT - len(mark)) + mark
        return swatch(words, self._tone(chip), **attributes)

    def ends(self, join: Join) -> tuple[str, ...]:
        """What each branch gives, where it is known and is not what the join gives."""
        found = tuple(self.shape(branch.path) for branch in join.ends) if join.steady else ()
        return found if any(end != self.shape(join.end) for end in found) else ()

    def width(self, band: Band) -> float:
        """Characters that a band takes side by side."""
        match band:
            case Row():
                words = [brief(chip) + self.mark(chip) for chip in band.chips]
                return sum(min(len(word), MAX_TEXT) + 1.5 for word in words)
            case Join():
                more = len(f"… {band.hidden:,} more") if band.hidden else 0
                between = BRANCH_ROOM * len(band.columns)
                return sum(self._branch_widths(band)) + between + more + FRAME_ROOM
            case Times():
                return COUNT_WIDTH + max(map(self.width, band.bands)) + FRAME_ROOM
            case Label():
                return min(len(band.stage.name), MAX_TEXT)

    def _branch_widths(self, join: Join) -> list[float]:
        ends = self.ends(join) or ("",) * len(join.columns)
        return [
            max([NARROWEST, len(end) + 1, *map(self.width, column)])
            for column, end in zip(join.columns, ends, strict=True)
        ]

    def _join(self, join: Join) -> str:
        """A grid with two columns to a branch, so that a line can run down between them."""
        rows = max(1, *map(self._height, join.columns))
        widths = self._branch_widths(join)
        grid: list[list[str]] = [[] for _ in range(rows)]
        framed = any(isinstance(band, Join | Times) for column in join.columns for band in column)
        gutter = cell("", WIDTH=GUTTER, **({"HEIGHT": NESTED_HEIGHT} if framed else {}))
        for number, column in enumerate(join.columns):
            if number:
                for line in grid:
                    line.append(gutter)
            at = 0
            for band in column:
                grid[at].append(self._in_grid(band))
                at += self._height((band,))
            if at < rows:
                grid[at] += _line(rows - at, round(widths[number] * CHARACTER / 2))
        if join.hidden:
            more = font(f"… {join.hidden:,} more", NOTE, MUTED)
            grid[0].append(cell(more, ROWSPAN=rows, COLSPAN=3))
        lines = [row(*line) for line in grid]
        ends = [cell(font(end, NOTE, MUTED), COLSPAN=2) for end in self.ends(join)]
        if ends:
            lines.append(row(cell("").join(ends)))
        tone = self._tone(join.layer)
        span = 3 * (len(join.columns) + bool(join.hidden)) - 1
        lines.append(row(swatch(text(join.layer.op.brief, MAX_TEXT), tone, COLSPAN=span)))
        return table(*lines, BORDER=1, COLOR=tone.line, BGCOLOR="white", CELLSPACING=3)

    def _height(self, bands: tuple[Band, ...]) -> int:
        """The rows that bands take in the grid of a join."""
        rows = 0
        for band in bands:
            match band:
                case Join():
                    rows += max(1, *map(self._height, band.columns)) + 1 + bool(self.ends(band))
                case Times():
                    rows += self._height(band.bands)
                case _:
                    rows += 1
        return rows

    def _in_grid(self, band: Band) -> str:
        match band:
            case Row(chips=(chip,)):
                return self.chip(chip, COLSPAN=2)
            case _:
                return cell(self.band(band), COLSPAN=2, ROWSPAN=self._height((band,)))

    def _times(self, times: Times) -> str:
        count = font(bold(f"{len(times.iterations):,} ×"), NOTE, MUTED)
        width = round((self.width(times) - COUNT_WIDTH) * CHARACTER)
        return table(
            row(cell(count, CELLPADDING=4), cell(self.stack(times.bands, width))),
            BORDER=1,
            COLOR=WRONG if self.wrong(times.repeat) else LINE,
            BGCOLOR=COLUMN,
            STYLE="ROUNDED",
        )

    def _tone(self, chip: Chip) -> Tone:
        tone = tone_of(chip)
        return Tone(tone.fill, WRONG) if self.wrong(chip) else tone


def swatch(markup: str, tone: Tone, **attributes: int) -> str:
    """A cell on a colour."""
    words = font(markup, NOTE)
    return cell(words, BORDER=1, COLOR=tone.line, BGCOLOR=tone.fill, CELLPADDING=3, **attributes)


def family(chip: Chip) -> Family | None:
    """The family of a layer; None of one that cannot be read, and of what is none."""
    if not isinstance(chip, Layer) or isinstance(chip.op, Unbound):
        return None
    return chip.op.look


def tone_of(chip: Chip) -> Tone:
    if not isinstance(chip, Layer):
        return BLOCK
    kind = family(chip)
    return TONES[kind] if kind else UNKNOWN


def _line(rows: int, half: int) -> list[str]:
    """What passes by unchanged: a line between two cells."""
    size = {"ROWSPAN": rows, "WIDTH": half}
    return [cell("", BORDER=1, SIDES="R", COLOR=LINE, **size), cell("", **size)]
