"""The parse table that is kept beside the grammar."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from archdsl.diagnostics import Findings
from archdsl.source import Source
from archdsl.syntax import parse, table
from archdsl.syntax.tabulate import TABLE, from_grammar
from tests.helpers import SPECS

HASH_SEEDS = ("0", "1")


@pytest.mark.parametrize("seed", HASH_SEEDS)
def test_the_table_is_the_one_of_the_grammar(seed: str) -> None:
    """In any process: Lark keeps its states in sets, whose order follows Python's hash seed."""
    script = "from archdsl.syntax.tabulate import table; print(table(), end='')"
    made = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", script],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert made == TABLE.read_text(encoding="utf-8"), "run  make grammar"


def test_another_lark_makes_its_own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one version saves, another need not be able to load."""
    source = Source("alexnet.arch", (SPECS / "alexnet.arch").read_text(encoding="utf-8"))
    findings = Findings()
    tree = parse.parse(source, findings)
    monkeypatch.setattr(table, "LARK", "0")
    monkeypatch.setattr(table, "DATA", None)
    parse._parser.cache_clear()
    try:
        assert parse.parse(source, findings) == tree
    finally:
        parse._parser.cache_clear()
    assert not findings


def test_the_parser_of_the_table_has_the_rules_and_terminals_of_the_grammar() -> None:
    kept, made = parse._parser(), from_grammar()
    assert {str(rule) for rule in kept.rules} == {str(rule) for rule in made.rules}
    assert {t.name: t.pattern.to_regexp() for t in kept.terminals} == {
        t.name: t.pattern.to_regexp() for t in made.terminals
    }
