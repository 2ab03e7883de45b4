"""How much of a network is unfolded, and which way the picture runs."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import product

import pytest

from archdsl.analysis import Analysis
from archdsl.compiler import compile_file
from archdsl.diagram.graph import graph
from archdsl.diagram.palette import PALETTES, Theme
from archdsl.diagram.style import Fold, Rankdir, Style
from archdsl.network import Repeat, Use
from tests.diagram.helpers import labels, laid_out, needs_dot, overlapping, shipped
from tests.diagram.test_composition import composed, wrong
from tests.diagram.test_graph import STAGES, alexnet_on
from tests.helpers import SPECS, analysed, compiled, network

WIDE = Style(rankdir=Rankdir.LR)
STYLES = [Style(fold=fold, rankdir=way) for fold, way in product(Fold, Rankdir)]


def zoo(name: str) -> Analysis:
    return compile_file(SPECS / "zoo" / f"{name}.arch").archs[-1]


def chips(dot: str) -> list[str]:
    """The paths of what is drawn."""
    return re.findall(r'ID="part:([^"@]+)', dot)


# --- stages ---------------------------------------------------------------------------------------


def test_a_stage_is_a_line() -> None:
    found = labels(graph(zoo("googlenet"), Style(fold=Fold.STAGE)))
    assert found["conv2@0"] == (
        "conv2 conv 64 1x1 relu conv 192 3x3 p1 relu lrn 5 192×56×56 114,944 parameters"
    )
    assert found["inception3a@0"] == (
        "inception3a inception 64 96 128 16 32 32 256×28×28 163,696 parameters"
    )
    assert not any(name.endswith("@block") for name in found)
    assert "joining" not in found[""]


def test_a_folded_stage_on_a_device_says_what_that_holds() -> None:
    found = labels(graph(shipped("alexnet"), Style(fold=Fold.STAGE)))
    assert found["conv2@1"] == "conv2 conv 256 5x5 p2 g2 relu lrn 5 maxpool 3 /2 128×13×13"
    assert found["conv2@all"] == "256×13×13 307,456 parameters"


# --- everything -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "resnet50", "squeezenet1_1"])
def test_every_layer_is_drawn_once_where_nothing_is_folded(name: str) -> None:
    analysis = zoo(name)
    dot = graph(analysis, Style(fold=Fold.NONE))
    parts = {part.path: part for part in analysis.network.parts}
    drawn = chips(dot)
    assert len(drawn) == len(set(drawn))
    kept = [path for path in drawn if path in parts and not isinstance(parts[path], Repeat | Use)]
    assert set(kept) == {layer.path for layer in analysis.network.layers}
    assert "@block" not in dot
    assert "more" not in dot


def test_what_is_left_out_is_said() -> None:
    """Of dense3's 24 layers 6 are drawn, of dense1's 6 all."""
    found = labels(graph(zoo("densenet121"), Style(fold=Fold.NONE)))
    assert found["dense3@0"].count("dense_layer · ") == 6
    assert "… 18 more" in found["dense3@0"]
    assert "more" not in found["dense1@0"]


def test_a_stage_that_is_too_large_is_folded_and_named() -> None:
    inside = "\n".join(["conv 3 1x1", "batchnorm", "relu"] * 20)
    text = f"block deep {{\n{inside}\n}}\n" + network(
        "input 3x8x8\nsmall: deep\nlarge: deep\n" + "deep\n" * 7
    )
    (analysis,) = compiled(text).archs
    found = labels(graph(analysis, Style(fold=Fold.NONE)))
    assert found["small@0"].count("relu") == 20
    assert found["large@0"].count("relu") == 0  # 8 · 60 chips are more than 400
    assert found["large@0"].count("deep") == 8
    assert found["deep@block"].count("relu") == 20
    assert "too large to be unfolded: large" in found[""]


@pytest.mark.parametrize("style", STYLES, ids=lambda s: f"{s.fold}-{s.rankdir}")
def test_what_does_not_check_is_said_in_every_style(style: Style) -> None:
    found = labels(graph(shipped("alexnet_224"), style))
    assert "✗ claims 96×55×55, gives 96×54×54" in found["conv1@all"]
    assert "does not check" in found[""]
    dot = graph(wrong(), style)
    assert "✗ stem.unit claims params 999, has 112" in labels(dot)["stem@0"]
    outlined = re.findall(r'<TD BORDER="1" COLOR="#c62828"[^>]*ID="part:([^"]+)"', dot)
    inside = style.fold is Fold.NONE
    assert ("stem.unit" in outlined) is not inside
    if inside:  # the frame around it
        assert re.search(r'COLOR="#c62828"[^>]*><TR><TD[^>]*ID="part:stem.unit"', dot)


# --- ways -----------------------------------------------------------------------------------------


@needs_dot
@pytest.mark.parametrize("fold", Fold)
def test_from_left_to_right_devices_are_rows_and_stages_columns(fold: Fold) -> None:
    places = laid_out(graph(shipped("alexnet"), Style(fold=fold, rankdir=Rankdir.LR)))
    rows, columns = defaultdict(set), defaultdict(set)
    for node, (x, y, _, _) in places.items():
        stage, _, row = node.partition("@")
        if row not in ("input", "output", "exchange"):
            rows[row].add(round(y))
            if stage:
                columns[stage].add(round(x))
    assert all(len(xs) == 1 for xs in (*rows.values(), *columns.values()))
    total, first, gap, second = (rows[row].pop() for row in ("all", "0", "gap", "1"))
    assert total > first > gap > second
    assert abs((first - gap) - (gap - second)) <= 2
    xs = [columns[stage].pop() for stage in STAGES]
    assert xs == sorted(xs)
    assert places["conv2@0"][0] < places["conv3@exchange"][0] < places["conv3@0"][0]
    assert {round(places[f"@{end}"][1]) for end in ("input", "output")} == {gap}


@needs_dot
@pytest.mark.parametrize("style", STYLES, ids=lambda s: f"{s.fold}-{s.rankdir}")
def test_no_two_nodes_overlap_in_any_style(style: Style) -> None:
    for analysis in (composed(), composed(2), alexnet_on(3), alexnet_on(8), zoo("resnet18")):
        assert overlapping(laid_out(graph(analysis, style))) == []


@needs_dot
def test_the_stages_of_one_device_stand_in_a_line() -> None:
    for style, axis in ((Style(), 0), (WIDE, 1)):
        places = laid_out(graph(zoo("resnet18"), style))
        stages = [place[axis] for name, place in places.items() if name.endswith("@0")]
        assert len(stages) == 6
        assert max(stages) - min(stages) <= 1


# --- colours --------------------------------------------------------------------------------------


def test_a_theme_changes_colours_alone() -> None:
    light, dark = (graph(shipped("alexnet"), Style(theme=theme)) for theme in Theme)
    assert labels(light) == labels(dark)
    assert re.sub("#[0-9a-f]{6}", "#", light) == re.sub("#[0-9a-f]{6}", "#", dark)
    used = [set(re.findall("#[0-9a-f]{6}", dot)) for dot in (light, dark)]
    assert not used[0] & used[1]


def luminance(colour: str) -> float:
    """Of #rrggbb, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", Theme)
