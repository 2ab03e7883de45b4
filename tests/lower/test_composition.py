"""Blocks, branches and repeats: names, scopes, what is inside of what."""

from __future__ import annotations

import pytest

from archdsl.network import Branches, Repeat, Use
from tests.helpers import analysed, compiled, messages, network

FIRE = """
block fire(squeeze, expand=(4*squeeze)) {
  conv squeeze 1x1
  relu
  concat { conv expand 1x1; relu } { conv expand 3x3 pad=1; relu }
}
"""


def paths(body: str, blocks: str = "") -> list[str]:
    result = compiled(blocks + network(body))
    assert result.ok, [d.message for d in result.diagnostics]
    return [layer.path for layer in result.archs[0].network.layers]


def test_layers_inside_of_structure_are_named_by_where_they_are() -> None:
    body = "input 3x8x8\nfire2: fire 16\nfire 4\nres: repeat 2 { relu; add { tanh; tanh } { } }"
    assert paths(body, FIRE) == [
        "fire2.fire.conv",
        "fire2.fire.relu",
        "fire2.fire.concat.1.conv",
        "fire2.fire.concat.1.relu",
        "fire2.fire.concat.2.conv",
        "fire2.fire.concat.2.relu",
        "fire2.fire.concat",
        "fire2.fire_2.conv",
        "fire2.fire_2.relu",
        "fire2.fire_2.concat.1.conv",
        "fire2.fire_2.concat.1.relu",
        "fire2.fire_2.concat.2.conv",
        "fire2.fire_2.concat.2.relu",
        "fire2.fire_2.concat",
        "res.repeat.1.relu",
        "res.repeat.1.add.1.tanh",
        "res.repeat.1.add.1.tanh_2",
        "res.repeat.1.add",
        "res.repeat.2.relu",
        "res.repeat.2.add.1.tanh",
        "res.repeat.2.add.1.tanh_2",
        "res.repeat.2.add",
    ]


def test_a_label_inside_of_a_block_opens_a_stage_there() -> None:
    blocks = "block unit(n) { reduce: conv n 1x1; relu\n grow: conv n 1x1 }\n"
    body = "input 3x8x8\na: unit 4\nrelu\nrepeat 2 { relu; b: tanh; relu }\nrelu"
    assert paths(body, blocks) == [
        "a.unit.reduce.conv",
        "a.unit.reduce.relu",
        "a.unit.grow.conv",
        "a.relu",
        "a.repeat.1.relu",
        "a.repeat.1.b.tanh",
        "a.repeat.1.b.relu",
        "a.repeat.2.relu",
        "a.repeat.2.b.tanh",
        "a.repeat.2.b.relu",
        "a.relu_2",  # after a nested block the outer stage goes on
    ]


def test_a_stage_without_a_label_is_named_by_its_first_word() -> None:
    assert paths("input 3x8x8\nrepeat 1 { relu }\ntanh\na: relu") == [
        "repeat.repeat.1.relu",
        "repeat.tanh",
        "a.relu",
    ]


def test_the_tree_keeps_what_was_written() -> None:
    text = FIRE + network("input 3x8x8\na: repeat 3 { fire 2 }\nadd { } { relu }")
    (stage,) = compiled(text).archs[0].network.stages
    repeat, add = stage.items
    assert isinstance(repeat, Repeat) and isinstance(add, Branches)
    assert [body.path for body in repeat.iterations] == [f"a.repeat.{n}" for n in (1, 2, 3)]
    (use,) = repeat.iterations[1].items
    assert isinstance(use, Use)
    assert use.parameters == {"squeeze": 2, "expand": 8}
    assert (repeat.brief, use.brief, add.brief) == ("3 × fire 2", "fire 2", "add of 2")
    assert add.branches[0].items == ()


