"""The figure's font: how wide text is, where its ink lies, and its outlines.

Fira Sans lies in font/ with its licence: a subset for European scripts without hints and kerning.
What it lacks is drawn as a hollow box, its .notdef, which is at U+FFFD as well.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Any

from archdsl.diagram.figure.scene import Box, Text

FONT = Path(__file__).parent / "font" / "FiraSans-Regular.ttf"

EM = 1000
"""Units of the font to its size."""

DIGIT = 0.67
"""The height of a digit to the size."""

_ILLEGAL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What XML refuses, and what would break a line."""


def legal(raw: str) -> str:
    """Any string as text of one line that every format can hold."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", raw)


def printable(raw: str) -> str:
    """A text with U+FFFD for all that the font lacks."""
    return "".join(c if ord(c) in _names() else "\N{REPLACEMENT CHARACTER}" for c in raw)


def width(text: str, size: float) -> float:
    """How far a line of text goes, in the unit of its size."""
    return sum(_advance(character) for character in text) * size / EM


def ink(text: Text) -> Box:
    """The box around what is inked of a text; of spaces alone, a point."""
    scale = text.size / EM
    return Box(*(side * scale for side in _ink(text.text))).moved(*text.start)


@cache
def _ink(text: str) -> Box:
    """The same at the origin, in units of the font."""
    box = None
    at = 0
    for character in text:
        glyph = _glyph(character)
        if glyph is not None:
            glyph = glyph.moved(at, 0)
            box = box.around(glyph) if box else glyph
        at += _advance(character)
    return box or Box(0, 0, 0, 0)


def outline(text: str) -> str:
    """The outlines of a line of text as SVG path data, in units of the font; y goes up."""
    from fontTools.pens.svgPathPen import SVGPathPen
    from fontTools.pens.transformPen import TransformPen

    glyphs = _font().getGlyphSet()
    pen = SVGPathPen(glyphs, ntos=lambda number: f"{round(number)}")
    at = 0
    for character in text:
        glyphs[_name(character)].draw(TransformPen(pen, (1, 0, 0, 1, at, 0)))
        at += _advance(character)
    found: str = pen.getCommands()
    return found


def fitting(text: str, size: float, room: float) -> str:
    """A text, or as much of its beginning as fits into `room` with an ellipsis behind it."""
    if width(text, size) <= room:
        return text
    so_far = accumulate((width(character, size) for character in text), initial=width("…", size))
    count = sum(1 for _ in takewhile(lambda end: end <= room, so_far)) - 1
    return f"{text[: max(count, 0)].rstrip()}…"


def paragraph(text: str, size: float, room: float) -> list[str]:
    """Lines that fit into `room`; a word that does not is cut off."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(fitting(word, size, room))
    return lines


@cache
def _font() -> Any:
    from fontTools.ttLib import TTFont

    return TTFont(FONT, lazy=True)


@cache
def _names() -> dict[int, str]:
    found: dict[int, str] = _font().getBestCmap()
    return found


def _name(character: str) -> str:
    return _names().get(ord(character), ".notdef")


@cache
def _advance(character: str) -> int:
    advance: int = _font()["hmtx"][_name(character)][0]
    return advance


@cache
def _glyph(character: str) -> Box | None:
    """The box around a character, y going down; None of a space."""
    glyph = _font()["glyf"][_name(character)]
    if not glyph.numberOfContours:
        return None
    return Box(glyph.xMin, -glyph.yMax, glyph.xMax, -glyph.yMin)
