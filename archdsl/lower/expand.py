"""Statements to a draft: blocks and repeats expanded, every statement with the scope it stands in.

A draft is not bound yet, so that the edits of a variant can change its statements first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.definitions import Definition, Scope
from archdsl.diagnostics import Findings, Label, at, catalogue
from archdsl.diagnostics.suggest import nearest
from archdsl.lower.scope import block_parameters, check_label
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.arithmetic import Quantity
from archdsl.words.bind import Bound, bind_as, check_form, find
from archdsl.words.merge import Join
from archdsl.words.repeat import Repeat, Structure
from archdsl.words.word import Op, Word

MAX_PARTS = 25_000
"""Layers, uses of blocks and iterations of repeats in all networks of a file. ResNet-1001 takes
about 5,000; 25,000 take a second or two."""

MAX_SEARCHED = 400_000
"""Layers that all edits of all variants of a file look through: a second or two. A hundred edits of
ResNet-152 take 70,000."""

MAX_WASTED = 100_000
"""Parts of networks that turn out to be too large; then further ones of the file are not begun."""

MAX_DEPTH = 60
"""Blocks, branches and repeats inside one another. GoogLeNet takes two; generated modules nest
three times as deep, with labels, and Python runs some 250."""

MAX_USES = 4
"""Places that are shown of the uses that led to a statement."""


@dataclass(eq=False, slots=True)
class Item:
    """One statement in its place.

    `kind` is the class of its word, the block that it uses, or None where neither is known.
    `bodies` are its branches, its iterations or its block's statements.
    """

    statement: tree.Statement
    scope: Scope
    kind: type[Word] | Definition | None
    label: tree.Name | None
    claim: tree.Value | None
    context: tuple[Label, ...] = ()
    depth: int = 0
    bodies: list[list[Item]] = field(default_factory=list)
    count: Bound[Repeat] | None = None
    """Of a repeat: its word."""
    parameters: dict[str, Quantity] = field(default_factory=dict)
    """Of a block's use: what the block's parameters come to."""
    arguments: dict[str, Span] = field(default_factory=dict)
    """Of a block's use: where those that are given stand."""
    edit: Span | None = None
    """The variant's edit that last changed it."""
    inner: list[Callable[[Item], None]] = field(default_factory=list)
    """The edits that changed what is inside of it, to be made again where it is expanded anew."""

    @property
    def word(self) -> str:
        return self.statement.word.text or "layer"


Items: TypeAlias = list[Item]


def named(items: Items, container: str = "") -> Iterator[tuple[str, str, Item]]:
    """Each item with the path of its stage, or of its container, and with its name there.

    `container` is the path of a branch, an iteration or a block's use; empty for a network, whose
    layers before any label form a stage named by their first word.
    """
    stage, counts, uses = container, Counter[str](), Counter[str]()
    for item in items:
        if item.label is not None:
            stage = f"{container}.{item.label.text}" if container else item.label.text
            uses[stage] += 1
            if uses[stage] > 1:
                stage += f"'{uses[stage]}"  # a label used twice is reported, and the two kept apart
            counts.clear()
        elif not stage:
            stage = item.word
        counts[item.word] += 1
        count = counts[item.word]
        yield stage, item.word if count == 1 else f"{item.word}_{count}", item


def containers(item: Item, path: str) -> Iterator[tuple[str, Items]]:
    """An item's bodies with their paths: `PATH.1` of a branch or iteration, PATH of a block."""
    if isinstance(item.kind, Definition):
        yield from ((path, body) for body in item.bodies)
    else:
        yield from ((f"{path}.{number}", body) for number, body in enumerate(item.bodies, 1))


def kind_of(
    statement: tree.Statement,
    scope: Scope,
    findings: Findings,
    families: Sequence[type[Word]] = (Op, Structure),
) -> type[Word] | Definition | None:
    """What the word of a statement among layers is; None where it is wrong, which is reported.

    `families` are those whose words can stand there.
    """
    if not statement.word.text:
        return None  # did not parse, and is reported
    blocks = scope.module.visible.blocks
    block = blocks.get(statement.word.text)
    if block is not None:
        if statement.blocks:
            opening = statement.blocks[0].span
            findings.append(
                at(
                    catalogue.UNEXPECTED_PART,
                    Span(opening.source, opening.start, opening.start + 1),
                    f"'{block.name.text}' is a block of this file and takes none itself",
                    help=("remove it",),
                )
            )
            return None
        return block
    if scope.module.incomplete:
        known = [*blocks, *(word for family in families for word in family.words)]
        if nearest(statement.word.text, known) is None:
            return None  # probably a block of the file that is missing
    cls = find(statement.word, families, findings, blocks)
    return cls if cls is not None and check_form(statement, cls, findings) else None


