"""Networks as data, to be drawn, written as `.arch` text, and walked without the compiler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from hypothesis.vendor.pretty import RepresentationPrinter

from archdsl.shape import Window
from archdsl.words.word import Op

PARAMETER = "n"
"""What the one parameter of an arch or a block is called."""


class Scaled(NamedTuple):
    """So many times the parameter."""

    factor: int

    def __str__(self) -> str:
        return PARAMETER if self.factor == 1 else f"({self.factor}*{PARAMETER})"


@dataclass(frozen=True)
class Single:
    """One layer. The values of `scaled` fields follow the parameter."""

    op: Op
    scaled: tuple[tuple[str, Scaled], ...] = ()
    label: str = ""

    def bound(self, parameter: int | None) -> Op:
        """The layer with the parameter filled in. Raises ValidationError."""
        if not self.scaled or parameter is None:
            return self.op
        values = {name: getattr(self.op, name) for name in type(self.op).model_fields}
        for name, scaled in self.scaled:
            value = parameter * scaled.factor
            values[name] = Window(value, value) if isinstance(values[name], Window) else value
        return type(self.op).model_validate(values)


@dataclass(frozen=True)
class Joined:
    """A concat or an add of branches."""

    op: Op
    branches: tuple[Body, ...]
    label: str = ""


@dataclass(frozen=True)
class Repeated:
    count: int
    body: Body
    label: str = ""


@dataclass(frozen=True)
class Used:
    """A block where it is used: its parameter a number, of the outer parameter, or its default."""

    block: Block
    argument: int | Scaled | None
    label: str = ""

    def parameter(self, outer: int | None) -> int | None:
        match self.argument:
            case Scaled(factor=factor):
                assert outer is not None
                return factor * outer
            case None:
                return self.block.default
        return self.argument


Item: TypeAlias = Single | Joined | Repeated | Used
Body: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True)
class Block:
    name: str
    default: int | None
    body: Body


@dataclass(frozen=True, repr=False)
class Net:
    """An arch called Net, and the blocks before it."""

    input: tuple[int, ...]
    devices: int
    default: int | None
    """The value of the arch's parameter; None if it has none."""
    blocks: tuple[Block, ...]
    body: Body

    def __repr__(self) -> str:
        """The text of its file."""
        return "".join(f"{line}\n" for line in self.lines())

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """What hypothesis shows of a network that fails."""
        printer.text(repr(self))

    def lines(self) -> Iterator[str]:
        for block in self.blocks:
            default = "" if block.default is None else f"={block.default}"
            yield f"block {block.name}({PARAMETER}{default}) {{"
            yield from _body(block.body, "  ")
            yield "}"
        yield "arch Net {" if self.default is None else f"arch Net({PARAMETER}={self.default}) {{"
        yield f"  input {'x'.join(map(str, self.input))}"
        if self.devices > 1:
            yield f"  devices {self.devices}"
        yield from _body(self.body, "  ")
        yield "}"


def _body(body: Body, indent: str) -> Iterator[str]:
    for item in body:
        start = f"{indent}{item.label}: " if item.label else indent
        match item:
            case Single():
                yield start + _written(item)
            case Joined():
                yield from _blocks(start + item.op.word, item.branches, indent)
            case Repeated():
                yield from _blocks(f"{start}repeat {item.count}", (item.body,), indent)
            case Used():
                argument = "" if item.argument is None else f" {item.argument}"
                yield f"{start}{item.block.name}{argument}"


def _blocks(head: str, bodies: tuple[Body, ...], indent: str) -> Iterator[str]:
    line = head
    for body in bodies:
        if body:
            yield f"{line} {{"
            yield from _body(body, indent + "  ")
            line = indent + "}"
        else:
            line += " {}"
    yield line


def _written(layer: Single) -> str:
    """Required arguments by position, the others by name where they are not the default."""
    scaled = dict(layer.scaled)
    parts = [layer.op.word]
    for name, kind in type(layer.op).arguments().items():
        value = scaled.get(name, getattr(layer.op, name))
        if kind.required:
            parts.append(_value(value))
        elif value != kind.field.default:
            parts.append(f"{name}={_value(value)}")
    return " ".join(parts)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Scaled() | Window():
            return str(value)
        case (name,):
            return str(name)
    return str(value)
