"""Verdicts: what a claimed number means by the way it is written."""

from __future__ import annotations

import pytest

from archdsl.analysis.claims import percent
from tests.helpers import SPECS, analysed, compiled, network

# linear 1000 → 1079 without bias: 1,079,000 weights.
NET = "input 1000\nfc: linear 1079 bias=no\n"


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("params 1_079_000", True),
        ("params 1_079_001", False),
        ("params 1.079M", True),
        ("params 1.08M", True),
        ("params 1.07M", False),  # cut off, not rounded
        ("params 1M", True),
        ("params 1079k", True),
        ("params 1.1M", True),
        ("params 1.0M", False),
        ("params ~1.1M", True),  # 1.9 % off
        ("params ~1.027M", False),  # just above 5 % off: 0.05 · 1.027M = 51,350 < 52,000
        ("params ~1.028M", True),  # 0.05 · 1.028M = 51,400 >= 51,000
        ("params <= 1.079M", True),
        ("params <= 1_078_999", False),
        ("params >= 1_079_000", True),
        ("params >= 1.08M", False),
        ("fc weights 1_079_000", True),
        ("biases 0", True),
        ("flops 2_158_000", True),
        ("depth 1", True),
        ("neurons 1079", True),
        ("activations 2079", True),
        ("traffic 0", True),
        ("memory 8_640_316", True),  # 4 · (2 · 1,079,000 + 2,079) bytes
        ("input neurons 1000", True),
    ],
)
def test_a_claim_holds_as_it_is_written(claim: str, holds: bool) -> None:
    (verdict,) = compiled(network(NET + f"expect {claim}")).archs[0].verdicts
    assert verdict.holds is holds


def test_half_a_unit_rounds_up() -> None:
    half = "input 1000\nfc: linear 1250 bias=no\n"  # 1,250,000
    verdicts = compiled(network(half + "expect params 1.3M\nexpect params 1.2M")).archs[0].verdicts
    assert [verdict.holds for verdict in verdicts] == [True, False]


def test_memory_counts_the_recipe() -> None:
    # parameters, gradients and Adam's two means, and eight images' activations, in float32
    claimed = 4 * (4 * 1_079_000 + 8 * 2_079)
    body = f"train {{ batch 8; optimizer adam }}\nexpect memory {claimed}"
    (verdict,) = analysed(NET + body).verdicts
    assert verdict.holds


def test_an_overridden_parameter_leaves_expect_unjudged_and_shapes_judged() -> None:
    text = network("input 8\nfc: linear classes -> classes\nexpect params 90", "Net(classes=10)")
    assert [v.holds for v in compiled(text).archs[0].verdicts] == [True, True]
    changed = compiled(text, classes=20)
    assert changed.ok
    shape, params = changed.archs[0].verdicts
    assert shape.holds is True
    assert params.holds is None and "classes" in params.remark


def test_what_is_not_known_is_not_judged() -> None:
    result = compiled(network("input 8\nfc: linear 10 yes 3\nrelu -> 10\nexpect params 90"))
    assert [d.rule.code for d in result.diagnostics] == ["E204"]
    assert [v.holds for v in result.archs[0].verdicts] == [None, None]


def test_a_figure_is_at_the_claimed_shape_only_where_checking_went_on_from_it() -> None:
    lossy = "input 3x224x224\nc: conv 96 11x11 stride=4 -> 96x55x55\nexpect c neurons 1"
    assert "at the claimed 96x55x55" in compiled(network(lossy)).diagnostics[1].notes
    wrong = "input 3x32x32\nc: conv 8 3x3 -> 8x32x32\nexpect c neurons 1"
    finding = compiled(network(wrong)).diagnostics[1]
    assert finding.message == "c has 7,200 neurons, not 1"  # 8 · 30 · 30
    assert not [note for note in finding.notes if note.startswith("at the claimed")]


def findings(body: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(d.message, d.notes) for d in compiled(network(body)).diagnostics]


