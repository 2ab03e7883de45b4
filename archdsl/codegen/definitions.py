"""Which parts of a network are classes and functions of their own.

A join is written in a `forward`, so what it stands in is a class. A block that is used several
times is a function if its layers only follow one another, and so is what is too deep to be read, or
parsed, where it stands. Uses of one form share what is written; others have their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from archdsl.codegen import names
from archdsl.codegen.sketch import Chain, Inner, Join, Leaf, Loop, Part
from archdsl.codegen.values import Parameter, Vector

MAX_HEIGHT = 3
"""Calls with others in them, inside one another. A body as deep as this is a function: so lines
stay short, and no network comes near the 200 parentheses inside one another that Python reads."""

MAX_PARTS = 4
"""Parts of a path in a name."""


@dataclass(eq=False, slots=True)
class Definition:
    """A class or function that is written for one or several chains of one form."""

    title: str
    """How the spec calls what it makes."""
    is_class: bool
    chains: list[Chain] = field(default_factory=list)
    """One for each exact identity."""
    columns: dict[int, int] = field(default_factory=dict)
    """Where in `chains` an exact identity is."""
    name: str = ""
    parameters: list[Parameter] = field(default_factory=list)

    def add(self, chain: Chain) -> None:
        """Write it for this chain as well."""
        if chain.identity.exact not in self.columns:
            self.columns[chain.identity.exact] = len(self.chains)
            self.chains.append(chain)

    def vectors(self, chains: Sequence[Chain]) -> list[Vector]:
        """What each parameter is for these chains."""
        rows = [self.columns[chain.identity.exact] for chain in chains]
        return [tuple(p.vector[row] for row in rows) for p in self.parameters]


class Definitions:
    """The definitions of a network, each after those that it uses."""

    def __init__(self, stages: Sequence[Chain], taken: set[str]) -> None:
        self._uses: Counter[Hashable] = Counter()
        self._repeated: set[int] = set()
        """The forms of repeats that have several iterations somewhere."""
        for stage in stages:
            for chain in _all(stage):
                self._uses[_key(chain)] += chain.used
                self._repeated.update(
                    part.identity.form
                    for part in chain.parts
                    if isinstance(part, Loop) and len(part.iterations) > 1
                )
        self._found: dict[Hashable, Definition] = {}
        for stage in stages:
            self._visit(stage, is_stage=True)
        for definition in self._found.values():
            definition.name = _name(definition, taken)
            taken.add(definition.name)

    def __iter__(self) -> Iterator[Definition]:
        return iter(self._found.values())

    def of(self, chain: Chain) -> Definition | None:
        """What makes a chain, unless it is written where it stands."""
        return self._found.get(_key(chain))

    def _visit(self, chain: Chain, is_stage: bool = False) -> int:
        """How many calls with others in them stand in one another where the chain is made."""
        height = max((self._height(part) for part in chain.parts), default=-1) + 1
        key = _key(chain)
        if key in self._found or self._is_defined(chain, height, is_stage):
            if key not in self._found:
                self._found[key] = Definition(".".join(_parts(chain)), chain.joins)
            self._found[key].add(chain)
            return 0
        return height

    def _is_defined(self, chain: Chain, height: int, is_stage: bool) -> bool:
        if chain.joins:
            return True
        if chain.used and chain.parts and self._uses[_key(chain)] > 1:
            return True
        return height >= MAX_HEIGHT and not is_stage

    def _height(self, part: Part) -> int:
        match part:
            case Leaf():
                return 0
            case Inner():
                return self._visit(part.chain)
        chains = _chains(part)
        if isinstance(part, Loop) and part.identity.form in self._repeated:
            chains = (*chains, *part.shown[len(chains) :])
        inside = [self._visit(chain) for chain in chains]
        return max(inside, default=-1) + 1


def _chains(part: Part) -> tuple[Chain, ...]:
    match part:
        case Inner():
            return (part.chain,)
        case Loop():
            return part.iterations
        case Join():
            return part.branches
    return ()


def _all(chain: Chain) -> Iterator[Chain]:
    pending = [chain]
    while pending:
        chain = pending.pop()
        yield chain
        pending += (inner for part in chain.parts for inner in _chains(part))


def _key(chain: Chain) -> Hashable:
    """Equal for chains that share a definition, if they have one."""
    return chain.home.block, chain.place, chain.identity.form


def _parts(chain: Chain) -> list[str]:
    """What the spec calls a chain, from its block or stage: of a long path, the ends."""
    block = chain.home.block
    parts = [*([block.name.text] if block else []), *chain.place]
    return parts if len(parts) <= MAX_PARTS else [parts[0], *parts[-2:]]


def _name(definition: Definition, taken: set[str]) -> str:
    name = "_".join(_parts(definition.chains[0]))
    return names.definition(name, definition.is_class, taken)
