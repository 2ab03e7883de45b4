"""What makes a network's modules: constructors, functions, and calls inside one another.

Each text is written for several places at once, the columns of its scope: parts of one form, whose
numbers are written as what they are in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from archdsl.codegen import joins, notes, writer
from archdsl.codegen.calls import DEFAULTS, INPUTS, KERNEL, NAMES
from archdsl.codegen.definitions import Definition, Definitions
from archdsl.codegen.sketch import Chain, Inner, Join, Leaf, Loop, Part, Wording
from archdsl.codegen.values import (
    INPUT,
    DefinitionScope,
    LoopScope,
    NetworkScope,
    Scope,
    Slot,
    Value,
    Vector,
    progression,
)
from archdsl.codegen.writer import Clause, Construction
from archdsl.shape import Argument

T = TypeVar("T")
P = TypeVar("P", Leaf, Inner, Loop, Join)

_INDENT = " " * 4
_BODY = " " * 8

NO_WORDING = Wording()

MAX_LISTED = 8
"""Values of a loop's variable that are written out where they are all but one the same."""


class Constructor:
    """Writes the definitions of a network and the statements that make its stages."""

    def __init__(self, definitions: Definitions, taken: frozenset[str]) -> None:
        self.definitions = definitions
        self.taken = taken
        """Names that no parameter and no variable may have."""

    def stages(
        self, stages: Sequence[Chain], attributes: Sequence[str], parameters: Mapping[str, str]
    ) -> Iterator[str]:
        """`self.STAGE = stage(…)` for every stage of the network."""
        for stage, attribute in zip(stages, attributes, strict=True):
            scope = NetworkScope(parameters, stage.input, self.taken)
            made = self._chain([stage], f"self.{attribute} = ", scope)
            yield from _assignment(made)

    # --- definitions ----------------------------------------------------------------------------

    def texts(self) -> Iterator[str]:
        """The classes and functions, each after those that it uses."""
        for definition in self.definitions:
            lines = self._class(definition) if definition.is_class else self._function(definition)
            yield "\n".join(lines)

    def _class(self, definition: Definition) -> list[str]:
        scope = self._scope(definition)
        body = list(self._attributes(definition.chains, scope))
        forward = self._forward(definition.chains[0])
        definition.parameters = scope.parameters()
        parameters = [parameter.text for parameter in definition.parameters]
        return [
            f"class {definition.name}(nn.Module):",
            *writer.docstring(notes.about(definition, scope), _INDENT),
            "",
            *writer.call("def __init__", ["self", *parameters], _INDENT, tail=" -> None:"),
            f"{_BODY}super().__init__()",
            *body,
            "",
            f"{_INDENT}def forward(self, x: Tensor) -> Tensor:",
            *forward,
            f"{_BODY}return x",
        ]

    def _function(self, definition: Definition) -> list[str]:
        scope = self._scope(definition)
        made = self._inline(definition.chains, "return ", scope)
        definition.parameters = scope.parameters()
        parameters = [parameter.text for parameter in definition.parameters]
        return [
            *writer.call(f"def {definition.name}", parameters, "", tail=" -> nn.Sequential:"),
            *writer.docstring(notes.about(definition, scope), _INDENT),
            *writer.construction(made, _INDENT),
        ]

    def _scope(self, definition: Definition) -> DefinitionScope:
        chains = definition.chains
        return DefinitionScope(
            chains[0].home.block,
            [chain.home.parameters for chain in chains],
            [chain.home.given for chain in chains],
            [chain.input for chain in chains],
            self.taken,
        )

    def _attributes(self, chains: Sequence[Chain], scope: Scope) -> Iterator[str]:
        for parts in _columns([chain.parts for chain in chains]):
            name = parts[0].name
            match parts[0]:
                case Join(written=True):
                    branches = self._branches(_of(Join, parts), scope)
                    if branches:
                        held = Construction("", parts=branches, brackets="{}")
                        made = Construction("nn.ModuleDict", f"self.{name} = ", (held,))
                        yield from writer.construction(made, _BODY)
                case _:
                    yield from _assignment(self._part(parts, f"self.{name} = ", scope))

    def _branches(self, columns: Sequence[Join], scope: Scope) -> tuple[Construction, ...]:
        """The branches that are not the identity, under their numbers."""
        branches = _columns([join.branches for join in columns])
        return tuple(
            self._chain(chains, f'"{number}": ', scope)
            for number, chains in enumerate(branches, 1)
            if chains[0].parts
        )

    def _forward(self, chain: Chain) -> Iterator[str]:
        for part in chain.parts:
            if isinstance(part, Join) and part.written:
                branches = [
                    f'self.{part.name}["{number}"](x)' if branch.parts else "x"
                    for number, branch in enumerate(part.branches, 1)
                ]
                yield from joins.statement(part.call, branches, _BODY)
            else:
                yield f"{_BODY}x = self.{part.name}(x)"

    # --- calls ----------------------------------------------------------------------------------

    def _chain(
        self,
        chains: Sequence[Chain],
        prefix: str,
        scope: Scope,
        wording: Wording = NO_WORDING,
    ) -> Construction:
        """A call of what makes the chains, or the chains as they are."""
        definition = self.definitions.of(chains[0])
        if definition is None:
            return self._inline(chains, prefix, scope)
        positional: list[str] = []
        named: list[str] = []
        vectors = definition.vectors(chains)
        for parameter, vector in zip(definition.parameters, vectors, strict=True):
            if parameter.default is not None and all(v == parameter.default for v in vector):
                continue
            slot = _slot(parameter.name, parameter.name, wording, parameter.input)
            text = scope.express(vector, slot)
            if parameter.of_spec and parameter.default is None:
                positional.append(text)
            else:
                named.append(f"{parameter.code}={text}")
        shapes = [chain.output for chain in chains]
        return Construction(
            definition.name,
            prefix,
            arguments=(*positional, *named),
            comment=notes.comment(shapes, scope),
            optional=len(set(shapes)) > 1,
        )

    def _inline(self, chains: Sequence[Chain], prefix: str, scope: Scope) -> Construction:
        parts = tuple(
            self._part(parts, f"{parts[0].name}=", scope)
            for parts in _columns([chain.parts for chain in chains])
        )
        if not parts:
            return Construction("nn.Identity", prefix)
        return Construction("stage", prefix, parts)

    def _part(self, parts: Sequence[Part], prefix: str, scope: Scope) -> Construction:
        match parts[0]:
            case Leaf():
                return _leaf(_of(Leaf, parts), prefix, scope)
            case Inner():
                inner = _of(Inner, parts)
                chains = [part.chain for part in inner]
                return self._chain(chains, prefix, scope, inner[0].wording)
            case Loop():
                return self._loop(_of(Loop, parts), prefix, scope)
            case Join():
                return self._join(_of(Join, parts), prefix, scope)

    def _join(self, columns: Sequence[Join], prefix: str, scope: Scope) -> Construction:
        """A join that is a module, with its branches inside."""
        call = columns[0].call
        branches = _columns([join.branches for join in columns])
        return Construction(
            call.target,
            prefix,
            tuple(self._chain(chains, "", scope) for chains in branches),
            tuple(f"{key}={value!r}" for key, value in call.kwargs),
            notes.comment([join.output for join in columns], scope),
        )

    # --- loops ----------------------------------------------------------------------------------

    def _loop(self, loops: Sequence[Loop], prefix: str, scope: Scope) -> Construction:
        first = loops[0]
        if not first.iterations:
            return Construction("nn.Identity", prefix)
        if not first.alike or all(len(loop.iterations) == 1 for loop in loops):
            bodies = _columns([loop.iterations for loop in loops])
            listed = tuple(self._chain(chains, "", scope) for chains in bodies)
            held = Construction("", parts=listed, brackets="[]")
            return Construction("repeat", prefix, (held,))
        inside = LoopScope(scope, len(first.shown))
        body = self._chain([chain for loop in loops for chain in loop.shown], "", inside)
        inside.close()
        clause = self._clause(loops, inside, scope)
        output = notes.comment([loop.iterations[-1].output for loop in loops], scope)
        return Construction("repeat", prefix, (_quiet(body),), comment=output, clause=clause)

    def _clause(self, loops: Sequence[Loop], inside: LoopScope, scope: Scope) -> Clause:
        lengths = tuple(Value(len(loop.iterations)) for loop in loops)
        count = scope.express(lengths, _slot("count", "count", loops[0].wording))
        if not inside.variables:
            return Clause("_", f"range({count})")
        variables = ", ".join(inside.variables)
        rows = [inside.rows(vector) for vector, _ in inside.variables.values()]
        slots = [slot for _, slot in inside.variables.values()]
        if len(rows) == 1 and (numbers := _range(rows[0], slots[0], scope)) is not None:
            return Clause(variables, numbers)
        values = [
            [scope.express(vector, slot) for vector in _columns(row)]
            for row, slot in zip(rows, slots, strict=True)
        ]
        items = [
            item[0] if len(item) == 1 else f"({', '.join(item)})"
            for item in zip(*values, strict=True)
        ]
        if loops[0].even:
            first, other = items
            if not count.isdecimal() or int(count) > MAX_LISTED:
                return Clause(variables, f"[{first}] + [{other}] * {_less_one(count)}")
            items = [first, *[other] * (int(count) - 1)]
        return Clause(variables, "", tuple(items))


