"""The network: what a spec says, with its parameters filled in and its blocks expanded.

A frozen tree of stages and layers, each with the statement that it came from. Passes walk the
flat view `Network.layers`; the generator and the pictures read the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from archdsl.shape import Shape
from archdsl.source import Source, Span
from archdsl.syntax.tree import Statement
from archdsl.words.bind import Bound, Quantity
from archdsl.words.declaration import Expect, Init
from archdsl.words.recipe import Recipe
from archdsl.words.word import Op


class Node(BaseModel):
    """A part of a network."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, defer_build=True)


class ShapeClaim(Node):
    """`-> 96x55x55` after a layer."""

    shape: Shape
    span: Span


class Layer(Node):
    """One layer. Its path is `STAGE.WORD`, or `STAGE.WORD_2` for the second of its kind."""

    stage: str
    name: str
    bound: Bound[Op]
    claim: ShapeClaim | None = None

    @property
    def op(self) -> Op:
        return self.bound.word

    @property
    def path(self) -> str:
        return f"{self.stage}.{self.name}"

    @property
    def brief(self) -> str:
        """The layer in a few characters; the word alone where its statement is wrong."""
        return self.op.brief or self.name


class Stage(Node):
    """A labelled layer and the unlabelled ones after it; or those before any label."""

    name: str
    labelled: bool
    layers: tuple[Layer, ...]

    def title(self, layer: Layer) -> str:
        """What a person calls a layer: the stage, if it is the layer that carries the label."""
        first = self.labelled and layer is self.layers[0]
        return self.name if first else layer.path


class Network(Node):
    """One arch: C, H and W of its input, its stages, and what else its author says of it."""

    name: str
    statement: Statement
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

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, in the order that an image passes through them."""
        return tuple(layer for stage in self.stages for layer in stage.layers)

    @property
    def source(self) -> Source:
        return self.statement.span.source

    def without_claims(self) -> Network:
        """The network alone, nothing claimed of it."""
        stages = tuple(
            stage.model_copy(
                update={
                    "layers": tuple(
                        layer.model_copy(update={"claim": None}) for layer in stage.layers
                    )
                }
            )
            for stage in self.stages
        )
        return self.model_copy(update={"stages": stages, "expects": ()})

    def staged(self) -> Iterator[tuple[Stage, Layer]]:
        """Each layer with its stage, in order."""
        for stage in self.stages:
            for layer in stage.layers:
                yield stage, layer

    def stage(self, name: str) -> Stage | None:
        """The stage of this name, if there is one."""
        return next((stage for stage in self.stages if stage.name == name), None)
