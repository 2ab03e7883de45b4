"""Every figure on its page: nothing outside, no text on another, none too small to read."""

from __future__ import annotations

import re
from itertools import combinations
from math import isclose
from pathlib import Path

import pytest

from archdsl.compiler import Compilation, compile_file
from archdsl.diagram.figure.bounds import extent
from archdsl.diagram.figure.draw import figure
from archdsl.diagram.figure.scene import Box, Disc, Line, Polygon, Scene, Text
from archdsl.diagram.figure.text import ink
from archdsl.diagram.palette import PALETTES, Theme
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


@pytest.mark.parametrize("width", [180.0, 88.0])
def test_it_is_told_how_much_a_stage_stands_for(width: float) -> None:
    convs = [f"conv {8 + i} {k}x{k} pad={k // 2}" for i in range(40) for k in [1 + 2 * (i % 3)]]
    body = "input 3x64x64\nbody: {}\nhead: globalavgpool\nlinear 10"
    assert "40 conv" in texts_of(body.format("\n".join(convs)), width)
    convs += ["globalavgpool", "linear 999", "linear 99", "linear 9"]
    mixed = "input 3x64x64\nbody: {}\nhead: linear 10"
    assert "43 layers" in texts_of(mixed.format("\n".join(convs)), width)


def test_a_large_block_is_counted_and_a_small_one_is_not() -> None:
    blocks = "block large {{ {} }}\nblock few {{ {} }}\n"
    convs = [f"conv {8 + i} 3x3 pad=1" for i in range(24)]
    text = blocks.format("\n".join(convs), "\n".join(convs[:2]))
    text += network("input 3x64x64\nlarge\nfew\nlinear 10")
    texts = [each.text for each in written(scene(compiled(text)))]
    assert {"large", "24 conv", "few"} <= set(texts)
    assert "2 conv" not in texts


def texts_of(body: str, width: float = 180.0) -> list[str]:
    return [each.text for each in written(scene(compiled(network(body)), width))]


def test_rows_of_several_devices_are_named() -> None:
    body = "input 3x64x64\ndevices {}\na: conv 48 7x7 stride=2 pad=3\nb: conv 48 3x3\nlinear 10"
    names = [text for text in texts_of(body.format(3)) if text.startswith("device ")]
    assert names == ["device 0", "device 1", "device 2"]
    names = [text for text in texts_of(body.format(8)) if text.startswith("device ")]
    assert names == ["device 0", "device 1", "device 7"]
    assert not [text for text in texts_of(body.format(2)) if text.startswith("device ")]


def test_devices_read_one_kernel_where_as_many_do_not_fit() -> None:
    def squares(size: int) -> int:
        """How many kernels are written in the input, by their heights and widths of 7."""
        body = f"input 3x{size}x{size}\ndevices 3\na: conv 48 7x7 pad=3\nlinear 10"
        return texts_of(body).count("7") // 2

    # Three edges of √7 to one of √size: 0.78 of it, and 0.99.
    assert (squares(103), squares(64)) == (3, 1)


@pytest.mark.parametrize("width", [180.0, 88.0])
def test_every_device_has_its_sizes_along_the_same_edges(width: float) -> None:
    body = """
    input 3x64x64
    devices 3
    a: conv 48 7x7 stride=2 pad=3
    b: conv 96 3x3 pad=1 groups=3
    c: conv 78 3x3
    linear 10
    """
    texts = written(scene(compiled(network(body)), width))
    sizes = [text.box for text in texts if text.text == "30"]
    counts = [text.box for text in texts if text.text == "26"]
    assert (len(sizes), len(counts)) == (6, 3)
    # Left of the front, or of the edge above it: none right of the middle of the front.
    assert all(size.left < counts[0].right for size in sizes)


@pytest.mark.parametrize("name", ["alexnet", "small", "zoo/nin", "zoo/vgg16"])
def test_kernels_on_a_column_stand_free(name: str) -> None:
    picture = scene(shipped(name), 88)
    kernels = [ink(text) for text in picture.texts if re.fullmatch(r"\d+×\d+", text.text)]
    assert kernels
    lines = [mark for mark in picture.marks if isinstance(mark, Line)]
    solids = [extent([mark]) for mark in picture.marks if isinstance(mark, Polygon) if mark.stroke]
    for box in kernels:
        assert not any(box.overlaps(solid) for solid in solids)
        assert not any(_inside(box, line, part / 500) for line in lines for part in range(501))


def _inside(box: Box, line: Line, part: float) -> bool:
    """Whether a point of a line lies in a box."""
    x = line.start.x + part * (line.end.x - line.start.x)
    y = line.start.y + part * (line.end.y - line.start.y)
    return box.left < x < box.right and box.top < y < box.bottom


def test_that_rows_are_dense_is_written_at_the_first_and_the_last() -> None:
    body = "input 3x64x64\ndevices {}\na: conv 48 7x7\nlinear 96\nlinear 96\nlinear 10"
    counts = [texts_of(body.format(devices)).count("dense") for devices in (1, 2, 3, 8)]
    assert counts == [3, 2 * 2 + 1, 2 * 2 + 1, 2 * 2 + 1]


def test_devices_that_are_left_out_leave_dots_and_a_wider_space() -> None:
    body = "input 3x64x64\ndevices 8\na: conv 48 7x7 stride=2 pad=3\nb: conv 48 3x3\nlinear 10"
    picture = scene(compiled(network(body)))
    muted = PALETTES[Theme.LIGHT].muted
    dots = [mark.centre for mark in picture.marks if isinstance(mark, Disc) if mark.fill == muted]
    assert len(dots) == 3 * 2  # below two maps that are divided
    first, second, last = (
        next(text.box for text in written(picture) if text.text == f"device {device}")
        for device in (0, 1, 7)
    )
    assert last.top - second.top > second.top - first.top + 5
    assert all(second.bottom < dot.y < last.top for dot in dots)


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
    assert texts[-1] == (
        "Edges of maps and of kernels, depths and bars are drawn as the square roots of their "
        "sizes, each on one scale."
    )
    law = "{} are drawn as the square roots of their sizes, each on one scale."
    assert law.format("Edges of maps and of kernels, and depths") in texts_of(
        "input 3x9x9\nconv 8 3x3"
    )
    assert law.format("Edges and depths") in texts_of("input 3x9x9")
    assert law.format("Edges, depths and bars") in texts_of("input 3x9x9\nlinear 10")
    bars = [each.text for each in written(scene(hard("vectors")))]
    assert bars[-1] == "Bars are drawn as the square roots of their sizes, on one scale."
