"""Verdicts: what a claimed number means by the way it is written."""

from __future__ import annotations

import pytest

from tests.helpers import analysed, compiled, network

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
