"""A network's tree for the writer: what each part is made of, with its numbers apart from its form.

Two parts of one form become one text, in which what differs between them is a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from archdsl.analysis import Analysis
from archdsl.codegen import names
from archdsl.codegen.calls import Symbols, slots
from archdsl.codegen.joins import is_written
from archdsl.codegen.values import Value
from archdsl.definitions import Definition as Block
from archdsl.network import Branches, Group, Layer, Repeat, Stage, Use
from archdsl.shape import Call, Shape


class Identity(NamedTuple):
    """What a part is: `form` for its structure alone, `exact` with its numbers and shapes too."""

    form: int
    exact: int


class Home(NamedTuple):
    """Whose parameters a chain sees: those of the block that it is in, or of the arch."""

    block: Block | None
    parameters: Mapping[str, Value]
    given: frozenset[str]
    """The parameters that have no default, or another value than that."""


@dataclass(eq=False, slots=True)
class Leaf:
    """One module of torch's or of runtime/."""

    name: str
    target: str
    keys: tuple[str | None, ...]
    values: tuple[Value, ...]
    mentioned: frozenset[str]
    output: Shape | None
    """What comes out, where that is worth a comment."""
    identity: Identity


@dataclass(eq=False, slots=True)
class Chain:
    """Parts one after the other: a stage, branch, iteration, or a block's body where it is used."""

    parts: tuple[Part, ...]
    home: Home
    used: bool
    """Whether it is a block's body."""
    place: tuple[str, ...]
    """How it is called in the block or arch that it stands in; iterations have no number."""
    path: str
    input: Shape
    output: Shape
    identity: Identity

    @property
    def joins(self) -> bool:
        """Whether it has a join that is written in a `forward`."""
        return any(isinstance(part, Join) and part.written for part in self.parts)


@dataclass(eq=False, slots=True)
class Inner:
    """A labelled stage inside of a body, or a block where it is used."""

    name: str
    chain: Chain
    mentioned: frozenset[str]
    identity: Identity


@dataclass(eq=False, slots=True)
class Loop:
    """A repeat. It is `even` if the second iteration and all after it are equal."""

    name: str
    iterations: tuple[Chain, ...]
    alike: bool
    """Whether all iterations have one form."""
    even: bool
    mentioned: frozenset[str]
    identity: Identity


@dataclass(eq=False, slots=True)
class Join:
    """A join with its branches."""

    name: str
    call: Call
    written: bool
    """Whether it is written in a `forward`, and is not a module."""
    branches: tuple[Chain, ...]
    output: Shape
    identity: Identity


Part: TypeAlias = Leaf | Inner | Loop | Join


