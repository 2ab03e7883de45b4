"""The 224 of the AlexNet paper: what is said of it, and the edits that make the claims true."""

from __future__ import annotations

import pytest

from archdsl import load
from archdsl.compiler import Compilation, compile_file, compile_source
from archdsl.diagnostics import Diagnostic, Fix
from archdsl.source import Source
from tests.helpers import SPECS, compiled, network


@pytest.fixture(scope="module")
def printed() -> Compilation:
    return compile_file(SPECS / "alexnet_224.arch")


def applied(fix: Fix) -> str:
    (edit,) = fix.edits
    text = edit.span.source.text
    return text[: edit.span.start] + edit.replacement + text[edit.span.end :]


def test_the_typo_is_two_findings_and_no_more(printed: Compilation) -> None:
    lossy, neurons = printed.diagnostics
    assert lossy.rule.name == "lossy-stride"
    assert lossy.message == "conv1 never sees the last row and column of its 224x224 input"
    assert lossy.primary is not None
    assert lossy.primary.span.text == "conv 96 11x11 stride=4"
    assert [(label.span.text, label.text) for label in lossy.secondary] == [
        ("3x224x224", "224 high and wide"),
        ("96x55x55", "claims 55"),
    ]
    assert lossy.notes[0] == "(224 − 11) / 4 + 1 = 54.25, which rounds down to 54"
    assert neurons.rule.name == "wrong-claim"
    assert neurons.message == "conv1 has 290,400 neurons, not 253,440"
    assert "at the claimed 96x55x55" in neurons.notes


def test_three_edits_are_offered_the_typo_first(printed: Compilation) -> None:
    lossy = printed.diagnostics[0]
    assert [fix.title for fix in lossy.fixes] == ["input 3x227x227", "pad=2", "rounding=ceil"]
    assert "154,587" in lossy.fixes[0].remark  # 3 · 227 · 227
    assert "torchvision" in lossy.fixes[1].remark
    assert "cuda-convnet" in lossy.fixes[2].remark


@pytest.mark.parametrize("index", [0, 1, 2])
def test_each_edit_makes_every_shape_claim_true(printed: Compilation, index: int) -> None:
    fix = printed.diagnostics[0].fixes[index]
    mended = compile_source(Source("mended.arch", applied(fix)))
    assert all(verdict.holds for verdict in mended.archs[0].verdicts if verdict.is_shape)
    assert {d.rule.name for d in mended.diagnostics} <= {"wrong-claim"}


def test_alexnet_as_trained_has_nothing_to_repair() -> None:
    assert load(SPECS / "alexnet.arch").diagnostics == ()


def lossy(body: str) -> Diagnostic:
    (finding,) = compiled(network(body)).diagnostics
    assert finding.rule.name == "lossy-stride"
    return finding


def test_consequences_are_noted_with_their_cause() -> None:
    # 224 → 54 → (54 − 3)/2 + 1 = 26.5: lossy only because 54 is not 55; so the claimed 27 fails.
    finding = lossy("input 3x224x224\nc: conv 96 11x11 stride=4\nmaxpool 3x3 stride=2 -> 96x27x27")
    assert any("c.maxpool" in note and "96x27x27" in note for note in finding.notes)


def test_what_is_lossy_by_itself_is_no_consequence() -> None:
    # Pooled to 26 as it is, to 27 as meant: neither (26 − 5)/5 nor (27 − 5)/5 is whole.
    body = "input 3x224x224\nc: conv 96 11x11 stride=4\nmaxpool 3 2\nd: conv 8 5x5 stride=5"
    found = compiled(network(body)).diagnostics
    assert [d.message.split()[0] for d in found] == ["c", "d"]


def test_a_written_padding_is_changed_in_its_place() -> None:
    finding = lossy("input 3x224x224\nc: conv 96 11x11 stride=4 pad=0 -> 96x55x55")
    pad = next(fix for fix in finding.fixes if fix.title == "pad=2")
    assert "pad=2 -> 96x55x55" in applied(pad)


def test_allow_means_it() -> None:
    body = "input 3x224x224\nc: conv 96 11x11 stride=4 allow=lossy_stride -> 96x54x54"
    assert compiled(network(body)).diagnostics == ()


def test_rounding_up_loses_nothing() -> None:
    body = "input 3x224x224\nc: conv 96 11x11 stride=4 rounding=ceil -> 96x55x55"
    assert compiled(network(body)).diagnostics == ()


def test_torchvision_and_resnet_are_not_accused() -> None:
    assert compiled(network("input 3x224x224\nconv 64 11x11 stride=4 pad=2 -> 64x55x55")).ok
    assert compiled(network("input 3x224x224\nconv 64 7x7 stride=2 pad=3 -> 64x112x112")).ok
    assert compiled(network("input 64x56x56\nconv 128 1x1 stride=2 -> 128x28x28")).ok


def test_one_of_two_lossy_layers_is_mended_alone() -> None:
    body = "input 3x224x224\na: conv 8 11x11 stride=4\nb: conv 8 5x5 stride=3\nc: linear 9"
    first, second = compiled(network(body)).diagnostics
    # b loses rows of 54 and of 55 alike: (54 − 5) mod 3 = 1, (55 − 5) mod 3 = 2.
    assert "pad=2" in [fix.title for fix in first.fixes]
    assert second.fixes and "lose nothing" in second.help[-1]


def test_repairs_are_offered_beside_other_mistakes() -> None:
    body = (
        "input 3x224x224\nc: conv 96 11x11 stride=4 -> 96x55x55\nrelu slope=3\n"
        "d: linear 10 -> 10\nexpect params 3"
    )
    lossy_stride, *_ = compiled(network(body)).diagnostics
    assert [fix.title for fix in lossy_stride.fixes][:1] == ["input 3x227x227"]


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a timing: a search without effort left offers nothing, and everything is still found."""
    monkeypatch.setattr("archdsl.analysis.repair.EFFORT", 0)
    assert lossy("input 3x224x224\nc: conv 96 11x11 stride=4 -> 96x55x55").fixes == ()


def test_a_positional_argument_is_changed_in_its_place() -> None:
    finding = lossy("input 3x224x224\nc: conv 96 11x11 4 0 -> 96x55x55")
    (pad,) = [fix for fix in finding.fixes if fix.title == "pad=2"]
    assert "conv 96 11x11 4 2 -> 96x55x55" in applied(pad)


def test_what_is_offered_mends_this_layer() -> None:
    body = "input 3x15x15\na: conv 4 2x4 stride=3\nb: conv 4 4x5 dilation=1x3 allow=lossy_stride"
    finding = compiled(network(body)).diagnostics[0]
    for fix in finding.fixes:
        after = compile_source(Source("mended.arch", applied(fix))).diagnostics
        assert not [d for d in after if d.message.startswith("a never sees")], fix.title


def test_large_sizes_keep_their_decimals() -> None:
    assert lossy("input 3x20002x20002\nc: conv 8 3x3 stride=2").notes[0] == (
        "(20002 − 3) / 2 + 1 = 10000.5, which rounds down to 10000"
    )
