"""Python text as `ruff format` would leave it: calls, docstrings, wrapped lines."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH = 88
"""Columns of a line, as Black and ruff have it."""


def call(
    head: str, arguments: Sequence[str], indent: str, tail: str = "", comment: str = ""
) -> list[str]:
    """`head(arguments)tail  # comment`, broken as Black breaks it where it is too long."""
    note = _note(comment)
    flat = f"{indent}{head}({', '.join(arguments)}){tail}{note}"
    if len(flat) <= WIDTH or not arguments:
        return [flat]
    inner = f"{indent}    {', '.join(arguments)}"
    if len(inner) <= WIDTH:
        return [f"{indent}{head}(", inner, f"{indent}){tail}{note}"]
    lines = [f"{indent}    {argument}," for argument in arguments]
    return [f"{indent}{head}(", *lines, f"{indent}){tail}{note}"]


@dataclass(frozen=True, slots=True)
class Construction:
    """A call that makes a module of others: `prefix target(parts, arguments)  # comment`.

    A part is a call itself, or text. The prefix is `conv=` or `self.conv1 = `, or nothing.
    """

    target: str
    prefix: str = ""
    parts: tuple[Construction | str, ...] = ()
    arguments: tuple[str, ...] = ()
    comment: str = ""

    @property
    def height(self) -> int:
        """How many calls with parts stand in one another, this one included."""
        if not self.parts:
            return 0
        return 1 + max(part.height if isinstance(part, Construction) else 0 for part in self.parts)


def construction(
    made: Construction, indent: str, tail: str = "", on_one_line: bool = True
) -> list[str]:
    """A call and what it makes its module of, each part on lines of its own.

    On one line if it fits, all parts are plain calls and no more than one of them has a comment.
    """
    head = f"{made.prefix}{made.target}"
    if not made.parts:
        return call(head, made.arguments, indent, tail, made.comment)
    if on_one_line and (flat := _flat(made)) is not None:
        line = f"{indent}{head}({flat.arguments}){tail}{_note(flat.comment)}"
        if len(line) <= WIDTH:
            return [line]
    inner = f"{indent}    "
    lines = [f"{indent}{head}("]
    for part in made.parts:
        lines += [f"{inner}{part},"] if isinstance(part, str) else construction(part, inner, ",")
    lines += [f"{inner}{argument}," for argument in made.arguments]
    return [*lines, f"{indent}){tail}{_note(made.comment)}"]


class _Flat(NamedTuple):
    arguments: str
    comment: str


def _flat(made: Construction) -> _Flat | None:
    """What would stand on one line; None if its parts have parts or comments of their own."""
    texts, comments = [], [made.comment]
    for part in made.parts:
        if isinstance(part, str):
            texts.append(part)
        elif part.parts:
            return None
        else:
            texts.append(f"{part.prefix}{part.target}({', '.join(part.arguments)})")
            comments.append(part.comment)
    written = [comment for comment in comments if comment]
    if len(written) > 1:
        return None
    return _Flat(", ".join([*texts, *made.arguments]), "".join(written))


def _note(comment: str) -> str:
    return f"  # {comment}" if comment else ""


def listing(head: str, items: Sequence[str], indent: str, tail: str) -> list[str]:
    """`head(items)tail` for a tuple of two items or more, one item a line where it is too long."""
    flat = f"{indent}{head}({', '.join(items)}){tail}"
    if len(flat) <= WIDTH:
        return [flat]
    return [f"{indent}{head}(", *(f"{indent}    {item}," for item in items), f"{indent}){tail}"]


def docstring(paragraphs: Iterable[str], indent: str) -> list[str]:
    """A docstring of paragraphs, wrapped. Any text is safe in it."""
    room = WIDTH - len(indent)
    wrapped = [textwrap.wrap(prose(p), room - 4, break_on_hyphens=False) for p in paragraphs]
    # Escaped line by line: a break between a backslash and its double would undo the escape.
    lines = [line.replace("\\", "\\\\") for lines in wrapped if lines for line in ["", *lines]][1:]
    if lines[0].startswith('"'):
        lines[0] = f" {lines[0]}"
    if len(lines) == 1 and not lines[0].endswith('"'):
        return [f'{indent}"""{lines[0]}"""']
    body = [f"{indent}{line}".rstrip() for line in lines[1:]]
    return [f'{indent}"""{lines[0]}', *body, f'{indent}"""']


def prose(text: str) -> str:
    """Free text on one line, nothing invisible in it and no end of a docstring."""
    visible = "".join(
        " " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs") else char
        for char in text
    )
    return " ".join(visible.replace('"""', "'''").split())