@pytest.mark.parametrize(
    ("quantity", "network_has", "stage_has"),
    [
        # conv 2·3·3·3 + 2, on 6·6 places; batchnorm 2 + 2; two branches of 2·2·1·1 + 2; 3 of 144
        ("params", 56 + 4 + 12 + 144 * 3 + 3, 56 + 4),
        ("weights", 54 + 8 + 432, 54),
        ("biases", 2 + 4 + 3, 2),
        ("macs", 54 * 36 + 8 * 36 + 432, 54 * 36),
        ("flops", 2 * (54 * 36 + 8 * 36 + 432), 2 * 54 * 36),
        # the input; conv, batchnorm, relu; two branches and their concat; linear
        ("activations", 192 + 3 * 72 + 2 * 72 + 144 + 3, 3 * 72),
        ("neurons", 72 + 144 + 3, 72),
        ("depth", 3, 1),
        ("traffic", 0, 0),
        ("memory", 4 * (2 * 507 + 699), 4 * (2 * 60 + 216)),
    ],
)
def test_every_quantity_of_the_network_and_of_a_stage(
    quantity: str, network_has: int, stage_has: int
) -> None:
    body = f"""
input 3x8x8
a: conv 2 3x3
batchnorm
relu
b: concat {{ conv 2 1x1 }} {{ conv 2 1x1 }}
c: linear 3
expect {quantity} {network_has}
expect a {quantity} {stage_has}
expect {quantity} {network_has + 1}
"""
    assert [verdict.holds for verdict in compiled(network(body)).archs[0].verdicts] == [
        True,
        True,
        False,
    ]


def test_the_depth_of_a_join_is_that_of_its_deepest_branch() -> None:
    body = "input 3x8x8\na: add { conv 3 1x1; conv 3 1x1 } { conv 3 1x1 } {}\nconv 3 1x1"
    assert all(v.holds for v in analysed(f"{body}\nexpect depth 3\nexpect a.add depth 2").verdicts)


def test_a_part_inside_of_a_stage_is_named_by_its_path() -> None:
    text = "block unit(n) { a: conv n 1x1; b: relu }\n" + network(
        "input 3x8x8\ns: unit 4\nexpect a params 16\nexpect s.unit.a params 16"
    )
    (finding,) = compiled(text).diagnostics
    assert finding.message == "Net has no stage 'a'"
    assert finding.help == ("inside of a stage a part is named by its path: s.unit.a",)


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        ("params 1_078_999", "1 more than claimed"),
        ("params 1_079_010", "10 less than claimed"),
        ("params 2_158_000", "50.0 % less than claimed"),
        ("params 1079", "1,000 times as many as claimed"),
        ("memory 8_640", "1,000 times as much as claimed"),
        ("depth 4", "75.0 % less than claimed"),
    ],
)
def test_how_far_a_figure_is_from_its_claim(claim: str, note: str) -> None:
    ((_, notes),) = findings(NET + f"expect {claim}")
    assert notes[0] == note


@pytest.mark.parametrize("claim", ["params 0", "params -5", "params <= 7", "traffic >= 1"])
def test_no_share_of_nothing_and_of_bounds(claim: str) -> None:
    ((_, notes),) = findings(NET + f"expect {claim}")
    assert notes == ()


def test_a_figure_with_an_exponent_is_told_as_the_whole_number_it_is() -> None:
    ((message, notes),) = findings(NET + "expect params 3e6")
    assert message == "Net has 1,079,000 params, not 3,000,000"
    assert "rounded half up to the claim's last digit it is 1,000,000" in notes


def test_a_claim_of_memory_says_what_it_counts() -> None:
    body = f"{NET}train {{ batch 8; optimizer OPTIMIZER }}\nexpect memory 1"
    for optimizer, slots in [
        ("sgd lr=1", 0),
        ("sgd lr=1 momentum=0.9", 1),
        ("adam lr=1", 2),
        ("adamw lr=1", 2),
    ]:
        ((message, notes),) = findings(body.replace("OPTIMIZER", optimizer))
        total = 4 * (1_079_000 * (2 + slots) + 8 * 2_079)
        assert message == f"Net's memory is {total:,} bytes ({total / 10**6:.2f} MB), not 1"
        assert notes[-1] == (
            "4,316,000 of parameters + 4,316,000 of gradients + "
            f"{4_316_000 * slots:,} of {optimizer.split()[0]}'s state + "
            "66,528 of activations (8 images)"
        )


def test_alexnets_traffic_can_be_claimed() -> None:
    """Of its devices: what conv3 reads of conv2, and the linear layers of what is before each."""
    base = (SPECS / "alexnet.arch").read_text(encoding="utf-8")
    claims = """
  expect traffic 60_672
  expect conv3 traffic 43_264
  expect conv3.conv traffic (256*13*13)
  expect conv4 traffic 0
  expect fc6 traffic 9.2k
  expect fc7 traffic <= 4096
  expect traffic 30_336
"""
    (analysis,) = (result := compiled(base.rstrip().removesuffix("}") + claims + "}\n")).archs
    assert [verdict.holds for verdict in analysis.verdicts[-7:]] == [True] * 6 + [False]
    (finding,) = result.diagnostics
    assert finding.message == "AlexNet's traffic is 60,672, not 30,336"
    assert finding.notes == (
        "100.0 % more than claimed",
        "43,264 before conv3 + 9,216 before fc6 + 4,096 before fc7 + 4,096 before fc8",
    )


