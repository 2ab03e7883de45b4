"""Random networks over the whole language.

The layers are drawn from the registry by their fields' bounds. Most networks drawn fit together,
because each statement is tried by `reference` first; now and then one is kept that does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from pydantic import ValidationError

from archdsl.shape import Window
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Op
from tests.soak.networks import Block, Body, Item, Joined, Net, Repeated, Scaled, Single, Used
from tests.soak.reference import Dims, through
from tests.words.drawing import COUNTS, MAX_SIZE, words

SINGLE = [cls for cls in Op.words.values() if issubclass(cls, Op) and cls.blocks == (0, 0)]
SLIDING = [cls for cls in SINGLE if issubclass(cls, SlidingOp)]

ATTEMPTS = 6
"""Drawn statements that do not fit before one is taken that does."""

MAX_DEPTH = 3

LARGE = [16, 224, 1000]
"""Heights, widths, and factors of filters and features of a network that is only computed of."""


@dataclass
class Writer:
    """Draws one network from the top down, knowing what torch makes of the part drawn so far."""

    draw: st.DrawFn
    devices: int = 1
    careless: bool = False
    """Whether a statement may be kept that does not fit."""
    factors: Dims = (1,)
    """By which filters and features are multiplied."""
    blocks: list[Block] = field(default_factory=list)
    labels: int = 0

    def network(self) -> Net:
        draw = self.draw
        self.devices = draw(st.sampled_from([1, 1, 1, 2, 2, 3, 4]))
        self.careless = draw(st.integers(0, 3)) == 0
        large = draw(st.integers(0, 7)) == 0
        self.factors = (1, 1, *LARGE, 10**5) if large else (1,)
        for number in range(draw(st.integers(0, 2))):
            default = draw(st.none() | st.sampled_from([1, 2, 4]))
            scope = default or draw(st.sampled_from([1, 2, 4]))
            body, _ = self.body(self.shape(large), scope, 1, least=1)
            self.blocks.append(Block(f"b{number}x", default, body))
        default = draw(st.none() | st.sampled_from([2, 4, 3]))
        x = self.shape(large)
        body, _ = self.body(x, default, 0, least=1)
        return Net(x, self.devices, default, tuple(self.blocks), body)

    def shape(self, large: bool) -> Dims:
        count = self.draw(st.sampled_from(COUNTS))
        size = st.sampled_from(LARGE) if large else st.integers(1, MAX_SIZE)
        if self.draw(st.integers(0, 7)) == 7:
            return (count,)
        return count, self.draw(size), self.draw(size)

    def body(
        self, x: Dims | None, parameter: int | None, depth: int, least: int = 0
    ) -> tuple[Body, Dims | None]:
        """Some statements over an input, and what comes out of them, None if that is not known."""
        items: list[Item] = []
        for _ in range(self.draw(st.integers(least, 7 if depth == 0 else 3))):
            item, x = self.fitting(x, parameter, depth)
            items.append(item)
        return tuple(items), x

    def fitting(
        self, x: Dims | None, parameter: int | None, depth: int
    ) -> tuple[Item, Dims | None]:
        """A statement that takes `x`, if one is soon found; of a careless writer, any."""
        careless = self.careless and self.draw(st.integers(0, 4)) == 0
        for attempt in range(ATTEMPTS):
            item = self.item(x, parameter, MAX_DEPTH if attempt else depth)
            made = through((item,), x, parameter, self.devices)
            if careless or x is None or made.sound:
                return item, made.output
        return Single(_op("relu")), x

    def item(self, x: Dims | None, parameter: int | None, depth: int) -> Item:
        kinds = ["sliding", "single", "single"]
        if x is not None and len(x) == 3:
            kinds += ["sliding", "sliding", "keeping"]
        if depth < MAX_DEPTH:
            kinds += ["join", "repeat"]
        if self.blocks:
            kinds += ["use"]
        kind = self.draw(st.sampled_from(kinds))
        self.labels += 1
        label = f"l{self.labels}x" if self.draw(st.integers(0, 3)) == 0 else ""
        match kind:
            case "join":
                return self.join(x, parameter, depth, label)
            case "repeat":
                body, _ = self.body(x, parameter, depth + 1)
                return Repeated(self.draw(st.sampled_from([2, 1, 3, 0])), body, label)
            case "use":
                block = self.draw(st.sampled_from(self.blocks))
                return Used(block, self.argument(block, parameter), label)
            case "keeping":
                assert x is not None
                return Single(self.keeping(x), label=label)
        cls = self.draw(st.sampled_from(SLIDING if kind == "sliding" else SINGLE))
        return self.single(self.divided(self.draw(words(cls))), parameter, label)

    def argument(self, block: Block, parameter: int | None) -> int | Scaled | None:
        choices: list[int | Scaled | None] = [1, 2, 4]
        if block.default is not None:
            choices += [None, None]
        if parameter is not None:
            choices += [Scaled(1), Scaled(2)]
        return self.draw(st.sampled_from(choices))

    def keeping(self, x: Dims) -> Op:
        """A convolution that gives as much as it takes, so that repeats and sums are met often."""
        kernel = self.draw(st.sampled_from([1, 3, 5]))
        values = {"filters": x[0], "kernel": kernel, "pad": "same"}
        return self.divided(_op("conv", **values))

    def divided(self, op: Op) -> Op:
        """The layer with filters and groups that the devices divide, and at times far more."""
        changes: dict[str, int] = {}
        factor = self.draw(st.sampled_from(self.factors))
        for name in ("filters", "features"):
            if name in type(op).model_fields:
                changes[name] = getattr(op, name) * factor
        groups = getattr(op, "groups", 1)
        if self.devices > 1 and "filters" in changes and changes["filters"] % self.devices:
            changes["filters"] *= self.devices
        if groups > 1 and groups % self.devices:
            changes["groups"] = self.devices
        return op.model_copy(update=changes)

    def single(self, op: Op, parameter: int | None, label: str) -> Single:
        """The layer as it is, or with one of its numbers written as the parameter."""
        numbers = [
            name
            for name in type(op).model_fields
            if type(value := getattr(op, name)) is int or isinstance(value, Window)
        ]
        if parameter is None or not numbers or self.draw(st.integers(0, 2)):
            return Single(op, label=label)
        scaled = Scaled(self.draw(st.sampled_from([1, 2, 3])))
        layer = Single(op, ((self.draw(st.sampled_from(numbers)), scaled),), label)
        try:
            return Single(layer.bound(parameter), layer.scaled, label)
        except ValidationError:
            return Single(op, label=label)

    def join(self, x: Dims | None, parameter: int | None, depth: int, label: str) -> Joined:
        """Branches, most of which end in what makes them alike."""
        word = self.draw(st.sampled_from(["concat", "add"]))
        ends = [
            self.body(x, parameter, depth + 1) for _ in range(self.draw(st.sampled_from([2, 2, 3])))
        ]
        shapes = [end for _, end in ends if end is not None]
        alike = shapes[0] if shapes else None
        if any(len(shape) == 1 for shape in shapes):
            alike = (self.draw(st.sampled_from(COUNTS)),)
        branches = []
        for body, end in ends:
            tail = self.tail(end, alike, word) if self.draw(st.integers(0, 19)) else ()
            sound = through(tail, end, parameter, self.devices).sound
            branches.append(body + tail if sound else body)
        return Joined(_op(word), tuple(branches), label)

    def tail(self, end: Dims | None, alike: Dims | None, word: str) -> tuple[Single, ...]:
        """Layers that make the end of a branch as high and wide as another's, and for a sum as
        deep: none where it is so already."""
        if end is None or alike is None:
            return ()
        lines: list[tuple[str, dict[str, Any]]] = []
        if len(alike) == 1:
            if len(end) == 3 or (word == "add" and end != alike):
                lines.append(("linear", {"features": alike[0]}))
        else:
            if end[1:] != alike[1:]:
                lines.append(("adaptiveavgpool", {"size": alike[1:]}))
            if word == "add" and end[0] != alike[0]:
                lines.append(("conv", {"filters": alike[0], "kernel": 1}))
        return tuple(Single(_op(w, **v)) for w, v in lines)


@st.composite
def networks(draw: st.DrawFn) -> Net:
    """Networks of every layer, join, repeat and block of the language."""
    return Writer(draw).network()


def _op(word: str, **values: Any) -> Op:
    op = Op.words[word].model_validate(values)
    assert isinstance(op, Op)
    return op
