"""The network: what a spec says, with its parameters filled in and its blocks expanded.

A frozen tree of stages, layers, branches, repeats and uses of blocks, each with the statement that
it came from. Every part has a path, by which the analyses keep what they know of it. Passes walk
the flat view `Network.layers`, or the tree where branches matter; the generator and the pictures
read the tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Self, TypeAlias, cast

from pydantic import BaseModel, ConfigDict

from archdsl.definitions import Definition
from archdsl.diagnostics import Label
from archdsl.shape import Shape
from archdsl.source import Source, Span
from archdsl.words.arithmetic import Quantity
from archdsl.words.bind import Bound
from archdsl.words.declaration import Expect, Init
from archdsl.words.recipe import Recipe
from archdsl.words.repeat import Repeat as RepeatWord
from archdsl.words.word import Op


class Node(BaseModel):
    """A part of a network.

    The compiler makes nodes with `model_construct`, of values that it has made and checked itself:
    to build validators for all of them would take longer than to check a network.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, defer_build=True)

    def with_changes(self, **changes: object) -> Self:
        """The node with other values of some fields.

        `model_copy` would keep what was computed from the old ones: `layers` of a group.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return cast(Self, type(self).model_construct(**{**fields, **changes}))


class ShapeClaim(Node):
    """`-> 96x55x55` after a layer, a repeat, a join or a block's use."""

    shape: Shape
    span: Span


class Part(Node):
    """What one statement of a network makes.

    `name` is what it is called in its stage or body: its word, or WORD_2 for the second of its
    kind. `title` is what a person calls it: its stage where it carries the label, else its path.
    """

    path: str
    name: str
    title: str
    head: Span
    """The word and its arguments as they were written."""
    context: tuple[Label, ...] = ()
    """How the statement came to be here: the use of its block, the edit of a variant."""
    claim: ShapeClaim | None = None


class Layer(Part):
    """One layer, or the join of branches."""

    bound: Bound[Op]

    @property
    def op(self) -> Op:
        return self.bound.word

    @property
    def brief(self) -> str:
        """The layer in a few characters; the word alone where its statement is wrong."""
        return self.op.brief or self.name


class Group(Node):
    """Parts that an image passes through one after the other."""

    path: str
    items: tuple[Item, ...]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers in it, joins after their branches, in the order of the text."""
        found: list[Layer] = []
        for item in self.items:
            match item:
                case Branches():
                    for branch in item.branches:
                        found += branch.layers
                    found.append(item)
                case Layer():
                    found.append(item)
                case Repeat():
                    for iteration in item.iterations:
                        found += iteration.layers
                case Use():
                    found += item.body.layers
                case _:
                    found += item.layers
        return tuple(found)


class Stage(Group):
    """A labelled part and the unlabelled ones after it; or those before any label."""

    name: str
    labelled: bool


class Body(Group):
    """What stands in a branch, in one iteration of a repeat, or in a block where it is used."""

    @property
    def name(self) -> str:
        """The number of the branch or of the iteration; of a block's body, the use's name."""
        return self.path.rpartition(".")[2]


class Branches(Layer):
    """A join with the branches that it joins, all over the same input: `concat {…} {…}`."""

    branches: tuple[Body, ...]

    @property
    def brief(self) -> str:
        return f"{self.op.word} of {len(self.branches)}"


class Repeat(Part):
    """A block's layers several times over, each time with weights of its own."""

    bound: Bound[RepeatWord]
    iterations: tuple[Body, ...]

    @property
    def brief(self) -> str:
        if not self.iterations:
            return "identity"
        first = self.iterations[0]
        inside = brief(first) if len(first.items) == 1 else f"({brief(first)})"
        return f"{len(self.iterations)} × {inside}"