def test_text_is_legible_on_everything_that_it_stands_on(theme: Theme) -> None:
    """4.5 is what WCAG 2 asks of small text."""
    palette = PALETTES[theme]
    changes = (palette.added, palette.removed, palette.changed)
    for tone in (*palette.tones.values(), palette.unknown, palette.block, *changes):
        assert contrast(palette.ink, tone.fill) >= 4.5
    for colour in (palette.muted, palette.traffic, palette.wrong, *(t.line for t in changes)):
        assert contrast(colour, palette.paper) >= 4.5
    assert contrast(palette.muted, palette.column) >= 4.5


# --- bars -----------------------------------------------------------------------------------------


def bars(dot: str) -> dict[str, tuple[int, int]]:
    """How long each node's bar is, and how long the bar of all would be."""
    found = {}
    for line in dot.splitlines():
        match = re.search(r'FIXEDSIZE="TRUE" WIDTH="(\d+)"[^>]*><TR><TD WIDTH="(\d+)"', line)
        if match:
            found[line.split('"')[1]] = int(match[2]), int(match[1])
    return found


def test_bars_are_shares_of_all_parameters() -> None:
    found = bars(graph(shipped("alexnet")))
    assert set(found) == {f"{stage}@all" for stage in STAGES}
    (whole,) = {length for _, length in found.values()}
    # fc6 has 37,752,832 of 60,965,224 parameters, fc7 16,781,312.
    assert found["fc6@all"][0] == round(0.61925 * whole)
    assert found["fc7@all"][0] == round(0.27526 * whole)
    assert found["conv1@all"][0] == 2  # 0.06 %: a sliver


@pytest.mark.parametrize("style", STYLES, ids=lambda s: f"{s.fold}-{s.rankdir}")
def test_bars_can_be_compared_and_are_left_out_where_nothing_is_learned(style: Style) -> None:
    body = "input 3x8x8\na: conv 4 1x1\nb: relu\nlonger_name: conv 12 1x1\nrelu"
    found = bars(graph(analysed(body), style))
    # 3·4 + 4 and 4·12 + 12: 16 and 60 of 76.
    assert set(found) == {"a@0", "longer_name@0"}
    (whole,) = {length for _, length in found.values()}
    assert [length for length, _ in found.values()] == [
        round(16 / 76 * whole),
        round(60 / 76 * whole),
    ]


def test_one_stage_that_learns_all_has_a_full_bar() -> None:
    assert [a == b for a, b in bars(graph(analysed("input 3x8x8\na: conv 4 1x1"))).values()] == [
        True
    ]


def test_shares_of_what_is_not_known_are_not_drawn() -> None:
    (analysis,) = compiled(network("input 3x8x8\na: conv 4 1x1\nb: blub")).archs
    assert bars(graph(analysis)) == {}
