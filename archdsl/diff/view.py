"""The difference as `archdsl diff` prints it, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import Any, NamedTuple

from archdsl.analysis import Analysis, Costs
from archdsl.analysis.claims import percent
from archdsl.diff import Change, Difference, Pair
from archdsl.diff.values import plain
from archdsl.network import Stage
from archdsl.report import UNKNOWN, WIDTH, short
from archdsl.styled import Line, Piece, line

SHORTEST = 8
"""Stages' names are not cut off to fewer characters."""

MARKS = {"added": ("+", "good"), "removed": ("−", "bad")}
"""What a line of the list begins with; all other kinds have a ~."""

ARROW = " → "

FIGURES = {
    "params": "parameters",
    "macs": "MACs",
    "activations": "activations",
    "traffic": "exchanged",
}
"""The totals, and what they are called. `docs/json.md` says what they count."""


def text(
    difference: Difference, errors: Mapping[str, int] = MappingProxyType({})
) -> Iterator[Line]:
    """The changes, the stages that differ before and after, and the totals; at most 80 columns.

    `errors` are specs with wrong shapes, and how many errors of shapes `check` finds in each.
    """
    yield from _titles(difference)
    yield ()
    if not difference.changes:
        yield line(Piece("  no difference", "good"))
        yield ()
    for group in (difference.network, difference.layers, difference.training):
        for change in group:
            yield from _change(change)
        if group:
            yield ()
    yield from _table(difference)
    for spec, count in errors.items():
        yield ()
        found = "1 shape error" if count == 1 else f"{count} shape errors"
        yield line(Piece(f"  {spec} has {found}: figures may be unknown or wrong", "bad"))
        yield line(Piece(f"  archdsl check {spec}", "help"))


def _titles(difference: Difference) -> Iterator[Line]:
    sides = (difference.before, difference.after)
    width = max(len(side.network.name) for side in sides)
    for side, (mark, style) in zip(sides, (MARKS["removed"], MARKS["added"]), strict=True):
        network = side.network
        devices = f" · {network.devices} devices" if network.devices > 1 else ""
        figures = f"{network.input}{ARROW}{side.output or UNKNOWN}{devices}"
        left = f"{mark} {network.name.ljust(width)}  {network.source.name}"
        gap = " " * max(2, WIDTH - len(left) - len(figures))
        yield line(Piece(left, style), Piece(gap + figures))


def _change(change: Change) -> Iterator[Line]:
    mark, style = MARKS.get(change.kind, ("~", "help"))
    first, *more = wrap(change.text, WIDTH - 4) or [""]
    yield line(Piece(f"  {mark} ", style), Piece(first))
    for rest in more:
        yield line(Piece(f"    {rest}"))


# --- the table --------------------------------------------------------------------------------


class _Cell(NamedTuple):
    """A figure before and after; the same text where it did not change."""

    before: str
    after: str


TITLES = ("output", "params", "params", "MACs")
"""What the columns are called; parameters are there in full and in short."""


class _Row(NamedTuple):
    name: str
    style: str
    cells: tuple[_Cell, ...]


def _table(difference: Difference) -> Iterator[Line]:
    differing = [pair for pair in difference.stages if not pair.agree]
    agreeing = len(difference.stages) - len(differing)
    if differing:
        yield from _stages([_row(difference, pair) for pair in differing])
    if agreeing:
        word = "stage agrees" if agreeing == 1 else "stages agree"
        yield line(Piece(f"  {agreeing} {word}", "dim"))
    if differing or difference.before.costs != difference.after.costs:
        yield ()
        yield from _totals(difference)


def _row(difference: Difference, pair: Pair) -> _Row:
    before = _cells(difference.before, pair.before)
    after = _cells(difference.after, pair.after)
    names = [stage.name for stage in (pair.before, pair.after) if stage is not None]
    style = "good" if pair.before is None else "bad" if pair.after is None else "strong"
    name = ARROW.join(dict.fromkeys(names))
    return _Row(name, style, tuple(map(_Cell, before, after)))


def _cells(analysis: Analysis, stage: Stage | None) -> tuple[str, ...]:
    """A stage's output, parameters in full and in short, and MACs; nothing of one there is not."""
    if stage is None:
        return "", "", "", ""
    costs, output = analysis.parts[stage.path], analysis.shapes.flows[stage.path].output
    return (
        str(output or UNKNOWN),
        f"{costs.params:,}" if costs else UNKNOWN,
        short(costs.params) if costs else UNKNOWN,
        short(costs.macs) if costs else UNKNOWN,
    )


