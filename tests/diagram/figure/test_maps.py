"""Which maps a figure draws, with the shapes and the counts that the papers give."""

from __future__ import annotations

from archdsl.diagram.figure.maps import Fold, Made, Map, folded, shortened
from archdsl.shape import Family, Shape
from tests.diagram.figure.helpers import read, shipped
from tests.helpers import analysed, compiled, network


def told(found: list[Map]) -> list[tuple[str, tuple[int, ...] | None, int]]:
    return [(each.name, each.shape.dims if each.shape else None, each.times) for each in found]


def test_repeats_of_equal_maps_are_one() -> None:
    # Simonyan and Zisserman 2014, table 1, configuration D.
    found = read(shipped("zoo/vgg16").archs[0])
    assert told(found) == [
        ("", (3, 224, 224), 1),
        ("", (64, 224, 224), 2),
        ("", (128, 112, 112), 2),
        ("", (256, 56, 56), 3),
        ("", (512, 28, 28), 3),
        ("", (512, 14, 14), 3),
        ("", (4096,), 1),
        ("", (4096,), 1),
        ("", (1000,), 1),
    ]
    assert [each.notes for each in found][2:7] == [("Max pooling",)] * 5
    assert all(each.kernel and each.kernel[:2] == (3, 3) for each in found[1:6])


def test_a_block_with_a_join_is_one_map_named_by_it() -> None:
    found = read(shipped("zoo/resnet50").archs[0])
    # He et al. 2015, table 1: 3, 4, 6 and 3 blocks, of which the first of each projects.
    assert told(found)[2:] == [
        ("projected", (256, 56, 56), 1),
        ("bottleneck", (256, 56, 56), 2),
        ("projected", (512, 28, 28), 1),
        ("bottleneck", (512, 28, 28), 3),
        ("projected", (1024, 14, 14), 1),
        ("bottleneck", (1024, 14, 14), 5),
        ("projected", (2048, 7, 7), 1),
        ("bottleneck", (2048, 7, 7), 2),
        ("", (1000,), 1),
    ]
    assert {each.look for each in found[2:-1]} == {Family.JOINING}
    assert found[-1].notes == ("Average pooling",)


def test_a_concat_shows_what_it_puts_together() -> None:
    found = read(shipped("zoo/googlenet").archs[0])
    # Szegedy et al. 2014, table 1: 1x1, 3x3, 5x5 and pool proj of inception (3a) and (5b).
    assert found[4].sections == (64, 128, 32, 32)
    assert found[12].sections == (384, 384, 128, 128)
    assert found[12].shape == Shape((1024, 7, 7))


def test_a_repeat_that_grows_is_its_last_map() -> None:
    found = read(shipped("zoo/densenet121").archs[0])
    # Huang et al. 2016: growth rate 32, blocks of 6, 12, 24 and 16 layers.
    blocks = [each for each in found if each.name == "dense_layer"]
    assert [(each.times, each.alike) for each in blocks] == [
        (6, False),
        (12, False),
        (24, False),
        (16, False),
    ]
    assert blocks[0].sections == (64, *[32] * 6)
    assert sum(blocks[2].sections) == 1024


def test_blocks_without_joins_are_opened_until_they_are_to_be_folded() -> None:
    analysis = shipped("zoo/mobilenet_v1").archs[0]
    opened = read(analysis)
    assert len([each for each in opened if each.kernel and each.kernel[:2] == (3, 3)]) == 9
    closed = read(analysis, Fold.BLOCKS)
    # Howard et al. 2017, table 1.
    assert told(closed)[2:] == [
        ("separable", (64, 112, 112), 1),
        ("separable", (128, 56, 56), 2),
        ("separable", (256, 28, 28), 2),
        ("separable", (512, 14, 14), 6),
        ("separable", (1024, 7, 7), 2),
        ("", (1000,), 1),
    ]


def test_stages_are_the_last_to_be_folded() -> None:
    found = read(shipped("zoo/googlenet").archs[0], Fold.STAGES)
    assert told(found)[:3] == [
        ("", (3, 224, 224), 1),
        ("", (64, 112, 112), 1),
        ("conv2", (192, 56, 56), 1),
    ]


def test_an_output_that_no_weights_make_is_drawn() -> None:
    found = read(shipped("zoo/nin").archs[0])
    assert found[-1].shape == Shape((10,))
    assert found[-1].made is Made.INSIDE
    assert found[-1].look is Family.POOLING
    assert found[-1].notes == ("Average pooling",)


def test_equal_maps_that_are_made_otherwise_stay_apart() -> None:
    found = read(analysed("input 8x9x9\nconv 8 3x3 pad=1\nconv 8 5x5 pad=2"), Fold.RUNS)
    assert [each.times for each in found] == [1, 1, 1]
    same = read(analysed("input 8x9x9\nconv 8 3x3 pad=1\nconv 8 3x3 pad=1"), Fold.RUNS)
    assert [each.times for each in same] == [1, 2]


def test_parts_of_devices_are_as_even_as_possible() -> None:
    found = read(analysed("input 6x9x9\ndevices 3\nconv 6 3x3\na: linear 100\nb: linear 10"))
    assert [each.parts for each in found] == [(), (2, 2, 2), (34, 33, 33), ()]


def test_a_join_crosses_where_its_layers_read_all() -> None:
    body = """
    input 8x9x9
    devices 2
    a: conv 8 3x3
    b: add {{ conv 8 3x3 pad=1 groups={} }} {{}}
    c: conv 8 1x1 groups=2
    """
    assert [each.crosses for each in read(analysed(body.format(1)))][2] is True
    assert [each.crosses for each in read(analysed(body.format(2)))][2] is False


def test_kernels_and_strides_that_are_not_square() -> None:
    found = read(analysed("input 3x11x19\nconv 8 3x5 stride=2x1"))
    assert found[1].kernel == (3, 5, (3 / 11, 5 / 19))
    assert found[1].notes == ("Stride of 2×1",)


def test_a_dilated_kernel_is_as_large_as_what_it_spans() -> None:
    found = read(analysed("input 3x10x10\nconv 8 3x3 dilation=2"))
    assert found[1].kernel == (3, 3, (5 / 10, 5 / 10))


def test_maps_after_an_error_are_unknown_until_they_are_known_again() -> None:
    result = compiled(
        network("input 3x9x9\na: conv 8 3x3\nb: conv 8 99x99\nc: conv 8 3x3\nd: linear 10")
    )
    found = read(result.archs[0])
    assert told(found)[2:] == [("", None, 1), ("", None, 1), ("", (10,), 1)]
    assert [each.wrong for each in found] == [False, False, True, False, False]


def test_pooling_that_does_not_fit_is_a_map_that_is_wrong() -> None:
    found = read(compiled(network("input 3x9x9\na: conv 8 3x3\nb: maxpool 99x99")).archs[0])
    assert (found[-1].shape, found[-1].wrong) == (None, True)


def test_the_middle_is_left_out_where_there_are_too_many() -> None:
    many = [Map(Shape((size,)), Made.DENSE) for size in range(1, 21)]
    few = shortened(many, 10)
    assert [each.shape.size if each.shape else 0 for each in few] == [
        *[1, 2, 3, 4, 5],
        *[0],
        *[17, 18, 19, 20],
    ]
    assert few[5].skipped == 11
    assert few[6].made is Made.INSIDE  # what makes it is not drawn
    assert shortened(few, 10) == few


def test_runs_of_unknown_maps_are_one() -> None:
    unknown = Map(None, Made.INSIDE)
    assert folded([unknown, unknown]) == [Map(None, Made.INSIDE, times=2)]
