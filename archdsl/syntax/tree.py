"""The syntax tree: statements and values, frozen, each with its span.

Named tuples, which are made faster than data classes: a large spec has a hundred thousand of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from archdsl.source import Source, Span


class Name(NamedTuple):
    """A bare or dotted name: `same`, `classes`, `conv1.relu`."""

    text: str
    span: Span


class Number(NamedTuple):
    """A number. `value` is an int where it is written as one, or as a whole one with a suffix.

    `places` is the exponent of ten of the last digit written: 0 for `96`, -4 for `1e-4`,
    4 for `62.37M`. `exact` says that it is written with neither suffix, point nor exponent.
    """

    value: int | float
    places: int
    exact: bool
    span: Span


class Dimensions(NamedTuple):
    """`11x11`, `3x227x227`: channels first."""

    sizes: tuple[int, ...]
    span: Span


class Text(NamedTuple):
    """A quoted string, without its quotes."""

    text: str
    span: Span


class Tuple(NamedTuple):
    items: tuple[Value, ...]
    span: Span


class Call(NamedTuple):
    name: Name
    arguments: tuple[Argument, ...]
    span: Span


class Arithmetic(NamedTuple):
    """`first + b - c`, or `first * b / c`, from left to right: one node, however long the chain."""

    first: Value
    rest: tuple[tuple[str, Value], ...]
    span: Span


class Negative(NamedTuple):
    operand: Value
    span: Span


class Bound(NamedTuple):
    """`~60M`, `<= 61M`, `>= 1M`."""

    relation: str
    value: Value
    span: Span


class Closed(NamedTuple):
    """A value with the parameters that its names stand for, moved to where they have no meaning.

    No text has one: it is what an edit of a variant puts among its base's arguments.
    """

    value: Value
    parameters: Mapping[str, int | float | tuple[int | float, ...]]
    span: Span


Value: TypeAlias = (
    Name | Number | Dimensions | Text | Tuple | Call | Arithmetic | Negative | Bound | Closed
)


class Argument(NamedTuple):
    """A positional argument (`key` is None) or `key=value`."""

    key: Name | None
    value: Value
    span: Span


class Block(NamedTuple):
    statements: tuple[Statement, ...]
    span: Span


class Statement(NamedTuple):
    """`[label:] word argument… [{ block }]… [-> shape]`.

    `head` spans the word and its arguments: what a diagnostic underlines. A statement that did not
    parse has the empty word.
    """

    label: Name | None
    word: Name
    arguments: tuple[Argument, ...]
    blocks: tuple[Block, ...]
    claim: Value | None
    span: Span
    head: Span


class File(NamedTuple):
    source: Source
    statements: tuple[Statement, ...]


def comment_above(statement: Statement) -> str:
    """The comment lines that stand directly above a statement, joined, without their `#`."""
    source, number = statement.span.source, statement.span.line - 1
    lines: list[str] = []
    while number >= 1 and (line := source.line(number).strip()).startswith("#"):
        lines.append(line.lstrip("#").strip())
        number -= 1
    return " ".join(reversed(lines)).strip()
