"""Two sequences side by side: what of the one became what of the other."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Pair: TypeAlias = "tuple[int | None, int | None]"
"""Places of an item before and after; None where it was added, or removed."""

Distance: TypeAlias = "Callable[[T, T], int | None]"
"""How unlike two items are: 0 if they are the same, None if one cannot have become the other."""

GAP = 6
"""The distance that an item added or removed stands for. A pair further apart than two of them is
better told as one removed and one added."""

BUDGET = 10_000
"""Places that one search visits. The two sequences of a network's stages take a few hundred."""


def aligned(before: Sequence[T], after: Sequence[T], distance: Distance[T]) -> list[Pair]:
    """The pairs of least distance, in order, with what was added and removed between them.

    The search is for the least distance as long as it visits no more than BUDGET places; from the
    furthest of them it starts anew, so its time is linear in the lengths.
    """
    start = 0
    while start < min(len(before), len(after)) and distance(before[start], after[start]) == 0:
        start += 1
    pairs: list[Pair] = [(place, place) for place in range(start)]
    at = (start, start)
    while at != (len(before), len(after)):
        found = _search(before, after, distance, at)
        pairs += [
            (here[0] if there[0] > here[0] else None, here[1] if there[1] > here[1] else None)
            for here, there in pairwise(found)
        ]
        at = found[-1]
    return pairs


_Place: TypeAlias = "tuple[int, int]"


def _search(
    before: Sequence[T], after: Sequence[T], distance: Distance[T], start: _Place
) -> list[_Place]:
    """A* from a place to the end, or as far as BUDGET goes: the places passed."""

    def left(i: int, j: int) -> int:
        return GAP * abs((len(before) - i) - (len(after) - j))

    came: dict[_Place, _Place] = {}
    queue = [(left(*start), -sum(start), start, start)]
    furthest = start
    while queue:
        total, _, at, origin = heappop(queue)
        if at in came:
            continue
        came[at] = origin
        i, j = at
        if i + j > sum(furthest):
            furthest = at
        if at == (len(before), len(after)) or len(came) > BUDGET:
            break
        spent = total - left(i, j)
        for place, cost in _steps(before, after, distance, at):
            if place not in came:
                heappush(queue, (spent + cost + left(*place), -sum(place), place, at))
    path = [furthest]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1]


def _steps(
    before: Sequence[T], after: Sequence[T], distance: Distance[T], at: _Place
) -> Iterator[tuple[_Place, int]]:
    i, j = at
    if i < len(before) and j < len(after):
        cost = distance(before[i], after[j])
        if cost is not None:
            yield (i + 1, j + 1), cost
    if i < len(before):
        yield (i + 1, j), GAP
    if j < len(after):
        yield (i, j + 1), GAP


def rising(places: Sequence[int]) -> list[int]:
    """Positions of a longest rising subsequence of different numbers."""
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int | None] = []
    for position, place in enumerate(places):
        at = bisect_left(tails, place)
        previous.append(ends[at - 1] if at else None)
        tails[at : at + 1] = [place]
        ends[at : at + 1] = [position]
    found: list[int] = []
    last = ends[-1] if ends else None
    while last is not None:
        found.append(last)
        last = previous[last]
    return found[::-1]
