"""Numbers in calls, and the expressions that stand for them where one text is for several places.

A text that is written once for several places has a column for each. A number that differs between
the columns is an expression of the parameters that the text has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import prod
from typing import NamedTuple, TypeAlias

from archdsl.codegen import names
from archdsl.codegen.formulas import Formula
from archdsl.definitions import Definition as Block
from archdsl.shape import Argument, Shape
from archdsl.words.arithmetic import Quantity


class Value(NamedTuple):
    """A number, and the arch's parameter that it is, if it is one."""

    number: Argument
    symbol: str = ""

    @staticmethod
    def of(quantity: Quantity, symbol: str = "") -> Value:
        """A parameter's value; a square window is one number, as in calls."""
        match quantity:
            case (int(height), int(width)) if height == width:
                return Value(height, symbol)
        return Value(quantity, symbol)


Vector: TypeAlias = tuple[Value, ...]
"""A value for each column."""


class Slot(NamedTuple):
    """What is known of a number but its values."""

    name: str
    """What a parameter for it would be called."""
    mentioned: frozenset[str] = frozenset()
    """Names in the statement that it comes from."""
    input: bool = False
    """Whether it follows from what comes in, and not from the statement."""
    formula: Formula | None = None
    """How the statement has it, where that is as arithmetic."""


class Parameter(NamedTuple):
    """A parameter of a class or function that is written once for several places."""

    name: str
    code: str
    vector: Vector
    default: Value | None
    of_spec: bool
    """Whether the block has it, or it is what comes in."""
    input: bool
    """Whether it is what comes in."""

    @property
    def text(self) -> str:
        default = "" if self.default is None else f" = {literal(self.default.number)}"
        return f"{self.code}: {_annotation(self.vector)}{default}"


def literal(value: Argument) -> str:
    """A number as Python has it."""
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    if not isinstance(value, int | float | bool):
        raise TypeError(f"{value!r} is no number")
    return repr(value)


class Scope(ABC):
    """What numbers can be written of at some place."""

    def __init__(self, inputs: Sequence[Shape], taken: set[str]) -> None:
        self.inputs = inputs
        """What comes into the text's module, in each column."""
        self.taken = taken
        """Names that have a meaning there."""

    @abstractmethod
    def express(self, vector: Vector, slot: Slot) -> str:
        """The expression that has these values."""

    @abstractmethod
    def describe(self, numbers: Sequence[int]) -> str | None:
        """The same for a comment, of what is there already; None if there is nothing."""


class NetworkScope(Scope):
    """The network's own class, which is there once: numbers, and the arch's free parameters."""

    def __init__(self, parameters: Mapping[str, str], input: Shape, taken: Iterable[str]) -> None:
        super().__init__([input], {*taken, *parameters.values()})
        self.parameters = parameters

    def express(self, vector: Vector, slot: Slot) -> str:
        (value,) = vector
        return self.parameters[value.symbol] if value.symbol else literal(value.number)

    def describe(self, numbers: Sequence[int]) -> str | None:
        return str(numbers[0])


MAX_SUMMED = 4
"""Parameters in a sum: what a concat of so many branches gives."""

MAX_CANDIDATES = 10
"""Parameters that are tried in sums and products."""

INPUT = "channels"
"""What the parameter for the channels or features that come in is called."""


