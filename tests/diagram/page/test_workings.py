"""Workings: arithmetic as a person would write it, with the papers' own figures."""

from __future__ import annotations

import pytest

from archdsl.analysis import Analysis
from archdsl.diagram.page.view import View
from archdsl.diagram.page.workings import Workings, workings
from tests.diagram.page.helpers import shipped
from tests.helpers import analysed, compiled, network


def of(analysis: Analysis, path: str) -> Workings:
    return workings(analysis, View(analysis, ()).by_path[path].part)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "conv1.conv",
            Workings(
                ("(227 − 11) / 4 + 1 = 55",),
                "96·3·11·11 + 96 = 34,944",
                "96·55·55 × 3·11·11 = 105,415,200",
                "96·55·55 = 290,400",
            ),
        ),
        (
            "conv2.conv",  # in two groups of 48 channels
            Workings(
                ("(27 + 2·2 − 5) + 1 = 27",),
                "256·48·5·5 + 256 = 307,456",
                "256·27·27 × 48·5·5 = 223,948,800",
                "256·27·27 = 186,624",
            ),
        ),
        ("conv1.maxpool", Workings(("(55 − 3) / 2 + 1 = 27",), activations="96·27·27 = 69,984")),
        ("conv1.relu", Workings(activations="96·55·55 = 290,400")),
        (
            "fc6.linear",  # each device lacks the half of 256·6·6 that the other one has
            Workings(
                ("256·6·6 = 9,216 inputs",),
                "4,096·9,216 + 4,096 = 37,752,832",
                "4,096 × 9,216 = 37,748,736",
                "4,096",
                "(2 − 1) × 256·6·6 = 9,216",
            ),
        ),
        (
            "conv1",
            Workings(
                (),
                "34,944",
                "105,415,200",
                "290,400 + 290,400 + 290,400 + 69,984 = 941,184",
            ),
        ),
    ],
)
def test_alexnet(path: str, expected: Workings) -> None:
    assert of(shipped("alexnet").archs[0], path) == expected


def test_what_is_not_square_has_a_line_to_each_axis() -> None:
    analysis = analysed("input 3x10x20\nconv 4 3x5 dilation=2x1")
    assert of(analysis, "conv.conv").shape == (
        "height: 2·(3 − 1) + 1 = 5, the window's extent",
        "height: (10 − 5) + 1 = 6",
        "width: (20 − 5) + 1 = 16",
    )


@pytest.mark.parametrize(
    ("rounding", "told"),
    [
        ("floor", "(8 − 3) / 2 + 1 = 3.5, which rounds down to 3"),
        ("ceil", "(8 − 3) / 2 + 1 = 3.5, which rounds up to 4"),
    ],
)
def test_rounding_is_told(rounding: str, told: str) -> None:
    analysis = analysed(f"input 3x8x8\nmaxpool 3 stride=2 rounding={rounding} allow=lossy_stride")
    assert of(analysis, "maxpool.maxpool").shape == (told,)


def test_a_window_that_would_start_in_the_far_padding_is_not_rounded_up_to() -> None:
    # (5 + 2·1 − 2) / 3 + 1 = 2.67; a third window would start at 6 − 1 = 5, which is padding.
    analysis = analysed("input 3x5x5\nmaxpool 2 stride=3 pad=1 rounding=ceil")
    assert of(analysis, "maxpool.maxpool").shape == (
        "(5 + 2·1 − 2) / 3 + 1 = 2.67, which rounds down to 2",
    )


def test_joins_blocks_and_repeats_are_sums() -> None:
    text = (
        "block pair(width) { conv width 1x1; concat { conv 2 1x1 } { conv 3 1x1; relu } }\n"
        + network(
            "input 1x4x4\na: pair 2\nb: repeat 2 { conv 5 1x1 }\nc: globalavgpool\nd: linear 3"
        )
    )
    result = compiled(text)
    assert result.ok, [d.message for d in result.diagnostics]
    (analysis,) = result.archs
    join = of(analysis, "a.pair.concat")
    assert join.shape == ("2 + 3 = 5 channels",)
    assert join.params == "6 + 9 = 15"  # 2·2 + 2 and 2·3 + 3
    assert join.activations == "32 + 96 + 80 = 208"  # 2·16, 2·3·16 and the join's 5·16
    assert of(analysis, "a.pair").params == "4 + 15 = 19"
    assert of(analysis, "b.repeat").params == "30 + 30 = 60"
    assert of(analysis, "c.globalavgpool").shape == ("the mean of 4·4 = 16 numbers",)
    assert of(analysis, "d.linear").shape == ("5·1·1 = 5 inputs",)


def test_a_long_sum_is_cut() -> None:
    branches = " ".join(["{ conv 1 1x1 }"] * 12)
    analysis = analysed(f"input 3x4x4\nx: conv 1 1x1\n   concat {branches}")
    assert of(analysis, "x.concat").shape == ("1 + 1 + 1 + 1 + 1 + 1 + … + 1 = 12 channels",)


def test_of_an_error_its_arithmetic_is_told_and_nothing_that_is_not_known() -> None:
    (analysis,) = compiled(network("input 3x4x4\nconv 4 7x7\nrelu")).archs
    assert of(analysis, "conv.conv") == Workings(("(4 − 7) < 0",))
    assert of(analysis, "conv.relu") == Workings()


def test_what_stands_on_a_claim_says_so() -> None:
    (analysis,) = compiled(network("input 3x5x5\nconv 4 2x2 stride=2 -> 6x3x3\nlinear 2")).archs
    # The layer gives 4 channels and 6 are claimed after it: its 4·12 + 4 numbers become 6·12 + 6.
    assert of(analysis, "conv.conv") == Workings(
        ("(5 − 2) / 2 + 1 = 2.5, which rounds down to 2",),
        "78, for the output that is claimed",
        "6·3·3 × 3·2·2 = 648",
        "6·3·3 = 54",
    )
