"""Arguments of words in words: `96 → 64 filters`, `stride 4 → 2`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from archdsl.reference import written
from archdsl.shape import Misfit, Shape, Window
from archdsl.words.arithmetic import Quantity
from archdsl.words.declaration import Initial
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Op, Quoted, Reference, Word

UNSET = "unset"
"""An argument that has no default and is not given: augment's crop."""

LONG = 10_000
"""From here on digits are grouped by three, as specs write them."""

ANY_MAP = Shape((1, 1, 1))
"""A map, CxHxW, for strides and paddings, which depend on none of its sizes."""

Plain: TypeAlias = int | float | bool | str | None
"""A value as JSON has it."""


@dataclass(frozen=True, slots=True)
class Value:
    """An argument that differs."""

    name: str
    before: object
    after: object
    required: bool = False

    def __str__(self) -> str:
        before, after = self._texts()
        counts = all(type(value) is int for value in (self.before, self.after))
        if counts and self.name.endswith("s"):
            return f"{before} → {after} {self.name}"
        return f"{self.name} {before} → {after}"

    @property
    def named_first(self) -> str:
        """`classes 1000 → 10`, of a parameter."""
        return f"{self.name} {' → '.join(self._texts())}"

    def _texts(self) -> tuple[str, str]:
        before, after = (text(value, self.required) for value in (self.before, self.after))
        return (before, after) if before != after else (repr(self.before), repr(self.after))


def text(value: object, whole: bool = False) -> str:
    """A value as the language writes it; a window as HxW if that is asked for."""
    match value:
        case Initial():
            return _called(value)
        case Word():
            return phrase(value)
        case Window() if whole:
            return str(value)
        case Quoted():
            return f'"{value}"'
        case Shape():
            return str(value)
        case int() if value >= LONG:
            return f"{value:_}"
        case tuple() if value and all(isinstance(item, str) for item in value):
            return " ".join(value)
        case _:
            return written(value) or UNSET


def sized(value: Quantity) -> object:
    """A parameter's value; dimensions as what is written `3x3`."""
    return Shape(value) if isinstance(value, tuple) else value  # type: ignore[arg-type]


def plain(value: object) -> Plain:
    """A value as JSON has it: numbers, switches and the lack of a value as they are, else text."""
    if value is None or isinstance(value, int | float):
        return value
    return str(value) if isinstance(value, Quoted) else text(value)


def ordered(cls: type[Word]) -> Iterator[str]:
    """A word's arguments, positional ones first."""
    kinds = cls.arguments()
    return iter(sorted(kinds, key=lambda name: not kinds[name].positional))


def phrase(word: Word) -> str:
    """A word with the arguments that are not its defaults: `sgd lr=0.01 momentum=0.9`."""
    cls = type(word)
    found = [word.word] if word.word else []
    for name in ordered(cls):
        value, kind = getattr(word, name), cls.arguments()[name]
        if not kind.required and value == kind.field.get_default(call_default_factory=True):
            continue
        if kind.variadic:
            found += map(text, value)
        else:
            bare = kind.required and isinstance(value, Quoted | Reference)
            found.append(text(value) if bare else f"{name}={text(value)}")
    return " ".join(found)


def _called(word: Initial) -> str:
    """`normal(0, 0.01)`, `xavier`."""
    values = ", ".join(text(getattr(word, name)) for name in type(word).arguments())
    return f"{word.word}({values})" if values else word.word


def additions(before: type[Word], word: Word) -> str:
    """The arguments that another word has not, each after a space: ` slope=0.1`."""
    kinds = type(word).arguments()
    new = [name for name in ordered(type(word)) if name not in before.arguments()]
    return "".join(
        f" {name}={text(value)}"
        for name in new
        if (value := getattr(word, name)) != kinds[name].field.get_default()
    )


def differing(
    before: Word, after: Word, effects: tuple[Word, Word] | None = None
) -> Iterator[Value]:
    """The arguments that both words have, and that differ: as written, and in their `effects`."""
    old, new = effects or (before, after)
    for name in ordered(type(before)):
        if name in type(after).arguments() and getattr(before, name) != getattr(after, name):
            values = getattr(old, name), getattr(new, name)
            if values[0] != values[1]:
                yield Value(name, *values, type(before).arguments()[name].required)


@lru_cache(maxsize=4096)  # a network has many layers that are alike
def effective(op: Op, x: Shape | None) -> Op:
    """What a layer's arguments come to for an input of shape `x`: CxHxW, F, or None, not known.

    `pad=same`, and the stride of a pool that is given none, as numbers; what makes no other torch
    modules than its default does, as that. What is impossible is left as it is.
    """
    try:
        if isinstance(op, SlidingOp):
            height, width = op.axes(x or ANY_MAP)
            stride, pad = Window(height.stride, width.stride), Window(height.pad, width.pad)
            op = op.model_copy(update={"stride": stride, "pad": pad})
        if x is not None:
            for name, default in _given(op):
                without = op.model_copy(update={name: default})
                if without.torch(x) == op.torch(x):
                    op = without
    except Misfit:
        pass
    return op


def _given(op: Op) -> Iterator[tuple[str, object]]:
    """The optional arguments that are not their defaults, with these."""
    for name, kind in type(op).arguments().items():
        default = None if kind.required else kind.field.get_default(call_default_factory=True)
        if not kind.required and getattr(op, name) != default:
            yield name, default
