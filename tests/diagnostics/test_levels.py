"""Levels: what --deny, --warn and --allow make of findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archdsl.cli import app
from archdsl.compiler import compile_bytes
from archdsl.diagnostics import Severity, catalogue
from archdsl.diagnostics.levels import DEFAULT, BadLevel, Levels, chosen
from tests.helpers import SPECS, network

TWICE = network("input 3x32x32\nrelu\nrelu")
LOSSY = "input 3x224x224\nconv1: conv 96 11x11 stride=4"


def check(text: str, folder: Path, *options: str) -> Result:
    path = folder / "net.arch"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(app, ["check", str(path), *options])


def findings(text: str, levels: Levels) -> list[tuple[str, str]]:
    found = compile_bytes(text.encode(), "net.arch", levels=levels).diagnostics
    return [(d.rule.code, d.severity.value) for d in found]


# --- choosing ---------------------------------------------------------------------------------


def test_a_rule_counts_as_it_says_unless_it_is_chosen() -> None:
    assert DEFAULT.of(catalogue.LOSSY_STRIDE) is Severity.ERROR
    assert DEFAULT.of(catalogue.TWO_ACTIVATIONS) is Severity.WARNING
    levels = chosen(["W502"], ["Lossy_Stride"], ["unused-name"])
    assert levels.of(catalogue.TWO_ACTIVATIONS) is Severity.ERROR
    assert levels.of(catalogue.LOSSY_STRIDE) is Severity.WARNING
    assert levels.of(catalogue.UNUSED_NAME) is None
    assert levels.of(catalogue.CHANNELS_LAST) is Severity.WARNING


def test_all_warnings_are_denied_but_those_that_are_named() -> None:
    levels = chosen(["warnings"], ["two-activations"], ["channels-last"])
    assert levels.of(catalogue.UNUSED_NAME) is Severity.ERROR
    assert levels.of(catalogue.TWO_ACTIVATIONS) is Severity.WARNING
    assert levels.of(catalogue.CHANNELS_LAST) is None


@pytest.mark.parametrize(
    ("deny", "warn", "allow", "message"),
    [
        ([], [], ["unknown-word"], "unknown-word is no matter of judgement and stays an error"),
        (["two-activation"], [], [], "did you mean 'two-activations'?"),
        ([], [], ["warnings"], "only --deny takes all warnings"),
        (["W502"], [], ["two-activations"], "given to --deny and to --allow: choose"),
    ],
)
def test_what_cannot_be_chosen(
    deny: list[str], warn: list[str], allow: list[str], message: str
) -> None:
    with pytest.raises(BadLevel, match=message.replace("?", r"\?")):
        chosen(deny, warn, allow)


# --- what comes of it -------------------------------------------------------------------------


def test_warnings_alone_exit_0_and_denied_1(tmp_path: Path) -> None:
    warned = check(TWICE, tmp_path)
    assert warned.exit_code == 0
    assert "warning[W502 two-activations]" in warned.stdout
    assert "\n1 warning\n" in warned.stdout
    for options in (["--deny", "warnings"], ["--deny", "two_activations"]):
        denied = check(TWICE, tmp_path, *options)
        assert denied.exit_code == 1
        assert "error[W502 two-activations]" in denied.stdout
        assert "\n1 error\n" in denied.stdout
    allowed = check(TWICE, tmp_path, "--allow", "W502")
    assert allowed.exit_code == 0 and "W502" not in allowed.stdout
    assert '"severity": "error"' in check(TWICE, tmp_path, "--deny", "W502", "--format=json").stdout


def test_levels_that_cannot_be_chosen_exit_2(tmp_path: Path) -> None:
    result = check(TWICE, tmp_path, "--allow", "syntax")
    assert result.exit_code == 2
    assert "no matter of judgement" in result.output


@pytest.mark.parametrize("claim", ["-> 96x55x55", "-> 96x53x53", "-> 95x54x54"])
@pytest.mark.parametrize("level", [Severity.WARNING, None])
def test_a_wrong_claim_is_an_error_where_the_loss_is_none(
    claim: str, level: Severity | None
) -> None:
    levels = Levels({catalogue.LOSSY_STRIDE: level})
    found = findings(network(f"{LOSSY} {claim}"), levels)
    assert ("E401", "error") in found
    assert (("E301", "warning") in found) == (level is Severity.WARNING)
    assert ("E401", "error") in findings(network(f"{LOSSY} allow=lossy_stride {claim}"), DEFAULT)


def test_what_hangs_on_a_loss_that_is_none_is_told() -> None:
    body = f"{LOSSY} -> 96x54x54\nmaxpool 3 stride=2 -> 96x27x27"
    levels = Levels({catalogue.LOSSY_STRIDE: Severity.WARNING})
    assert findings(network(body), levels) == [
        ("E301", "warning"),
        ("E301", "warning"),
        ("E401", "error"),
    ]
    assert findings(network(body), Levels({catalogue.LOSSY_STRIDE: None})) == [("E401", "error")]


def test_a_layer_allows_whatever_is_denied() -> None:
    meant = network("input 3x32x32\nrelu\nrelu allow=two_activations")
    assert findings(meant, chosen(["warnings"], [], [])) == []


def test_the_levels_stay_with_the_analysis() -> None:
    levels = Levels({catalogue.LOSSY_STRIDE: None})
    (analysis,) = compile_bytes(network(LOSSY).encode(), "net.arch", levels=levels).archs
    assert analysis.levels is levels


def test_alexnet_as_printed_passes_only_without_its_claims() -> None:
    path = str(SPECS / "alexnet_224.arch")
    result = CliRunner().invoke(app, ["check", path, "--warn", "lossy-stride"])
    assert result.exit_code == 1
    assert "warning[E301" in result.stdout and "error[E401" in result.stdout
