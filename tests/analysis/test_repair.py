"""The 224 of the AlexNet paper: what is said of it, and the edits that make the claims true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archdsl import load
from archdsl.compiler import Compilation, compile_file, compile_source
from archdsl.diagnostics import Diagnostic, Fix
from archdsl.source import Source
from tests.helpers import ROOT, SPECS, compiled, network


@pytest.fixture(scope="module")
def printed() -> Compilation:
    return compile_file(SPECS / "alexnet_224.arch")


def applied(fix: Fix) -> str:
    """The text with a fix made, by nothing but its offsets."""
    text = fix.edits[0].span.source.text
    for edit in sorted(fix.edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text


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


def test_edits_after_which_nothing_is_wrong_come_first() -> None:
    body = "input 3x224x224\na: conv 8 11x11 stride=4\nb: conv 8 5x5 stride=3\nc: linear 9"
    first, second = compiled(network(body)).diagnostics
    # b loses rows of 54 and of 55 alike: (54 − 5) mod 3 = 1, (55 − 5) mod 3 = 2. At 219 a gives 53,
    # at a padding of 4 it gives 56: (53 − 5)/3 and (56 − 5)/3 are whole.
    assert [fix.title for fix in first.fixes][:2] == ["input 3x219x219", "pad=4"]
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
    monkeypatch.setattr("archdsl.analysis.repair.search.EFFORT", 0)
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


# --- other findings ---------------------------------------------------------------------------


def titles(body: str, rule: str) -> list[str]:
    """The edits that are offered for the one finding of a rule."""
    (finding,) = [d for d in compiled(network(body)).diagnostics if d.rule.name == rule]
    return [fix.title for fix in finding.fixes]


def alexnet(*changes: tuple[str, str]) -> Compilation:
    text = (SPECS / "alexnet.arch").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return compile_source(Source("alexnet.arch", text))


def test_params_of_one_device_are_weights_without_groups() -> None:
    """The layer-by-layer note's 62.37 million: weights alone, and of AlexNet on one device."""
    (finding,) = alexnet(("params 60_965_224", "params 62.37M")).diagnostics
    (fix,) = finding.fixes
    assert fix.title == "expect weights 62.37M and conv2, conv4, conv5 without groups=2"
    assert "true of the weights" in fix.remark
    text = applied(fix)
    assert "groups" not in text and "expect weights 62.37M" in text
    assert compile_source(Source("mended.arch", text)).ok


def test_flops_taken_for_macs() -> None:
    # 64·3·9·1024 + 65,536·10 = 2,424,832 multiply–accumulates, and twice as many operations.
    body = "input 3x32x32\na: conv 64 3x3 pad=1\nf: linear 10\nexpect macs 4.85M"
    assert titles(body, "wrong-claim") == ["expect flops 4.85M"]


def test_a_number_of_filters_is_solved_for() -> None:
    (finding,) = alexnet(
        ("conv 384 3x3 pad=1                   -> 384x13x13", "conv 348 3x3 pad=1")
    ).diagnostics
    assert finding.rule.name == "wrong-claim"
    assert finding.fixes[0].title == "conv3 filters=384"


def test_a_kernel_is_changed_with_its_padding() -> None:
    (finding,) = alexnet(("conv 256 5x5 pad=2", "conv 256 3x3 pad=1")).diagnostics
    assert finding.fixes[0].title == "conv2 kernel=5 and pad=2"


def test_a_bias_that_every_convolution_has() -> None:
    # 64·27 + 64·576 + 655,360 weights and the linear layer's 10 biases.
    body = (
        "input 3x32x32\na: conv 64 3x3 pad=1\nb: conv 64 3x3 pad=1\nf: linear 10\n"
        "expect params 693_962"
    )
    assert titles(body, "wrong-claim")[0] == "a, b bias=no"


def test_branches_that_do_not_meet() -> None:
    body = "input 3x32x32\na: conv 16 3x3 pad=1\nm: concat { conv 8 1x1 } { conv 8 5x5 }"
    assert titles(body, "join-mismatch")[0] == "m.concat.2.conv pad=2"
    body = "input 3x32x32\na: conv 64 3x3 pad=1\nm: add { conv 46 3x3 pad=1 } {}"
    assert titles(body, "join-mismatch")[:2] == ["m.add.1.conv filters=64", "a filters=46"]


def test_groups_and_devices_that_do_not_divide() -> None:
    body = "input 3x32x32\na: conv 96 3x3\nb: conv 256 3x3 groups=5"
    assert titles(body, "indivisible") == ["groups=4"]
    body = "input 3x32x32\ndevices 2\na: conv 95 3x3\nb: linear 10"
    assert titles(body, "indivisible") == ["filters=96", "devices 1"]


def test_a_claim_far_down_finds_its_cause_upstream() -> None:
    text = (SPECS / "alexnet.arch").read_text(encoding="utf-8")
    text = re.sub(r" *-> (?!256x6x6)\S+|\n *expect.*", "", text)
    mistaken = text.replace("conv 256 5x5 pad=2", "conv 256 5x5")
    (finding,) = compile_source(Source("alexnet.arch", mistaken)).diagnostics
    # 27 − 5 + 1 = 23, 11, 11, 11, 11, and 5 where 6 is claimed.
    assert finding.message == "conv5.maxpool gives 256x5x5, not 256x6x6"
    assert "conv2 pad=2" in [fix.title for fix in finding.fixes]


