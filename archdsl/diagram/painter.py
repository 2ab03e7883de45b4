"""Bands as the tables of Graphviz's labels: chips, branches side by side, repeats in a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from archdsl.analysis import Analysis
from archdsl.diagram.bands import Band, Chip, Inside, Join, Label, More, Row, Times, brief
from archdsl.diagram.chips import CHARACTER, MAX_TEXT, NOTE, swatch, swatch_width, tone_of, written
from archdsl.diagram.dot import bold, cell, font, named, plain, row, table, text
from archdsl.diagram.faults import Faults
from archdsl.diagram.palette import Palette, Tone

MAX_TIP = 160
"""Characters of what is shown while the mouse is on a part."""

CHIP_SPACE = 2
"""Points from one chip to the next, and around them."""

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

    `shape` gives the shape at a path as it is to be written; `mark` what is added to the text of a
    chip. `column` ends the ids of what is drawn several times: `@0` on device 0.
    """

    def __init__(
        self,
        analysis: Analysis,
        palette: Palette,
        shape: Callable[[str], str],
        faults: Faults,
        mark: Callable[[Chip], str],
        column: str = "",
    ) -> None:
        self.analysis = analysis
        self.palette = palette
        self.shape = shape
        self.faults = faults
        self.mark = mark
        self.column = column

    def band(self, band: Band, width: int | None = None) -> str:
        """One band: as wide as its place, or `width` points and, on the left, no wider than it is.

        Graphviz widens what is in a table to fill it, but not to fill the table's own WIDTH.
        """
        wide = {} if width is None else {"WIDTH": width}
        match band:
            case Row():
                return table(row(*map(self.chip, band.chips)), **wide, CELLSPACING=CHIP_SPACE)
            case Join():
                return table(row(cell(self._join(band))), **wide, CELLPADDING=2)
            case Times():
                return table(row(cell(self._times(band))), **wide, CELLPADDING=2)
            case Inside():
                return table(row(cell(self._inside(band))), **wide, CELLPADDING=2)
            case More():
                more = font(_more(len(band.iterations)), NOTE, self.palette.muted)
                return table(row(cell(more, ALIGN="LEFT")), **wide, CELLSPACING=2)
            case Label():
                label = text(band.stage.name, MAX_TEXT)
                name = cell(font(label, NOTE, self.palette.muted), ALIGN="LEFT")
                return table(row(name), **wide, CELLSPACING=2)

    def stack(
        self, bands: Sequence[Band], *, steady: bool, closed: bool = False, width: int | None = None
    ) -> str:
        """Bands from top to bottom, with the shapes if they are steady, the last if not `closed`.

        With `width` points, the bands alone are as wide.
        """
        notes = self.notes(bands, steady, closed)
        if not any(notes):
            return table(*(row(cell(self.band(band, width))) for band in bands))
        return table(
            *(
                row(
                    cell(self.band(band, width)),
                    cell(font(note, NOTE, self.palette.muted), ALIGN="RIGHT", CELLPADDING=3),
                )
                for band, note in zip(bands, notes, strict=True)
            )
        )

    def notes(self, bands: Sequence[Band], steady: bool, closed: bool) -> list[str]:
        """The shapes beside bands where they are others than above.

        What comes out of the last is left out where they are `closed`: it is said elsewhere.
        """
        found = [self.shape(band.end) if steady else "" for band in bands]
        said = found[-1] if closed and found else ""
        return ["" if shape in (above, said) else shape for above, shape in pairwise(["", *found])]

    def chip(self, chip: Chip, **attributes: int) -> str:
        """A cell on the colour of the part's family; quiet where nothing is known of it."""
        words, tone, color = self._words(chip), self._tone(chip), self._color(chip)
        return swatch(words, tone, color, **attributes, **self._named(chip.path, chip))

    def _words(self, chip: Chip) -> str:
        mark = self.mark(chip)
        return text(brief(chip), MAX_TEXT - len(mark)) + mark

    def ends(self, join: Join) -> tuple[str, ...]:
        """What each branch gives, where it is known and is not what the join gives."""
        found = tuple(self.shape(branch.path) for branch in join.ends) if join.steady else ()
        return found if any(end != self.shape(join.end) for end in found) else ()

    def width(self, band: Band) -> float:
        """Characters that a band takes side by side."""
        match band:
            case Row():
                widths = [swatch_width(plain(self._words(chip))) for chip in band.chips]
                return (sum(widths) + CHIP_SPACE * (len(widths) + 1) + 1) / CHARACTER
            case Join():
                more = len(_more(band.hidden)) if band.hidden else 0
                between = BRANCH_ROOM * len(band.columns)
                return sum(self._branch_widths(band)) + between + more + FRAME_ROOM
            case Times():
                return COUNT_WIDTH + self._stacked(band) + FRAME_ROOM
            case Inside():
                return max(min(len(band.title), MAX_TEXT), self._stacked(band)) + FRAME_ROOM
            case More():
                return len(_more(len(band.iterations)))
            case Label():
                return min(len(band.stage.name), MAX_TEXT)

    def stacked(self, bands: Sequence[Band], steady: bool, closed: bool) -> float:
        """Characters that a stack of bands takes, with the shapes beside them."""
        noted = max(map(len, self.notes(bands, steady, closed)), default=0)
        return max(map(self.width, bands), default=0) + noted + (1 if noted else 0)

    def _stacked(self, frame: Times | Inside) -> float:
        return self.stacked(frame.bands, frame.steady, closed=True)

    def _branch_widths(self, join: Join) -> list[float]:
        ends = self.ends(join) or ("",) * len(join.columns)
        return [
            max([NARROWEST, len(end) + 1, *map(self.width, column)])
            for column, end in zip(join.columns, ends, strict=True)
        ]

    def _join(self, join: Join) -> str:
        """A grid with two columns to a branch, so that a line can run down between them."""
        rows = max(1, *map(self.height, join.columns))
        widths = self._branch_widths(join)
        grid: list[list[str]] = [[] for _ in range(rows)]
        framed = any(self.height((band,)) > 1 for column in join.columns for band in column)
        gutter = cell("", WIDTH=GUTTER, **({"HEIGHT": NESTED_HEIGHT} if framed else {}))
        for number, column in enumerate(join.columns):
            if number:
                for line in grid:
                    line.append(gutter)
            at = 0
            for band in column:
                grid[at].append(self._in_grid(band))
                at += self.height((band,))
            if at < rows:
                grid[at] += _line(
                    rows - at, round(widths[number] * CHARACTER / 2), self.palette.line
                )
        if join.hidden:
            more = font(_more(join.hidden), NOTE, self.palette.muted)
            grid[0].append(cell(more, ROWSPAN=rows, COLSPAN=3))
        lines = [row(*line) for line in grid]
        ends = [cell(font(end, NOTE, self.palette.muted), COLSPAN=2) for end in self.ends(join)]
        if ends:
            lines.append(row(cell("").join(ends)))
        tone = self._tone(join.layer)
        span = 3 * (len(join.columns) + bool(join.hidden)) - 1
        word = text(join.layer.op.brief, MAX_TEXT)
        foot = swatch(
            word, tone, self._color(join.layer), COLSPAN=span, **self._named(join.end, join.layer)
        )
        lines.append(row(foot))
        return table(*lines, BORDER=1, COLOR=tone.line, BGCOLOR=self.palette.paper, CELLSPACING=3)

    def height(self, bands: tuple[Band, ...]) -> int:
        """The rows that bands take in the grid of a join."""
        rows = 0
        for band in bands:
            match band:
                case Join():
                    rows += max(1, *map(self.height, band.columns)) + 1 + bool(self.ends(band))
                case Times():
                    rows += self.height(band.bands)
                case Inside():
                    rows += 1 + self.height(band.bands)
                case _:
                    rows += 1
        return rows

    def _in_grid(self, band: Band) -> str:
        match band:
            case Row(chips=(chip,)):
                return self.chip(chip, COLSPAN=2)
            case _:
                return cell(self.band(band), COLSPAN=2, ROWSPAN=self.height((band,)))

    def _times(self, times: Times) -> str:
        count = font(bold(f"{len(times.iterations):,} ×"), NOTE, self.palette.muted)
        known = self._named(times.path, times.repeat)
        width = round((self.width(times) - COUNT_WIDTH) * CHARACTER)
        inside = self.stack(times.bands, steady=times.steady, closed=True, width=width)
        return table(
            row(cell(count, CELLPADDING=4, **known), cell(inside)),
            **self._frame(self.faults.on(times.repeat)),
        )

    def _inside(self, inside: Inside) -> str:
        name = font(text(inside.title, MAX_TEXT), NOTE, self.palette.muted)
        known = self._named(inside.end, inside.part)
        return table(
            row(cell(name, ALIGN="LEFT", CELLPADDING=3, **known)),
            row(cell(self.stack(inside.bands, steady=inside.steady, closed=True))),
            **self._frame(self.faults.within(inside.end)),
        )

    def _frame(self, is_wrong: bool) -> dict[str, str | int]:
        color = self.palette.wrong if is_wrong else self.palette.line
        return {"BORDER": 1, "COLOR": color, "BGCOLOR": self.palette.column, "STYLE": "ROUNDED"}

    def _tone(self, chip: Chip) -> Tone:
        tone = tone_of(chip, self.palette) if self._is_known(chip) else self.palette.unknown
        return Tone(tone.fill, self.palette.wrong) if self.faults.on(chip) else tone

    def _color(self, chip: Chip) -> str | None:
        return None if self._is_known(chip) or self.faults.on(chip) else self.palette.muted

    def _is_known(self, chip: Chip) -> bool:
        """Whether a shape goes into a part or comes out of it."""
        flow = self.analysis.shapes.flows[chip.path]
        return flow.input is not None or flow.output is not None

    def _named(self, path: str, part: Chip) -> dict[str, str]:
        """The id of what is drawn of a part, and what it tells under the mouse.

        `conv1.conv: conv 96 11x11 stride=4 · 3×227×227 → 96×55×55 · 34,944 parameters`
        """
        flow, costs = self.analysis.shapes.flows[path], self.analysis.parts.get(path)
        said = text(f"{path}: {' '.join(part.head.text.split())}", MAX_TIP)
        shapes = f"{written(flow.input)} → {written(flow.output)}"
        learned = f" · {costs.params:,} parameters" if costs and costs.params else ""
        return named(f"part:{path}{self.column}", f"{said} · {shapes}{learned}")


def _more(hidden: int) -> str:
    return f"… {hidden:,} more"


def _line(rows: int, half: int, color: str) -> list[str]:
    """What passes by unchanged: a line between two cells."""
    size = {"ROWSPAN": rows, "WIDTH": half}
    return [cell("", BORDER=1, SIDES="R", COLOR=color, **size), cell("", **size)]
