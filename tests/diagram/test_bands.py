"""Bands: what of a network is unfolded, what is a chip, and what is drawn once for all."""

from __future__ import annotations

from archdsl.analysis import Analysis
from archdsl.diagram.bands import (
    LIMITS,
    Band,
    Inside,
    Join,
    Label,
    More,
    Row,
    Times,
    brief,
    unfold,
)
from archdsl.diagram.style import Fold
from tests.helpers import analysed, compiled, network

FIRE = """
block fire(squeeze, expand) {
  conv squeeze 1x1
  concat { conv expand 1x1 } { conv expand 3x3 pad=1 }
}
"""


def drawn(analysis: Analysis, fold: Fold = Fold.LAYER) -> list[Band]:
    """The bands of all stages."""
    found: list[Band] = []
    for stage in analysis.network.stages:
        found += unfold(analysis, stage.items, LIMITS[fold])
    return found


def sketch(band: Band) -> object:
    """A band as plain values: the text of a row's chips, the columns of a join, 3 × […]."""
    match band:
        case Row():
            return " | ".join(map(brief, band.chips))
        case Join():
            return (band.layer.op.word, *(list(map(sketch, column)) for column in band.columns))
        case Times():
            return (len(band.iterations), *map(sketch, band.bands))
        case Inside():
            return (band.title, *map(sketch, band.bands))
        case More():
            return f"… {len(band.iterations)}"
        case Label():
            return f"{band.stage.name}:"


def sketches(body: str) -> list[object]:
    return [sketch(band) for band in drawn(analysed(f"input 4x16x16\n{body}"))]


def with_fire(body: str) -> Analysis:
    result = compiled(FIRE + network(f"input 4x16x16\n{body}"))
    assert result.ok, [d.message for d in result.diagnostics]
    return result.archs[0]


# --- what is unfolded -----------------------------------------------------------------------------


def test_a_use_is_a_chip_that_begins_a_row() -> None:
    found = [sketch(band) for band in drawn(with_fire("a: relu\nfire 2 8\nrelu\nfire 4 8"))]
    assert found == ["relu", "fire 2 8 | relu", "fire 4 8"]


def test_a_joins_branches_are_columns_with_a_row_to_each_layer() -> None:
    body = "a: concat { conv 8 1x1; relu } { conv 2 1x1; relu; maxpool 3 stride=1 pad=1 } {}\nrelu"
    assert sketches(body) == [
        ("concat", ["conv 8 1x1", "relu"], ["conv 2 1x1", "relu", "maxpool 3 /1 p1"], []),
        "relu",
    ]


def test_a_repeat_is_drawn_once_with_its_count() -> None:
    body = "a: repeat 3 { add { conv 4 3x3 pad=1; relu } {}; relu }"
    assert sketches(body) == [(3, ("add", ["conv 4 3x3 p1", "relu"], []), "relu")]


def test_labels_stand_above_their_layers() -> None:
    body = "a: repeat 2 { relu; first: conv 4 1x1; relu; second: conv 4 1x1 }"
    assert sketches(body) == [
        (2, "relu", "first:", "conv 4 1x1 | relu", "second:", "conv 4 1x1"),
    ]


def test_nothing_is_unfolded_that_is_empty() -> None:
    body = "a: add {} {}\nrepeat 0 { relu }\nrepeat 3 { }\nrelu"
    assert sketches(body) == ["add of 2", "identity", "3 × () | relu"]


def test_what_is_more_than_three_deep_is_folded() -> None:
    body = "a: repeat 2 { repeat 3 { add { repeat 4 { relu; tanh } } { add {relu} {tanh} } } }"
    assert sketches(body) == [(2, (3, ("add", ["4 × (relu · tanh)"], ["add of 2"])))]


def test_of_many_branches_six_are_drawn() -> None:
    (eight,) = drawn(analysed(f"input 4x8x8\na: concat {'{ relu } ' * 8}"))
    (nine,) = drawn(analysed(f"input 4x8x8\na: concat {'{ relu } ' * 9}"))
    assert isinstance(eight, Join)
    assert isinstance(nine, Join)
    assert (len(eight.columns), eight.hidden) == (8, 0)
    assert (len(nine.columns), nine.hidden) == (6, 3)


