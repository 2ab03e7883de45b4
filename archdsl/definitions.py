"""What a file defines, and the names that its statements see."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import NamedTuple

from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.words.arithmetic import Parameters, Quantity

FROM = "from"
"""Stands between a variant's name and its base's."""


class Definition:
    """A block or an arch as it was written, in the file whose names it sees."""

    def __init__(self, name: tree.Name, statement: tree.Statement, module: Module) -> None:
        self.name = name
        self.statement = statement
        self.module = module

    @property
    def body(self) -> tuple[tree.Statement, ...]:
        """The statements of its block; none where the block is missing, which is reported."""
        blocks = self.statement.blocks
        return blocks[0].statements if blocks else ()

    @property
    def base(self) -> tree.Name | None:
        """The base of `arch B from A`, if this is a variant."""
        match [argument.value for argument in self.statement.arguments[1:] if not argument.key]:
            case [tree.Name(text=preposition), tree.Name() as base, *_] if preposition == FROM:
                return base
            case [tree.Name(text=preposition), tree.Call(name=base), *_] if preposition == FROM:
                return base  # with parameters, which stand elsewhere: reported where it is read
        return None


class Let(NamedTuple):
    """A number under a name."""

    name: tree.Name
    value: Quantity


class Names:
    """Blocks, archs and lets by name."""

    def __init__(self) -> None:
        self.blocks: dict[str, Definition] = {}
        self.archs: dict[str, Definition] = {}
        self.lets: dict[str, Let] = {}


class Module:
    """One file: what it defines, and what it sees of the files that it uses.

    What another file sees of it is `own` alone: a use is not transitive.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.own = Names()
        self.visible = Names()
        """`own` and what the used files own."""
        self.lets: dict[str, Quantity] = {}
        """The visible lets' values."""
        self.uses: tuple[Module, ...] = ()
        self.incomplete = False
        """A file that it uses cannot be read, which is reported: unknown names may be its."""
        self.recursive: set[Definition] = set()
        """Blocks of this file that use themselves, which is reported, and are not expanded."""

    def sources(self) -> tuple[Source, ...]:
        """This file and all that it uses, each once, this one first."""
        found: dict[Source, None] = {}
        pending = [self]
        while pending:
            module = pending.pop(0)
            if module.source not in found:
                found[module.source] = None
                pending += module.uses
        return tuple(found)


class Scope(NamedTuple):
    """Where a statement stands: its file, and what the parameters around it come to."""

    module: Module
    parameters: Parameters

    def inside(self, parameters: Mapping[str, Quantity]) -> Scope:
        """The scope of a body with parameters of its own, which hide the file's lets."""
        return Scope(self.module, ChainMap(dict(parameters), self.module.lets))
