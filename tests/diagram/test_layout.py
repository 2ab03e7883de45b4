"""Layout: SVG by dot, and what is said where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from archdsl.diagram.graph import graph
from archdsl.diagram.layout import GraphvizMissing, LayoutFailed, svg
from tests.helpers import analysed

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not here")

DOT = graph(analysed("input 3x32x32\ndevices 2\na: conv 8 3x3\n   relu\nb: linear 5"))


@needs_dot
def test_a_graph_becomes_svg() -> None:
    root = ElementTree.fromstring(svg(DOT))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    titles = {element.text for element in root.iter("{http://www.w3.org/2000/svg}title")}
    assert {"@input", "a@0", "a@1", "b@0", "b@1", "@output", "a@0->b@1"} <= titles
    assert svg(DOT) == svg(DOT)


@needs_dot
def test_text_that_dot_does_not_read_is_refused_with_what_dot_says() -> None:
    with pytest.raises(LayoutFailed, match="syntax error in line"):
        svg("digraph { a -> ")


def test_without_dot_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraphvizMissing) as caught:
        svg(DOT)
    for words in ("apt-get install graphviz", "brew install graphviz", "--dot"):
        assert words in str(caught.value)