def _less_one(count: str) -> str:
    """One less than an expression, as a factor: of `n`, `(n - 1)`; of `n + 1`, `n`."""
    if count.isdecimal():
        return str(int(count) - 1)
    whole = re.fullmatch(r"(?P<rest>.+) (?P<sign>[+-]) (?P<last>\d+)", count)
    rest, last = (whole["rest"], int(f"{whole['sign']}{whole['last']}")) if whole else (count, 0)
    if last == 1:
        return rest if rest.isidentifier() else f"({rest})"
    return f"({rest} {'+' if last > 1 else '-'} {abs(last - 1)})"


def _quiet(body: Construction) -> Construction:
    """The body of a loop without the shape of its one part, where that is said of the loop."""
    match body.parts:
        case (Construction(parts=()) as part,):
            return replace(body, parts=(replace(part, comment=""),))
    return replace(body, comment="")


def _range(rows: Sequence[Vector], slot: Slot, scope: Scope) -> str | None:
    """`range(…)` for numbers that go up by the same step in all columns."""
    steps = {progression(row) for row in rows}
    step = steps.pop()
    if steps or step is None:
        return None
    first = scope.express(tuple(row[0] for row in rows), slot)
    length = len(rows[0]) * step
    if first.isdecimal():
        return f"range({first}, {int(first) + length}, {step})"
    return f"range({first}, {first} + {length}, {step})"


