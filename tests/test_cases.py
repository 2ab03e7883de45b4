"""Programs that are wrong: each file's leading comment is what must be found in it."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from archdsl.compiler import compile_bytes
from archdsl.diagnostics.catalogue import RULES
from archdsl.diagnostics.render import text
from tests.helpers import GOLDEN, ROOT, assert_golden

CASES = sorted((ROOT / "tests" / "cases" / "invalid").glob("*.arch"))
ELSEWHERE = {"E001", "E211"}
"""Of the command line rather than of a text: tests/test_cli.py."""


def found(path: Path) -> list[str]:
    lines = []
    for diagnostic in compile_bytes(path.read_bytes(), "case").diagnostics:
        span = diagnostic.primary.span if diagnostic.primary else None
        place = f"{span.line}:{span.column}" if span else "-"
        lines.append(f"# {place} {diagnostic.rule.code} {diagnostic.message}")
    return lines


def expected(path: Path) -> list[str]:
    lines = path.read_bytes().decode(errors="replace").splitlines()
    return list(takewhile(lambda line: line.startswith("# "), lines))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_findings_are_the_expected_ones(path: Path) -> None:
    assert found(path) == expected(path)
    assert any(f" {path.stem[:4]} " in line for line in expected(path))


def test_every_code_has_a_case() -> None:
    covered = {path.stem[:4] for path in CASES}
    assert covered | ELSEWHERE == {rule.code for rule in RULES}
    assert not covered & ELSEWHERE


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES) == len({rule.name for rule in RULES})


def test_the_rendered_findings_are_the_golden_ones() -> None:
    """One file with all of them, reviewed as prose."""
    parts = []
    for path in CASES:
        parts.append(f"---- {path.stem}")
        for diagnostic in compile_bytes(path.read_bytes(), "case").diagnostics:
            parts += ["".join(piece.text for piece in line) for line in text(diagnostic)]
    assert_golden(GOLDEN / "findings.txt", "\n".join(parts) + "\n")
