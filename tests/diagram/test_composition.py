"""The graph of networks with joins, repeats, blocks and labels inside of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from archdsl.analysis import Analysis
from archdsl.compiler import compile_file
from archdsl.diagram.graph import graph
from archdsl.diagram.palette import PALETTES, Theme
from archdsl.shape import Family
from tests.diagram.helpers import across, exchanged, labels, laid_out, needs_dot, seen_edges
from tests.helpers import GOLDEN, SPECS, assert_golden, compiled, network

COMPOSED = """
block unit(filters) { conv filters 1x1; batchnorm; relu }
block fire(squeeze, expand) {
  unit squeeze
  concat { conv expand 1x1; relu } { conv expand 3x3 pad=1; relu }
}
# Every way of composing layers.
arch Composed(classes=10) {
  input 3x32x32
  stem:  conv 16 3x3 pad=1
         relu
  fire2: fire 8 16                                  -> 32x32x32
  res:   repeat 3 { add { conv 32 3x3 pad=1; relu } {}; relu }
  mix:   concat { reduce: conv 8 1x1
                          relu
                  spread: conv 16 3x3 pad=1 } { maxpool 3x3 stride=1 pad=1 } {}
  dense: repeat 2 { concat {} { unit 8 } }
  head:  globalavgpool
         linear classes
}
"""

WRONG = """
block unit(filters) { conv filters 3x3 -> (filters, 8, 8); relu }
block fire(squeeze, expand) {
  unit squeeze
  concat { conv expand 1x1; relu } { conv expand 3x3; relu }
}
arch Wrong {
  input 3x10x10
  stem:  unit 4
  fire2: repeat 2 { fire 4 8 }
  tail:  unit 6
  fc:    linear 10
  expect stem.unit params 999
}
"""


def composed(devices: int = 1) -> Analysis:
    text = COMPOSED.replace("  stem:", f"  devices {devices}\n  stem:") if devices > 1 else COMPOSED
    result = compiled(text)
    assert result.ok, [d.message for d in result.diagnostics]
    return result.archs[0]


def wrong() -> Analysis:
    return compiled(WRONG).archs[0]


def outlined(dot: str) -> set[str]:
    """The nodes with a thick red line around them."""
    return {
        line.split('"')[1]
        for line in dot.splitlines()
        if re.search(r'label=<<TABLE BORDER="2".* COLOR="#c62828"', line)
    }


GOLDENS: dict[str, Callable[[], Analysis]] = {
    "composed": composed,
    "composed_on_two": partial(composed, 2),
    "wrong_in_a_block": wrong,
}


@pytest.mark.parametrize("name", GOLDENS)
def test_the_text_is_the_golden_files(name: str) -> None:
    dot = graph(GOLDENS[name]())
    assert_golden(GOLDEN / "diagram" / f"{name}.dot", dot)
    assert len(labels(dot)) == sum("label=<" in line for line in dot.splitlines())


# --- cards ----------------------------------------------------------------------------------------


def test_cards_say_what_stands_in_a_stage_and_what_comes_out_of_it() -> None:
    found = labels(graph(composed()))
    # unit: 16·8 + 8 + 2·8; the branches 8·16 + 16 and 9·8·16 + 16.
    assert found["fire2@0"] == f"fire2 {152 + 144 + 1168:,} parameters fire 8 16 32×32×32"
    # 3·(9·32·32 + 32); an empty branch has no words.
    assert found["res@0"] == "res 27,744 parameters 3 × conv 32 3x3 p1 relu add relu 32×32×32"
    # 32·8 + 8 and 9·8·16 + 16. Rows come one after the other: the first of each branch first.
    assert found["mix@0"] == (
        "mix 1,432 parameters reduce maxpool 3 /1 p1 conv 8 1x1 relu spread conv 16 3x3 p1 "
        "16×32×32 32×32×32 32×32×32 concat 80×32×32"
    )
    # 80·8 + 8 + 16 and 88·8 + 8 + 16. What the branches give is another shape each time.
    assert found["dense@0"] == "dense 1,392 parameters 2 × unit 8 concat 96×32×32"
    assert found["head@0"] == "head 970 parameters globalavgpool 96×1×1 linear 10 10"


def test_blocks_are_shown_with_the_numbers_of_their_first_use_in_a_stage() -> None:
    found = labels(graph(composed()))
    assert found["unit@block"] == (
        "block unit(filters) as in dense: unit 8 conv 8 1x1 batchnorm 8×32×32 relu"
    )
    assert found["fire@block"] == (
        "block fire(squeeze, expand) as in fire2: fire 8 16 unit 8 8×32×32 "
        "conv 16 1x1 conv 16 3x3 p1 relu relu 16×32×32 16×32×32 concat 32×32×32"
    )


def test_shapes_of_branches_are_written_where_they_are_not_the_joins() -> None:
    def of(join: str) -> str:
        (analysis,) = compiled(network(f"input 4x8x8\na: {join}")).archs
        return labels(graph(analysis))["a@0"].partition("parameters ")[2]

    assert of("add { conv 4 1x1 } {}") == "conv 4 1x1 add 4×8×8"
    assert of("concat { conv 2 1x1 } {}") == "conv 2 1x1 2×8×8 4×8×8 concat 6×8×8"
    assert of("add { conv 2 1x1 } {}") == "conv 2 1x1 2×8×8 4×8×8 add ? ✗ a cannot add " + (
        "2x8x8, from branch 1, and 4x8x8, from branch 2"
    )
    assert of("add { blub 2 } { conv 4 1x1 }") == "blub ? conv 4 1x1 ? 4×8×8 add ?"


def test_a_branch_that_ends_early_goes_on_as_a_line() -> None:
    (analysis,) = compiled(network("input 4x8x8\na: add { relu; relu } { relu } {}")).archs
    (card,) = [line for line in graph(analysis).splitlines() if line.startswith('  "a@0" [')]
    lines = re.findall(r'SIDES="R"[^>]* ROWSPAN="(\d)"', card)
    assert sorted(lines) == ["1", "2"]


def test_the_legend_has_what_is_drawn() -> None:
    assert labels(graph(composed()))[""].endswith(
        "convolution pooling activation normalisation dense joining block"
    )
    (plain,) = compiled(network("input 4x8x8\na: repeat 2 { relu }")).archs
    assert labels(graph(plain))[""].endswith("parameters activation")


def test_hidden_branches_are_counted() -> None:
    (analysis,) = compiled(network(f"input 4x8x8\na: concat {'{ relu; tanh } ' * 50}")).archs
    card = labels(graph(analysis))["a@0"]
    assert card.count("tanh") == 6
    assert "… 44 more" in card


# --- devices --------------------------------------------------------------------------------------


def test_devices_hold_their_part_of_what_parts_give() -> None:
    found = labels(graph(composed(2)))
    assert found["fire2@1"] == "fire2 16 of 32 channels fire 8 16 16×32×32"
    assert found["fire2@all"] == "32×32×32 1,464 parameters"
    assert found["mix@0"].endswith("8×32×32 16×32×32 16×32×32 concat 40×32×32")
    assert found["dense@0"].startswith("dense 48 of 96 channels")


def test_what_crosses_inside_of_parts_stands_beside_their_card() -> None:
    found, crossing = labels(graph(composed(2))), across(graph(composed(2)))
    size = 32 * 32
    # Two devices receive together what is gathered once: of fire2, what enters the unit and what
    # both branches read; of res, each addition's input.
    assert found["fire2@gap"] == f"{(16 + 8) * size:,} numbers per image"
    assert found["res@gap"] == f"{3 * 32 * size:,} numbers per image"
    assert found["mix@gap"] == f"{(32 + 8) * size:,} numbers per image"
    assert found["dense@gap"] == f"{(80 + 88) * size:,} numbers per image"
    assert found["stem@gap"] == ""
    beside = {pair for pair in crossing if not any("@exchange" in end for end in pair)}
    assert beside == {(f"{s}@0", f"{s}@1") for s in ("fire2", "res", "mix", "dense")}
    # The linear layer gathers 96 numbers before it, which cuts its stage's card.
    assert crossing - beside == exchanged("head", "head+2")
    assert found["head+2@exchange"] == "96 numbers per image"
    assert [name for name in found if name.endswith("@exchange")] == ["head+2@exchange"]


def test_each_branch_begins_with_what_the_join_gets() -> None:
    """The input is not divided, so an empty branch of it is whole beside a layer's half."""
    body = "input 4x8x8\ndevices 2\na: concat { conv 6 1x1 } {}"
    (analysis,) = compiled(network(body)).archs
    found = labels(graph(analysis))["a@0"]
    assert found == "a 5 of 10 channels conv 6 1x1 3×8×8 4×8×8 concat 5×8×8"


