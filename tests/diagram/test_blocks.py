"""Blocks: what is drawn once for all uses, what apart, and which chips belong to which drawing."""

from __future__ import annotations

from archdsl.analysis import Analysis
from archdsl.compiler import compile_file
from archdsl.diagram.bands import Band, brief, chips, unfold
from archdsl.diagram.blocks import Blocks
from archdsl.diagram.graph import graph
from archdsl.network import Use
from tests.diagram.helpers import labels
from tests.helpers import SPECS, compiled, network

UNITS = """
block unit(n, stride=1) { conv n 3x3 stride=stride pad=1; batchnorm; relu }
block pair(n, stride) { unit n; unit n stride=stride }
"""


def bands(analysis: Analysis) -> list[Band]:
    """The bands of all stages."""
    return [band for stage in analysis.network.stages for band in unfold(analysis, stage.items)]


def drawn(analysis: Analysis) -> Blocks:
    return Blocks(analysis, bands(analysis))


def marked(text: str, arch: int = -1) -> list[str]:
    """The chips of the uses in an arch's stages, as they are marked, and its blocks' keys."""
    result = compiled(text)
    assert result.ok, [d.message for d in result.diagnostics]
    analysis = result.archs[arch]
    found = drawn(analysis)
    everything = [chip for band in bands(analysis) for chip in chips(band)]
    uses = [chip for chip in everything if isinstance(chip, Use)]
    return [*(brief(use) + found.mark(use) for use in uses), *(block.key for block in found)]


def edited(body: str, edits: str) -> str:
    """A network of the units, and a variant of it, which is the last arch."""
    base = network(f"input 3x16x16\n{body}", "Base")
    return f"{UNITS}{base}arch V from Base {{\n{edits}\n}}"


# --- one drawing ----------------------------------------------------------------------------------


def test_a_block_is_shown_once_with_the_numbers_of_its_first_use() -> None:
    (analysis,) = compiled(
        UNITS + network("input 3x8x8\na: unit 2\nb: repeat 2 { unit 4 2 }")
    ).archs
    (block,) = drawn(analysis)
    assert (block.key, block.use.path, block.number) == ("unit", "a.unit", 1)
    assert [brief(chip) for band in block.bands for chip in chips(band)] == [
        *("conv 2 3x3 p1", "batchnorm", "relu"),
    ]


def test_blocks_that_are_used_in_blocks_are_shown_too() -> None:
    text = "block a(n) { conv n 1x1 }\nblock b { add { a 4 } {} }\nblock unused { relu }\n"
    (analysis,) = compiled(text + network("input 4x8x8\nx: relu\nrepeat 2 { b }")).archs
    assert [(block.key, block.use.path) for block in drawn(analysis)] == [
        ("b", "x.repeat.1.b"),
        ("a", "x.repeat.1.b.add.1.a"),
    ]


def test_uses_that_differ_in_numbers_alone_share_a_drawing() -> None:
    text = "block deep(n, m=(2*n)) { repeat n { relu }; conv m 1x1 }\n" + network(
        "input 4x8x8\na: deep 2\nb: deep 3\nc: deep 1 m=7"
    )
    assert marked(text) == ["deep 2", "deep 3", "deep 1 m=7", "deep"]


# --- drawn apart ----------------------------------------------------------------------------------


def test_changed_layers_are_drawn_apart() -> None:
    body = "a: unit 8\nb: unit 8\nc: unit 8\nd: unit 8\ne: unit 8"
    edits = """
      set b.unit.conv kernel=5x5 pad=2
      remove c.unit.batchnorm
      replace d.unit.relu with tanh
      insert before e.unit.relu { dropout 0.5 }
    """
    assert marked(edited(body, edits)) == [
        *(f"unit 8 #{n}" for n in range(1, 6)),
        *("unit", "unit+2", "unit+3", "unit+4", "unit+5"),
    ]


def test_uses_that_are_changed_alike_share_a_drawing() -> None:
    """By one edit of all, or by an edit of each: whatever their parameters are."""
    body = "a: unit 8\nb: unit 16\nc: unit 4"
    each = "set b.unit.conv kernel=5x5 pad=2\nset c.unit.conv kernel=5x5 pad=2"
    assert marked(edited(body, each)) == [
        *("unit 8 #1", "unit 16 #2", "unit 4 #2"),
        *("unit", "unit+2"),
    ]
    assert marked(edited(body, "replace relu with tanh\nset conv kernel=5x5 pad=2")) == [
        *("unit 8", "unit 16", "unit 4"),
        "unit",
    ]


