"""What the edits of a variant do to the draft of its base."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeAlias

from archdsl.definitions import Definition
from archdsl.diagnostics import Findings, Label, Rule, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean, nearest
from archdsl.lower.draft import Draft, Spot
from archdsl.lower.expand import Expander, Item, Items, containers, kind_of, named
from archdsl.lower.scope import block_signature
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.bind import Binder, Signature, bind_as, chosen, find, signature
from archdsl.words.declaration import Declaration
from archdsl.words.edit import Insert, Remove, Replace, Set
from archdsl.words.merge import Join
from archdsl.words.recipe import Setting
from archdsl.words.repeat import Repeat, Structure
from archdsl.words.word import Op, Word

Replacements: TypeAlias = "dict[Item, Items]"
"""What comes in the place of an item."""

INSIDE = "@"
"""The path of an item in the paths of what is inside of it, where an edit is made again."""

EFFORT = 20
"""What an edit takes beside its search, in layers that are looked through."""


class Match(NamedTuple):
    """What an edit is of: one item, or all of a labelled stage."""

    spots: tuple[Spot, ...]
    is_stage: bool

    @property
    def spot(self) -> Spot:
        return self.spots[0]

    @property
    def first(self) -> Item:
        return self.spots[0].item

    @property
    def last(self) -> Item:
        return self.spots[-1].item

    def instead(self, items: Items) -> Replacements:
        """These items in the place of all that was matched."""
        return {spot.item: items if spot.item is self.first else [] for spot in self.spots}


class _Edit(NamedTuple):
    """An edit: of what, and what it does to each match of it."""

    target: str
    place: Span
    change: Callable[[Match], Replacements]
    claims: bool
    """Whether the shape claims of new layers are kept."""


class Editor:
    """Makes the edits of one variant, in order, to names as they then are."""

    def __init__(self, draft: Draft, expander: Expander, findings: Findings) -> None:
        self.draft = draft
        self.scope = draft.scope
        self.expander = expander
        self.findings = findings

    def edit(self, cls: type[Word], statement: tree.Statement) -> None:
        """Make one edit; a finding if it is of nothing. Raises TooLarge."""
        arguments = statement.arguments
        if issubclass(cls, Set):  # what follows the target is of the target's word
            arguments = tuple(argument for argument in arguments if argument.key is None)
        bound = bind_as(cls, statement._replace(arguments=arguments), {}, self.findings)
        if bound is None:
            return
        place = bound.span("target")
        before = _stages(self.draft.items)
        self._make(bound.word, statement, arguments, place)
        gone = before - _stages(self.draft.items)
        if gone:
            self.draft.forget(gone)
        self.draft.edited = True

    def _make(
        self,
        word: Word,
        statement: tree.Statement,
        arguments: tuple[tree.Argument, ...],
        place: Span,
    ) -> None:
        match word:
            case Set() if len(arguments) == len(statement.arguments):
                self._report(
                    catalogue.MISSING_ARGUMENT,
                    statement.head,
                    "set gives arguments new values, and none is given",
                    (f"write  {statement.head.text} key=value",),
                )
            case Set(target=target) if self._is_line(target):
                self._set_lines(target, statement)
            case Set(target=target):
                self._everywhere(target, place, lambda match: self._set(match, statement))
            case Remove(target=target) if self._is_line(target):
                kept = [line for line in self.draft.settings if target != line.word]
                self.draft.settings = kept
            case Remove(target=target):
                self._everywhere(target, place, lambda match: match.instead([]))
            case Replace(target=target, instead=instead):
                if (instead is None) == (not statement.blocks):
                    self._report(
                        catalogue.BAD_ARGUMENT,
                        statement.head,
                        "replace puts one thing in another's place: a word, or a block of layers",
                        ("write  replace relu with tanh  or  replace conv2 with { … }",),
                    )
                elif instead is None:
                    self._everywhere(target, place, lambda match: self._new(match, statement))
                else:
                    self._replace_by_word(target, place, statement)
            case Insert(target=target, where=where):
                self._everywhere(
                    target, place, lambda match: self._insert(match, statement, where == "after")
                )

    # --- where --------------------------------------------------------------------------------

    def _everywhere(
        self, target: str, place: Span, change: Callable[[Match], Replacements]
    ) -> None:
        """Change all that a target names."""
        edit = _Edit(target, place, change, self.expander.claims)
        if not self._apply(edit, list(_walk(self.draft.items))):
            self._report_no_match(target, place)

    def _apply(self, edit: _Edit, spots: list[Spot]) -> bool:
        """Make an edit among these items; whether there was anything to change."""
        self.expander.looked_through(len(spots) + EFFORT, edit.place)
        matches, by_word = _matches(edit.target, spots)
        self._remember(edit, spots if by_word else [match.spot for match in matches], by_word)
        outside, self.expander.claims = self.expander.claims, edit.claims
        replaced: Replacements = {}
        for match in matches:
            replaced |= edit.change(match)
        self.expander.claims = outside
        found = [spot.siblings for match in matches for spot in match.spots]
        for siblings in {id(siblings): siblings for siblings in found}.values():
            _rewrite(siblings, replaced)
        return bool(matches)

    def _remember(self, edit: _Edit, spots: list[Spot], by_word: bool) -> None:
        """Let what is expanded anew later make the edit again: all that there is for a word, else
        what the changed layers are inside of."""
        holders = spots if by_word else [up for spot in spots for up in _ancestors(spot)]
        for holder in holders:
            if isinstance(holder.item.kind, Definition) or holder.item.count is not None:
                target = edit.target if by_word else INSIDE + edit.target[len(holder.path) :]
                inner = edit._replace(target=target)
                holder.item.inner.append(partial(self._apply_inside, inner))

    def _apply_inside(self, edit: _Edit, item: Item) -> None:
        self._apply(
            edit, [spot for path, body in containers(item, INSIDE) for spot in _walk(body, path)]
        )

    def _report_no_match(self, target: str, place: Span) -> None:
        base = self.draft.definition.base
        assert base is not None
        spots = list(_walk(self.draft.items))
        known = {spot.path for spot in spots}
        if "." not in target:
            known = {spot.stage for spot in spots if "." not in spot.stage}
            if nearest(target, known) is None:
                known |= {spot.item.word for spot in spots}
        so_far = ", as edited so far," if self.draft.edited else ""
        message = f"{base.text}{so_far} has no stage, layer or word '{target}'"
        help = did_you_mean(target, known)
        if target in Declaration.words or target in Setting.words:
            help = (f"edits are of layers; what {target} says is restated: write  {target} …",)
        if any(spot.path.startswith(f"{target}.") for spot in spots):
            message = f"'{target}' is a branch or an iteration, and edits are of what is in it"
            help = (f"name a layer in it: {target}.…",)
        self._report(catalogue.NO_MATCH, place, message, help)

    # --- what ---------------------------------------------------------------------------------

    def _set(self, match: Match, statement: tree.Statement) -> Replacements:
        """New values of arguments, of a stage's labelled layer or of a layer."""
        item = match.first
        takes = _signature(item.kind)
        if takes is not None:
            changed = self._merged(item.statement, item.statement.arguments, takes, statement)
            item.statement = changed
            _mark(item, statement, "changed here")
            if not isinstance(item.kind, type) or issubclass(item.kind, Repeat):
                expand_anew(item, self.expander)
        return {}

    def _replace_by_word(self, target: str, place: Span, statement: tree.Statement) -> None:
        """Another word with the arguments that both have."""
        name = statement.arguments[-1].value
        assert isinstance(name, tree.Name)
        blocks = self.scope.module.visible.blocks
        kind = blocks.get(name.text) or find(name, (Op, Structure), self.findings, blocks)
        new = _signature(kind)
        if new is None:
            return

        def change(match: Match) -> Replacements:
            item = match.first
            old = _signature(item.kind)
            kept = _by_key(item.statement.arguments, old) if old is not None else ()
            joins = _is_join(kind) and _is_join(item.kind)
            item.statement = item.statement._replace(
                word=name,
                arguments=tuple(a for a in kept if a.key is not None and a.key.text in new.kinds),
                blocks=item.statement.blocks if joins else (),
            )
            item.kind = kind
            _mark(item, statement, "replaced here")
            if not joins:
                item.inner = []  # it is new: what was done in the old one is of no concern
                item.kind = kind_of(item.statement, self.scope, self.findings)
                self.expander.expand(item)
            return match.instead([item])

        self._everywhere(target, place, change)

    def _new(self, match: Match, statement: tree.Statement) -> Replacements:
        """A block of layers; a stage's label, or a layer's, goes on its first."""
        return match.instead(self._items(statement))

    def _insert(self, match: Match, statement: tree.Statement, after: bool) -> Replacements:
        items = self._items(statement)
        if after:
            return {match.last: [match.last, *items]}
        first = match.first
        if not match.is_stage and first.label is not None and items and items[0].label is None:
            items[0].label, first.label = first.label, None  # the layer stays in its stage
        return {first: [*items, first]}

    def _items(self, statement: tree.Statement) -> Items:
        return self.expander.body(statement.blocks[0].statements, self.scope)

    # --- recipe -------------------------------------------------------------------------------

    def _is_line(self, target: str) -> bool:
        """Whether a target is a word of the recipe, and names nothing among the layers."""
        named = any(target == line.word for line in self.draft.settings)
        return named and not _matches(target, list(_walk(self.draft.items)))[0]

    def _set_lines(self, target: str, statement: tree.Statement) -> None:
        """Change the lines of a recipe whose word is the target."""
        for number, line in enumerate(self.draft.settings):
            if target != line.word:
                continue
            family, arguments = Setting.words[target], line.statement.arguments
            cls = family
            if family.is_family:
                choice = chosen(line.statement, family, Findings())
                if choice is None:
                    continue  # reported where the base is read
                cls = choice
            skipped = int(family.is_family)
            changed = self._merged(line.statement, arguments[skipped:], signature(cls), statement)
            changed = changed._replace(arguments=(*arguments[:skipped], *changed.arguments))
            context = (Label(line.statement.head), Label(statement.head, "changed here"))
            self.draft.settings[number] = line._replace(statement=changed, context=context)

    def _merged(
        self,
        old: tree.Statement,
        arguments: tuple[tree.Argument, ...],
        takes: Signature,
        edit: tree.Statement,
    ) -> tree.Statement:
        """A statement with the arguments of a `set` in the place of its own."""
        new = [argument for argument in edit.arguments if argument.key is not None]
        keys = {argument.key.text for argument in new if argument.key is not None}
        kept = [
            argument
            for argument in _by_key(arguments, takes)
            if argument.key is None or argument.key.text not in keys
        ]
        parameters = self.scope.parameters
        closed = [
            argument._replace(value=tree.Closed(argument.value, parameters, argument.value.span))
            for argument in new
        ]
        return old._replace(arguments=(*kept, *closed))

    def _report(self, rule: Rule, span: Span, message: str, help: tuple[str, ...]) -> None:
        self.findings.append(at(rule, span, message, help=help))