def test_figures_of_a_block_by_hand() -> None:
    """SqueezeNet 1.0's fire2, Iandola et al. 2016, table 1: 11,920 parameters with biases."""
    result = compiled(FIRE + network("input 96x55x55\nfire2: fire 16 -> 128x55x55"))
    (analysis,) = result.archs
    assert result.ok
    costs = analysis.parts["fire2"]
    assert costs is not None
    assert costs.params == (96 * 16 + 16) + (16 * 64 + 64) + (16 * 64 * 9 + 64) == 11_920
    assert costs.macs == 55 * 55 * (96 * 16 + 16 * 64 + 16 * 64 * 9)
    # conv, relu, two branches of conv and relu, and the join.
    assert costs.activations == 55 * 55 * (16 + 16 + 4 * 64 + 128)
    assert costs.neurons == 55 * 55 * (16 + 64 + 64)
    assert costs.depth == 2


def test_depth_is_that_of_the_longest_path() -> None:
    body = """
input 4x8x8
a: conv 4 1x1
b: add { conv 4 1x1; conv 4 1x1; conv 4 1x1 } { } { conv 4 1x1 }
c: repeat 3 { add { conv 4 1x1; relu } { conv 4 1x1; conv 4 1x1 } }
expect depth 10
expect b depth 3
expect b.add.3 depth 1
expect c depth 6
expect c.repeat.2 depth 2
expect c.repeat.2.add.1 depth 1
"""
    assert messages(body) == []


def test_an_empty_branch_is_the_identity_and_no_repeat_as_well() -> None:
    analysis = analysed("input 4x8x8\na: concat { } { } { }\nb: repeat 0 { conv 9 3x3 } -> 12x8x8")
    assert str(analysis.output) == "12x8x8"
    assert analysis.costs is not None
    assert (analysis.costs.params, analysis.costs.activations) == (0, 4 * 64 + 12 * 64)


def test_claims_after_any_part_are_judged_with_its_parameters() -> None:
    text = FIRE + network(
        "input 3x8x8\na: fire 2 -> 16x8x8\nb: repeat 2 { conv 8 3x3 } -> 8x4x4\n"
        "c: concat { conv n 1x1 } { conv n 1x1 -> n } -> (2*n, 4, 4)",
        "Net(n=5)",
    )
    assert [d.message for d in compiled(text).diagnostics] == ["c.concat.2.conv gives 5x4x4, not 5"]
    (analysis,) = compiled(text).archs
    assert [(v.subject, v.holds) for v in analysis.verdicts] == [
        ("a.fire", True),
        ("b.repeat", True),
        ("c.concat.2.conv", False),
        ("c.concat", True),
    ]


def test_a_wrong_claim_after_a_block_goes_on_from_what_really_comes_out() -> None:
    body = "input 3x8x8\na: repeat 2 { conv 8 3x3 } -> 8x5x5\nb: maxpool 2 -> 8x2x2"
    assert messages(body) == ["E401 a gives 8x4x4, not 8x5x5"]


def test_a_block_sees_its_parameters_and_the_lets_and_no_more() -> None:
    text = """
let width=4
block inner(n) { conv n 1x1; conv width 1x1 }
block outer(width) { conv width 1x1; inner (width + 1) }
arch Net(n=7, hidden=9) { input 3x8x8; a: outer 5 }
"""
    (analysis,) = compiled(text).archs
    assert [layer.brief for layer in analysis.network.layers] == [
        "conv 5 1x1",
        "conv 6 1x1",
        "conv 4 1x1",
    ]
    wrong = text.replace("conv n 1x1;", "conv hidden 1x1;")
    assert [d.message for d in compiled(wrong).diagnostics] == ["'hidden' is no parameter"]


def test_arguments_of_a_block_by_position_and_by_name() -> None:
    text = "block b(n, kernel=3, stride=1) { conv n kernel stride=stride pad=1 }\n" + network(
        "input 3x9x9\nb 2\nb 3 5\nb 4 stride=2\nb kernel=3x1 n=5"
    )
    result = compiled(text)
    assert [d.message for d in result.diagnostics] == []
    assert [layer.brief for layer in result.archs[0].network.layers] == [
        "conv 2 3x3 p1",
        "conv 3 5x5 p1",
        "conv 4 3x3 /2 p1",
        "conv 5 3x1 p1",
    ]


