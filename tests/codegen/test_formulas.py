"""Arithmetic of a block's author, as Python."""

from __future__ import annotations

import pytest

from archdsl.codegen.formulas import MAX_LENGTH, Formula, formulas
from archdsl.definitions import Definition, Module
from archdsl.diagnostics import Findings
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.parse import parse


def found(argument: str) -> list[Formula]:
    """The formulas of a block with this argument."""
    source = Source("net.arch", f"block b(n, k=3) {{ relu; add {{ conv {argument} k }} {{}} }}\n")
    findings = Findings()
    (statement,) = parse(source, findings).statements
    assert not findings
    name = tree.Name("b", statement.head)
    return list(formulas(Definition(name, statement, Module(source))).values())


@pytest.mark.parametrize(
    ("written", "python", "value"),
    [
        ("((k - 1)/2)", "(k - 1) // 2", 2),
        ("(n/2 + 1)", "n // 2 + 1", 4),
        ("(n*2/3)", "n * 2 // 3", 4),
        ("(n*(2/1))", "n * (2 // 1)", 12),
        ("(n - (k - 1))", "n - (k - 1)", 2),
        ("(n - k*1)", "n - k * 1", 1),
        ("((n + k)*(n - k))", "(n + k) * (n - k)", 11),
        ("(-(k - n))", "-(k - n)", 1),
        ("(-k + n)", "-k + n", 1),
        ("(n / (k - 3))", "n // (k - 3)", 3),
        ("(k/2)", "k // 2", None),
    ],
)
def test_a_formula_is_the_same_in_python(written: str, python: str, value: int | None) -> None:
    (formula,) = found(written)
    assert formula.names() == {name for name in "nk" if name in written}
    assert formula.text({"n": "n", "k": "k"}) == python
    assert formula.comes_to({"n": 6, "k": 5}) == value


@pytest.mark.parametrize("written", ["n", "64", "(n*0.5)", f"({'n + ' * MAX_LENGTH}n)"])
def test_what_is_no_formula_of_whole_numbers_or_too_long(written: str) -> None:
    assert found(written) == []