def expand_anew(item: Item, expander: Expander) -> None:
    """Expand a use or a repeat whose arguments were changed, and make in it again the edits that
    were made in it. Raises TooLarge."""
    before = item.kind, item.bodies, item.count, item.inner
    item.inner = []
    outside, expander.claims = expander.claims, False
    expander.expand(item)
    expander.claims = outside
    if item.kind is None:  # what is wrong with it is reported; later edits still find names
        item.kind, item.bodies, item.count, item.inner = before
        return
    for edit in before[-1]:
        item.inner.append(edit)
        edit(item)


def _walk(items: Items, container: str = "", parent: Spot | None = None) -> Iterator[Spot]:
    """Every item of a draft, those inside of others after them."""
    for stage, name, item in named(items, container):
        spot = Spot(f"{stage}.{name}", stage, item, items, parent)
        yield spot
        for inner, body in containers(item, spot.path):
            yield from _walk(body, inner, spot)


def _ancestors(spot: Spot) -> Iterator[Spot]:
    while spot.parent is not None:
        spot = spot.parent
        yield spot


def _stages(items: Items) -> frozenset[str]:
    """The stages of a network."""
    return frozenset(stage for stage, _, _ in named(items))


def _matches(target: str, spots: list[Spot]) -> tuple[list[Match], bool]:
    """What a target names: a stage, else a layer by its path, else all layers of a word.

    The second part says whether it is a word.
    """
    stage = tuple(spot for spot in spots if spot.stage == target)
    if stage and stage[0].item.label is not None:
        return [Match(stage, is_stage=True)], False
    layers = [spot for spot in spots if spot.path == target]
    found = layers or [spot for spot in spots if target == spot.item.word]
    return [Match((spot,), is_stage=False) for spot in found], not layers


