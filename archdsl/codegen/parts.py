"""Definitions out of the files of training/parts, read as text: what is used of them is copied."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from archdsl.codegen import writer

ROOM = "training/parts"
"""Where files are read from, of archdsl's own folders, where nothing else is said."""

_BLANKS = re.compile(r"\n{4,}")


class Import(NamedTuple):
    """`from source import name`, or `import source` where there is no name; under another name."""

    source: str
    name: str = ""
    alias: str = ""

    @property
    def binds(self) -> str:
        """The name that it gives."""
        return self.alias or self.name or self.source.partition(".")[0]


def definitions(stem: str, wanted: Iterable[str], room: str = ROOM) -> str:
    """The definitions of these names in a file, and all in it that they use, as they stand there.

    Raises:
        KeyError: the file does not define one of the names.
    """
    file = _read(stem, room)
    kept: set[str] = set()
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name not in kept:
            kept.add(name)
            pending += [used for used in file.uses[name] if used in file.uses]
    text = "".join(piece.text for piece in file.pieces if piece.defines & kept)
    return _BLANKS.sub("\n\n\n", text).strip("\n")


def imports(stem: str, room: str = ROOM) -> tuple[Import, ...]:
    """What a file imports."""
    return _read(stem, room).imports


def names(text: str) -> set[str]:
    """Every name that a text of Python uses or gives, but attributes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
    return found


def binds(stem: str, room: str = ROOM) -> frozenset[str]:
    """The names that a file gives: its definitions and what it imports."""
    file = _read(stem, room)
    return frozenset(file.uses) | {line.binds for line in file.imports}


def import_lines(libraries: Sequence[Import]) -> str:
    """The import statements, Python's own first, as isort sorts them."""
    sections = []
    for own in (True, False):
        chosen = [
            line
            for line in libraries
            if (line.source.partition(".")[0] in sys.stdlib_module_names) == own
        ]
        whole = sorted(
            f"import {line.source}" + (f" as {line.alias}" if line.alias else "")
            for line in chosen
            if not line.name
        )
        named: dict[str, list[str]] = {}
        for line in sorted(chosen, key=lambda line: (line.source.lower(), line.name)):
            if line.name:
                named.setdefault(line.source, []).append(line.name)
        sections.append(
            "\n".join([*whole, *(import_from(source, n) for source, n in named.items())])
        )
    return "\n\n".join(filter(None, sections))


def import_from(source: str, names: Sequence[str]) -> str:
    """`from source import names`, one a line where that is too long."""
    line = f"from {source} import {', '.join(names)}"
    if len(line) <= writer.WIDTH:
        return line
    return "\n".join([f"from {source} import (", *(f"    {name}," for name in names), ")"])


class _Piece(NamedTuple):
    """A statement with the comments and blank lines above it, and the text that describes it."""

    defines: frozenset[str]
    text: str


class _File(NamedTuple):
    imports: tuple[Import, ...]
    pieces: tuple[_Piece, ...]
    uses: dict[str, set[str]]
    """The names in the definition of each name."""


@cache
def _read(stem: str, room: str) -> _File:
    folder = resources.files("archdsl").joinpath(*room.split("/"))
    text = folder.joinpath(f"{stem}.py").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    imported: list[Import] = []
    pieces: list[_Piece] = []
    uses: dict[str, set[str]] = {}
    end = 0
    for node in ast.parse(text).body:
        start, end = end, node.end_lineno or end
        # A comment after the statement is on its line.
        segment = "".join(lines[start:end])
        match node:
            case ast.Import() | ast.ImportFrom():
                imported += _imports(node)
            case ast.Expr():
                if pieces:  # of the assignment above it; else of the file
                    pieces[-1] = pieces[-1]._replace(text=pieces[-1].text + segment)
            case _:
                defined = frozenset(_defined(node))
                uses |= {name: names(ast.unparse(node)) for name in defined}
                pieces.append(_Piece(defined, segment))
    return _File(tuple(imported), tuple(pieces), uses)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield Import(alias.name, alias=alias.asname or "")
        else:
            yield Import(node.module or "", alias.name, alias.asname or "")


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from names(ast.unparse(target))
        case ast.AnnAssign(target=target):
            yield from names(ast.unparse(target))
