"""The ids of an SVG, and which of them show a part."""

from __future__ import annotations

import re
from itertools import product

import pytest

from archdsl.compiler import compile_file
from archdsl.diagram.elements import elements
from archdsl.diagram.graph import graph
from archdsl.diagram.style import Fold, Rankdir, Style
from tests.diagram.helpers import needs_dot, shipped, svg_ids
from tests.diagram.test_composition import composed
from tests.helpers import SPECS, analysed, compiled, network

STYLES = [Style(fold=fold, rankdir=way) for fold, way in product(Fold, Rankdir)]


@needs_dot
@pytest.mark.parametrize("style", STYLES, ids=lambda s: f"{s.fold}-{s.rankdir}")
def test_every_part_is_shown_by_elements_that_are_there_once(style: Style) -> None:
    zoo = [compile_file(SPECS / "zoo" / f"{n}.arch").archs[-1] for n in ("resnet18", "densenet121")]
    for analysis in (composed(), composed(2), shipped("alexnet"), *zoo):
        ids = svg_ids(graph(analysis, style))
        assert len(ids) == len(set(ids))
        found = elements(analysis, style)
        network = analysis.network
        paths = [part.path for part in network.parts] + [stage.path for stage in network.stages]
        assert set(found) == set(paths)
        assert all(shown and set(shown) <= set(ids) for shown in found.values())


def test_a_layer_is_shown_by_its_chip_on_every_device() -> None:
    found = elements(shipped("alexnet"))
    assert found["conv1"] == ("stage:conv1@0", "stage:conv1@1")
    assert found["conv1.relu"] == ("a_part:conv1.relu@0", "a_part:conv1.relu@1")
    assert elements(shipped("small"))["conv1.relu"] == ("a_part:conv1.relu",)


def test_a_stage_that_is_cut_is_shown_by_all_its_cards() -> None:
    found = elements(analysed("input 4x8x8\ndevices 2\na: conv 6 3x3\n   linear 5"))
    assert found["a"] == ("stage:a@0", "stage:a@1", "stage:a+2@0", "stage:a+2@1")
    assert found["a.linear"] == ("a_part:a.linear@0", "a_part:a.linear@1")


BLOCKS = """
block pair(n) { conv n 1x1; add { relu } { tanh } }
""" + network("input 4x8x8\na: pair 4\nb: repeat 3 { pair 4; repeat 2 { softmax } }\n   pair 2")


def test_what_is_drawn_once_shows_all_that_it_stands_for() -> None:
    """The block is drawn as in a; of b's repeat the first iteration is."""
    (analysis,) = compiled(BLOCKS).archs
    found = elements(analysis)
    assert found["a.pair.conv"] == ("a_part:a.pair.conv", "a_part:a.pair")
    assert found["a.pair.add.1.relu"] == ("a_part:a.pair.add.1.relu", "a_part:a.pair")
    assert found["b.pair.conv"] == ("a_part:a.pair.conv", "a_part:b.pair")
    assert found["b.repeat"] == ("a_part:b.repeat",)
    assert found["b.repeat.3.pair"] == ("a_part:b.repeat.1.pair", "a_part:b.repeat")
    assert found["b.repeat.3.pair.add"] == ("a_part:a.pair.add", "a_part:b.repeat")
    assert found["b.repeat.3.repeat.2.softmax"] == (
        "a_part:b.repeat.1.repeat.1.softmax",
        "a_part:b.repeat",
    )


@needs_dot
def test_iterations_that_are_drawn_apart_have_ids_of_their_own() -> None:
    base = network("input 4x8x8\na: repeat 5 { conv 4 1x1; relu }", "Base")
    variant = "arch Edited from Base { set a.repeat.3.conv bias=no }"
    analysis = compiled(base + variant).archs[1]
    ids = svg_ids(graph(analysis))
    assert len(ids) == len(set(ids))
    found = elements(analysis)
    assert found["a.repeat"] == ("a_part:a.repeat",)
    assert found["a.repeat.2.relu"] == ("a_part:a.repeat.1.relu", "a_part:a.repeat")
    assert found["a.repeat.5.relu"] == ("a_part:a.repeat.4.relu", "a_part:a.repeat")
    assert {"a_part:a.repeat.3", "a_part:a.repeat.4"} <= set(ids)


def test_what_is_folded_is_shown_by_what_it_is_folded_into() -> None:
    (analysis,) = compiled(BLOCKS).archs
    found = elements(analysis, Style(fold=Fold.STAGE))
    assert found["a.pair.conv"] == ("a_part:a.pair",)
    assert found["b.repeat.3.pair.add"] == ("a_part:b.repeat",)


def test_where_nothing_is_folded_everything_shows_itself() -> None:
    (analysis,) = compiled(BLOCKS).archs
    found = elements(analysis, Style(fold=Fold.NONE))
    assert found["b.repeat.3.pair.add.2.tanh"] == ("a_part:b.repeat.3.pair.add.2.tanh",)
    assert found["b.repeat.2.pair"] == ("a_part:b.repeat.2.pair",)


def test_a_part_tells_what_it_does_under_the_mouse() -> None:
    dot = graph(shipped("small"))
    told = dict(re.findall(r'ID="part:([^"]+)" TARGET="_self" TITLE="([^"]+)"', dot))
    # (67 − 11) / 4 + 1 = 15; 11·11·3·64 + 64 = 23,296.
    assert told["conv1.conv"] == (
        "conv1.conv: conv 64 11x11 stride=4 · 3×67×67 → 64×15×15 · 23,296 parameters"
    )
    assert told["conv1.relu"] == "conv1.relu: relu · 64×15×15 → 64×15×15"
