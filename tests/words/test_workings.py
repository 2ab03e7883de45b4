"""Workings: each line that a layer writes down about its output's shape is true."""

from __future__ import annotations

import ast
import operator
import re
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings

import archdsl.words  # noqa: F401  (fills the registry)
from archdsl.shape import Misfit, Shape
from archdsl.words.merge import Join
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Op
from tests.words.drawing import shapes, words

OPS = [cls for cls in Op.words.values() if issubclass(cls, Op) and not issubclass(cls, Join)]

STEP = re.compile(
    r"(?:(?P<axis>height|width): )?(?:the mean of )?(?P<left>[^=]+) = (?P<right>[\d.,]+)"
    r"(?:, which rounds (?P<way>up|down) to (?P<rounded>\d+))?"
    r"(?:, the window's extent| inputs| numbers)?"
)

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value(text: str) -> Fraction:
    """What an expression as it is printed comes to."""
    plain = text.replace(",", "").replace("−", "-").replace("·", "*")

    def of(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int() as number):
                return Fraction(number)
            case ast.BinOp(left=left, op=op, right=right):
                return Fraction(OPERATORS[type(op)](of(left), of(right)))
        raise AssertionError(f"no arithmetic: {text}")

    return of(ast.parse(plain, mode="eval").body)


@pytest.mark.parametrize("cls", OPS, ids=lambda cls: cls.word)
def test_the_arithmetic_is_true_and_comes_to_the_output(cls: type[Op]) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(words(cls), shapes())
    def check(op: Op, x: Shape) -> None:
        try:
            output = op.output(x)
        except Misfit:
            assume(False)
        last: dict[str, int] = {}
        for line in op.workings(x):
            step = STEP.fullmatch(line)
            assert step, line
            right = Fraction(step["right"].replace(",", ""))
            digits = len(step["right"].partition(".")[2])
            exact = value(step["left"])
            assert abs(exact - right) <= Fraction(1, 2 * 10**digits), line
            assert step["way"] is None or (int(step["rounded"]) > exact) == (step["way"] == "up")
            assert (step["way"] is None) == (exact.denominator == 1), line
            last[step["axis"] or "both"] = int(step["rounded"] or exact)
        if issubclass(cls, SlidingOp):
            _, height, width = output.dims
            assert last in ({"both": height}, {"height": height, "width": width})
            assert "both" not in last or height == width

    check()