class Use(Part):
    """A block where it is used: its layers with its parameters filled in."""

    block: Definition
    parameters: dict[str, Quantity]
    arguments: dict[str, Span]
    """Where the parameters that are given there stand; the others have their defaults."""
    body: Body

    @property
    def brief(self) -> str:
        """`fire 16 64`, `bottleneck 64 stride=2`: the arguments that are given, as numbers."""
        words = [self.block.name.text]
        for name, place in self.arguments.items():
            value = self.parameters[name]
            text = "x".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
            words.append(f"{name}={text}" if "=" in place.text else text)
        return " ".join(words)


Item: TypeAlias = Branches | Layer | Repeat | Use | Stage
"""What stands in a group. A stage stands in a body, and in a network."""


def brief(group: Group) -> str:
    """What stands in a group, in a few characters each."""
    return " · ".join(
        brief(item) if isinstance(item, Stage) else item.brief for item in group.items
    )


class Network(Node):
    """One arch: C, H and W of its input, its stages, and what else its author says of it."""

    name: str
    definition: Definition
    """The arch as it was written."""
    title: str
    """The comment above the arch: what network this is, in the author's words."""
    parameters: dict[str, Quantity]
    overridden: frozenset[str]
    """Parameters whose value is not the file's default: then `expect` is not judged."""
    input: Shape
    input_span: Span
    devices: int = 1
    devices_span: Span | None = None
    stages: tuple[Stage, ...]
    expects: tuple[Bound[Expect], ...] = ()
    inits: tuple[Bound[Init], ...] = ()
    recipe: Recipe | None = None
    recipe_sound: bool = True
    """Whether the `train` block, if there is one, has no errors."""
    edits_sound: bool = True
    """Whether the edits of a variant have no errors; else its author claims things of another."""

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, joins after their branches, in the order of the text."""
        return tuple(layer for stage in self.stages for layer in stage.layers)

    @cached_property
    def made(self) -> Counter[Span]:
        """How many layers each statement makes, in blocks and repeats, by its head."""
        return Counter(layer.head for layer in self.layers)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """All layers, repeats and uses of blocks, each after what is in it."""
        found: list[Part] = []
        for stage in self.stages:
            _collect(stage, found)
        return tuple(found)

    @cached_property
    def groups(self) -> dict[str, Group]:
        """Every stage and body by its path."""
        found: dict[str, Group] = {}
        pending: list[Group] = list(self.stages)
        while pending:
            group = pending.pop()
            found[group.path] = group
            for item in group.items:
                pending += subgroups(item)
        return found

    @property
    def source(self) -> Source:
        return self.definition.module.source

    def mapped(self, change: Callable[[Layer], Layer]) -> Network:
        """The network with every layer changed."""
        stages = tuple(_mapped_group(stage, change) for stage in self.stages)
        return self.with_changes(stages=stages)

    def stage(self, name: str) -> Stage | None:
        """The stage of this name, if there is one."""
        return next((stage for stage in self.stages if stage.name == name), None)


def _collect(group: Group, found: list[Part]) -> None:
    for item in group.items:
        for inner in subgroups(item):
            _collect(inner, found)
        if isinstance(item, Part):
            found.append(item)


def subgroups(item: Item) -> Iterator[Group]:
    """The groups directly inside of a part; a stage is one itself."""
    match item:
        case Branches():
            yield from item.branches
        case Repeat():
            yield from item.iterations
        case Use():
            yield item.body
        case Stage():
            yield item


def _mapped_group(group: Group, change: Callable[[Layer], Layer]) -> Group:
    items = tuple(_mapped(item, change) for item in group.items)
    unchanged = all(new is old for new, old in zip(items, group.items, strict=True))
    return group if unchanged else group.with_changes(items=items)


def _mapped(item: Item, change: Callable[[Layer], Layer]) -> Item | Group:
    match item:
        case Branches():
            branches = tuple(_mapped_group(branch, change) for branch in item.branches)
            return change(item).with_changes(branches=branches)
        case Layer():
            return change(item)
        case Repeat():
            iterations = tuple(_mapped_group(body, change) for body in item.iterations)
            return item.with_changes(iterations=iterations)
        case Use():
            return item.with_changes(body=_mapped_group(item.body, change))
        case _:
            return _mapped_group(item, change)
