"""The font: its measures against the file's own tables, its licence, and cutting of text."""

from __future__ import annotations

import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont

from archdsl.diagram.figure.scene import Box, Point, Text
from archdsl.diagram.figure.text import (
    DIGIT,
    EM,
    FONT,
    fitting,
    ink,
    legal,
    outline,
    paragraph,
    printable,
    width,
)


def bounds(character: str) -> tuple[float, float, float, float]:
    """Of a character's outline, y going up."""
    font = TTFont(FONT)
    pen = BoundsPen(font.getGlyphSet())
    font.getGlyphSet()[font.getBestCmap()[ord(character)]].draw(pen)
    left, bottom, right, top = map(float, pen.bounds)
    return left, bottom, right, top


def test_the_font_is_open_and_small() -> None:
    licence = (FONT.parent / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "Reserved Font Name" not in licence.partition("PREAMBLE")[0]
    assert FONT.stat().st_size < 64_000
    font = TTFont(FONT)
    assert font["head"].unitsPerEm == EM
    assert font["OS/2"].fsType == 0  # may be embedded
    assert set(map(ord, "0123456789×−·…→≤“”éŁßΔж")) <= font.getBestCmap().keys()


def test_text_is_as_wide_as_its_characters() -> None:
    font = TTFont(FONT)
    names = [font.getBestCmap()[ord(character)] for character in "Max 55"]
    advances = sum(font["hmtx"][name][0] for name in names)
    assert width("Max 55", 7.0) == pytest.approx(advances * 7 / 1000)


def test_ink_is_where_the_outlines_are() -> None:
    left, bottom, right, top = bounds("5")
    assert bounds("1")[3] == pytest.approx(DIGIT * EM, abs=2)
    box = ink(Text(Point(100, 50), "5", 10, "#000000"))
    assert box == pytest.approx(
        (100 + left / 100, 50 - top / 100, 100 + right / 100, 50 - bottom / 100)
    )
    two = ink(Text(Point(0, 0), "11", 10, "#000000"))
    assert two.right == pytest.approx(width("1", 10) + bounds("1")[2] / 100)
    assert ink(Text(Point(1, 2), " ", 10, "#000000")) == Box(1, 2, 1, 2)


def test_what_the_font_lacks_is_drawn_as_one_box() -> None:
    assert outline("日") == outline("\ufffd") == outline("\U0001f600") != ""
    assert printable("a日é") == "a\ufffdé"
    assert width("日", 1) == width("\ufffd", 1)


def test_text_is_one_line_that_xml_can_hold() -> None:
    assert legal("a\nb\x00\ud800\ufffe") == "a\ufffdb\ufffd\ufffd\ufffd"
    assert legal("déjà 日本 →") == "déjà 日本 →"


def test_what_is_too_long_is_cut() -> None:
    assert fitting("dense_layer", 7, 100) == "dense_layer"
    cut = fitting("dense_layer", 7, 20)
    assert cut.endswith("…") and "dense_layer".startswith(cut[:-1])
    assert width(cut, 7) <= 20
    lines = paragraph("the quick brown fox " + "x" * 99, 7, 60)
    assert " ".join(lines[:-1]) == "the quick brown fox"
    assert all(width(line, 7) <= 60 for line in lines)
    assert paragraph("", 7, 60) == []
    assert fitting("dense", 7, 1) == "…"
    assert len(fitting("x" * 1_000_000, 7, 60)) < 60
