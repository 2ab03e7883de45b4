"""Python text as `ruff format` would leave it: calls, docstrings, wrapped lines."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

WIDTH = 88
"""Columns of a line, as Black and ruff have it."""


def call(
    head: str, arguments: Sequence[str], indent: str, tail: str = "", comment: str = ""
) -> list[str]:
    """`head(arguments)tail  # comment`, broken as Black breaks it where it is too long."""
    note = f"  # {comment}" if comment else ""
    flat = f"{indent}{head}({', '.join(arguments)}){tail}{note}"
    if len(flat) <= WIDTH or not arguments:
        return [flat]
    inner = f"{indent}    {', '.join(arguments)}"
    if len(inner) <= WIDTH:
        return [f"{indent}{head}(", inner, f"{indent}){tail}{note}"]
    lines = [f"{indent}    {argument}," for argument in arguments]
    return [f"{indent}{head}(", *lines, f"{indent}){tail}{note}"]


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