def test_of_divided_vectors_that_meet_each_device_joins_its_parts() -> None:
    """Of 7 and 5 features device 0 holds 4 and 3, device 1 the rest, and of 9 it holds 5."""
    body = "input 3x8x8\ndevices 2\na: concat { linear 7 } { linear 5 }\n   relu\nb: linear 9"
    (analysis,) = compiled(network(body)).archs
    found = labels(graph(analysis))
    assert found["a@0"] == "a 7 of 12 features linear 7 linear 5 4 3 concat 7 relu"
    assert found["a@1"] == "a 5 of 12 features linear 7 linear 5 3 2 concat 5 relu"
    assert found["b@0"] == "b 5 of 9 features linear 9 5"
    assert found["b@1"] == "b 4 of 9 features linear 9 4"


def test_of_three_devices_the_last_can_hold_least() -> None:
    """Of 7 features 3, 2 and 2; of 5 features 2, 2 and 1; of 9, which are whole before, 3 each."""
    body = "input 9x1x1\ndevices 3\na: concat { linear 7 } { linear 5 } { flatten }"
    (analysis,) = compiled(network(body)).archs
    found = labels(graph(analysis))
    assert [found[f"a@{device}"].split()[1] for device in range(3)] == ["8", "7", "6"]


def test_what_is_held_of_a_map_is_held_of_it_flattened() -> None:
    body = "input 3x2x2\ndevices 2\na: conv 6 1x1\n   flatten"
    (analysis,) = compiled(network(body)).archs
    found = labels(graph(analysis))
    assert found["a@1"] == "a 12 of 24 features conv 6 1x1 3×2×2 flatten 12"


