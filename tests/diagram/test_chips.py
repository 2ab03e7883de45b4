"""Chips: what is written on them stays between their sides."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from archdsl.diagram.graph import graph
from archdsl.diagram.layout import picture
from archdsl.diagram.style import Fold, Rankdir, Style
from tests.diagram.helpers import needs_dot, shipped


@needs_dot
@pytest.mark.parametrize("rankdir", Rankdir)
@pytest.mark.parametrize("fold", [Fold.STAGE, Fold.LAYER])
@pytest.mark.parametrize("name", ["zoo/googlenet", "zoo/mobilenet_v1", "alexnet"])
def test_text_stays_within_its_chip_in_the_fonts_that_stand_for_helvetica(
    name: str, fold: Fold, rankdir: Rankdir
) -> None:
    """Of digits, with which Graphviz errs most, each is 0.556 of the size wide, a space 0.278."""
    style = Style(fold=fold, rankdir=rankdir)
    svg = ElementTree.fromstring(picture(graph(shipped(name), style), "svg"))
    space = "{http://www.w3.org/2000/svg}"
    widths = {"i": 222, "n": 556, "c": 500, "e": 556, "p": 556, "t": 278, "o": 556, " ": 278}
    widths |= {"x": 500, "v": 500, "/": 278, "s": 500, "a": 556, "r": 333, "b": 556, "l": 222}
    widths |= dict.fromkeys("0123456789", 556) | {"=": 584, "d": 556}
    seen = 0
    for chip in svg.iter(f"{space}a"):
        outlines, (words,) = chip.findall(f"{space}polygon"), chip.findall(f"{space}text")
        text = str(words.text)
        if not outlines or not set(text) <= widths.keys():
            continue
        corners = str(outlines[-1].get("points")).split()
        xs = [float(corner.partition(",")[0]) for corner in corners]
        start = float(str(words.get("x")))
        end = start + sum(widths[character] for character in text) / 100  # at 10 points
        assert start - min(xs) > 3.5 and max(xs) - end > 3.5, text
        seen += 1
    assert seen > 5
