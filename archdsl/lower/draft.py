"""An arch as a draft: its layers as items, and what else it says as lines."""

from __future__ import annotations

from typing import NamedTuple

from archdsl.definitions import Definition, Scope
from archdsl.diagnostics import Label
from archdsl.lower.expand import Item, Items
from archdsl.lower.scope import Declared
from archdsl.syntax import tree


class Spot(NamedTuple):
    """An item where it stands: its path, the path of its stage, and the list it is in."""

    path: str
    stage: str
    item: Item
    siblings: Items
    parent: Spot | None
    """What it is inside of."""


class Line(NamedTuple):
    """A statement that is no layer, with the scope it stands in."""

    statement: tree.Statement
    scope: Scope
    context: tuple[Label, ...] = ()
    """The edits that changed it."""
    inherited: bool = False
    """It comes from a variant's base: what it says of stages that are gone is forgotten."""
    forgotten: frozenset[str] = frozenset()
    """Stages of the base that are gone, though new ones may have their names."""

    @property
    def word(self) -> str:
        return self.statement.word.text


class Draft:
    """An arch, or a variant of one, before its statements are bound."""

    def __init__(self, definition: Definition, scope: Scope, declared: Declared) -> None:
        self.definition = definition
        self.scope = scope
        self.declared = declared
        self.items: Items = []
        self.input: Line | None = None
        self.devices: Line | None = None
        self.train: Line | None = None
        self.expects: list[Line] = []
        self.inits: list[Line] = []
        self.settings: list[Line] = []
        self.edited = False
        """Whether a variant has changed anything yet."""
        self.sound = True
        """Whether no edit has an error."""
        self.unreadable_input = False
        """Something that is wrong may have been the input, so that it is not missed."""

    def forget(self, stages: frozenset[str]) -> None:
        """Let the inherited lines say nothing more of stages that are gone."""
        self.inits = [_without(line, stages) for line in self.inits]
        self.settings = [_without(line, stages) for line in self.settings]

    def become(self, variant: Definition) -> None:
        """Go on as a variant, which inherits everything but the claims."""
        self.definition = variant
        self.scope = Scope(variant.module, {}).inside(self.declared.values)
        self.expects = []
        self.inits = [line._replace(inherited=True) for line in self.inits]
        self.settings = [line._replace(inherited=True) for line in self.settings]
        _drop_claims(self.items)


def _without(line: Line, stages: frozenset[str]) -> Line:
    return line._replace(forgotten=line.forgotten | stages) if line.inherited else line


def _drop_claims(items: Items) -> None:
    for item in items:
        item.claim = None
        for body in item.bodies:
            _drop_claims(body)