class DefinitionScope(Scope):
    """A class or function for several places.

    Its parameters are those of the block that it is written for, the channels that come in, and
    further ones where some number follows from neither.
    """

    def __init__(
        self,
        block: Block | None,
        homes: Sequence[Mapping[str, Value]],
        given: Sequence[frozenset[str]],
        inputs: Sequence[Shape],
        taken: Iterable[str],
    ) -> None:
        super().__init__(inputs, set(taken))
        self._block = block
        self._own = {name: tuple(home[name] for home in homes) for name in homes[0]}
        self._given = given
        self._inputs = tuple(Value(shape.channels) for shape in inputs)
        input = INPUT if INPUT not in self._own else f"in_{INPUT}"
        self._input = input if input not in self._own else f"{input}_"
        self._codes: dict[str, str] = {}
        self._used: dict[str, Vector] = {}
        self._derived: dict[str, tuple[int, ...]] = {}
        """The formulas that are written: what a layer gives, the next one takes."""
        for name in [self._input, *self._own]:
            self._codes[name] = names.variable(name, self.taken)
            self.taken.add(self._codes[name])

    def parameters(self) -> list[Parameter]:
        """Those that are used: required ones first, what comes in before all."""
        order = [self._input, *self._own]
        order += [name for name in self._used if name not in order]
        found = [
            Parameter(
                name,
                self._codes[name],
                self._used[name],
                self._default(name),
                name in self._own or name == self._input,
                name == self._input,
            )
            for name in order
            if name in self._used
        ]
        return sorted(found, key=lambda parameter: parameter.default is not None)

    def _default(self, name: str) -> Value | None:
        """What a parameter of the block is where no use gives it, if that is one number."""
        if name not in self._own:
            return None
        left = {
            value
            for value, given in zip(self._used[name], self._given, strict=True)
            if name not in given
        }
        return left.pop() if len(left) == 1 and not next(iter(left)).symbol else None

    def express(self, vector: Vector, slot: Slot) -> str:
        if _is_constant(vector) and not vector[0].symbol:
            return literal(vector[0].number)
        found = next(self._candidates(vector, slot), None)
        return found if found is not None else self._fresh(vector, slot)

    def _candidates(self, vector: Vector, slot: Slot) -> Iterator[str]:
        """Expressions that have these values, what the statement speaks of first.

        A parameter is used by being asked for: only the first expression may be taken.
        """
        if slot.formula is not None:
            yield from self._written(slot.formula, vector)
        own = sorted(self._own, key=lambda name: name not in slot.mentioned)
        others = [self._input, *(n for n in self._used if n not in own and n != self._input)]
        yield from self._equal(own, vector)
        spoken = [*own, *others] if slot.input else [n for n in own if n in slot.mentioned]
        if not slot.input:
            yield from self._multiples(spoken, vector)
        yield from self._equal(others, vector)
        if slot.input:
            yield from (text for text, v in self._derived.items() if v == _integers(vector))
            yield from self._multiples(spoken, vector)
        yield from self._sums(spoken, vector)
        yield from self._products(spoken, vector)

    def _equal(self, candidates: Iterable[str], vector: Vector) -> Iterator[str]:
        for name in candidates:
            if name in self._used:
                if _same(self._used[name], vector):
                    yield self._codes[name]
            elif _equals(self._known(name), vector):
                self._used[name] = vector
                yield self._codes[name]

    def _written(self, formula: Formula, vector: Vector) -> Iterator[str]:
        """The formula as its author wrote it, if it is of whole numbers and has these values."""
        if self._block is None or formula.block is not self._block:
            return
        named = formula.names()
        own = [name for name in self._own if name in named]
        whole = {name: i for name in own if (i := _integers(self._known(name))) is not None}
        lets = {
            name: value
            for name, value in self._block.module.lets.items()
            if name in named and name not in own and type(value) is int
        }
        if len(whole) + len(lets) < len(named):
            return
        columns = [dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]
        wanted = _integers(vector)
        if wanted == tuple(formula.comes_to({**lets, **row}) for row in columns):
            codes = {name: literal(value) for name, value in lets.items()}
            text = formula.text(codes | {name: self._use(name) for name in own})
            self._derived[text] = wanted
            yield text

    def _multiples(self, candidates: Iterable[str], vector: Vector) -> Iterator[str]:
        for name in candidates:
            factor = _factor(_integers(vector), _integers(self._known(name)))
            if factor is not None:
                yield f"{factor} * {self._use(name)}"

    def _sums(self, candidates: Sequence[str], vector: Vector) -> Iterator[str]:
        for count in range(2, MAX_SUMMED + 1):
            for chosen, columns in self._combinations(candidates, count):
                if _integers(vector) == tuple(map(sum, columns)):
                    yield " + ".join(map(self._use, chosen))

    def _products(self, candidates: Sequence[str], vector: Vector) -> Iterator[str]:
        for chosen, columns in self._combinations(candidates, 2):
            if _integers(vector) == tuple(map(prod, columns)):
                yield " * ".join(map(self._use, chosen))

    def _combinations(
        self, candidates: Sequence[str], count: int
    ) -> Iterator[tuple[tuple[str, ...], list[tuple[int, ...]]]]:
        """So many whole numbers together: their names, and their values by column."""
        whole = {n: i for n in candidates if (i := _integers(self._known(n))) is not None}
        for chosen in combinations(list(whole)[:MAX_CANDIDATES], count):
            yield chosen, list(zip(*(whole[name] for name in chosen), strict=True))

    def _known(self, name: str) -> Vector:
        if name in self._used:
            return self._used[name]
        return self._inputs if name == self._input else self._own[name]

    def _use(self, name: str) -> str:
        self._used.setdefault(name, self._known(name))
        return self._codes[name]

    def _fresh(self, vector: Vector, slot: Slot) -> str:
        name = slot.name
        while name in self._codes:
            name += "_"
        self._codes[name] = names.variable(name, self.taken)
        self.taken.add(self._codes[name])
        self._used[name] = vector
        return self._codes[name]

    def describe(self, numbers: Sequence[int]) -> str | None:
        if len(set(numbers)) == 1:
            return None if numbers[0] in self._changeable() else str(numbers[0])
        factors: dict[str, int] = {}
        for name, vector in self._used.items():
            known = _integers(tuple(Value(value.number) for value in vector))
            if known == tuple(numbers):
                return self._codes[name]
            if factor := _factor(tuple(numbers), known):
                factors[name] = factor
        if not factors:
            found = (text for text, known in self._derived.items() if known == tuple(numbers))
            return next((f"({text})" for text in found), None)
        name = min(factors, key=lambda name: factors[name])
        return f"{factors[name]}*{self._codes[name]}"

    def _changeable(self) -> set[Argument]:
        """What parameters of the arch are by default: a number like it may be one of them."""
        vectors = self._used.values()
        return {value.number for vector in vectors for value in vector if value.symbol}


