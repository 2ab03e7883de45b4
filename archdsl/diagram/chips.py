"""What labels share: sizes of text, a chip's colours and cell, shapes as they are written."""

from __future__ import annotations

from math import ceil

from archdsl.diagram.bands import Chip
from archdsl.diagram.dot import cell, font, plain
from archdsl.diagram.metrics import text_width
from archdsl.diagram.palette import Palette, Tone
from archdsl.network import Layer
from archdsl.shape import Family, Shape
from archdsl.words.word import Unbound

NAME, NOTE = 12, 10
"""Font sizes in points; a layer is written at NOTE size too."""

CHARACTER = 5.7
"""Points that a character at NOTE size takes, generously: a digit of Helvetica takes 5.6."""

SIDE = 5
"""Points between a chip's text and its sides, the line included."""

LOOSE = 1.02
"""How much wider text may be than in Helvetica, in what stands for it."""

MAX_TEXT = 48
"""Characters of one name, layer or claim."""


def swatch(markup: str, tone: Tone, color: str | None = None, **attributes: str | int) -> str:
    """A cell on a colour, as wide as its text needs wherever it is shown."""
    look: dict[str, str | int] = {"BORDER": 1, "COLOR": tone.line, "BGCOLOR": tone.fill}
    width = swatch_width(plain(markup))
    return cell(font(markup, NOTE, color), **look, CELLPADDING=3, WIDTH=width, **attributes)


def swatch_width(text: str) -> int:
    """In points, of a swatch with this plain text."""
    return ceil(LOOSE * text_width(text, NOTE)) + 2 * SIDE


def written(shape: Shape | None) -> str:
    """A shape as papers print it: 96×55×55."""
    return "?" if shape is None else "×".join(map(str, shape.dims))


def family(chip: Chip) -> Family | None:
    """The family of a layer; None of one that cannot be read, and of what is none."""
    if not isinstance(chip, Layer) or isinstance(chip.op, Unbound):
        return None
    return chip.op.look


def tone_of(chip: Chip, palette: Palette) -> Tone:
    if not isinstance(chip, Layer):
        return palette.block
    kind = family(chip)
    return palette.tones[kind] if kind else palette.unknown
