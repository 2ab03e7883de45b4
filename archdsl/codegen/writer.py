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

    A part is a call itself, or text. The prefix is `conv=` or `self.conv1 = `, or nothing. With a
    clause, the one part is made again and again: `repeat(PART for _ in range(3))`. The brackets
    are those of a call, or of what stands in one, and then there is no target.
    """

    target: str
    prefix: str = ""
    parts: tuple[Construction | str, ...] = ()
    arguments: tuple[str, ...] = ()
    comment: str = ""
    optional: bool = False
    """Whether the comment is left out where a call would be broken for it."""
    clause: Clause | None = None
    brackets: str = "()"


class Clause(NamedTuple):
    """`for VARIABLE in ITERABLE`; or in the items, of which there are more than one."""

    variable: str
    iterable: str
    items: tuple[str, ...] = ()

    @property
    def flat(self) -> str:
        iterable = f"({', '.join(self.items)})" if self.items else self.iterable
        return f"for {self.variable} in {iterable}"

    def lines(self, indent: str) -> list[str]:
        if self.items:
            return listing(f"for {self.variable} in ", self.items, indent, "")
        return [f"{indent}{self.flat}"]


def construction(
    made: Construction, indent: str, tail: str = "", on_one_line: bool = True
) -> list[str]:
    """A call and what it makes its module of, each part on lines of its own.

    On one line if it fits, all parts are plain calls and no more than one of them has a comment.
    """
    head = f"{made.prefix}{made.target}"
    opening, closing = tuple(made.brackets)
    if not made.parts:
        lines = call(head, made.arguments, indent, tail, made.comment)
        whole = len(lines) == 1 or not made.optional
        return lines if whole else call(head, made.arguments, indent, tail)
    flat = _flat(made)
    if on_one_line and flat is not None:
        line = f"{indent}{head}{opening}{flat.text}{closing}{tail}"
        noted = f"{line}{_note(flat.comment)}"
        if len(noted) <= WIDTH:
            return [noted]
        if flat.optional and len(line) <= WIDTH:
            return [line]
    inner = f"{indent}    "
    lines = [f"{indent}{head}{opening}"]
    if made.clause is not None:
        (part,) = made.parts
        line = f"{inner}{flat.text}" if flat is not None and not _comments(made.parts) else ""
        if line and len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += _part(part, inner, "")
            lines += made.clause.lines(inner)
    else:
        for part in made.parts:
            lines += _part(part, inner, "" if _is_alone(made, part) else ",")
        lines += [f"{inner}{argument}," for argument in made.arguments]
    return [*lines, f"{indent}{closing}{tail}{_note(made.comment)}"]


def _part(part: Construction | str, indent: str, tail: str) -> list[str]:
    if isinstance(part, str):
        return [f"{indent}{part}{tail}"]
    return construction(part, indent, tail)


def _is_alone(made: Construction, part: Construction | str) -> bool:
    """Whether a part is a list or dict that is a call's only argument."""
    return isinstance(part, Construction) and not part.target and len(made.parts) == 1


def _comments(parts: Sequence[Construction | str]) -> bool:
    return any(
        isinstance(part, Construction) and (part.comment or _comments(part.parts)) for part in parts
    )


class _Flat(NamedTuple):
    text: str
    comment: str
    optional: bool


def _flat(made: Construction) -> _Flat | None:
    """What would stand on one line between the brackets.

    None if there are several comments, or parts in parts, but for the one part of a loop and the
    items of a list.
    """
    texts, comments, optional = [], [made.comment], made.optional or not made.comment
    for part in made.parts:
        if isinstance(part, str):
            texts.append(part)
        elif part.parts:
            may_nest = made.clause is not None or part.brackets == "[]"
            inside = _flat(part) if may_nest and part.clause is None else None
            if inside is None:
                return None
            opening, closing = tuple(part.brackets)
            texts.append(f"{part.prefix}{part.target}{opening}{inside.text}{closing}")
            comments.append(inside.comment)
            optional &= inside.optional
        else:
            texts.append(f"{part.prefix}{part.target}({', '.join(part.arguments)})")
            comments.append(part.comment)
            optional &= part.optional or not part.comment
    written = [comment for comment in comments if comment]
    if len(written) > 1:
        return None
    text = ", ".join([*texts, *made.arguments])
    clause = f" {made.clause.flat}" if made.clause else ""
    return _Flat(f"{text}{clause}", "".join(written), optional)


def _note(comment: str) -> str:
    return f"  # {comment}" if comment else ""


def listing(
    head: str, items: Sequence[str], indent: str, tail: str, brackets: str = "()"
) -> list[str]:
    """`head(items)tail` for two items or more, one item a line where it is too long."""
    opening, closing = tuple(brackets)
    flat = f"{indent}{head}{opening}{', '.join(items)}{closing}{tail}"
    if len(flat) <= WIDTH:
        return [flat]
    lines = [f"{indent}    {item}," for item in items]
    return [f"{indent}{head}{opening}", *lines, f"{indent}{closing}{tail}"]


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
