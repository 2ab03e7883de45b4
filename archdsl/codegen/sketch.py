"""A network's tree for the writer: what each part is made of, with its numbers apart from its form.

Two parts of one form become one text, in which what differs between them is a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from archdsl.analysis import Analysis, analyse
from archdsl.codegen import names
from archdsl.codegen.calls import Symbols, calls, slots, stem
from archdsl.codegen.formulas import Formula, formulas
from archdsl.codegen.joins import is_written
from archdsl.codegen.values import Value
from archdsl.definitions import Definition as Block
from archdsl.diagnostics import Findings
from archdsl.network import Body, Branches, Group, Layer, Repeat, Stage, Use
from archdsl.shape import Call, Shape
from archdsl.source import Span


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


class Wording(NamedTuple):
    """How a statement says its arguments."""

    names: frozenset[str] = frozenset()
    """All names in it, to tell which parameters it speaks of."""
    formulas: Mapping[str, Formula] = MappingProxyType({})
    """The arguments that are written as arithmetic of a block's parameters."""


@dataclass(eq=False, slots=True)
class Leaf:
    """One module of torch's or of runtime/."""

    name: str
    target: str
    keys: tuple[str | None, ...]
    values: tuple[Value, ...]
    wording: Wording
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
    wording: Wording
    identity: Identity


@dataclass(eq=False, slots=True)
class Loop:
    """A repeat. It is `even` if the second iteration and all after it are equal."""

    name: str
    iterations: tuple[Chain, ...]
    shown: tuple[Chain, ...]
    """Those that a comprehension is written for. Of an even repeat two, though it have but one."""
    alike: bool
    """Whether all iterations have one form."""
    even: bool
    wording: Wording
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
        self._formulas: dict[Block, dict[Span, Formula]] = {}

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
                    yield from self._layer(item, name, home, taken)
                case Repeat():
                    yield self._loop(item, name, home, inside)
                case Use():
                    chain = self._chain(item.body, _home(item), (), used=True)
                    yield self._inner(name, chain, self._wording(item.head, item.arguments, home))
                case Stage():
                    yield self._inner(name, self._chain(item, home, inside), Wording())

    def _inner(self, name: str, chain: Chain, wording: Wording) -> Inner:
        block = chain.home.block if chain.used else None
        identity = self._identity(("inner", name, block), [chain.identity])
        return Inner(name, chain, wording, identity)

    def _loop(self, item: Repeat, name: str, home: Home, place: tuple[str, ...]) -> Loop:
        iterations = tuple(self._chain(body, home, place) for body in item.iterations)
        identities = [chain.identity for chain in iterations]
        alike = len({identity.form for identity in identities}) == 1
        shown = iterations
        if alike and len({identity.exact for identity in identities[1:]}) == 1:
            shown = iterations[:2]
        elif len(iterations) == 1 and home.block is not None:
            shown += self._further(item.iterations[0], home, place, iterations[0])
        even = alike and len(shown) == 2 and shown[1].identity.form == identities[0].form
        if even:  # how many there are is a number like others
            numbers = (len(iterations), *(identity.exact for identity in identities[1:2]))
            identity = self._identity(("even", name), identities[:1], numbers)
        else:
            shown = iterations
            identity = self._identity(("repeat", name), identities)
        wording = self._wording(item.head, item.bound.arguments, home)
        return Loop(name, iterations, shown, alike, even, wording, identity)

    def _further(
        self, body: Body, home: Home, place: tuple[str, ...], only: Chain
    ) -> tuple[Chain, ...]:
        """What a second iteration would be where there is but one; nothing if it is not known.

        Another use of the block may have it, in the same loop. One that gives other channels than
        it takes is nothing either: a third would be another.
        """
        network = self.analysis.network
        if network.devices > 1:
            return ()
        if only.output == only.input:
            return (only,)
        stage = Stage.model_construct(
            path=body.path, name=body.name, labelled=False, items=body.items
        )
        alone = network.with_changes(input=only.output, stages=(stage,), expects=())
        if any(isinstance(part, Repeat) for part in alone.parts):
            return ()  # or those inside would be looked into again and again
        findings = Findings()
        analysis = analyse(alone, findings, self.analysis.levels)
        if findings:
            return ()
        inside = Sketcher(analysis, calls(analysis), self.symbols)
        inside._known, inside._formulas = self._known, self._formulas
        further = inside._chain(stage, home, place)
        return (further,) if further.output.channels == further.input.channels else ()

    def _join(self, join: Branches, name: str, home: Home, place: tuple[str, ...]) -> Join:
        branches = tuple(self._chain(b, home, (*place, b.name)) for b in join.branches)
        (call,) = self.calls[join.path]
        output = self.analysis.flow(join).output
        assert output is not None
        identity = self._identity(("join", name, call), [b.identity for b in branches])
        written = is_written(call, len(branches))
        return Join(name, call, written, branches, output, identity)

    def _layer(self, layer: Layer, name: str, home: Home, taken: set[str]) -> Iterator[Leaf]:
        """The layer's module, after those that torch needs before it: `flatten`, `zeropad2d`."""
        wording = self._wording(layer.head, layer.bound.arguments, home)
        *before, last = enumerate(self.calls[layer.path])
        for index, call in before:
            auxiliary = names.auxiliary(stem(call), layer.name, taken)
            taken.add(auxiliary)
            yield self._leaf(layer.path, index, call, auxiliary, wording, None)
        flow = self.analysis.flow(layer)
        shown = flow.output != flow.input or layer.op.weighted
        yield self._leaf(layer.path, *last, name, wording, flow.output if shown else None)

    def _leaf(
        self,
        path: str,
        index: int,
        call: Call,
        name: str,
        wording: Wording,
        output: Shape | None,
    ) -> Leaf:
        found = slots(call)
        keys = tuple(key for key, _ in found)
        numbered = {
            key if key is not None else position: symbol
            for position, (key, _) in enumerate(_written(call))
            if (symbol := self.symbols.get((path, index, position)))
        }
        values = tuple(
            Value(value, numbered.get(key if key is not None else position, ""))
            for position, (key, value) in enumerate(found)
        )
        identity = self._identity(("leaf", name, call.target, keys), [], (repr(values), output))
        return Leaf(name, call.target, keys, values, wording, output, identity)

    def _wording(self, head: Span, arguments: Mapping[str, Span], home: Home) -> Wording:
        """How a statement of a home says its arguments.

        What a variant's edit says instead stands elsewhere, and is no formula of the block.
        """
        if home.block is None:
            return Wording(_words(head.text))
        if home.block not in self._formulas:
            self._formulas[home.block] = formulas(home.block)
        known = self._formulas[home.block]
        written = {key: known[span] for key, span in arguments.items() if span in known}
        return Wording(_words(head.text), written)

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
    """The names in a statement."""
    return frozenset(re.findall(r"[^\W\d]\w*", text))