def test_what_is_inserted_alike_shares_a_drawing() -> None:
    body = "a: unit 8\nb: unit 16\nc: unit 4"
    edits = "insert after a.unit.relu { dropout 0.5 }\ninsert after c.unit.relu { dropout 0.5 }"
    assert marked(edited(body, edits))[:3] == ["unit 8 #1", "unit 16 #2", "unit 4 #1"]


def test_a_changed_use_in_a_block_is_told_by_its_parameters() -> None:
    """The inner use's block is as it was; the outer one gives it other arguments."""
    body = "a: pair 8 2\nb: pair 16 2\nc: pair 4 2"
    edits = "set b.pair.unit stride=2\nset c.pair.unit stride=2"
    assert marked(edited(body, edits)) == [
        *("pair 8 2 #1", "pair 16 2 #2", "pair 4 2 #2"),
        *("pair", "pair+2", "unit"),
    ]
    same = "set b.pair.unit_2 stride=2"
    assert marked(edited(body, same))[:3] == ["pair 8 2", "pair 16 2", "pair 4 2"]


def test_a_use_in_a_block_that_is_replaced_is_told_apart() -> None:
    text = edited("a: pair 8 1\nb: pair 4 1", "replace b.pair.unit with other")
    other = "block other(n) { conv n 1x1 }\n"
    assert marked(other + text)[:2] == ["pair 8 1 #1", "pair 4 1 #2"]


def test_a_change_deep_inside_tells_the_blocks_around_it_apart() -> None:
    body = "a: pair 8 2\nb: pair 8 2"
    assert marked(edited(body, "remove b.pair.unit_2.relu")) == [
        *("pair 8 2 #1", "pair 8 2 #2"),
        *("pair", "pair+2", "unit", "unit+2"),
    ]


def test_iterations_that_are_edited_one_by_one_are_told_apart() -> None:
    edits = "set a.repeat.2.unit.conv kernel=5x5 pad=2\nremove a.repeat.3.unit.relu"
    assert marked(edited("a: repeat 4 { unit 8 }", edits))[:4] == [
        *("unit 8 #1", "unit 8 #2", "unit 8 #3"),
        "unit 8 #1",
    ]


def test_a_repeat_in_a_block_with_an_edited_iteration_is_told_apart() -> None:
    text = "block deep(n) { repeat n { relu; tanh } }\n" + network(
        "input 4x8x8\na: deep 2\nb: deep 3\nc: deep 0", "Base"
    )
    variant = "arch V from Base { remove b.deep.repeat.2.tanh }"
    assert marked(text + variant, 0)[:2] == ["deep 2 #1", "deep 3 #1"]
    assert marked(text + variant)[:3] == ["deep 2 #1", "deep 3 #2", "deep 0 #3"]


# --- in the picture -------------------------------------------------------------------------------


def test_chips_and_drawings_bear_the_same_number() -> None:
    text = edited("a: unit 8\nb: unit 8", "set b.unit.conv kernel=5x5 pad=2")
    found = labels(graph(compiled(text).archs[-1]))
    assert "unit 8 #1" in found["a@0"]
    assert "unit 8 #2" in found["b@0"]
    assert found["unit@block"].startswith("block unit(n, stride=1) #1 as in a: unit 8 conv 8 3x3")
    assert found["unit+2@block"].startswith("block unit(n, stride=1) #2 as in b: unit 8 conv 8 5x5")


def test_the_original_resnet_is_not_drawn_as_torchvisions() -> None:
    """Its projections stride in their first convolution, but for those that do not stride."""

    def of(name: str) -> dict[str, str]:
        return labels(graph(compile_file(SPECS / "zoo" / f"{name}.arch").archs[-1]))

    ours, original = of("resnet50"), of("resnet50_2015")
    assert not any("#" in label for label in ours.values())
    assert [original[f"conv{n}_x@0"].count("#1") for n in range(2, 6)] == [1, 0, 0, 0]
    assert [original[f"conv{n}_x@0"].count("#2") for n in range(2, 6)] == [0, 1, 1, 1]
    # Row by row: the first unit, the shortcut's, and after a relu the 3x3.
    inside = "unit 128 1x1 unit 512 1x1 stride=2 relu unit 128 3x3 stride=2 pad=1 relu unit 512 1x1"
    moved = (
        "unit 128 1x1 stride=2 unit 512 1x1 stride=2 relu "
        "unit 128 3x3 pad=1 stride=1 relu unit 512 1x1"
    )
    at_64 = inside.replace("128", "64").replace("512", "256").replace("stride=2", "stride=1")
    assert f" {at_64} add 256×56×56 relu" in original["projected@block"]
    assert f" {moved} add 512×28×28 relu" in original["projected+2@block"]