class Sketcher:
    """Sketches the stages of a network that checks."""

    def __init__(
        self, analysis: Analysis, calls: Mapping[str, tuple[Call, ...]], symbols: Symbols
    ) -> None:
        self.analysis = analysis
        self.calls = calls
        self.symbols = symbols
        self._known: dict[Hashable, int] = {}

    def stages(self) -> tuple[Chain, ...]:
        network = self.analysis.network
        free = set(self.symbols.values())
        parameters = {
            name: Value.of(value, name if name in free else "")
            for name, value in network.parameters.items()
        }
        home = Home(None, parameters, frozenset(parameters))
        return tuple(self._chain(stage, home, (stage.name,)) for stage in network.stages)

    def _chain(self, group: Group, home: Home, place: tuple[str, ...], used: bool = False) -> Chain:
        parts = tuple(self._parts(group, home, place))
        flow = self.analysis.shapes.flows[group.path]
        assert flow.input is not None and flow.output is not None
        identity = self._identity(
            ("chain",), [part.identity for part in parts], (flow.input, flow.output)
        )
        return Chain(parts, home, used, place, group.path, flow.input, flow.output, identity)

    def _parts(self, group: Group, home: Home, place: tuple[str, ...]) -> Iterator[Part]:
        attributes = names.attributes(item.name for item in group.items)
        taken = set(attributes.values())
        for item in group.items:
            name = attributes[item.name]
            inside = (*place, item.name)
            match item:
                case Branches():
                    yield self._join(item, name, home, inside)
                case Layer():
                    yield from self._layer(item, name, taken)
                case Repeat():
                    yield self._loop(item, name, home, inside)
                case Use():
                    chain = self._chain(item.body, _home(item), (), used=True)
                    yield self._inner(name, chain, _words(item.head.text))
                case Stage():
                    yield self._inner(name, self._chain(item, home, inside), frozenset())

    def _inner(self, name: str, chain: Chain, mentioned: frozenset[str]) -> Inner:
        block = chain.home.block if chain.used else None
        identity = self._identity(("inner", name, block), [chain.identity])
        return Inner(name, chain, mentioned, identity)

    def _loop(self, item: Repeat, name: str, home: Home, place: tuple[str, ...]) -> Loop:
        iterations = tuple(self._chain(body, home, place) for body in item.iterations)
        identities = [chain.identity for chain in iterations]
        alike = len({identity.form for identity in identities}) == 1
        even = alike and len(iterations) > 1 and len({i.exact for i in identities[1:]}) == 1
        if even:  # how many there are is a number like others
            identity = self._identity(("even", name), identities[:2], (len(iterations),))
        else:
            identity = self._identity(("repeat", name), identities)
        return Loop(name, iterations, alike, even, _words(item.head.text), identity)

    def _join(self, join: Branches, name: str, home: Home, place: tuple[str, ...]) -> Join:
        branches = tuple(self._chain(b, home, (*place, b.name)) for b in join.branches)
        (call,) = self.calls[join.path]
        output = self.analysis.flow(join).output
        assert output is not None
        identity = self._identity(("join", name, call), [b.identity for b in branches])
        written = is_written(call, len(branches))
        return Join(name, call, written, branches, output, identity)

    def _layer(self, layer: Layer, name: str, taken: set[str]) -> Iterator[Leaf]:
        """The layer's module, after those that torch needs before it: `flatten`, `zeropad2d`."""
        *before, last = enumerate(self.calls[layer.path])
        for index, call in before:
            own = call.target.removeprefix("nn.").lower()
            auxiliary = names.auxiliary(own, layer.name, taken)
            taken.add(auxiliary)
            yield self._leaf(layer, index, call, auxiliary, None)
        flow = self.analysis.flow(layer)
        shown = flow.output != flow.input or layer.op.weighted
        yield self._leaf(layer, *last, name, flow.output if shown else None)

    def _leaf(self, layer: Layer, index: int, call: Call, name: str, output: Shape | None) -> Leaf:
        found = slots(call)
        keys = tuple(key for key, _ in found)
        numbered = {
            key if key is not None else position: symbol
            for position, (key, _) in enumerate(_written(call))
            if (symbol := self.symbols.get((layer.path, index, position)))
        }
        values = tuple(
            Value(value, numbered.get(key if key is not None else position, ""))
            for position, (key, value) in enumerate(found)
        )
        identity = self._identity(("leaf", name, call.target, keys), [], (repr(values), output))
        mentioned = _words(layer.head.text)
        return Leaf(name, call.target, keys, values, mentioned, output, identity)

    def _identity(
        self, kind: Hashable, inner: list[Identity], numbers: tuple[Hashable, ...] = ()
    ) -> Identity:
        form = (kind, tuple(identity.form for identity in inner))
        exact = (kind, tuple(identity.exact for identity in inner), numbers, "exact")
        return Identity(self._number(form), self._number(exact))

    def _number(self, key: Hashable) -> int:
        return self._known.setdefault(key, len(self._known))


def _written(call: Call) -> list[tuple[str | None, object]]:
    return [*((None, value) for value in call.args), *call.kwargs]


def _home(use: Use) -> Home:
    parameters = {name: Value.of(value) for name, value in use.parameters.items()}
    return Home(use.block, parameters, frozenset(use.arguments))


@lru_cache(maxsize=1024)
def _words(text: str) -> frozenset[str]:
    """The names in a statement, to tell which parameters it speaks of."""
    return frozenset(re.findall(r"[^\W\d]\w*", text))