def _rewrite(siblings: Items, replaced: Replacements) -> None:
    """Put the new items in; the label of one that is gone goes to the next one of its stage."""
    rewritten: Items = []
    orphan: tree.Name | None = None
    for item in siblings:
        new = replaced.get(item, [item])
        if item.label is not None:
            orphan = None if item in new else item.label
        if new and orphan is not None:
            if new[0].label is None:
                new[0].label = orphan
            orphan = None
        rewritten += new
    siblings[:] = rewritten


def _mark(item: Item, edit: tree.Statement, what: str) -> None:
    """Let what is said of an item show the base's line, and the edit that changed it last."""
    base = Label(item.statement.head, "in the base")
    kept = tuple(label for label in item.context if label.span not in (base.span, item.edit))
    item.edit = edit.head
    item.context = (*kept, base, Label(edit.head, what))


def _signature(kind: type[Word] | Definition | None) -> Signature | None:
    if isinstance(kind, Definition):
        return block_signature(kind)
    return None if kind is None else signature(kind)


def _by_key(arguments: tuple[tree.Argument, ...], takes: Signature) -> tuple[tree.Argument, ...]:
    """The arguments, each under its key, so that some can be replaced; variadic ones as they are.

    What is wrong with them is found when the statement is bound.
    """
    if not arguments:
        return ()
    binder = Binder(takes, arguments[0].span, {}, Findings())
    keyed: list[tree.Argument] = []
    for field, given in binder.assign(arguments).items():
        if takes.kinds[field].variadic:
            keyed = [*given, *keyed]
        else:
            keyed += [a._replace(key=a.key or tree.Name(field, a.span)) for a in given]
    return tuple(keyed)


def _is_join(kind: type[Word] | Definition | None) -> bool:
    return isinstance(kind, type) and issubclass(kind, Join)
