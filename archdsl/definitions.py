"""What a file defines, and the names that its statements see."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.words.arithmetic import Parameters, Quantity

FROM = "from"
"""Stands between a variant's name and its base's."""


@dataclass(frozen=True, eq=False)
class Definition:
    """A block or an arch as it was written, in the file whose names it sees."""

    name: tree.Name
    statement: tree.Statement
    module: Module = field(repr=False)

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


@dataclass(eq=False)
class Names:
    """Blocks, archs and lets by name."""

    blocks: dict[str, Definition] = field(default_factory=dict)
    archs: dict[str, Definition] = field(default_factory=dict)
    lets: dict[str, Let] = field(default_factory=dict)


@dataclass(eq=False)
class Module:
    """One file: what it defines, and what it sees of the files that it uses.

    What another file sees of it is `own` alone: a use is not transitive.
    """

    source: Source
    own: Names = field(default_factory=Names)
    visible: Names = field(default_factory=Names)
    """`own` and what the used files own."""
    lets: dict[str, Quantity] = field(default_factory=dict)
    """The visible lets' values."""
    uses: tuple[Module, ...] = ()
    incomplete: bool = False
    """A file that it uses cannot be read, which is reported: unknown names may be that file's."""
    recursive: set[Definition] = field(default_factory=set)
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