def test_a_slip_of_one_digit_is_found_however_far() -> None:
    lossy, *_ = alexnet(("3x227x227", "3x277x277")).diagnostics
    assert lossy.fixes[0].title == "input 3x227x227"


def test_a_size_that_is_a_parameter_is_changed_there() -> None:
    layer = "a: conv 8 11x11 stride=4 -> 8x15x15"
    text = f"arch Net(size=64) {{\n  input (3, size, size)\n  {layer}\n}}\n"
    (finding,) = compiled(text).diagnostics
    assert finding.fixes[0].title == "size=67"  # (67 − 11) / 4 + 1 = 15
    assert "Net(size=67)" in applied(finding.fixes[0])
    (finding,) = compiled(text.replace("size=64", "size=67"), size=64).diagnostics
    assert finding.fixes[0].title == "--set size=67" and finding.fixes[0].edits == ()


def test_the_argument_of_a_blocks_use_is_changed_there() -> None:
    text = (
        "block unit(width, pad=0) {\n  conv width 3x3 pad=pad\n  batchnorm\n}\n"
        "arch Net {\n  input 8x16x16\n  a: add { unit 8 } {}\n}\n"
    )
    (finding,) = compiled(text).diagnostics
    assert finding.fixes[0].title == "line 7: pad=1"
    assert "unit 8 pad=1 }" in applied(finding.fixes[0])


def test_a_statement_that_makes_many_layers_is_named_by_its_line() -> None:
    text = (
        "block unit(width) {\n  conv width 3x3\n}\n"
        "arch Net {\n  input 8x16x16\n  a: unit 8\n     unit 8   -> 8x16x16\n}\n"
    )
    (finding,) = compiled(text).diagnostics
    assert "line 2: pad=1" in [fix.title for fix in finding.fixes]


def test_an_edit_that_would_make_a_true_shape_false_is_not_offered() -> None:
    body = "input 3x32x32 \na: conv 8 5x5 stride=4\nb: linear 10\nexpect input neurons 3072"
    (finding,) = compiled(network(body)).diagnostics
    assert finding.fixes[0].title == "input 3x33x33"
    assert "makes 'input neurons 3072' 3,267" in finding.fixes[0].remark  # 3 · 33 · 33
    held = body.replace("32 \n", "32 \nz: identity -> 3x32x32\n")
    (finding,) = compiled(network(held)).diagnostics
    assert not [fix for fix in finding.fixes if fix.title.startswith("input")]


BROKEN = sorted((ROOT / "tests" / "cases" / "invalid").glob("E[34]*.arch")) + sorted(
    SPECS.glob("*.arch")
)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_every_edit_that_is_offered_mends_its_finding(path: Path) -> None:
    """Made in the text and compiled anew, the finding is gone, and the remark is true."""
    for finding in compile_file(path).diagnostics:
        for fix in finding.fixes:
            if not fix.edits or fix.edits[0].span.source.name != str(path):
                continue
            after = compile_source(Source(str(path), applied(fix)))
            assert finding.message not in [d.message for d in after.diagnostics], fix.title
            for claim, figure in re.findall(r"makes '([^']*)' ([\d,]+)", fix.remark):
                actual = {v.text: v.actual for arch in after.archs for v in arch.verdicts}
                assert f"{actual[claim]:,}" == figure, fix.title


def test_an_edit_that_breaks_more_than_it_mends_is_not_offered() -> None:
    """A claim that is wrong, and not the network: 96 filters would make both others false."""
    body = (
        "input 3x224x224\na: conv 64 11x11 stride=4 pad=2 -> 96x55x55\nf: linear 10\n"
        "expect a weights 23_232\nexpect weights 1_959_232"  # 64·3·11·11, and 64·55·55·10 more
    )
    (finding,) = compiled(network(body)).diagnostics
    assert finding.rule.name == "wrong-shape" and finding.fixes == ()


def test_many_claims_are_repaired_in_bounds() -> None:
    """Effort grows with the claims that are judged anew for each edit: 1,000 wrong ones."""
    body = "input 3x32x32\nc: conv 8 3x3\n" + "\n".join(
        f"expect params {1_000 + n}" for n in range(1_000)
    )
    assert len(compiled(network(body)).diagnostics) == 1_000


def test_an_edit_may_change_how_many_claims_there_are() -> None:
    """A block's count of repeats is tried as well, and each repeat claims a shape."""
    text = (
        "block body(n) {\n  repeat n { conv 8 3x3 pad=1 -> 8x16x16 }\n  conv 8 3x3\n}\n"
        "arch Net {\n  input 8x16x16\n  a: add { body 3 } {}\n}\n"
    )
    (finding,) = compiled(text).diagnostics
    assert finding.rule.name == "join-mismatch"
    assert finding.fixes[0].title == "a.add.1.body.conv pad=1"