class TooLarge(Exception):
    """A network, or what its edits look through, is beyond a limit.

    `place` is the statement that went beyond; the message ends the sentence that the arch begins.
    """

    def __init__(self, place: Span, message: str) -> None:
        super().__init__(message)
        self.place = place


class Expander:
    """Expands the statements of one compilation's archs, as many as are allowed in all."""

    def __init__(self, findings: Findings, claims: bool = True) -> None:
        self.findings = findings
        self.claims = claims
        """Whether shape claims are kept."""
        self._scopes: dict[tuple[Definition, str], Scope] = {}
        self.parts = 0
        self.searched = 0
        self.wasted = 0

    def body(
        self,
        statements: Sequence[tree.Statement],
        scope: Scope,
        context: tuple[Label, ...] = (),
        depth: int = 0,
    ) -> Items:
        """The items of a block's statements. Raises TooLarge."""
        for statement in statements:
            if statement.label is not None:
                check_label(statement.label, scope, self.findings)
        return [self.item(statement, scope, context, depth) for statement in statements]

    def item(
        self,
        statement: tree.Statement,
        scope: Scope,
        context: tuple[Label, ...] = (),
        depth: int = 0,
        families: Sequence[type[Word]] = (Op, Structure),
    ) -> Item:
        """The item of one statement that stands among layers. Raises TooLarge."""
        kind = kind_of(statement, scope, self.findings, families)
        claim = statement.claim if self.claims else None
        item = Item(statement, scope, kind, statement.label, claim, context, depth)
        self.expand(item)
        return item

    def expand(self, item: Item) -> None:
        """Fill an item's bodies from its statement. Raises TooLarge."""
        self._count(item.statement.head)
        item.bodies = []
        match item.kind:
            case Definition():
                self._expand_use(item, item.kind)
            case type() as cls if issubclass(cls, Repeat):
                self._expand_repeat(item, cls)
            case type() as cls if issubclass(cls, Join):
                if self._is_deep(item):
                    return
                for block in item.statement.blocks:
                    body = self.body(block.statements, item.scope, item.context, item.depth + 1)
                    item.bodies.append(body)

    def _expand_use(self, item: Item, block: Definition) -> None:
        bound = block_parameters(block, item.statement, item.scope, self.findings)
        if bound is None or self._is_deep(item) or block in block.module.recursive:
            item.kind = None
            return
        item.parameters, item.arguments = bound
        label = Label(item.statement.head, "used here")
        item.bodies = [
            self.body(
                block.body,
                self._inside(block, item.parameters),
                (*item.context[: MAX_USES - 1], label),
                item.depth + 1,
            )
        ]

    def _inside(self, block: Definition, parameters: Mapping[str, Quantity]) -> Scope:
        """The scope of a block's body, one for all its uses with these parameters."""
        key = block, repr(parameters)  # 64 and 64.0 are equal, but not the same number of filters
        if key not in self._scopes:
            self._scopes[key] = Scope(block.module, {}).inside(parameters)
        return self._scopes[key]

    def _expand_repeat(self, item: Item, cls: type[Repeat]) -> None:
        item.count = bind_as(
            cls, item.statement, item.scope.parameters, self.findings, item.context
        )
        if item.count is None or self._is_deep(item):
            item.kind = None
            return
        (block,) = item.statement.blocks
        for _ in range(item.count.word.count):
            self._count(item.statement.head)
            item.bodies.append(
                self.body(block.statements, item.scope, item.context, item.depth + 1)
            )

    def _count(self, place: Span) -> None:
        self.parts += 1
        if self.parts > MAX_PARTS:
            what = f"is expanded to more than {MAX_PARTS:,} layers, blocks and repeats here"
            raise TooLarge(place, what)

    def looked_through(self, parts: int, place: Span) -> None:
        """Account for an edit's search for what it changes. Raises TooLarge."""
        self.searched += parts
        if self.searched > MAX_SEARCHED:
            what = f"makes its edits look through more than {MAX_SEARCHED:,} layers"
            raise TooLarge(place, what)

    def _is_deep(self, item: Item) -> bool:
        if item.depth < MAX_DEPTH:
            return False
        self.findings.append(
            at(
                catalogue.NESTING,
                item.statement.head,
                f"blocks, branches and repeats are more than {MAX_DEPTH} deep inside one another",
                help=("write the inner part flat: no network needs this depth",),
            ).beside(item.context[:1])
        )
        return True
