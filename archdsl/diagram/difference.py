"""Two networks side by side as DOT text: what was removed, added and changed from one to the other.

Written for `dot`. There is a node to each pair of stages, @0, @1 and so on, and in it a line to
each pair of parts: to the left what it was, to the right what it is, between them what changed.
In an SVG a stage's name is `a_before:conv1` or `a_after:conv1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from archdsl.diagram.beside import Beside, Side
from archdsl.diagram.changes import heading
from archdsl.diagram.chips import NOTE
from archdsl.diagram.dot import edge, node, quoted
from archdsl.diagram.faults import Faults
from archdsl.diagram.graph import FONT
from archdsl.diagram.pairs import MOST_EQUAL, Aligned
from archdsl.diagram.palette import PALETTES, Theme
from archdsl.diff import Difference, Pair


def difference(
    found: Difference, theme: Theme = Theme.LIGHT, errors: tuple[int, int] = (0, 0)
) -> str:
    """Two networks as DOT text: the same bytes for the same difference and theme.

    Stages that belong together stand side by side. What is equal is quiet; of many stages in a row
    that agree, only how many there are is drawn. `errors` are how many errors of shapes `check`
    finds in each.
    """
    return "\n".join(_lines(found, theme, errors)) + "\n"


def _lines(found: Difference, theme: Theme, errors: tuple[int, int]) -> Iterator[str]:
    palette = PALETTES[theme]
    before = Side("before", found.before, Faults(found.before))
    after = Side("after", found.after, Faults(found.after))
    groups = list(_groups(found.stages, (before, after)))
    labels = Beside((before, after), Aligned(found), groups, palette)
    yield f"digraph {quoted(found.after.network.name)} {{"
    yield "  graph [splines=line, outputorder=edgesfirst, ranksep=0.25, pad=0.25,"
    yield f"    bgcolor={quoted(palette.paper)}, labelloc=t, fontname={quoted(FONT)},"
    yield f"    fontcolor={quoted(palette.ink)}, label=<{heading(found, palette, errors)}>]"
    yield f"  node [shape=plain, fontname={quoted(FONT)}, fontsize={NOTE},"
    yield f"    fontcolor={quoted(palette.ink)}]"
    yield f"  edge [color={quoted(palette.line)}, arrowsize=0.6]"
    yield ""
    yield f"  {node('@networks', labels.networks())}"
    for number, label in enumerate(labels.stages()):
        yield f"  {node(f'@{number}', label)}"
    yield ""
    for side in (before, after):
        yield from (f"  {statement}" for statement in _down(side, labels, groups))
    yield "}"


def _groups(stages: Sequence[Pair], sides: tuple[Side, Side]) -> Iterator[tuple[Pair, ...]]:
    """Stages one by one, but for long runs that agree and check."""

    def is_quiet(pair: Pair) -> bool:
        return pair.agree and not any(side.is_wrong(pair) for side in sides)

    for quiet, run in groupby(stages, key=is_quiet):
        pairs = tuple(run)
        if quiet and len(pairs) > MOST_EQUAL:
            yield pairs
        else:
            yield from ((pair,) for pair in pairs)


def _down(side: Side, labels: Beside, groups: Sequence[Sequence[Pair]]) -> Iterator[str]:
    """From stage to stage of one network, through the place of those that only the other has."""
    ports = {"tailport": f"{side.name}_end:s", "headport": f"{side.name}:n"}
    for number, pairs in enumerate(groups):
        tail = f"@{number - 1}" if number else "@networks"
        if side.of(pairs[0]) is not None:
            yield edge(tail, f"@{number}", **ports)
        elif labels.passes(side, number):
            yield edge(tail, f"@{number}", arrowhead="none", **ports)
        else:
            yield edge(tail, f"@{number}", style="invis")
