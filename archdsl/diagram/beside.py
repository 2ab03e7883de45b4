"""The stages of two networks side by side, as the tables of Graphviz's labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Literal, NamedTuple

from archdsl.analysis import Analysis
from archdsl.analysis.claims import percent
from archdsl.diagram.bands import Chip, brief
from archdsl.diagram.chips import CHARACTER, MAX_TEXT, NAME, NOTE, swatch, written
from archdsl.diagram.dot import bold, cell, font, named, paragraph, row, struck, table, text
from archdsl.diagram.faults import Faults
from archdsl.diagram.pairs import Aligned, Kind, Line, Run, kind
from archdsl.diagram.palette import Palette, Tone
from archdsl.diff import Pair
from archdsl.network import Stage

CHANGE, CHANGE_LINES = 36, 4
"""Characters of a line of what changed, and how many lines of it are shown."""

FIGURE = 24
"""Characters of the number of a stage's parameters, with the space before it."""

SMALL = 0.001
"""A smaller share than this is told as a number."""

SPACE = 5
"""In points, between a card's last line and its lower side."""


class Side(NamedTuple):
    """One of the two networks, and what does not check in it."""

    name: Literal["before", "after"]
    analysis: Analysis
    faults: Faults

    def of(self, pair: Pair) -> Stage | None:
        return pair.before if self.name == "before" else pair.after

    @property
    def absent(self) -> Kind:
        """What became of a stage that this side has not."""
        return Kind.ADDED if self.name == "before" else Kind.REMOVED

    def is_wrong(self, pair: Pair) -> bool:
        stage = self.of(pair)
        return stage is not None and self.faults.within(stage.path)

    def learned(self, pair: Pair) -> int | None:
        """The parameters of a stage; None where there is none, and where they are not known."""
        stage = self.of(pair)
        costs = self.analysis.parts[stage.path] if stage else None
        return costs.params if costs else None

    def shape(self, line: Line | Run) -> str:
        """What comes out of a line; empty where there is no part."""
        last = line.lines[-1] if isinstance(line, Run) else line
        part = last.before if self.name == "before" else last.after
        return written(self.analysis.shapes.flows[part.path].output) if part else ""


class _Card(NamedTuple):
    """What became of a stage, and the sides where the line to the next stage passes through."""

    became: Kind = Kind.SAME
    passed: tuple[str, ...] = ()


_EQUAL = _Card()


