"""The syntax tree: statements and values, frozen, each with its span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.source import Source, Span


@dataclass(frozen=True, slots=True)
class Name:
    """A bare or dotted name: `same`, `classes`, `conv1.relu`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number. `value` is an int where it is written as one, or as a whole one with a suffix.

    `places` is the exponent of ten of the last digit written: 0 for `96`, -4 for `1e-4`,
    4 for `62.37M`. `exact` says that it is written with neither suffix, point nor exponent.
    """

    value: int | float
    places: int
    exact: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Dimensions:
    """`11x11`, `3x227x227`: channels first."""

    sizes: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string, without its quotes."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Tuple:
    items: tuple[Value, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    name: Name
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`first + b - c`, or `first * b / c`, from left to right: one node, however long the chain."""

    first: Value
    rest: tuple[tuple[str, Value], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Bound:
    """`~60M`, `<= 61M`, `>= 1M`."""

    relation: str
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Closed:
    """A value with the parameters that its names stand for, moved to where they have no meaning.

    No text has one: it is what an edit of a variant puts among its base's arguments.
    """

    value: Value
    parameters: Mapping[str, int | float | tuple[int | float, ...]]
    span: Span


Value: TypeAlias = (
    Name | Number | Dimensions | Text | Tuple | Call | Arithmetic | Negative | Bound | Closed
)


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument (`key` is None) or `key=value`."""

    key: Name | None
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    statements: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Statement:
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


@dataclass(frozen=True, slots=True)
class File:
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
