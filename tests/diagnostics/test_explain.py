"""What `archdsl explain` says: every example gives its rule, and what mends it gives nothing."""

from __future__ import annotations

import json
import re
from inspect import cleandoc

import pytest
from typer.testing import CliRunner, Result

from archdsl import explain
from archdsl.cli import app
from archdsl.compiler import compile_bytes
from archdsl.diagnostics import Rule
from archdsl.diagnostics.catalogue import RULES, find
from archdsl.styled import plain

PROSE = {
    "E001": "of a path that leads nowhere: of no text",
    "E002": "of bytes that are no text",
    "E102": "of sixty braces inside one another",
    "E211": "of the command line",
}
"""Rules that no short text can show, and what they are about instead."""

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
shown = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.code not in PROSE], ids=lambda rule: rule.name
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def page(rule: Rule) -> list[str]:
    return [plain(line) for line in explain.page(rule)]


# --- text -------------------------------------------------------------------------------------


@every_rule
def test_a_rule_says_what_it_means_why_it_matters_and_what_to_do(rule: Rule) -> None:
    for text in (rule.meaning, rule.text, rule.why):
        assert text.endswith("."), text
    assert rule.remedy
    assert bool(rule.example) == bool(rule.mended) == (rule.code not in PROSE)


@shown
def test_an_example_gives_its_rule_and_nothing_else(rule: Rule) -> None:
    found = compile_bytes(cleandoc(rule.example).encode(), explain.EXAMPLE).diagnostics
    assert {diagnostic.rule.code for diagnostic in found} == {rule.code}


@shown
def test_the_mended_example_gives_nothing(rule: Rule) -> None:
    result = compile_bytes(cleandoc(rule.mended).encode(), explain.EXAMPLE)
    assert [diagnostic.message for diagnostic in result.diagnostics] == []
    assert result.archs


@every_rule
def test_a_page_fits_80_columns_but_for_what_check_prints(rule: Rule) -> None:
    lines = [line for line in page(rule) if not re.match(" {4}(error|warning): ", line)]
    assert max(map(len, lines)) <= 80


def test_the_list_has_every_rule_on_a_line_of_80_columns() -> None:
    lines = [plain(line) for line in explain.listing()]
    assert max(map(len, lines)) <= 80
    for rule in RULES:
        assert sum(line.startswith(f"    {rule.code}  {rule.name} ") for line in lines) == 1


def test_the_page_of_lossy_stride_tells_of_alexnet() -> None:
    text = "\n".join(page(RULES[[rule.code for rule in RULES].index("E301")]))
    assert "(224 − 11)/4 + 1 is 54.25" in text
    assert "error: conv1 never sees the last row and column of its 224x224 input" in text
    assert "allow=lossy_stride" in text and "archdsl check --allow lossy-stride" in text


# --- the command ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["E301", "e301", "lossy-stride", "lossy_stride", "Lossy-Stride"])
def test_a_rule_is_found_by_code_and_name_in_any_case(name: str) -> None:
    rule = find(name)
    assert rule is not None and rule.code == "E301"
    result = run(name)
    assert result.exit_code == 0
    assert result.stdout.startswith("lossy-stride")


def test_without_an_argument_it_lists_them() -> None:
    result = run()
    assert result.exit_code == 0
    assert "E301  lossy-stride" in result.stdout and "W502  two-activations" in result.stdout


def test_an_unknown_rule_is_asked_back() -> None:
    result = run("lossy-strid")
    assert result.exit_code == 2
    assert "did you mean 'lossy-stride'?" in result.output
    assert "archdsl explain lists them all" in run("zzz").output


def test_as_json() -> None:
    (rule,) = json.loads(run("two_activations", "--format", "json").stdout)["rules"]
    assert (rule["code"], rule["name"], rule["severity"]) == ("W502", "two-activations", "warning")
    assert rule["levels"] is True and rule["allow"] == "two_activations"
    assert rule["example"].startswith("block unit(width) {\n")
    (fixed,) = json.loads(run("E201", "--format", "json").stdout)["rules"]
    assert fixed["levels"] is False and fixed["allow"] is None
    assert len(json.loads(run("--format", "json").stdout)["rules"]) == len(RULES)