def test_an_empty_part_keeps_the_division_that_it_gets() -> None:
    body = "input 4x8x8\ndevices 2\na: repeat 0 { relu }\nb: conv 6 1x1\nc: repeat 0 { relu }"
    (analysis,) = compiled(network(body)).archs
    found = labels(graph(analysis))
    assert found["a@0"] == "a identity 4×8×8"
    assert found["c@0"] == "c 3 of 6 channels identity 3×8×8"


@needs_dot
@pytest.mark.parametrize("devices", [2, 4, 8])
def test_what_crosses_beside_a_card_runs_level(devices: int) -> None:
    """Edges between two cards of a row go straight from one to the other."""
    dot = graph(composed(devices))
    run = subprocess.run(["dot", "-Tplain"], input=dot.encode(), capture_output=True, check=True)
    levels = []
    for line in run.stdout.decode().splitlines():
        match = re.match(r'edge "fire2@(\d)" "fire2@(\d)" \d+ ([-\d. e]+) ', line)
        if match:
            levels.append({round(float(y), 2) for y in match[3].split()[1::2]})
    assert len(levels) == min(devices, 3 if devices > 4 else devices) - 1
    assert all(max(ys) - min(ys) < 0.02 for ys in levels)


# --- what is wrong --------------------------------------------------------------------------------


def test_what_is_wrong_inside_of_a_block_is_said_on_the_stages_that_use_it() -> None:
    dot = graph(wrong())
    found = labels(dot)
    assert outlined(dot) == {"stem@0", "fire2@0"}
    # 9·3·4 + 4.
    assert found["stem@0"] == (
        "stem 112 parameters unit 4 4×8×8 ✗ stem.unit claims params 999, has 112"
    )
    assert "✗ fire2.repeat.1.fire.unit.conv claims" in found["fire2@0"]
    assert "4×8×8, gives 4×6×6" in found["fire2@0"]
    # What comes out of fire2 is not known; tail's own claim is gone on with.
    assert found["fire2@0"].startswith("fire2 ? parameters 2 × fire 4 8 ? ✗")
    assert found["tail@0"] == "tail ? parameters unit 6 6×8×8"
    assert found["fc@0"] == f"fc {6 * 8 * 8 * 10 + 10:,} parameters linear 10 10"
    assert "does not check" in found[""]


def test_the_wrong_part_itself_is_outlined() -> None:
    """The use in the stage's card, and what is wrong in it in the block's."""
    nodes = [line for line in graph(wrong()).splitlines() if line.endswith(">]")]
    lines = {line.split('"')[1]: line for line in nodes}

    def red(node: str) -> list[str]:
        return re.findall(r'<TD BORDER="1" COLOR="#c62828"[^>]*><FONT[^>]*>([^<]*)', lines[node])

    assert red("stem@0") == ["unit 4"]
    assert red("fire2@0") == ["fire 4 8"]
    assert red("fc@0") == []
    assert red("fire@block") == ["unit 4", "concat"]


