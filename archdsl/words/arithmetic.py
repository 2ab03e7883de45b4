"""Numbers in arguments: parameters by name, and exact arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from archdsl.diagnostics import Diagnostic, Rule, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean
from archdsl.source import Span
from archdsl.syntax import tree

Quantity: TypeAlias = "int | float | tuple[int | float, ...]"
Parameters: TypeAlias = Mapping[str, Quantity]

MAX_FIGURE = 10**15
"""What arithmetic may come to."""

UNKNOWN: Quantity = float("nan")
"""The value of a parameter whose default is wrong: what uses it cannot be known, and is no second
mistake. Told by identity, as no value is equal to it."""


class Unfit(Exception):
    """A value that cannot be had, or that its argument cannot take; `diagnostics` say why."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__()
        self.diagnostics = diagnostics


def unfit(rule: Rule, span: Span, message: str, help: tuple[str, ...] = ()) -> Unfit:
    return Unfit([at(rule, span, message, help=help)])


def number(value: tree.Value, parameters: Parameters) -> Quantity:
    """The number, or the dimensions, that a value comes to. Raises Unfit."""
    match value:
        case tree.Number(value=figure):
            return figure
        case tree.Dimensions(sizes=sizes):
            return sizes
        case tree.Name(text=text):
            if text not in parameters:
                raise unknown_parameter(value, parameters, ())
            if parameters[text] is UNKNOWN:
                raise Unfit(())
            return parameters[text]
        case tree.Closed(value=inner, parameters=own):
            return number(inner, own)
        case tree.Negative(operand=operand):
            return -_scalar(operand, parameters)
        case tree.Tuple(items=items):
            return tuple(_scalar(item, parameters) for item in items)
        case tree.Arithmetic(first=first, rest=rest):
            total: int | float | Fraction = _scalar(first, parameters)
            for operator, operand in rest:
                total = _apply(operator, total, _scalar(operand, parameters), value.span)
            return total if isinstance(total, int) else _plain(total)
        case _:
            raise unfit(catalogue.BAD_ARGUMENT, value.span, f"{value.span.text} is not a number")


def _scalar(value: tree.Value, parameters: Parameters) -> int | float:
    figure = number(value, parameters)
    if isinstance(figure, tuple):
        raise unfit(
            catalogue.BAD_ARGUMENT,
            value.span,
            f"{value.span.text} is {'x'.join(map(str, figure))}, and a single number is needed",
        )
    return figure


def _apply(
    operator: str, left: int | float | Fraction, right: int | float, span: Span
) -> int | Fraction:
    """One operation, exactly: decimals are what they are written as. Raises Unfit."""
    a, b = _exact(left), _exact(right)
    result: int | Fraction
    if operator == "+":
        result = a + b
    elif operator == "-":
        result = a - b
    elif operator == "*":
        result = a * b
    elif b == 0:
        raise unfit(catalogue.BAD_ARGUMENT, span, f"{left} / 0 is no number")
    elif isinstance(a, int) and isinstance(b, int):
        if a % b:
            raise unfit(
                catalogue.BAD_ARGUMENT,
                span,
                f"{left} / {right} does not divide exactly",
                ("sizes and counts are whole numbers: change one of the two",),
            )
        result = a // b
    else:
        result = Fraction(a) / b
    if not -MAX_FIGURE < result < MAX_FIGURE:
        raise unfit(catalogue.NUMBER, span, "this comes to 10^15 or more")
    return result


def _exact(figure: int | float | Fraction) -> int | Fraction:
    return Fraction(repr(figure)) if isinstance(figure, float) else figure


def _plain(figure: Fraction | float) -> int | float:
    """A whole number as one: (64*0.5) is 32, which counts filters."""
    return int(figure) if figure == int(figure) else float(figure)


def unknown_parameter(name: tree.Name, parameters: Parameters, words: Sequence[str]) -> Unfit:
    return unfit(
        catalogue.UNKNOWN_NAME,
        name.span,
        f"'{name.text}' is no parameter",
        did_you_mean(name.text, [*words, *parameters])
        or (f"declare it first: arch Name({name.text}=1), or  let {name.text}=1  in the file",),
    )
