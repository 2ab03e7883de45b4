"""The constructor of the generated class: a network's tree as calls inside one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from archdsl.analysis import Analysis
from archdsl.codegen import names, writer
from archdsl.codegen.calls import Symbols, arguments
from archdsl.codegen.writer import Construction
from archdsl.network import Branches, Group, Layer, Repeat, Use
from archdsl.shape import Argument, Call

MAX_HEIGHT = 3
"""Calls with others in them, inside one another. A body as deep as this gets a name, and a
statement before the one that it stands in: so lines stay short, and no network comes near the 200
parentheses inside one another that Python reads."""

_INDENT = " " * 8

_Part = Construction | str


class Constructor:
    """Writes the statements that make a network's stages.

    `calls` are the layers' by path, `attributes` and `parameters` what stages and parameters of
    `__init__` are called in the code, and `symbols` the arguments to be written as parameters.
    `helpers` are names that no variable may have.
    """

    def __init__(
        self,
        analysis: Analysis,
        calls: Mapping[str, tuple[Call, ...]],
        attributes: Mapping[str, str],
        symbols: Symbols,
        parameters: Mapping[str, str],
        helpers: frozenset[str],
    ) -> None:
        self.analysis = analysis
        self.calls = calls
        self.attributes = attributes
        self.symbols = symbols
        self.parameters = parameters
        self.taken = {*helpers, *parameters.values()}
        self.lines: list[str] = []

    def statements(self) -> list[str]:
        """`self.STAGE = stage(…)` for every stage."""
        for stage in self.analysis.network.stages:
            self._assign(f"self.{self.attributes[stage.name]}", self._chain(stage))
        return self.lines

    def _assign(self, name: str, made: Construction) -> None:
        assigned = replace(made, prefix=f"{name} = ")
        variables = all(isinstance(part, str) for part in made.parts)
        self.lines += writer.construction(assigned, _INDENT, on_one_line=variables)

    def _group(self, group: Group, prefix: str) -> _Part:
        """A stage, branch, iteration or block's body; a variable that holds it if it is deep."""
        made = self._chain(group)
        if made.height < MAX_HEIGHT:
            return replace(made, prefix=prefix)
        name = names.variable(group.path, self.taken)
        self.taken.add(name)
        self._assign(name, made)
        return f"{prefix}{name}"

    def _chain(self, group: Group) -> Construction:
        parts = tuple(self._parts(group))
        return Construction("stage", parts=parts) if parts else Construction("nn.Identity")

    def _parts(self, group: Group) -> Iterator[_Part]:
        keys = names.attributes(item.name for item in group.items)
        taken = set(keys.values())
        for item in group.items:
            prefix = f"{keys[item.name]}="
            match item:
                case Branches():
                    yield self._join(item, prefix)
                case Layer():
                    yield from self._layer(item, prefix, taken)
                case Repeat():
                    iterations = tuple(self._group(body, "") for body in item.iterations)
                    yield Construction("repeat", prefix, parts=iterations)
                case Use():
                    yield self._group(item.body, prefix)
                case _:
                    yield self._group(item, prefix)

    def _join(self, join: Branches, prefix: str) -> Construction:
        branches = tuple(self._group(branch, "") for branch in join.branches)
        (call,) = self.calls[join.path]
        output = str(self.analysis.flow(join).output)
        return Construction(call.target, prefix, branches, self._arguments(join, 0, call), output)

    def _layer(self, layer: Layer, prefix: str, taken: set[str]) -> Iterator[Construction]:
        *before, last = enumerate(self.calls[layer.path])
        for index, call in before:
            name = names.auxiliary(_auxiliary(call), layer.name, taken)
            taken.add(name)
            yield Construction(
                call.target, f"{name}=", arguments=self._arguments(layer, index, call)
            )
        index, call = last
        flow = self.analysis.flow(layer)
        shown = flow.output != flow.input or layer.op.weighted
        yield Construction(
            call.target,
            prefix,
            arguments=self._arguments(layer, index, call),
            comment=str(flow.output) if shown else "",
        )

    def _arguments(self, layer: Layer, index: int, call: Call) -> tuple[str, ...]:
        found = []
        for position, (key, value) in enumerate(arguments(call)):
            symbol = self.symbols.get((layer.path, index, position))
            text = self.parameters[symbol] if symbol else _literal(value)
            found.append(f"{key}={text}" if key else text)
        return tuple(found)


def _literal(value: Argument) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))})"
    if not isinstance(value, int | float | bool):
        raise TypeError(f"{value!r} is no number")
    return repr(value)


def _auxiliary(call: Call) -> str:
    """The name of a module that stands before a layer's own: `flatten`, `zeropad2d`."""
    return call.target.removeprefix("nn.").lower()