class LoopScope(Scope):
    """The body of a comprehension, with so many columns for each of those around it."""

    def __init__(self, outer: Scope, times: int) -> None:
        super().__init__([i for i in outer.inputs for _ in range(times)], outer.taken)
        self.outer = outer
        self.times = times
        self.variables: dict[str, tuple[Vector, Slot]] = {}

    def express(self, vector: Vector, slot: Slot) -> str:
        rows = self.rows(vector)
        if all(_is_constant(row) for row in rows):
            return self.outer.express(tuple(row[0] for row in rows), slot)
        for name, (known, _) in self.variables.items():
            if _same(known, vector):
                return name
        for name, (known, _) in self.variables.items():
            factor = _factor(_integers(vector), _integers(known))
            if factor is not None:
                return f"{factor} * {name}"
        wanted = f"in_{slot.name}" if slot.input and slot.name in self.taken else slot.name
        name = names.variable(wanted, self.taken)
        self.taken.add(name)
        self.variables[name] = vector, slot
        return name

    def describe(self, numbers: Sequence[int]) -> str | None:
        rows = [numbers[n : n + self.times] for n in range(0, len(numbers), self.times)]
        if all(len(set(row)) == 1 for row in rows):
            return self.outer.describe([row[0] for row in rows])
        for name, (vector, _) in self.variables.items():
            if _integers(vector) == tuple(numbers):
                return name
        return None

    def rows(self, vector: Vector) -> list[Vector]:
        """The iterations' values, for each column outside."""
        return [vector[n : n + self.times] for n in range(0, len(vector), self.times)]

    def close(self) -> None:
        """The variables' names are free again after the comprehension."""
        self.taken -= set(self.variables)


# --- vectors ----------------------------------------------------------------------------------


def _is_constant(vector: Vector) -> bool:
    return all(_same((value,), vector[:1]) for value in vector[1:])


def _same(a: Vector, b: Vector) -> bool:
    """Equal, and of one type: 1, 1.0 and True are not the same argument."""
    return all(x == y and type(x.number) is type(y.number) for x, y in zip(a, b, strict=True))


def _equals(known: Vector, wanted: Vector) -> bool:
    """Whether a parameter's values are those wanted, whatever else is known of these."""
    return all(
        x.number == y.number
        and isinstance(x.number, bool) is isinstance(y.number, bool)
        and (not x.symbol or x.symbol == y.symbol)
        for x, y in zip(known, wanted, strict=True)
    )


def _integers(vector: Vector) -> tuple[int, ...] | None:
    """The whole numbers of a vector with no other values, and none that a caller can change."""
    numbers = tuple(
        value.number for value in vector if type(value.number) is int and not value.symbol
    )
    return numbers if len(numbers) == len(vector) else None


def _factor(multiples: tuple[int, ...] | None, of: tuple[int, ...] | None) -> int | None:
    """By what whole number from 2 all of the second are multiplied to give the first."""
    if multiples is None or of is None or not of[0] or len(set(of)) == 1:
        return None
    factor = multiples[0] // of[0]
    if factor < 2 or any(m != factor * n for m, n in zip(multiples, of, strict=True)):
        return None
    return factor


def progression(numbers: Sequence[Value]) -> int | None:
    """The step of three or more whole numbers that go up evenly; None if they do not."""
    whole = _integers(tuple(numbers))
    if whole is None or len(whole) < 3:
        return None
    step = whole[1] - whole[0]
    even = all(b - a == step for a, b in pairwise(whole))
    return step if even and step > 0 else None


def _annotation(vector: Vector) -> str:
    kinds = {_kind(value.number) for value in vector}
    if "float" in kinds:
        kinds.discard("int")
    return " | ".join(sorted(kinds))


def _kind(number: Argument) -> str:
    if isinstance(number, tuple):
        return f"tuple[{', '.join(map(_kind, number))}]"
    return type(number).__name__
