"""What labels share: sizes of text, a chip's colours and cell, shapes as they are written."""

from __future__ import annotations

from archdsl.diagram.bands import Chip
from archdsl.diagram.dot import cell, font
from archdsl.diagram.palette import Palette, Tone
from archdsl.network import Layer
from archdsl.shape import Family, Shape
from archdsl.words.word import Unbound

NAME, NOTE = 12, 10
"""Font sizes in points; a layer is written at NOTE size too."""

CHARACTER = 5.7
"""Points that a character at NOTE size takes, generously: a digit of Helvetica takes 5.6."""

MAX_TEXT = 48
"""Characters of one name, layer or claim."""


def swatch(markup: str, tone: Tone, color: str | None = None, **attributes: str | int) -> str:
    """A cell on a colour."""
    words = font(markup, NOTE, color)
    return cell(words, BORDER=1, COLOR=tone.line, BGCOLOR=tone.fill, CELLPADDING=3, **attributes)


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