def _leaf(leaves: Sequence[Leaf], prefix: str, scope: Scope) -> Construction:
    """The call of one layer's constructor."""
    first = leaves[0]
    vectors = _columns([leaf.values for leaf in leaves])
    by_key = dict(zip(first.keys, vectors, strict=True))
    defaults = DEFAULTS.get(first.target, {})
    found = []
    for position, (key, vector) in enumerate(zip(first.keys, vectors, strict=True)):
        if key is None:
            name = NAMES[first.target][position]
            spoken = _SPOKEN.get(name, name)
            slot = _slot(spoken, FIELDS.get(name, name), first.wording, name in INPUTS)
            found.append(scope.express(vector, slot))
            continue
        if key in defaults and vector == _usual(defaults[key], by_key, len(leaves)):
            continue
        slot = _slot(key, FIELDS.get(key, key), first.wording)
        found.append(f"{key}={scope.express(vector, slot)}")
    shapes = [leaf.output for leaf in leaves if leaf.output is not None]
    shown = len(shapes) == len(leaves)
    return Construction(
        first.target,
        prefix,
        arguments=tuple(found),
        comment=notes.comment(shapes, scope) if shown else "",
        optional=len(set(shapes)) > 1,
    )


def _usual(default: Argument, arguments: Mapping[str | None, Vector], columns: int) -> Vector:
    """What torch takes for an argument that is left out, in each column."""
    return arguments[KERNEL] if default == KERNEL else (Value(default),) * columns


_SPOKEN = dict.fromkeys(INPUTS, INPUT)
"""What comes into a layer has one name, whatever torch calls it."""

FIELDS = {
    "out_channels": "filters",
    "out_features": "features",
    "kernel_size": "kernel",
    "padding": "pad",
    "output_size": "size",
}
"""What the words of the language call torch's arguments, where it is another name."""


def _slot(name: str, field: str, wording: Wording, input: bool = False) -> Slot:
    """What is known of a number that a statement has as its argument `field`."""
    return Slot(name, wording.names, input, wording.formulas.get(field))


def _columns(rows: Sequence[Sequence[T]]) -> list[tuple[T, ...]]:
    return list(zip(*rows, strict=True))


def _of(cls: type[P], parts: Sequence[Part]) -> list[P]:
    """The parts, which have one form and so one class."""
    return [part for part in parts if isinstance(part, cls)]


def _assignment(made: Construction) -> list[str]:
    return writer.construction(made, _BODY)