def test_a_figure_of_traffic_that_is_one_exchange_or_many_is_not_taken_apart() -> None:
    body = "input 4x8x8\ndevices 2\na: conv 4 1x1\nb: repeat 7 { conv 4 1x1 }\nc: conv 4 1x1\n"
    for claim in ("c traffic 1", "b traffic 1", "traffic 1"):
        ((_, notes),) = findings(f"{body}expect {claim}")
        assert [note for note in notes if "before" in note] == []
    ((_, notes),) = findings(f"{body.replace('7', '2')}expect b traffic >= 999")
    assert notes == ("256 before b.repeat.1.conv + 256 before b.repeat.2.conv",)


# --- consequences ---------------------------------------------------------------------------------


def test_a_figure_that_is_wrong_only_because_rows_are_lost_is_a_consequence() -> None:
    """Of the 55x55 that is meant, 96 · 55² neurons; 54x54 come out. 9 · 96 · 55² + 9 is not."""
    body = """
input 3x224x224
a: conv 96 11x11 stride=4
b: linear 9
expect b params 2_613_609
expect a neurons 290_400
expect a neurons 253_440
"""
    (lossy, note), (wrong, _) = findings(body)
    assert lossy.startswith("a never sees")
    assert note[-1] == (
        "only because of this, also wrong: the claim 'b params 2_613_609', "
        "the claim 'a neurons 290_400'"
    )
    assert wrong == "a has 279,936 neurons, not 253,440"  # 96 · 54²
    verdicts = compiled(network(body)).archs[0].verdicts
    assert [(v.holds, v.remark) for v in verdicts] == [
        (False, "a consequence"),
        (False, "a consequence"),
        (False, ""),
    ]


def test_a_figure_of_the_claimed_channels_is_a_consequence() -> None:
    """7 filters are written and 8 claimed: then there are 8 · 28 and 8 · 36 · 5 + 5 parameters."""
    body = "input 3x8x8\na: conv 7 3x3 -> 8x6x6\nb: linear 5\nexpect params 1_669\nexpect params 9"
    (shape, notes), (wrong, _) = findings(body)
    assert shape == "a gives 7x6x6, not 8x6x6"
    assert notes[-1] == "only because of this, also wrong: the claim 'params 1_669'"
    assert wrong == "Net has 1,461 params, not 9"  # 7 · 28 + 7 · 36 · 5 + 5


def test_of_a_block_that_gives_another_shape_a_figure_may_be_a_consequence() -> None:
    text = "block unit { conv 4 3x3 pad=1 }\n" + network(
        "input 3x8x8\na: unit -> 4x6x6\nb: relu\nexpect macs 3_888\nexpect b params 3"
    )
    shape, own = compiled(text).diagnostics
    assert shape.notes[-1] == "only because of this, also wrong: perhaps the claim 'macs 3_888'"
    assert own.message == "b has 0 params, not 3"


def test_what_the_devices_do_not_divide_is_a_consequence_of_a_wrong_number_of_filters() -> None:
    body = "input 3x8x8\ndevices 2\na: conv 7 3x3 -> 8x6x6\nb: conv 4 3x3 groups=2"
    ((message, notes),) = findings(body)
    assert message == "a gives 7x6x6, not 8x6x6"
    assert notes[-1] == "only because of this, also wrong: b, a"


def test_a_wrong_stride_that_also_loses_rows_is_one_mistake() -> None:
    ((message, notes),) = findings("input 3x227x227\na: conv 96 11x11 stride=5 -> 96x55x55")
    assert message.startswith("a never sees")
    assert (
        "55 is claimed; if nothing were lost it would be 45" in notes
    )  # (227 − 11) / 5 + 1 = 44.2


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.016, "+1.6 %"),
        (1930 / 4_097_000 - 1, "−99.95 %"),  # 1930 of 4,097,000 are 0.047 %
        (1 / 100_000 - 1, "−99.999 %"),
        (0.9996, "+99.96 %"),
        (1.0003, "+100.03 %"),
        (-0.0002, "−0.02 %"),
        (0.0000004, "+0.00004 %"),
        (-1.0, "−100.0 %"),
        (1.0, "+100.0 %"),
        (0.0, "+0.0 %"),
        (2.8, "+280.0 %"),
        (12.0, "+1,200 %"),
    ],
)
def test_percent_are_0_or_100_only_where_they_are(share: float, told: str) -> None:
    assert percent(share) == told