def test_iterations_that_a_variant_has_changed_are_drawn_apart() -> None:
    text = network("input 4x8x8\na: repeat 5 { conv 4 1x1; relu }", "Base") + (
        "arch Edited from Base { set a.repeat.3.conv bias=no; remove a.repeat.5.relu }"
    )
    result = compiled(text)
    assert result.ok, [d.message for d in result.diagnostics]
    found = [sketch(band) for band in drawn(result.archs[1])]
    pair = "conv 4 1x1 | relu"
    assert found == [(2, pair), (1, pair), (1, pair), (1, "conv 4 1x1")]


def test_an_iteration_that_a_variant_has_emptied_is_not_drawn() -> None:
    text = network("input 4x8x8\na: repeat 3 { relu }", "Base") + (
        "arch Edited from Base { remove a.repeat.1.relu }"
    )
    assert [sketch(band) for band in drawn(compiled(text).archs[1])] == [(2, "relu")]


def test_shapes_in_a_repeat_are_known_where_they_are_the_same_each_time() -> None:
    def steady(body: str) -> bool:
        (band,) = drawn(analysed(f"input 4x8x8\n{body}"))
        assert isinstance(band, Times)
        (join,) = band.bands
        assert isinstance(join, Join)
        return join.steady

    assert steady("a: repeat 2 { concat { conv 2 1x1 } { conv 2 1x1 } }")
    assert not steady("a: repeat 2 { concat { conv 2 1x1 } {} }")


# --- a stage in a line ----------------------------------------------------------------------------


def test_a_folded_stage_has_a_chip_to_each_statement() -> None:
    body = (
        "a: conv 4 3x3\nrelu\nconv 8 3x3\nadd { relu } { tanh }\nrepeat 2 { relu; tanh }\nfire 2 8"
    )
    found = drawn(with_fire(body), Fold.STAGE)
    assert [sketch(band) for band in found] == [
        "conv 4 3x3 | relu | conv 8 3x3 | add of 2",
        "2 × (relu · tanh) | fire 2 8",
    ]


# --- everything in its place ----------------------------------------------------------------------


def everything(text: str) -> list[object]:
    return [sketch(band) for band in drawn(with_fire(text), Fold.NONE)]


def test_uses_are_unfolded_where_they_stand() -> None:
    assert everything("a: relu\nfire 2 8") == [
        "relu",
        ("fire 2 8", "conv 2 1x1", ("concat", ["conv 8 1x1"], ["conv 8 3x3 p1"])),
    ]


def test_iterations_are_drawn_one_by_one() -> None:
    assert everything("a: repeat 2 { conv 4 1x1; relu }") == [
        ("1 of 2", "conv 4 1x1 | relu"),
        ("2 of 2", "conv 4 1x1 | relu"),
    ]


def test_an_iteration_that_is_a_use_has_one_frame() -> None:
    inside = ("conv 2 1x1", ("concat", ["conv 8 1x1"], ["conv 8 3x3 p1"]))
    assert everything("a: repeat 2 { fire 2 8 }") == [
        ("fire 2 8 · 1 of 2", *inside),
        ("fire 2 8 · 2 of 2", *inside),
    ]


def test_of_more_than_eight_iterations_six_are_drawn() -> None:
    assert len(everything("a: repeat 8 { relu }")) == 8
    nine = everything("a: repeat 9 { relu }")
    assert nine[5:] == [("6 of 9", "relu"), "… 3"]


def test_what_is_more_than_six_deep_stays_folded() -> None:
    body = "a: " + "add { " * 8 + "relu" + " } { tanh }" * 8
    (band,) = drawn(analysed(f"input 4x8x8\n{body}"), Fold.NONE)
    depth = 0
    while isinstance(band, Join):
        depth, band = depth + 1, band.columns[0][0]
    assert (depth, sketch(band)) == (6, "add of 2")
