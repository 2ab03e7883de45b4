"""Which of the layers that ran is which of the spec's, whatever their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Literal

from archdsl.analysis import Analysis
from archdsl.diff.align import GAP, Pair, aligned
from archdsl.network import Branches, Group, subgroups
from archdsl.torch.kinds import is_kind
from archdsl.torch.settings import FROM_INPUT, differing, settings
from archdsl.torch.trace import Dims, Run

Axes = frozenset[str]
"""Axes in which two shapes differ: batch, channels, space."""


def fitted(
    analysis: Analysis, layers: dict[str, Run], runs: Sequence[Run]
) -> tuple[list[Run], list[Pair]]:
    """The spec's layers in the order that fits the module best, and which is which.

    Where a block is left out or put in, what runs next misleads: so the orders in which all
    branches stand in the text, and the reverse, are tried too.
    """
    learning = [run for run in runs if run.learned]
    found = []
    for place in (None, 0, -1):
        order = _Order(layers, learning, place).of(analysis)
        pairs = aligned(order, runs, _distance)
        cost = sum(_cost(order, runs, pair) for pair in pairs)
        found.append((cost, order, pairs))
        if not cost:
            break
    _, order, pairs = min(found, key=lambda each: each[0])

    def apart(pair: Pair) -> int | None:
        return _apart(order, runs, pair)

    return order, _late(_late(pairs, 0, apart), 1, apart)


def exchanged(
    analysis: Analysis, layers: dict[str, Run], matched: dict[str, Run]
) -> dict[str, Run]:
    """What matches, where layers of two branches that run in turns have each other's partners."""
    found = dict(matched)

    def apart(path: str, run: Run) -> int:
        distance = _distance(layers[path], run)
        return 2 * GAP if distance is None else distance

    for join in analysis.network.layers:
        if not isinstance(join, Branches):
            continue
        misfits = [
            (place, layer.path)
            for place, branch in enumerate(join.branches)
            for layer in branch.layers
            if layer.path in found and apart(layer.path, found[layer.path])
        ]
        for (here, one), (there, two) in combinations(misfits, 2):
            now = apart(one, found[one]) + apart(two, found[two])
            if here != there and apart(one, found[two]) + apart(two, found[one]) < now:
                found[one], found[two] = found[two], found[one]
    return found


def _cost(order: Sequence[Run], runs: Sequence[Run], pair: Pair) -> int:
    apart = _apart(order, runs, pair)
    return GAP if apart is None else apart


def _apart(order: Sequence[Run], runs: Sequence[Run], pair: Pair) -> int | None:
    i, j = pair
    return None if i is None or j is None else _distance(order[i], runs[j])


def _late(
    pairs: Sequence[Pair], side: Literal[0, 1], apart: Callable[[Pair], int | None]
) -> list[Pair]:
    """The pairs with what one `side` lacks as late as it can be: of equal layers in a row, the
    last are those left out or put in, and so they are of the stage of the others."""
    found = list(pairs)
    other = 1 - side
    start = 0
    while start < len(found):
        end = _first(found, start, lambda pair: pair[side] is not None)
        follower = _first(found, end, lambda pair: pair[other] is not None)
        here = found[start][other]
        if start == end or follower == len(found):
            start = end + 1
            continue
        there = found[follower]
        moved = (there[side], here) if side == 0 else (here, there[side])
        if there[side] is None or apart(moved) != apart(there):
            start = end
            continue
        lacking = [*found[start + 1 : end], (None, there[1]) if side == 0 else (there[0], None)]
        found[start : follower + 1] = [*found[end:follower], moved, *lacking]
        start += follower - end + 1
    return found


def _first(pairs: Sequence[Pair], start: int, wanted: Callable[[Pair], bool]) -> int:
    """The place of the first pair from `start` on that is wanted; their number if none is."""
    places = (place for place in range(start, len(pairs)) if wanted(pairs[place]))
    return next(places, len(pairs))


def _distance(there: Run, here: Run) -> int | None:
    """How unlike two layers are; None if they have nothing in common."""
    if is_kind(here, there):
        kind = type(there.layer)
        other = list(differing(settings(here.layer, kind), settings(there.layer, kind)))
        # What follows from the input weighs less than what a person wrote.
        weight = sum(1 if name in FROM_INPUT else 2 for name, _, _ in other)
        return min(weight, 2 * GAP - 1)
    if there.learned:  # a class of the user's own, told by what it learns
        return GAP if here.learned == there.learned else None
    return GAP if not here.learned and _change(here) == _change(there) else None


def _change(run: Run) -> tuple[int, int, Axes]:
    """The ranks of input and output, and the axes in which they differ."""
    return len(run.input or ()), len(run.output or ()), axes_apart(run.input, run.output)


class _Order:
    """The spec's layers in the order in which the module seems to run the branches of joins."""

    def __init__(
        self, layers: dict[str, Run], runs: Sequence[Run], place: Literal[0, -1] | None
    ) -> None:
        self.layers = layers
        self.runs = runs
        self.place = place
        """Which of the branches left is the next, if not the one that fits best."""
        self.at = 0
        """How many of the layers that learn stand before."""

    def of(self, analysis: Analysis) -> list[Run]:
        return [each for stage in analysis.network.stages for each in self._group(stage)]

    def _group(self, group: Group) -> Iterator[Run]:
        for item in group.items:
            if isinstance(item, Branches):
                yield from self._branches(item)
                continue
            for inner in subgroups(item):
                yield from self._group(inner)
            there = self.layers.get(item.path)
            if there is not None:
                self.at += bool(there.learned)
                yield there

    def _branches(self, join: Branches) -> Iterator[Run]:
        """The branch that fits best what runs next, or the one of the place; then the next."""
        left = list(join.branches)
        while left:
            chosen = min(left, key=self._misfit) if self.place is None else left[self.place]
            left.remove(chosen)
            yield from self._group(chosen)

    def _misfit(self, branch: Group) -> float:
        """How unlike the layers of a branch are to those that run next, on average."""
        found = (self.layers.get(layer.path) for layer in branch.layers)
        learning = [each for each in found if each is not None and each.learned]
        following = self.runs[self.at : self.at + len(learning)]
        apart = [_distance(*pair) for pair in zip(learning, following, strict=False)]
        far = 2 * GAP
        apart += [far] * (len(learning) - len(apart))
        return sum(far if d is None else d for d in apart) / max(1, len(apart))


def axes_apart(here: Dims | None, there: Dims | None) -> Axes:
    """The axes in which two shapes differ; all where one is not known."""
    if here is None or there is None or len(here) != len(there):
        return frozenset(("batch", "channels", "space"))
    parts = {"batch": slice(0, 1), "channels": slice(1, 2), "space": slice(2, None)}
    return frozenset(name for name, part in parts.items() if here[part] != there[part])
