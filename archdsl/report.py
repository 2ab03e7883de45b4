"""The report: what `check` prints of a network, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.analysis import Analysis, Costs, Verdict
from archdsl.analysis.claims import percent
from archdsl.definitions import Module
from archdsl.network import Stage, brief
from archdsl.source import Span
from archdsl.styled import Line, Piece, line

WIDTH = 80
UNKNOWN = "?"


def table(analysis: Analysis) -> Iterator[Line]:
    """The network as a table of at most 80 columns, its totals, and each claim with its verdict.

    One row is one stage. ⇄ marks the stages before which devices exchange what they hold.
    """
    network = analysis.network
    yield _title(analysis)
    yield ()
    rows = [_row(analysis, stage) for stage in network.stages]
    header = ("stage", "layers", "", "output", "params", "MACs", "activations")
    columns = list(zip(*(row[:1] + row[2:] for row in rows), strict=True))
    widths = [
        max([len(title), *map(len, column)])
        for title, column in zip(header[:1] + header[2:], columns or [()] * 6, strict=True)
    ]
    if network.devices == 1:
        widths[1] = 0
    room = max(12, WIDTH - 2 - sum(widths) - 2 * len(widths) - (0 if widths[1] else -2))
    yield _cells(header, widths, room, "dim")
    for row in rows:
        first, *more = _wrapped(row[1].split(" · "), room)
        yield _cells((row[0], first, *row[2:]), widths, room)
        for rest in more:
            yield _cells(("", rest, "", "", "", "", ""), widths, room)
    yield ()
    yield from _totals(analysis)
    if analysis.verdicts:
        yield ()
        yield from _claims(analysis.verdicts)


def library(module: Module) -> Line:
    """What a file without a network is for: what it defines for others to use."""
    counts = {"block": len(module.own.blocks), "let": len(module.own.lets)}
    parts = [_counted(count, kind) for kind, count in counts.items() if count]
    return line(
        Piece(module.source.name, "strong"),
        Piece(f"  no network, but {' and '.join(parts)} for other files to use"),
    )


def _title(analysis: Analysis) -> Line:
    network = analysis.network
    output = analysis.output
    devices = f" · {network.devices} devices" if network.devices > 1 else ""
    figures = f"{network.input} → {output or UNKNOWN}{devices}"
    left = f"{network.name}  {network.source.name}"
    gap = " " * max(2, WIDTH - len(left) - len(figures))
    return line(
        Piece(network.name, "strong"), Piece(f"  {network.source.name}"), Piece(gap + figures)
    )


def _row(analysis: Analysis, stage: Stage) -> tuple[str, ...]:
    costs = analysis.parts[stage.path]
    output = analysis.shapes.flows[stage.path].output
    return (
        stage.name,
        brief(stage),
        "⇄" if analysis.received(stage) else "",
        str(output or UNKNOWN),
        f"{costs.params:,}" if costs else UNKNOWN,
        short(costs.macs) if costs else UNKNOWN,
        f"{costs.activations:,}" if costs else UNKNOWN,
    )


def _cells(row: tuple[str, ...], widths: list[int], room: int, style: str = "") -> Line:
    name, layers, exchange, *figures = row
    cells = [Piece(f"  {name.ljust(widths[0])}  ", style or "strong")]
    cells.append(Piece(layers.ljust(room), style))
    if widths[1]:
        cells.append(Piece("  " + exchange.ljust(widths[1]), style or "exchange"))
    for figure, width in zip(figures, widths[2:], strict=True):
        cells.append(Piece("  " + figure.rjust(width), style))
    return line(*cells)


def _wrapped(parts: list[str], room: int) -> list[str]:
    """The parts joined by ` · `, broken after a dot where a line would be longer than `room`.

    A part that is longer by itself is broken between its words.
    """
    lines = [""]
    for index, part in enumerate(parts):
        dot = "" if index == len(parts) - 1 else " ·"
        *words, last = part.split(" ") if len(part + dot) > room else [part]
        for piece in (*words, last + dot):
            joined = f"{lines[-1]} {piece}".strip()
            if lines[-1] and len(joined) > room:
                lines.append(piece)
            else:
                lines[-1] = joined
    return lines


def _totals(analysis: Analysis) -> Iterator[Line]:
    costs = analysis.costs
    if costs is None:
        yield line(Piece("  totals are unknown: not every layer's shape is known", "bad"))
        return
    yield line(
        Piece(f"  {costs.params:,}", "strong"),
        Piece(f" parameters ({costs.weights:,} weights) · "),
        Piece(f"{costs.macs:,}", "strong"),
        Piece(" MACs"),
    )
    yield line(
        Piece(f"  {costs.activations:,}", "strong"),
        Piece(" activations per image, the input's included"),
    )
    if costs.traffic:
        yield line(
            Piece("  ⇄ ", "exchange"),
            Piece(f"{costs.traffic:,} numbers per image cross between the devices"),
        )


def _claims(verdicts: tuple[Verdict, ...]) -> Iterator[Line]:
    told: dict[tuple[Span, bool | None], list[Verdict]] = {}
    for verdict in verdicts:  # one line to a claim of a block, however often that is used
        told.setdefault((verdict.span, verdict.holds), []).append(verdict)
    width = max(len(same[0].text) for same in told.values())
    for first, *others in told.values():
        yield _claim(first, len(others), min(width, 36))
    held = sum(verdict.holds is True for verdict in verdicts)
    wrong = sum(verdict.holds is False for verdict in verdicts)
    unjudged = len(verdicts) - held - wrong
    parts = [f"{_counted(held, 'claim')} hold{'s' if held == 1 else ''}"]
    if wrong:
        parts.append(f"{_counted(wrong, 'claim')} {'is' if wrong == 1 else 'are'} wrong")
    if unjudged:
        parts.append(f"{unjudged} not judged")
    yield ()
    yield line(Piece("  " + ", ".join(parts), "bad" if wrong else "good" if held else "dim"))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _claim(verdict: Verdict, others: int, width: int) -> Line:
    """A verdict, and how many more there are of the same claim."""
    mark, style = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "dim")}[verdict.holds]
    actual = f"{verdict.actual:,}" if isinstance(verdict.actual, int) else verdict.actual or ""
    if verdict.holds and (verdict.is_shape or verdict.actual == verdict.claimed):
        actual = ""
    elif verdict.difference and (verdict.relation == "~" or not verdict.holds):
        actual += f"   {percent(verdict.difference)}"
    return line(
        Piece(f"  {mark} ", style),
        Piece(verdict.text.ljust(width)),
        Piece(f"  {actual}" if actual else "", style if verdict.holds is False else ""),
        Piece(f"  {verdict.remark}" if verdict.remark else "", "dim"),
        Piece(f"  and {others:,} more like it" if others else "", "dim"),
    )


def short(count: int) -> str:
    """`724.4 M`, `1.82 G`: as many digits as tell one stage from another, and a unit."""
    for unit, size, digits in _UNITS:
        if count >= size:
            return f"{count / size:.{digits}f} {unit}"
    return str(count)


_UNITS = (("T", 10**12, 2), ("G", 10**9, 2), ("M", 10**6, 1), ("k", 10**3, 1))


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The network for `--format json`; docs/json.md says what the fields mean."""
    costs = analysis.costs
    return {
        "name": analysis.network.name,
        "file": analysis.network.source.name,
        **_figures(costs, "params", "weights", "macs", "activations"),
        "stages": [_stage(analysis, stage) for stage in analysis.network.stages],
        "claims": [
            {
                "text": verdict.text,
                "holds": verdict.holds,
                "claimed": verdict.claimed,
                "actual": verdict.actual,
                "line": verdict.span.line,
            }
            for verdict in analysis.verdicts
        ],
    }


def _stage(analysis: Analysis, stage: Stage) -> dict[str, Any]:
    output = analysis.shapes.flows[stage.path].output
    return {
        "name": stage.name,
        "output": list(output.dims) if output else None,
        **_figures(analysis.parts[stage.path], "params", "macs"),
        "layers": [
            {
                "name": layer.path,
                "word": layer.bound.statement.word.text,
                "output": list(shape.dims) if (shape := analysis.flow(layer).output) else None,
                **_figures(analysis.layers[layer.path], "params", "macs"),
            }
            for layer in stage.layers
        ],
    }


def _figures(costs: Costs | None, *names: str) -> dict[str, int | None]:
    return {name: getattr(costs, name) if costs else None for name in names}
