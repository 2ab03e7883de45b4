"""Arithmetic that the author of a block wrote in an argument, as Python has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archdsl.definitions import Definition as Block
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.arithmetic import Quantity, Unfit, number

_PYTHON = {"/": "//"}
"""Division of whole numbers is exact in the language: the two are the same where it has a value."""

MAX_LENGTH = 40
"""Characters of a formula: what is longer takes a name to be read."""


class Formula(NamedTuple):
    """Arithmetic of whole numbers, parameters and lets."""

    value: tree.Value
    block: Block
    """Whose parameters it is of."""

    def names(self) -> frozenset[str]:
        """The parameters and lets in it."""
        found = (value.text for value in _inside(self.value) if isinstance(value, tree.Name))
        return frozenset(found)

    def comes_to(self, parameters: Mapping[str, int]) -> Quantity | None:
        """Its value; None where a division leaves something, or a number grows too large."""
        try:
            return number(self.value, parameters)
        except Unfit:
            return None

    def text(self, codes: Mapping[str, str]) -> str:
        """The expression, where names are what `codes` has for them: `(kernel - 1) // 2`."""
        return _text(self.value, codes)


def formulas(block: Block) -> dict[Span, Formula]:
    """The arguments in a block that are formulas, by where they stand."""
    found: dict[Span, Formula] = {}
    pending = list(block.body)
    while pending:
        statement = pending.pop()
        for argument in statement.arguments:
            if len(argument.value.span.text) <= MAX_LENGTH and _is_formula(argument.value):
                found[argument.span] = Formula(argument.value, block)
        for inner in statement.blocks:
            pending += inner.statements
    return found


def _is_formula(value: tree.Value) -> bool:
    return isinstance(value, tree.Arithmetic | tree.Negative) and all(
        isinstance(inner, tree.Arithmetic | tree.Negative | tree.Name)
        or (isinstance(inner, tree.Number) and isinstance(inner.value, int))
        for inner in _inside(value)
    )


def _inside(value: tree.Value) -> Iterator[tree.Value]:
    yield value
    match value:
        case tree.Negative(operand=operand):
            yield from _inside(operand)
        case tree.Arithmetic(first=first, rest=rest):
            for operand in (first, *(operand for _, operand in rest)):
                yield from _inside(operand)


def _text(value: tree.Value, codes: Mapping[str, str]) -> str:
    match value:
        case tree.Name(text=name):
            return codes[name]
        case tree.Negative(operand=operand):
            inner = _text(operand, codes)
            return f"-({inner})" if isinstance(operand, tree.Arithmetic) else f"-{inner}"
        case tree.Arithmetic(first=first, rest=rest):
            summed = _is_sum(value)
            parts = [_operand(first, codes, bare=summed or not _is_sum(first))]
            for operator, operand in rest:
                bare = summed and not _is_sum(operand)
                parts += [_PYTHON.get(operator, operator), _operand(operand, codes, bare)]
            return " ".join(parts)
        case tree.Number(value=figure):
            return repr(figure)
    raise TypeError(f"{value!r} is no arithmetic")


def _operand(value: tree.Value, codes: Mapping[str, str], bare: bool) -> str:
    text = _text(value, codes)
    return text if bare or not isinstance(value, tree.Arithmetic) else f"({text})"


def _is_sum(value: tree.Value) -> bool:
    return isinstance(value, tree.Arithmetic) and value.rest[0][0] in ("+", "-")