def test_what_the_devices_cannot_divide_is_outlined() -> None:
    """Device 0 holds 7 of the 12 features that are joined, and would add them to 6."""
    body = "a: add { concat { linear 7 } { linear 5 } } { linear 12 }\nb: linear 8"
    dot = graph(compiled(network(f"input 3x8x8\ndevices 2\n{body}")).archs[0])
    found = labels(dot)
    assert outlined(dot) == {"a@0", "a@1"}
    assert found["a@0"].endswith("add ?")
    # The features come from 192 numbers: 193 parameters each.
    assert found["a@all"] == f"12 {24 * 193:,} parameters ✗ a cannot be divided over 2 devices"
    assert found["b@all"] == f"8 {8 * 13} parameters"


# --- the picture ----------------------------------------------------------------------------------

ZOO = sorted(path.stem for path in (SPECS / "zoo").glob("*.arch"))


@needs_dot
@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_no_two_nodes_overlap(devices: int) -> None:
    places = list(laid_out(graph(composed(devices))).values())
    for i, (x, y, width, height) in enumerate(places):
        for x2, y2, width2, height2 in places[:i]:
            apart = abs(x - x2) >= (width + width2) / 2 or abs(y - y2) >= (height + height2) / 2
            assert apart


@needs_dot
@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_blocks_stand_centred_below_the_output(count: int, devices: int) -> None:
    blocks = "".join(f"block b{n}x {{ relu{'; relu' * n} }}\n" for n in range(count))
    uses = "; ".join(f"b{n}x" for n in range(count))
    body = f"input 4x8x8\ndevices {devices}\na: {uses}"
    places = laid_out(graph(compiled(blocks + network(body)).archs[0]))
    shelves: dict[int, list[float]] = {}
    for name, (x, y, _, _) in places.items():
        if name.endswith("@block"):
            shelves.setdefault(round(y), []).append(x)
    assert sum(map(len, shelves.values())) == count
    middle, floor = places["@output"][:2]
    for y, xs in shelves.items():
        assert y < floor
        assert abs((min(xs) + max(xs)) / 2 - middle) <= 2


@needs_dot
def test_rows_beside_a_join_in_a_branch_share_the_height_that_it_needs() -> None:
    body = "input 4x8x8\na: concat { concat { relu } { relu; relu } } { relu; relu; relu }"
    (analysis,) = compiled(network(body)).archs
    run = subprocess.run(
        ["dot", "-Tsvg"], input=graph(analysis).encode(), capture_output=True, check=True
    )
    fill = PALETTES[Theme.LIGHT].tones[Family.ACTIVATION].fill
    box = rf'<polygon fill="{fill}" stroke="[^"]+" points="([^"]+)"'
    heights = []
    for points in re.findall(box, run.stdout.decode()):
        ys = [float(point.split(",")[1]) for point in points.split()]
        heights.append(max(ys) - min(ys))
    assert len(heights) == 6 + 1  # the legend's
    assert max(heights) < 1.5 * min(heights)


def test_no_picture_of_the_zoo_has_many_chips() -> None:
    assert ZOO
    for name in ZOO:
        for analysis in compile_file(SPECS / "zoo" / f"{name}.arch").archs:
            chips = graph(analysis).count("<TD BORDER=")
            assert chips < 80, name


def test_edges_run_from_stage_to_stage() -> None:
    stages = ["stem", "fire2", "res", "mix", "dense", "head"]
    path = ["@input", *(f"{stage}@0" for stage in stages), "@output"]
    assert list(seen_edges(graph(composed()))) == list(pairwise(path))


def test_long_names_and_signatures_are_drawn() -> None:
    label, block = "l" * 200 + "x", "b" * 200 + "x"
    parameters = ", ".join(f"parameter{'abcdefghij'[n]}" for n in range(10))
    given = " ".join(["1"] * 10)
    text = f"block {block}({parameters}) {{ {label}: relu }}\n" + network(
        f"input 4x8x8\na: {block} {given}\nb: repeat 2 {{ {label}: relu }}"
    )
    result = compiled(text)
    assert result.ok, [d.message for d in result.diagnostics]
    dot = graph(result.archs[0])
    pieces = re.findall(r">([^<>]+)</", dot)
    assert max(map(len, pieces)) <= 48
    if shutil.which("dot"):
        # The longest chip, in a frame with its count, and the shape at 5.7 points to a character.
        assert laid_out(dot)["a@0"][2] < 5.7 * (48 + 6 + 12)
