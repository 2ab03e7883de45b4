"""AlexNet's figure against figure 2 of Krizhevsky, Sutskever and Hinton 2012, and its caption."""

from __future__ import annotations

from collections import Counter
from math import isclose, prod, sqrt

import pytest

from archdsl.diagram.figure.draw import figure
from archdsl.diagram.figure.fit import Fit, fit
from archdsl.diagram.figure.layout import Placed, placed, rows
from archdsl.diagram.figure.links import links, seen
from archdsl.diagram.figure.maps import Made
from archdsl.diagram.figure.page import page
from archdsl.diagram.figure.scene import Disc, Line
from archdsl.diagram.palette import PALETTES, Theme
from tests.diagram.figure.helpers import read, scene, shipped, written

LIGHT = PALETTES[Theme.LIGHT]


def standing() -> tuple[Fit, tuple[Placed, ...]]:
    """Where its maps stand on a page of two columns."""
    found = read(shipped("alexnet").archs[0])
    sheet = page(180)
    fitted = fit(found, 1, sheet, len(rows(found)))
    assert fitted is not None
    return fitted, placed(fitted.lines[0], False, sheet, fitted.scales, fitted.more[0])


def test_the_maps_are_those_of_the_paper() -> None:
    found = read(shipped("alexnet").archs[0])
    assert [(each.parts, each.shape and each.shape.dims[1:]) for each in found] == [
        ((), (227, 227)),
        ((48, 48), (55, 55)),
        ((128, 128), (27, 27)),
        ((192, 192), (13, 13)),
        ((192, 192), (13, 13)),
        ((128, 128), (13, 13)),
        ((2048, 2048), ()),
        ((2048, 2048), ()),
        ((), ()),
    ]
    # "the number of neurons in the network's remaining layers is given by
    # 253,440–186,624–64,896–64,896–43,264–4096–4096–1000", the first of which is a slip.
    neurons = [prod(each.shape.dims) for each in found if each.shape]
    assert neurons[2:] == [186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_kernels_strides_and_pooling_are_those_of_the_paper() -> None:
    found = read(shipped("alexnet").archs[0])[1:]
    assert [each.kernel and each.kernel[:2] for each in found] == [
        (11, 11),
        (5, 5),
        (3, 3),
        (3, 3),
        (3, 3),
        None,
        None,
        None,
    ]
    assert [each.notes for each in found] == [
        ("Stride of 4",),
        ("Max pooling",),
        ("Max pooling",),
        (),
        (),
        ("Max pooling",),
        (),
        (),
    ]
    assert [each.made is Made.DENSE for each in found] == [False] * 5 + [True] * 3
    # The third layer and the dense ones read what both devices have; the input is given to both.
    assert [each.crosses for each in found[1:]] == [False, True, False, False, True, True, True]


def test_it_is_written_as_in_the_paper() -> None:
    found = Counter(each.text for each in written(scene(shipped("alexnet"))))
    shapes = {"227": 2, "55": 4, "27": 4, "13": 12, "48": 2, "128": 4, "192": 4}
    bars = {"2048": 4, "1000": 1}
    assert {text: found[text] for text in (*shapes, *bars)} == shapes | bars
    assert found["11"] == 4  # two kernels, high and wide
    assert found["5"] == 4
    assert found["3"] == 1 + 3 * 2 * 2  # the input's channels, and kernels of three layers
    assert found["Stride"] == found["of 4"] == 1
    assert found["Max"] == found["pooling"] == 3 * 2
    assert found["dense"] == 2 * 2 + 1


def test_it_is_written_for_one_column_too() -> None:
    found = Counter(each.text for each in written(scene(shipped("alexnet"), 88)))
    for text in "227 55 27 13 48 128 192 2048 1000 dense pooling".split():
        assert found[text], text
    # Kernels stand between the maps, as there is no room beside them: one for both rows of conv1.
    assert (found["11×11"], found["5×5"], found["3×3"]) == (1, 2, 3 * 2)
    assert found["3"] == 1  # the input's channels
    assert "11" not in found and "5" not in found
    assert found["13"] == 12
    assert found["2048"] == 4


def test_edges_are_drawn_to_one_scale() -> None:
    _, line = standing()
    heights = [each.solids[0].first.height for each in line[:6]]
    widths = [each.solids[0].first.width for each in line[:6]]
    depths = [each.solids[0].first.channels for each in line[1:6]]
    assert heights == widths
    for height, size in zip(heights, (227, 55, 27, 13, 13, 13), strict=True):
        assert isclose(height / heights[0], sqrt(size / 227))
    for depth, channels in zip(depths, (48, 128, 192, 192, 128), strict=True):
        assert isclose(depth / depths[0], sqrt(channels / 48))
    bars = [each.solids[0].first.height for each in line[6:]]
    assert isclose(bars[2] / bars[0], sqrt(1000 / 2048))
    assert bars[0] == bars[1]


@pytest.mark.parametrize(("turn", "kernel", "size"), [(0, 11, 227), (1, 5, 55), (3, 3, 13)])
def test_kernels_are_to_the_scale_of_maps(turn: int, kernel: int, size: int) -> None:
    fitted, line = standing()
    for (source, _), found in seen(line[turn], line[turn + 1], turn).items():
        assert isclose(found.cuboid.height / source.last.height, sqrt(kernel / size))
        assert isclose(found.cuboid.width / source.last.width, sqrt(kernel / size))
        # So that one of 11x11 is larger than one of 3x3, whichever maps they lie in.
        assert isclose(found.cuboid.height, fitted.scales.edge * sqrt(kernel))
        assert found.cuboid.channels == source.last.channels
        inner, outer = found.cuboid.box, source.last.box
        assert outer.left <= inner.left and inner.right <= outer.right
        assert outer.top <= inner.top and inner.bottom <= outer.bottom


def test_lines_cross_where_devices_read_each_other() -> None:
    _, line = standing()
    crossing = [
        sum(link.crosses for link in links(line[turn], line[turn + 1], turn, 0.0))
        for turn in range(8)
    ]
    # At the end both lead to the one output.
    assert crossing == [0, 0, 2, 0, 0, 2, 2, 0]
    drawn = [mark for mark in scene(shipped("alexnet")).marks if isinstance(mark, Line)]
    purple = [mark for mark in drawn if mark.stroke.color == LIGHT.traffic]
    # From the corners of a kernel, of a whole map, and from the ends of a bar, both ways.
    assert len(purple) == 2 * 4 + 2 * 4 + 2 * 2


def test_the_lines_of_a_kernel_come_together_in_the_next_map() -> None:
    picture = scene(shipped("alexnet"))
    ends = Counter(mark.end for mark in picture.marks if isinstance(mark, Line))
    dots = {mark.centre for mark in picture.marks if isinstance(mark, Disc)}
    assert set(ends) == dots
    # In all maps of both devices but the input, and in the output once; twice as many where each
    # reads both.
    assert sorted(ends.values()) == [4] * (4 * 2 + 2 + 1) + [8] * (2 * 2)


def test_the_streams_are_whole_and_one_above_the_other() -> None:
    picture = scene(shipped("alexnet"))
    first = sorted(each.box.top for each in written(picture) if each.text == "48")
    assert 60 < first[1] - first[0] < 110
    _, line = standing()
    upper, lower = line[1].solids
    assert upper.first.box.bottom < lower.first.box.top
    assert upper.first.corner.x == lower.first.corner.x
    (whole,) = line[0].solids
    middle = (whole.first.box.top + whole.first.box.bottom) / 2
    assert isclose(middle, (upper.first.box.bottom + lower.first.box.top) / 2, abs_tol=1e-9)


def test_it_tells_what_it_is() -> None:
    picture = scene(shipped("alexnet"))
    assert picture.title == "AlexNet"
    for said in ("on two devices", "3×227×227 → 1000", "60,965,224 parameters", "2 devices"):
        assert said in picture.description


def test_themes_differ_in_colours_alone() -> None:
    analysis = shipped("alexnet").archs[0]
    light, dark = figure(analysis), figure(analysis, theme=Theme.DARK)
    assert (light.paper, dark.paper) == ("#ffffff", PALETTES[Theme.DARK].paper)
    assert (light.width, light.height) == (dark.width, dark.height)
    assert [text.start for text in light.texts] == [text.start for text in dark.texts]
    assert {text.color for text in dark.texts} == {
        PALETTES[Theme.DARK].ink,
        PALETTES[Theme.DARK].muted,
    }