class Beside:
    """Makes the labels of two networks: of stages one by one, or of a run of them that agree."""

    def __init__(
        self,
        sides: tuple[Side, Side],
        aligned: Aligned,
        groups: Sequence[tuple[Pair, ...]],
        palette: Palette,
    ) -> None:
        self.sides = sides
        self.groups = groups
        self.palette = palette
        self.tones = {
            Kind.SAME: palette.unknown,
            Kind.CHANGED: palette.changed,
            Kind.ADDED: palette.added,
            Kind.REMOVED: palette.removed,
            Kind.REPLACED: palette.changed,
        }
        self.drawn = [aligned.lines(pairs[0]) for pairs in groups]
        self.part, self.shape, self.change = self._widths()

    def networks(self) -> str:
        """The names of the networks, their inputs, and their files."""
        networks = [side.analysis.network for side in self.sides]
        color = self._color(networks[0].input != networks[1].input)
        heads, files = [], []
        for side, network in zip(self.sides, networks, strict=True):
            name = bold(text(network.name, MAX_TEXT))
            heads.append(self._head(side, name, written(network.input), color))
            file = font(
                text(PurePath(network.source.name).name, MAX_TEXT), NOTE, self.palette.muted
            )
            look = self._sides("LR", Kind.SAME)
            files.append(cell(file, COLSPAN=2, ALIGN="LEFT", CELLPADDING=4, **look))
        return self._table([self._row(heads), self._row(files)])

    def stages(self) -> Iterator[str]:
        """The stages of all groups."""
        for number, (pairs, lines) in enumerate(zip(self.groups, self.drawn, strict=True)):
            if len(pairs) > 1:
                yield self._agreeing(pairs)
            else:
                passed = tuple(side.name for side in self.sides if self.passes(side, number))
                yield self._pair(pairs[0], lines, _Card(kind(pairs[0]), passed))

    def passes(self, side: Side, number: int) -> bool:
        """Whether a network goes on after the stages of a group, of which it has none."""
        after = (side.of(pairs[0]) for pairs in self.groups[number + 1 :])
        return side.of(self.groups[number][0]) is None and any(after)

    # --- stages -------------------------------------------------------------------------------

    def _agreeing(self, pairs: Sequence[Pair]) -> str:
        """A run of stages that agree: the first and the last by name."""
        muted = self.palette.muted
        heads = []
        for side in self.sides:
            names = [stage.name for pair in (pairs[0], pairs[-1]) if (stage := side.of(pair))]
            name = text(" … ".join(names), MAX_TEXT)
            heads.append(self._head(side, name, f"{len(pairs):,} stages agree", muted, muted))
        return self._table([self._row(heads)])

    def _pair(self, pair: Pair, lines: Sequence[Line | Run], card: _Card) -> str:
        """A stage on both sides, or on the one that has it."""
        became = card.became
        before, after = (side.learned(pair) for side in self.sides)
        differs = became is Kind.CHANGED and before != after
        said = _growth(before, after) if differs else ""
        if became in (Kind.ADDED, Kind.REMOVED):
            said = became.value
        heads = [self._stage(side, pair, card, differs) for side in self.sides]
        rows = [self._row(heads, said, self.tones[became])]
        above = ["", ""]
        for line in lines:
            shapes = [side.shape(line) for side in self.sides]
            differs = all(shapes) and shapes[0] != shapes[1] and _is_pair(line)
            cells = [
                self._part(line, side, shape if shape != last else "", card, differs)
                for side, shape, last in zip(self.sides, shapes, above, strict=True)
            ]
            if isinstance(line, Line) and became is Kind.CHANGED:
                rows.append(self._row(cells, line.text, self.tones[line.kind]))
            else:
                rows.append(self._row(cells))
            above = [shape or last for shape, last in zip(shapes, above, strict=True)]
        return self._table(rows, card)

    def _stage(self, side: Side, pair: Pair, card: _Card, differs: bool) -> str:
        """A stage's name and what it learns; a blank where there is none."""
        stage = side.of(pair)
        if stage is None:
            return self._blank(side, card, PORT=side.name)
        color = {
            Kind.SAME: self.palette.muted,
            Kind.ADDED: self.palette.added.line,
            Kind.REMOVED: self.palette.removed.line,
        }.get(card.became)
        name = bold(text(stage.name, MAX_TEXT))
        if side.is_wrong(pair):
            name, color = f"✗ {name}", self.palette.wrong
        count = side.learned(pair)
        said = "? parameters" if count is None else f"{count:,} parameters" if count else ""
        known = named(f"{side.name}:{stage.path}", text(stage.path, MAX_TEXT))
        return self._head(side, name, said, self._color(differs), color, card.became, known)

    def _head(
        self,
        side: Side,
        name: str,
        said: str,
        said_color: str,
        color: str | None = None,
        became: Kind = Kind.SAME,
        known: dict[str, str] | None = None,
    ) -> str:
        """The first line of a card: a name, and what is said of it."""
        cells = (
            cell(font(name, NAME, color), ALIGN="LEFT", **(known or {})),
            cell(font(said, NOTE, said_color), ALIGN="RIGHT"),
        )
        size: dict[str, str | int] = {"COLSPAN": 2, "WIDTH": self.part + self.shape}
        look = self._sides("LTR", became)
        return cell(table(row(*cells), CELLPADDING=4), PORT=side.name, **size, **look)

    # --- lines --------------------------------------------------------------------------------

    def _part(self, line: Line | Run, side: Side, shape: str, card: _Card, differs: bool) -> str:
        """A part on one side, and the shape beside it."""
        if card.became is side.absent:
            return self._blank(side, card)
        if isinstance(line, Run):
            said = font(line.text, NOTE, self.palette.muted)
            inside = cell(said, ALIGN="LEFT", CELLPADDING=3)
        else:
            part = line.before if side.name == "before" else line.after
            inside = self._chip(part, line.kind, side) if part else cell("")
        beside = font(shape, NOTE, self._color(differs and card.became is Kind.CHANGED))
        left, right = (self._sides(end, card.became) for end in "LR")
        return cell(table(row(inside), CELLSPACING=2), WIDTH=self.part, **left) + cell(
            beside, WIDTH=self.shape, ALIGN="RIGHT", CELLPADDING=4, **right
        )

    def _chip(self, part: Chip, kind: Kind, side: Side) -> str:
        if kind is Kind.REPLACED:
            kind = Kind.REMOVED if side.name == "before" else Kind.ADDED
        words = text(brief(part), MAX_TEXT)
        quiet = self.palette.muted if kind is Kind.SAME else None
        return swatch(struck(words) if kind is Kind.REMOVED else words, self.tones[kind], quiet)

    def _row(self, sides: Sequence[str], said: str = "", tone: Tone | None = None) -> str:
        """Both sides, and between them what changed."""
        color = tone.line if tone else None
        lines = [font(line, NOTE, color) for line in paragraph(said, CHANGE, CHANGE_LINES)] or [""]
        middle = cell(table(*(row(cell(line)) for line in lines)), WIDTH=self.change)
        return row(sides[0], middle, sides[1])

    def _blank(self, side: Side, card: _Card, **place: str) -> str:
        """The place of a stage that is not there; a line runs down it to the next that is."""
        width = self.part + self.shape
        inside = ""
        if side.name in card.passed:
            half: dict[str, str | int] = {"WIDTH": width // 2}
            line: dict[str, str | int] = {"BORDER": 1, "SIDES": "R", "COLOR": self.palette.line}
            inside = table(row(cell("", **half, **line), cell("", **half)), CELLPADDING=0)
        return cell(inside, COLSPAN=2, WIDTH=width, **place)

    def _table(self, rows: list[str], card: _Card = _EQUAL) -> str:
        """The lines of two cards, with their lower sides."""
        look = self._sides("LBR", card.became)
        ends = [
            self._blank(side, card, PORT=f"{side.name}_end")
            if card.became is side.absent
            else cell("", COLSPAN=2, HEIGHT=SPACE, PORT=f"{side.name}_end", **look)
            for side in self.sides
        ]
        return table(*rows, row(ends[0], cell(""), ends[1]), CELLPADDING=0)

    def _sides(self, sides: str, became: Kind) -> dict[str, str | int]:
        """Parts of the line around a stage."""
        color = self.palette.line if became is Kind.CHANGED else self.tones[became].line
        return {"BORDER": 1, "SIDES": sides, "COLOR": color, "BGCOLOR": self.palette.paper}

    def _color(self, differs: bool) -> str:
        return self.palette.changed.line if differs else self.palette.muted

    def _widths(self) -> tuple[int, int, int]:
        """In points, for all stages alike: a part, the shape beside it, and what changed."""
        part = shape = 0
        change = len("−100.0 % parameters")
        for line in (line for lines in self.drawn for line in lines):
            shape = max(shape, *(len(side.shape(line)) for side in self.sides))
            if isinstance(line, Line):
                change = max(change, len(line.text))
                chips = (chip for chip in (line.before, line.after) if chip)
                part = max(part, *(len(brief(chip)) for chip in chips))
        names = [side.analysis.network.name for side in self.sides]
        for side in self.sides:
            stages = (side.of(pair) for pairs in self.groups for pair in pairs)
            names += [stage.name for stage in stages if stage]
        name = 1.25 * min(max(map(len, names)), MAX_TEXT)
        part = max(min(part, MAX_TEXT) + 3, round(name) + FIGURE - shape)
        sizes = (part, shape + 3, min(change, CHANGE) + 4)
        first, second, third = (round(size * CHARACTER) for size in sizes)
        return first, second, third


def _is_pair(line: Line | Run) -> bool:
    """Whether what is to the right of a line is what that to the left became."""
    return isinstance(line, Run) or line.kind is not Kind.REPLACED


def _growth(before: int | None, after: int | None) -> str:
    """By how much the parameters grew: `−36.0 % parameters`, or `+64 parameters`."""
    if not before or after is None:
        return ""
    share = after / before - 1
    if abs(share) < SMALL:
        return f"{after - before:+,} parameters".replace("-", "−")
    return f"{percent(share)} parameters"
