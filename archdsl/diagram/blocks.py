"""What is in the blocks that a picture has uses of, each drawn once for all uses like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.analysis import Analysis
from archdsl.definitions import Definition, Scope
from archdsl.diagnostics import Findings
from archdsl.diagram.bands import Band, Chip, chips, unfold
from archdsl.lower.scope import block_parameters
from archdsl.network import Group, Layer, Part, Repeat, Use, subgroups
from archdsl.source import Span
from archdsl.syntax import tree

Form: TypeAlias = "tuple[object, ...]"
"""What is in a group, as far as its block's parameters do not say it: equal if nothing differs."""


@dataclass(frozen=True, slots=True)
class Block:
    """What is in a block, as in the first of its uses that is drawn.

    `number` counts the drawings of one block, from 1: a variant can make its uses differ.
    """

    number: int
    use: Use
    bands: tuple[Band, ...]

    @property
    def key(self) -> str:
        """The block's name, with its number from the second on."""
        name = self.use.block.name.text
        return name if self.number == 1 else f"{name}+{self.number}"


class Blocks:
    """Every block of which the bands have a use, and those that are used in these blocks.

    Uses of one block differ in numbers. Where a variant has changed what is in some, these are
    drawn apart, and each drawing and the chips of its uses bear its number.
    """

    def __init__(self, analysis: Analysis, bands: Iterable[Band]) -> None:
        self._statements: dict[Definition, dict[Span, tree.Statement]] = {}
        self._of: dict[str, Block] = {}
        """By the path of each use that is drawn."""
        self._count: Counter[str] = Counter()
        drawn: dict[tuple[Definition, Form], Block] = {}
        pending = [use for band in bands for use in _uses(band)]
        for use in pending:  # which grows
            kind = use.block, self._form(use.body, use)
            if kind not in drawn:
                name = use.block.name.text
                self._count[name] += 1
                inside = unfold(analysis, use.body.items)
                drawn[kind] = Block(self._count[name], use, inside)
                pending += (inner for band in inside for inner in _uses(band))
            self._of[use.path] = drawn[kind]
        self._drawn = tuple(drawn.values())

    def __iter__(self) -> Iterator[Block]:
        return iter(self._drawn)

    def __len__(self) -> int:
        return len(self._drawn)

    def drawing(self, use: Use) -> Block | None:
        """What shows what is in a use; None of one that is not drawn as a chip."""
        return self._of.get(use.path)

    def mark(self, chip: Chip) -> str:
        """Which drawing shows what is in a use: ` #2`; empty where its block has but one."""
        if not isinstance(chip, Use) or self._count[chip.block.name.text] < 2:
            return ""
        return f" #{self._of[chip.path].number}"

    def _form(self, group: Group, use: Use) -> Form:
        """Of what stands in a use; of a repeat whose iterations are all alike, one."""
        found: list[Form] = []
        for item in group.items:
            around = item if isinstance(item, Use) else use
            inner = [self._form(body, around) for body in subgroups(item)]
            if isinstance(item, Repeat) and len(set(inner)) == 1:
                inner = inner[:1]
            said = self._said(item, use) if isinstance(item, Part) else ()
            found.append((item.name, said, tuple(inner)))
        return tuple(found)

    def _said(self, part: Part, use: Use) -> Form:
        """A part's statement, where it stands, and the values that edits gave it."""
        is_inserted = not use.block.statement.span.holds(part.head)
        return is_inserted, tuple(part.head.text.split()), self._new_values(part, use)

    def _new_values(self, part: Part, use: Use) -> Form:
        match part:
            case Use():
                is_edited = any(label.span == part.head for label in part.context)
                return self._new_parameters(part, use) if is_edited else ()
            case Layer() | Repeat():
                given = part.bound.statement.arguments
                names = [a.key.text for a in given if a.key and isinstance(a.value, tree.Closed)]
                return tuple((name, getattr(part.bound.word, name, None)) for name in names)
        return ()

    def _new_parameters(self, part: Use, use: Use) -> Form:
        """The parameters of an edited use that are not what the text of the block around says."""
        before = {}
        written = self._statement(use.block, part.head)
        module = use.block.module
        block = module.visible.blocks.get(written.word.text) if written else None
        if written and block:
            scope = Scope(module, {}).inside(use.parameters)
            bound = block_parameters(block, written, scope, Findings())
            before = bound[0] if bound else {}
        return tuple(
            (name, value) for name, value in part.parameters.items() if before.get(name) != value
        )

    def _statement(self, block: Definition, head: Span) -> tree.Statement | None:
        """The statement in a block that begins with this head; None of an inserted one's."""
        if block not in self._statements:
            self._statements[block] = {inner.head: inner for inner in _within(block.body)}
        return self._statements[block].get(head)


def _within(statements: Sequence[tree.Statement]) -> Iterator[tree.Statement]:
    """Statements, and all that stand in their blocks."""
    for statement in statements:
        yield statement
        for block in statement.blocks:
            yield from _within(block.statements)


def _uses(band: Band) -> Iterator[Use]:
    return (chip for chip in chips(band) if isinstance(chip, Use))
