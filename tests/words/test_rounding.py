"""Lossy strides: the arithmetic against windows that walk over rows, and cases from papers."""

from __future__ import annotations

from itertools import product

import pytest

from archdsl.diagnostics import catalogue
from archdsl.shape import Shape, Sliding
from tests.words.oracle import layer, longest_skip, rows_lost


@pytest.mark.parametrize("kernel", range(1, 6))
def test_lost_rows_are_those_that_no_window_visits(kernel: int) -> None:
    lossy = 0
    for stride, pad, dilation in product(range(1, 8), range(4), range(1, 5)):
        for size in range(max(1, dilation * (kernel - 1) + 1 - 2 * pad), 27):
            sliding = Sliding(size, kernel, stride, pad, dilation)
            lost = rows_lost(size, kernel, stride, pad, dilation)
            assert sliding.unseen == lost, sliding
            lossy += lost > 0
    assert lossy > 0 or kernel == 1


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "skipped"),
    [(3, 2, 1, 0), (2, 5, 1, 3), (1, 2, 1, 1), (3, 3, 3, 2), (2, 4, 2, 1), (3, 4, 3, 1)],
)
def test_the_walk_skips_what_can_be_seen_on_paper(
    kernel: int, stride: int, dilation: int, skipped: int
) -> None:
    # (3, 4, 3, 1): windows visit 0 3 6, 4 7 10, 8 11 14, …: every row but 1 modulo 4.
    assert longest_skip(kernel, stride, dilation) == skipped


@pytest.mark.parametrize(
    ("text", "size", "lost"),
    [
        pytest.param("conv 96 11 stride=4", 224, 1, id="AlexNet, as printed"),
        pytest.param("conv 96 11 stride=4", 227, 0, id="AlexNet, as trained"),
        pytest.param("conv 64 11 stride=4 pad=2", 224, 0, id="AlexNet of torchvision"),
        pytest.param("conv 64 7 stride=2 pad=3", 224, 0, id="ResNet's stem"),
        pytest.param("conv 128 1 stride=2", 56, 0, id="ResNet's shortcut"),
        pytest.param("maxpool 3 stride=2", 54, 1, id="overlapping pool of 54"),
        pytest.param("maxpool 3 stride=2", 55, 0, id="overlapping pool of 55"),
        pytest.param("maxpool 2", 7, 1, id="pool of an odd size"),
        pytest.param("avgpool 5 stride=3", 14, 0, id="GoogLeNet's auxiliary pool"),
    ],
)
def test_networks_of_papers(text: str, size: int, lost: int) -> None:
    op, x = layer(text), Shape((3, size, size))
    concerns = list(op.concerns(x))
    assert [concern.rule for concern in concerns] == [catalogue.LOSSY_STRIDE] * lost
    channels, *sides = op.output(x).dims
    assert op.lossless(x).dims == (channels, *(side + lost for side in sides))


def test_rows_and_columns_are_lost_apart() -> None:
    op = layer("maxpool 2x3")
    (concern,) = op.concerns(Shape((4, 7, 11)))
    assert "row and 2 columns of its 7x11 input" in concern.message
    assert op.lossless(Shape((4, 7, 11))) == Shape((4, 4, 4))
    assert op.lossless(Shape((4, 7, 9))) == Shape((4, 4, 3))


def test_a_loss_that_is_meant_is_no_concern() -> None:
    x = Shape((4, 7, 7))
    meant = layer("maxpool 2 allow=lossy_stride")
    assert list(layer("maxpool 2").concerns(x))
    assert not list(meant.concerns(x))
    assert meant.output(x) == Shape((4, 3, 3))


@pytest.mark.parametrize("word", ["conv 1", "maxpool", "avgpool"])
def test_rounded_up_nothing_is_lost(word: str) -> None:
    for kernel, stride in product(range(1, 4), range(1, 4)):
        op = layer(f"{word} {kernel} stride={stride} rounding=ceil")
        for size in range(3, 20):
            x = Shape((1, size, size))
            assert not list(op.concerns(x))
            assert op.lossless(x) == op.output(x)