def test_blocks_nest_to_a_limit() -> None:
    def chain(length: int) -> str:
        blocks = ["block b0x { relu }"]
        blocks += [f"block b{n}x {{ b{n - 1}x }}" for n in range(1, length)]
        return "\n".join(blocks) + f"\narch Net {{ input 3x8x8; a: b{length - 1}x }}\n"

    assert compiled(chain(60)).ok
    (finding,) = compiled(chain(61)).diagnostics
    assert finding.rule.code == "E102"


@pytest.mark.parametrize("inner", ["relu", "add { relu } { }", "repeat 3 { }", ""])
def test_expansion_is_bounded(inner: str) -> None:
    """A kilobyte that would be 10^60 parts."""
    text = f"block b0x {{ {inner} }}\n" + "".join(
        f"block b{n}x {{ repeat 1000000 {{ b{n - 1}x }} }}\n" for n in range(1, 11)
    )
    (finding,) = compiled(text + "arch Net { input 3x8x8; a: b10x }").diagnostics
    assert (finding.rule.code, finding.message) == (
        "E305",
        "Net is expanded to more than 25,000 layers, blocks and repeats here",
    )


def test_the_bound_is_of_the_whole_file_and_spares_those_that_fit() -> None:
    many = "".join(f"arch N{n} {{ input 8; repeat 10000 {{ relu }} }}\n" for n in range(3))
    result = compiled(many + "arch Small { input 8; linear 2 }")
    assert [d.message.partition(" ")[0] for d in result.diagnostics] == ["N1", "N2"]
    assert [arch.network.name for arch in result.archs] == ["N0", "Small"]


def test_a_mistake_in_a_block_is_one_finding_with_the_place_of_its_use() -> None:
    body = "input 3x8x8\na: part 3 -> 5x6x6\nc: part 7 -> 5x6x6\nrepeat 5 { part 7 -> 5x6x6 }"
    (finding,) = compiled("block part(n) { conv 5 n }\n" + network(body)).diagnostics
    assert finding.message == "c.part.conv's 7x7 window is larger than its padded 6x6 input"
    assert ("used here", 5) in [(label.text, label.span.line) for label in finding.secondary]
    assert finding.notes[-1] == "the same 5 times more, where this is used or repeated"


def test_the_same_lossy_layer_in_every_iteration_is_one_finding() -> None:
    """58 = 14·4 + 2, and 14 = 3·4 + 2; with the rest seen 15 = 3·4 + 3, which loses as well."""
    (finding,) = compiled(network("input 3x58x58\na: repeat 2 { maxpool 4 }")).diagnostics
    assert finding.message == (
        "a.repeat.1.maxpool never sees the last 2 rows and 2 columns of its 58x58 input"
    )
    assert "the same once more, where this is used or repeated" in finding.notes


def test_a_join_that_fits_but_for_a_lossy_branch_is_a_consequence_of_it() -> None:
    """(8 − 3) / 2 + 1 = 3.5: the branch that rounds down gives 3, the one that rounds up 4."""
    body = """
input 3x8x8
mix: add { conv 3 3x3 stride=2 } { conv 3 3x3 stride=2 rounding=ceil }
"""
    (finding,) = compiled(network(body)).diagnostics
    assert finding.message.startswith("mix.add.1.conv never sees the last row and column")
    assert finding.notes[-1] == "only because of this, also wrong: mix"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(64*0.5)", 32),  # a width multiplier
        ("(1.5*2 + 0.25*4)", 4),
        ("(7/2.0 + 0.5)", 4),
        ("(0.1*30)", 3),  # in floating point 3.0000000000000004 at times
        ("((2*3 + 4)/5)", 2),
        ("(-(3 - 5))", 2),
    ],
)
def test_arithmetic_is_exact(expression: str, value: int) -> None:
    (analysis,) = compiled(network(f"input 8\nlinear {expression}")).archs
    assert str(analysis.output) == str(value)


def test_decimals_are_what_they_are_written_as() -> None:
    (analysis,) = compiled(network("input 8\ndropout (0.1 + 0.2)\nlinear 2")).archs
    assert analysis.network.layers[0].op.model_dump(exclude={"allow"}) == {"rate": 0.3}
