"""Every figure on its page: nothing outside, no text on another, none too small to read."""

from __future__ import annotations

from itertools import combinations
from math import isclose
from pathlib import Path

import pytest

from archdsl.compiler import Compilation, compile_file
from archdsl.diagram.figure.bounds import extent
from archdsl.diagram.figure.draw import figure
from archdsl.diagram.figure.scene import Scene, Text
from tests.diagram.figure.helpers import scene, shipped, written
from tests.helpers import ROOT, SPECS, compiled, network

SHIPPED = sorted(SPECS.rglob("*.arch"))

HARD = {
    "vectors": "input 100\na: linear 1000000000\nb: linear 10",
    "large": "input 3x4096x4096\na: conv 4096 11x11 stride=5\nb: conv 3 1x1",
    "small": "input 1x1x1\na: conv 1 1x1\nb: linear 1",
    "flat": "input 3x8x2048\na: conv 8 3x3\nb: linear 10",
    "nothing": "input 3x9x9",
    "wrong": "input 3x9x9\na: conv 8 99x99\nb: conv 8 3x3\nc: linear 10",
    "unknown": "input 3x9x9\n" + "\n".join(f"layer{i}: conv 8 {99 - i}x9" for i in range(12)),
    "many devices": "input 8x64x64\ndevices 8\na: conv 64 7x7 groups=8\nb: conv 96 3x3\nlinear 10",
    "deep": "input 3x999x999\n" + "\n".join(f"layer{i}: conv {8 + i} 3x3" for i in range(120)),
    "long names": "input 3x9x9\nrepeat 3 { a_block_with_quite_a_long_name_to_read }",
}
BLOCK = "block a_block_with_quite_a_long_name_to_read { add { relu } {} }\n"


def hard(name: str) -> Compilation:
    return compiled(BLOCK + network(HARD[name]))


def assert_readable(picture: Scene, least: float) -> None:
    """From the SVG's own outlines."""
    texts = written(picture)
    assert min(text.size for text in texts) >= least
    for text in texts:
        assert text.box.left >= 0 and text.box.right <= picture.width, text
        assert text.box.top >= 0 and text.box.bottom <= picture.height, text
    for one, other in combinations(texts, 2):
        assert not one.box.overlaps(other.box), (one, other)
    drawn = extent([mark for mark in picture.marks if not isinstance(mark, Text)])
    assert drawn.left >= 0 and drawn.right <= picture.width
    assert drawn.top >= 0 and drawn.bottom <= picture.height


@pytest.mark.parametrize(("width", "least"), [(180.0, 6.0), (88.0, 5.5)])
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_spec_can_be_read(path: Path, width: float, least: float) -> None:
    compilation = compile_file(path)
    for analysis in compilation.archs:
        picture = figure(analysis, compilation.diagnostics, width=width)
        assert isclose(picture.width, width / 25.4 * 72)
        assert picture.height < 240 / 25.4 * 72  # a page
        assert_readable(picture, least)


@pytest.mark.parametrize("width", [180.0, 88.0, 60.0])
@pytest.mark.parametrize("name", HARD)
def test_what_is_hard_to_draw_can_be_read(name: str, width: float) -> None:
    assert_readable(scene(hard(name), width), 5.5)


def test_there_are_specs() -> None:
    assert {ROOT / "specs" / "alexnet.arch", ROOT / "specs" / "zoo" / "vgg16.arch"} <= set(SHIPPED)


def test_what_is_left_out_is_told() -> None:
    texts = [each.text for each in written(scene(hard("deep")))]
    assert "112 more" in texts  # of 121 maps, 9 are drawn
    texts = [each.text for each in written(scene(hard("many devices")))]
    assert "Of 8 devices, 3 are drawn: the first two and the last." in texts[-1]


def test_a_deep_network_goes_on_on_a_second_line() -> None:
    def lines(name: str, width: float) -> int:
        """The number of lines that have sizes along their edges."""
        texts = written(scene(shipped(name), width))
        inputs = {round(each.box.top / 40) for each in texts if each.text.isdecimal()}
        return len(inputs)

    assert lines("zoo/googlenet", 88) > lines("zoo/googlenet", 180)


def test_a_network_of_many_layers_is_drawn_by_blocks() -> None:
    texts = [each.text for each in written(scene(shipped("zoo/mobilenet_v1")))]
    # Howard et al. 2017, table 1: of thirteen separable layers, six give 512x14x14.
    assert "separable ×6" in texts
    layers = [each.text for each in written(scene(shipped("zoo/nin")))]
    assert layers.count("192") == 6  # of nine convolutions, a map each


def test_what_is_wrong_is_marked_and_told() -> None:
    picture = scene(hard("wrong"))
    texts = [each.text for each in written(picture)]
    assert "a's 99x99 window is larger than its padded 9x9 input" in texts
    assert texts.count("?") == 2
    assert texts.count("10") == 1
    assert "window is larger" in picture.description


def test_a_false_claim_is_marked_and_told() -> None:
    texts = [each.text for each in written(scene(shipped("torchvision")))]
    # Krizhevsky 2014 has 64 and 192 maps in the first two layers, where the note claims 96 and 256.
    assert "conv1: claims 96×55×55, gives 64×55×55" in texts
    assert "conv2: claims 256×27×27, gives 192×27×27" in texts


def test_many_faults_are_cut_short() -> None:
    body = "input 3x9x9\n" + "\n".join(f"l{i}x: conv 8 3x3 pad=1 -> 9x9x9" for i in range(20))
    texts = written(scene(compiled(network(body))))
    assert len([text for text in texts if "claims" in text.text]) == 7
    assert "…" in [text.text for text in texts]


def test_the_law_of_the_scales_is_told() -> None:
    texts = [each.text for each in written(scene(shipped("alexnet")))]
    law = "Edges, depths and bars are drawn as the square roots of their sizes, each on one scale."
    assert texts[-1] == law
    bars = [each.text for each in written(scene(hard("vectors")))]
    assert bars[-1] == "Bars are drawn as the square roots of their sizes, on one scale."