def _stages(rows: Sequence[_Row]) -> Iterator[Line]:
    """The rows in columns.

    Where they do not fit, parameters are shortened, then names, which at last have their own lines.
    """
    columns = zip(*(row.cells for row in rows), strict=True)
    widths = [_widths(title, column) for title, column in zip(TITLES, columns, strict=True)]
    whole = [2 + sum(pair) + len(ARROW) for pair in widths]
    longest = max(len("stage"), *(len(row.name) for row in rows))
    in_full = 2 + longest + sum(whole[n] for n in (0, 1, 3)) <= WIDTH
    shown = (0, 1 if in_full else 2, 3)
    room = WIDTH - 2 - sum(whole[n] for n in shown)
    alone = room < min(longest, SHORTEST)
    name = 0 if alone else min(longest, room)
    header = "".join(TITLES[n].rjust(whole[n]) for n in shown)
    yield line(Piece(f"  {'stage'.ljust(name)[:name]}{header}", "dim"))
    for row in rows:
        label = line(Piece(f"  {_clipped(row.name, WIDTH - 2 if alone else name)}", row.style))
        if alone:
            yield label
        start = () if alone else (*label, Piece(" " * (name - len(row.name))))
        figures = [piece for n in shown for piece in _figure(row.cells[n], *widths[n])]
        yield line(*(start or (Piece("  "),)), *figures)


def _widths(title: str, column: Iterable[_Cell]) -> tuple[int, int]:
    """What its figures take before and after; with the arrow, no less than its title takes."""
    cells = list(column)
    before = max(len(cell.before) for cell in cells)
    after = max(len(cell.after) for cell in cells)
    return before, max(after, len(title) - len(ARROW) - before)


def _clipped(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"


def _figure(cell: _Cell, before: int, after: int) -> list[Piece]:
    if cell.before == cell.after:
        return [Piece("  " + cell.after.rjust(before + len(ARROW) + after), "dim")]
    arrow = ARROW if cell.before and cell.after else " " * len(ARROW)
    return [
        Piece("  " + cell.before.rjust(before), "bad"),
        Piece(arrow),
        Piece(cell.after.rjust(after), "good"),
    ]


def _totals(difference: Difference) -> Iterator[Line]:
    """The figures of the whole networks and their differences."""
    rows = [
        (title, *_total(getattr(difference.before.costs, name, None),
                        getattr(difference.after.costs, name, None)))
        for name, title in FIGURES.items()
        if name != "traffic" or any(_exchanges(side) for side in _sides(difference))
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + len(ARROW) + 8 > WIDTH:  # figures of 10^14: the percent says it
        rows = [(title, before, after, "", share) for title, before, after, _, share in rows]
        widths[3] = 0
    for title, before, after, change, share in rows:
        yield line(
            Piece(f"  {title.ljust(widths[0])}  ", "strong"),
            Piece(before.rjust(widths[1])),
            Piece(ARROW),
            Piece(after.rjust(widths[2])),
            Piece(f"  {change.rjust(widths[3])}  {share.rjust(widths[4])}"),
        )


def _sides(difference: Difference) -> tuple[Analysis, Analysis]:
    return difference.before, difference.after


def _exchanges(analysis: Analysis) -> bool:
    return analysis.costs is not None and analysis.costs.traffic > 0


def _total(before: int | None, after: int | None) -> tuple[str, str, str, str]:
    texts = [UNKNOWN if figure is None else f"{figure:,}" for figure in (before, after)]
    if before is None or after is None:
        return texts[0], texts[1], UNKNOWN, ""
    if before == after:
        return texts[0], texts[1], "the same", ""
    change = f"{after - before:+,}".replace("-", "−")
    return texts[0], texts[1], change, percent(after / before - 1) if before else ""


# --- JSON -------------------------------------------------------------------------------------


def as_json(difference: Difference, errors: Sequence[int] = (0, 0)) -> dict[str, Any]:
    """The difference for `--format json`; docs/json.md says what the fields mean."""
    return {
        "before": _network(difference.before, errors[0]),
        "after": _network(difference.after, errors[1]),
        "changes": [
            {"about": about, **_change_json(change)}
            for about in ("network", "layers", "training")
            for change in getattr(difference, about)
        ],
        "stages": [
            {
                "agree": pair.agree,
                "before": _stage(difference.before, pair.before),
                "after": _stage(difference.after, pair.after),
            }
            for pair in difference.stages
        ],
    }


def _network(analysis: Analysis, errors: int) -> dict[str, Any]:
    network, output = analysis.network, analysis.output
    return {
        "name": network.name,
        "file": network.source.name,
        "errors": errors,
        "input": list(network.input.dims),
        "output": list(output.dims) if output else None,
        **_figures(analysis.costs, *FIGURES),
    }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "text": change.text,
        "places": list(change.places),
        "arguments": [
            {"name": value.name, "before": plain(value.before), "after": plain(value.after)}
            for value in change.values
        ],
    }


def _stage(analysis: Analysis, stage: Stage | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    output = analysis.shapes.flows[stage.path].output
    return {
        "name": stage.name,
        "output": list(output.dims) if output else None,
        **_figures(analysis.parts[stage.path], "params", "macs"),
    }


def _figures(costs: Costs | None, *names: str) -> dict[str, int | None]:
    return {name: getattr(costs, name) if costs else None for name in names}
