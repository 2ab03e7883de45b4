"""The graph: what DOT text says, and what dot makes of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archdsl.analysis import Analysis
from archdsl.diagram.graph import graph
from archdsl.diagram.palette import PALETTES
from archdsl.shape import Family
from tests.diagram.helpers import (
    across,
    exchanged,
    labels,
    laid_out,
    needs_dot,
    seen_edges,
    shipped,
)
from tests.helpers import GOLDEN, SPECS, analysed, assert_golden, compiled, network

STAGES = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


def alexnet_on(devices: int) -> Analysis:
    """AlexNet in 1001 classes, with channels that many devices divide, without its claims."""
    text = (SPECS / "alexnet.arch").read_text(encoding="utf-8")
    text = re.sub(r"-> .*|expect .*", "", text).replace("classes=1000", "classes=1001")
    text = text.replace("devices 2", f"devices {devices}").replace("groups=2", f"groups={devices}")
    text = re.sub(r"conv \d+", f"conv {48 * devices}", text)
    result = compiled(text)
    assert result.ok, [d.message for d in result.diagnostics]
    return result.archs[0]


# --- AlexNet on its two devices -------------------------------------------------------------------


def test_alexnet_is_the_golden_file() -> None:
    dot = graph(shipped("alexnet"))
    assert_golden(GOLDEN / "diagram" / "alexnet.dot", dot)
    assert dot.count("{") == dot.count("}")


def test_every_stage_stands_once_on_each_device() -> None:
    found = labels(graph(shipped("alexnet")))
    cards = {name for name in found if re.fullmatch(r"\w+@\d+", name)}
    assert cards == {f"{stage}@{device}" for stage in STAGES for device in (0, 1)}
    assert found["@0"] == "device 0"
    assert found["@1"] == "device 1"


def test_edges_cross_where_the_devices_exchange_and_nowhere_else() -> None:
    dot = graph(shipped("alexnet"))
    expected = {
        *exchanged("conv2", "conv3"),
        *exchanged("conv5", "fc6"),
        *exchanged("fc6", "fc7"),
        *exchanged("fc7", "fc8"),
    }
    assert across(dot) == expected
    edges = seen_edges(dot)
    assert all("dashed" in edges[pair] for pair in expected)
    assert all("dashed" not in edges[pair] for pair in edges.keys() - expected)


def test_what_crosses_is_written_once() -> None:
    found = labels(graph(shipped("alexnet")))
    traffic = {name: text for name, text in found.items() if name.endswith("@exchange")}
    assert traffic == {
        "conv3@exchange": f"{256 * 13 * 13:,} numbers per image",  # 43,264
        "fc6@exchange": f"{256 * 6 * 6:,} numbers per image",  # 9,216
        "fc7@exchange": "4,096 numbers per image",
        "fc8@exchange": "4,096 numbers per image",
    }
    assert "60,672 numbers per image cross between the devices" in found[""]


def test_columns_run_straight_from_the_input_to_the_output() -> None:
    edges = seen_edges(graph(shipped("alexnet")))
    for device in (0, 1):
        path = ["@input", *(f"{stage}@{device}" for stage in STAGES), "@output"]
        assert all(pair in edges for pair in pairwise(path))
    assert len(edges) == 2 * (len(STAGES) + 1) + 4 * 4


def test_cards_have_each_devices_part_and_the_margin_the_whole() -> None:
    found = labels(graph(shipped("alexnet")))
    assert found["@input"] == "input 3×227×227"
    assert found["@output"] == "output 1000"
    # Half of 256 filters; 5x5 weights over 48 channels: 256·48·25 + 256 = 307,456.
    assert found["conv2@0"] == (
        "conv2 128 of 256 channels conv 256 5x5 p2 g2 relu 128×27×27 lrn 5 maxpool 3 /2 128×13×13"
    )
    assert found["conv2@0"] == found["conv2@1"]
    assert found["conv2@all"] == "256×13×13 307,456 parameters"
    assert found["fc8@1"] == "fc8 500 of 1000 features linear 1000 500"
    assert found["fc8@all"] == f"1000 {4096 * 1000 + 1000:,} parameters"


def test_the_heading_says_what_network_it_is_and_what_the_colours_mean() -> None:
    heading = labels(graph(shipped("alexnet")))[""]
    assert heading.startswith("AlexNet ImageNet Classification with Deep Convolutional Neural")
    assert "3×227×227 → 1000 · 2 devices · 60,965,224 parameters" in heading
    assert heading.endswith("convolution pooling activation normalisation dense regularisation")


# --- other numbers of devices ---------------------------------------------------------------------


def test_features_that_do_not_divide_give_the_first_devices_one_more() -> None:
    three, found = alexnet_on(3), labels(graph(alexnet_on(3)))
    assert three.network.devices == 3
    # 1001 = 334 + 334 + 333; 4096 = 1366 + 1365 + 1365.
    assert [found[f"fc8@{d}"].split()[1] for d in range(3)] == ["334", "334", "333"]
    assert [found[f"fc6@{d}"].split()[1] for d in range(3)] == ["1366", "1365", "1365"]
    assert len(across(graph(three))) == 4 * (3 + 3)


def test_of_many_devices_the_first_two_and_the_last_are_drawn() -> None:
    found = labels(graph(alexnet_on(8)))
    columns = {name.partition("@")[2] for name in found if name.startswith("conv1@")}
    assert columns == {"all", "gap", "0", "1", "7"}
    assert found["conv1@gap"] == "⋯"
    assert found["conv1@7"].startswith("conv1 48 of 384 channels")
    # 1001 = 8·125 + 1.
    assert [found[f"fc8@{d}"].split()[1] for d in (0, 1, 7)] == ["126", "125", "125"]


def test_a_single_device_has_no_columns() -> None:
    body = "input 1x28x28\nc: conv 8 5x5\n   relu\n   maxpool 2\nf: linear 10"
    found = labels(graph(analysed(body)))
    assert set(found) == {"", "@input", "c@0", "f@0", "@output"}
    # 8·25 + 8; 28 − 5 + 1 = 24, halved to 12.
    assert found["c@0"] == "c 208 parameters conv 8 5x5 relu 8×24×24 maxpool 2 8×12×12"
    assert found["f@0"] == f"f {8 * 12 * 12 * 10 + 10:,} parameters linear 10 10"


def test_an_exchange_inside_a_stage_cuts_its_card() -> None:
    body = "input 4x8x8\ndevices 2\na: conv 6 3x3\n   relu\n   linear 5\n   softmax"
    found, crossing = labels(graph(analysed(body))), across(graph(analysed(body)))
    assert found["a@0"] == "a 3 of 6 channels conv 6 3x3 relu 3×6×6"
    assert found["a+2@0"] == "a, continued 3 of 5 features linear 5 3"
    assert found["a+2@1"] == "a, continued 2 of 5 features linear 5 2"
    # softmax gathers, so that each device then holds all.
    assert found["a+3@1"] == "a, continued softmax 5"
    assert found["a+2@exchange"] == f"{6 * 6 * 6} numbers per image"
    assert crossing == exchanged("a", "a+2") | exchanged("a+2", "a+3")


def test_an_unlabelled_network_is_one_card() -> None:
    body = "input 3x32x32\n" + "\n".join(["conv 8 3x3 pad=1", "relu"] * 20)
    found = labels(graph(analysed(body)))
    assert found["conv@0"].count("conv 8 3x3 p1") == 20
    assert found["conv@0"].count("8×32×32") == 1


# --- what is wrong --------------------------------------------------------------------------------


def test_a_stage_with_a_false_claim_is_outlined_and_says_why() -> None:
    dot = graph(shipped("alexnet_224"))
    outlined = {
        line.split('"')[1]
        for line in dot.splitlines()
        if re.search(r'label=<<TABLE BORDER="2".* COLOR="#c62828"', line)
    }
    assert outlined == {"conv1@0", "conv1@1"}
    found = labels(dot)
    # (224 − 11) / 4 + 1 rounds down to 54; 96·55·55 = 290,400 at the claimed shape.
    assert "✗ claims 96×55×55, gives 96×54×54" in found["conv1@all"]
    assert "✗ claims neurons 253_440, has 290,400" in found["conv1@all"]
    assert "✗" not in "".join(text for name, text in found.items() if name != "conv1@all")
    assert "does not check" in found[""]
    assert "does not check" not in labels(graph(shipped("alexnet")))[""]


def test_a_claim_that_cannot_be_judged_outlines_nothing() -> None:
    body = "input 3x32x32\na: convv 3\nb: conv 8 3x3 -> 8x9x9\nexpect b params 3"
    (analysis,) = compiled(network(body)).archs
    assert {verdict.holds for verdict in analysis.verdicts} == {None}
    (card,) = [line for line in graph(analysis).splitlines() if line.startswith('  "b@0" [')]
    assert "#c62828" not in card


INCOMPLETE = {
    "an unknown word": ("input 3x32x32\na: conv 8 3x3\nb: convv 3\nc: linear 4\n   relu", "c@0"),
    "an argument that does not fit": ("input 3x32x32\na: conv -8 3x3\n   relu", "a@0"),
    "a window that is too large": ("input 3x8x8\na: conv 8 9x9\nb: relu", "b@0"),
    "a statement that does not parse": ("input 3x8x8\na: conv ((\nb: relu", "b@0"),
    "a label used twice": ("input 3x8x8\na: conv ?\na: relu", "a'2@0"),
    "channels that devices do not divide": (
        "input 3x8x8\ndevices 2\na: conv 7 3x3\nb: linear 4",
        "b@1",
    ),
    "an unknown word on two devices": ("input 3x8x8\ndevices 2\na: conv 8 3x3\nb: blub", "b@1"),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_network_that_does_not_check_is_drawn_with_question_marks(case: str) -> None:
    body, unknown = INCOMPLETE[case]
    result = compiled(network(body))
    assert not result.ok
    dot = graph(result.archs[0])
    assert "?" in labels(dot)[unknown].split()
    if shutil.which("dot"):
        assert "@output" in laid_out(dot)


def test_shapes_are_drawn_as_far_as_they_are_known() -> None:
    result = compiled(network("input 3x32x32\na: conv 8 3x3\nb: convv 3\nc: linear 4"))
    found = labels(graph(result.archs[0]))
    assert found["a@0"] == f"a {8 * 27 + 8} parameters conv 8 3x3 8×30×30"
    assert found["b@0"] == "b ? parameters convv ? ?"
    assert found["@output"] == "output 4"  # whatever b gives
    assert "3×32×32 → 4 · ? parameters" in found[""]


@pytest.mark.parametrize("devices", ["", "devices 2", "devices 9"])
def test_a_network_without_layers_is_drawn(devices: str) -> None:
    dot = graph(compiled(network(f"input 3x4x4\n{devices}")).archs[0])
    assert set(seen_edges(dot)) == {("@input", "@output")}
    assert set(labels(dot)) == {"", "@input", "@output"}


# --- any text -------------------------------------------------------------------------------------

HOSTILE = '</TD> & <b>"x"</b> \\N \\G \\L \\" \\\\ &amp; --> ]]> {rank=same}; "; } `$(id)` é 漢 '


def titled(title: str) -> Analysis:
    one_line = title.replace("\r", " ")  # which ends a line, and with it the comment
    return compiled(f"# {one_line}\n{network('input 3x8x8')}").archs[0]


@needs_dot
def test_a_title_comment_is_shown_as_it_was_written() -> None:
    run = subprocess.run(
        ["dot", "-Tsvg"], input=graph(titled(HOSTILE)).encode(), capture_output=True, check=True
    )
    shown = "".join("".join(ElementTree.fromstring(run.stdout).itertext()).split())
    assert "".join(HOSTILE.split()) in shown


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n")))
def test_any_title_gives_well_formed_labels(title: str) -> None:
    dot = graph(titled(title))
    assert set(labels(dot)) == {"", "@input", "@output"}
    assert len(dot.splitlines()) == len(graph(titled("plain")).splitlines())


@needs_dot
def test_dot_reads_titles_with_control_characters() -> None:
    dot = graph(titled("".join(map(chr, range(32))).replace("\n", "") + "\x7f\x85\u2028\ufffe"))
    assert "@input" in laid_out(dot)


def test_a_long_title_is_cut() -> None:
    heading = labels(graph(titled("word " * 1000)))[""]
    assert "…" in heading
    assert len(heading) < 500


def test_names_that_dot_keeps_for_itself_are_drawn() -> None:
    body = "input 3x8x8\nnode: conv 4 3x3\nedge: relu\ngraph: relu\nsubgraph: linear 2"
    dot = graph(analysed(body, header="digraph"))
    assert {"node@0", "edge@0", "graph@0", "subgraph@0"} <= set(labels(dot))
    if shutil.which("dot"):
        assert "graph@0" in laid_out(dot)


# --- the picture ----------------------------------------------------------------------------------


@needs_dot
@pytest.mark.parametrize("name", ["alexnet", "alexnet_224"])
def test_rows_and_columns_are_straight(name: str) -> None:
    places = laid_out(graph(shipped(name)))
    columns, rows = defaultdict(set), defaultdict(set)
    for node, (x, y, _, _) in places.items():
        stage, _, column = node.partition("@")
        if column not in ("input", "output", "exchange"):
            columns[column].add(round(x))
            if stage:
                rows[stage].add(round(y))
    assert all(len(xs) == 1 for xs in (*columns.values(), *rows.values()))
    total, first, gap, second = (columns[c].pop() for c in ("all", "0", "gap", "1"))
    assert total < first < gap < second
    assert abs((gap - first) - (second - gap)) <= 2  # an outline is a point thicker
    middle = [places[n][0] for n in ("@input", "@output", "conv3@exchange", "fc8@exchange")]
    assert {round(x) for x in middle} == {gap}
    ys = [rows[stage].pop() for stage in STAGES]
    assert ys == sorted(ys, reverse=True)
    assert places["conv2@0"][1] > places["conv3@exchange"][1] > places["conv3@0"][1]


@needs_dot
@pytest.mark.parametrize("devices", [2, 3, 4, 8])
def test_no_two_nodes_overlap(devices: int) -> None:
    places = list(laid_out(graph(alexnet_on(devices))).values())
    for i, (x, y, width, height) in enumerate(places):
        for x2, y2, width2, height2 in places[:i]:
            apart = abs(x - x2) >= (width + width2) / 2 or abs(y - y2) >= (height + height2) / 2
            assert apart


@needs_dot
def test_cards_are_equally_wide() -> None:
    body = "input 3x64x64\ndevices 2\n" + "\n".join(
        f"c{i}x: conv {2 * 10 ** (i // 5)} 3x3 pad=1\nrelu\nbatchnorm" for i in range(1, 21)
    )
    places = laid_out(graph(analysed(body)))
    widths = [width for name, (_, _, width, _) in places.items() if re.match(r"c\d+x@[01]", name)]
    assert len(widths) == 40
    assert max(widths) - min(widths) < 1


def test_every_family_has_a_tone() -> None:
    for palette in PALETTES.values():
        assert set(palette.tones) == set(Family)
        tones = palette.tones.values()
        assert all(re.fullmatch("#[0-9a-f]{6}", colour) for tone in tones for colour in tone)


def test_the_text_is_the_same_in_every_process() -> None:
    code = (
        "import sys; from pathlib import Path; from archdsl.compiler import compile_file; "
        "from archdsl.diagram.graph import graph; from archdsl.diagram.style import *; "
        "from archdsl.diagram.difference import difference; from archdsl import diff; "
        f"a, b = (compile_file(Path({str(SPECS)!r}, name)) for name in sys.argv[1:]); "
        "drawn = [graph(a.archs[0]), graph(b.archs[0], Style(fold=Fold.NONE), b.diagnostics), "
        "difference(diff.difference(a.archs[0], b.archs[0]))]; "
        "sys.stdout.buffer.write(''.join(drawn).encode()); assert 'graphviz' not in sys.modules"
    )
    names = ["alexnet_224.arch", "zoo/resnet18.arch"]
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, *names],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (text,) = texts
    assert text.decode().startswith(graph(shipped("alexnet_224")))
