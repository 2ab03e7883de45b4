"""The report: what `check` prints of a network, and the same as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from archdsl.analysis import Analysis, Costs, Verdict
from archdsl.analysis.claims import in_bytes, percent
from archdsl.analysis.costs import add_up
from archdsl.analysis.shapes import ClaimedShape
from archdsl.definitions import Module
from archdsl.network import Branches, Layer, Network, Stage, brief
from archdsl.source import Span
from archdsl.styled import Line, Piece, line
from archdsl.words.word import Unbound

if TYPE_CHECKING:
    from archdsl.analysis.plan import Plan

WIDTH = 80
UNKNOWN = "?"
CLAIMED = "*"
"""Before a shape that stands on a claim."""

MIN_NAME, MAX_NAME = 8, 24
"""The width of the first column, beyond which a name is cut: less where the others need more."""

MIN_ROOM = 12
"""The least width of the column of layers; `maxpool 3 /2` is as long."""

MAX_EXCHANGES = 16
"""Exchanges that are told one by one; of more, those of each stage are added up."""

MAX_TOLD = 4
"""Places where a network stops that are told; claims on which shapes stand."""


def table(analysis: Analysis) -> Iterator[Line]:
    """The network as a table of at most 80 columns, its totals, what several devices exchange and
    hold of it, and each claim with its verdict.

    One row is one stage. ⇄ marks the stages before which devices exchange what they hold. Of a
    network with errors, ✗ marks the stages in which a layer fails, * the shapes that stand on a
    claim, and ? is what is not known.
    """
    network = analysis.network
    yield _title(analysis)
    yield ()
    rows = [_row(analysis, stage, "{:,}".format) for stage in network.stages]
    if _others(rows) > WIDTH - MIN_ROOM - MIN_NAME:
        rows = [_row(analysis, stage, short) for stage in network.stages]
    failed = {stop.path for stop in analysis.grounds.stops}
    fails = [any(layer.path in failed for layer in stage.layers) for stage in network.stages]
    widths = _widths(rows)
    if network.devices == 1:
        widths[1] = 0
    most = WIDTH - MIN_ROOM - _others(rows)
    widths[0] = min(widths[0], max(MIN_NAME, min(MAX_NAME, most)))
    room = max(MIN_ROOM, WIDTH - 2 - sum(widths) - 2 * len(widths) - (0 if widths[1] else -2))
    yield _cells(_HEADER, widths, room, "dim")
    for row, wrong in zip(rows, fails, strict=True):
        first, *more = _wrapped(row[1].split(" · "), room)
        yield _cells((_cut(row[0], widths[0]), first, *row[2:]), widths, room, wrong=wrong)
        for rest in more:
            yield _cells(("", rest, "", "", "", "", ""), widths, room)
    yield ()
    yield from _totals(analysis)
    yield from _standing(analysis)
    if analysis.plan is not None:
        yield ()
        yield from _exchanges(analysis.network, analysis.plan)
        yield ()
        yield from _shares(analysis.plan)
    if analysis.verdicts:
        yield ()
        yield from _claims(analysis.verdicts)


_HEADER = ("stage", "layers", "", "output", "params", "MACs", "activations")


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    """The widths of all columns but that of the layers, which has what they leave."""
    columns = zip(*(row[:1] + row[2:] for row in (_HEADER, *rows)), strict=True)
    return [max(map(len, column)) for column in columns]


def _others(rows: list[tuple[str, ...]]) -> int:
    """What the columns take beside those of the stages and the layers, with all gaps."""
    _, *widths = _widths(rows)
    return 2 + sum(widths) + 2 * (len(widths) + 1)


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


def _row(analysis: Analysis, stage: Stage, figure: Callable[[int], str]) -> tuple[str, ...]:
    costs = analysis.parts[stage.path]
    output = analysis.shapes.flows[stage.path].output
    mark = CLAIMED if stage.path in analysis.grounds.claimed else ""
    return (
        stage.name,
        brief(stage),
        "⇄" if analysis.received(stage) else "",
        f"{mark}{output or UNKNOWN}",
        figure(costs.params) if costs else UNKNOWN,
        short(costs.macs) if costs else UNKNOWN,
        figure(costs.activations) if costs else UNKNOWN,
    )


def _cells(
    row: tuple[str, ...], widths: list[int], room: int, style: str = "", wrong: bool = False
) -> Line:
    name, layers, exchange, *figures = row
    cells = [
        Piece("✗ " if wrong else "  ", "bad"),
        Piece(f"{name.ljust(widths[0])}  ", style or "strong"),
    ]
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
        for word in (*words, last + dot):
            piece = _cut(word, room)
            joined = f"{lines[-1]} {piece}".strip()
            if lines[-1] and len(joined) > room:
                lines.append(piece)
            else:
                lines[-1] = joined
    return lines


def _totals(analysis: Analysis) -> Iterator[Line]:
    stages = analysis.network.stages
    costs, known = _covered(analysis)
    if not known and stages:
        yield line(Piece("  totals are unknown: no stage's figures are known", "bad"))
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
    if known < len(stages):
        text = f"  in the {known} of {len(stages)} stages whose figures are known"
        yield line(Piece(text, "bad"))


def _covered(analysis: Analysis) -> tuple[Costs, int]:
    """The figures of the input and of all stages that are known, and how many stages these are."""
    parts = [analysis.parts[stage.path] for stage in analysis.network.stages]
    known = [part for part in parts if part is not None]
    costs = add_up([Costs(activations=analysis.network.input.size), *known])
    assert costs is not None  # all that is added up is known
    return costs, len(known)


def _standing(analysis: Analysis) -> Iterator[Line]:
    """Where the layers give no shape, why, and which claims stand in for what they give."""
    grounds = analysis.grounds
    stops: dict[str, Layer] = {}
    for stop in grounds.stops:
        stops.setdefault(_stage_of(stop.path), stop)
    told = list(stops.values())
    for stop in told[:MAX_TOLD]:
        text = f"stops at {stop.title}: {_why(analysis, stop)}; {_after(analysis, stop)}"
        yield from _marked("✗", "bad", text)
    if len(told) > MAX_TOLD:
        yield line(Piece(f"    and in {len(told) - MAX_TOLD:,} more stages", "dim"))
    for claimed in grounds.taken[:MAX_TOLD]:
        yield from _marked(CLAIMED, "bad", _on_claim(claimed))
    if len(grounds.taken) > MAX_TOLD:
        yield line(Piece(f"    and on {len(grounds.taken) - MAX_TOLD:,} more claims", "dim"))


def _why(analysis: Analysis, stop: Layer) -> str:
    if isinstance(stop.op, Unbound):
        return "its statement is wrong"
    if isinstance(stop, Branches):
        return "its branches cannot be joined"
    return f"it cannot take {analysis.flow(stop).input}"


def _after(analysis: Analysis, stop: Layer) -> str:
    """From where on the shapes are known again."""
    part = analysis.grounds.resumed.get(stop.path)
    if part is None:
        return "the shapes after it are unknown"
    if part.path == stop.path:
        return "what follows stands on its claim"
    if part.path in analysis.grounds.claimed:
        return f"known again by the claim of {part.title}"
    return f"known again from {part.title} on"


def _on_claim(claimed: ClaimedShape) -> str:
    claim = claimed.part.claim
    assert claim is not None
    text = f"on the claim {claimed.part.title} -> {claim.shape}"
    return f"{text}, not on the {claimed.actual} that it gives" if claimed.actual else text


def _marked(mark: str, style: str, *parts: str) -> Iterator[Line]:
    """What is said after a mark, on as many lines as it takes."""
    first, *more = _wrapped(list(parts), WIDTH - 4)
    yield line(Piece(f"  {mark} ", style), Piece(first))
    for rest in more:
        yield line(Piece(f"    {rest}"))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _end(text: str, width: int) -> str:
    """The end of a text, which tells most of a path."""
    return text if len(text) <= width else f"…{text[1 - width :]}"


def _exchanges(network: Network, plan: Plan) -> Iterator[Line]:
    """Before which layers the devices exchange what, and how much that is."""
    if not plan.exchanges:
        yield line(Piece("  nothing crosses between the devices"))
        return
    listed = _each(plan) if len(plan.exchanges) <= MAX_EXCHANGES else _by_stage(plan)
    rows = [("⇄ before", "reads", "numbers/image", "bytes/batch")]
    for before, read, received in listed:
        rows.append((before, read, f"{received:,}", _bytes(plan.in_bytes(received))))
    first, second, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    room = WIDTH - 4 - sum(width + 2 for width in widths)
    first = min(first, max(MAX_NAME, room - second))
    second = min(second, room - first)
    for number, (before, read, *figures) in enumerate(rows):
        style = "" if number else "dim"
        right = zip(figures, widths, strict=True)
        yield line(
            Piece(f"  {_end(before, first).ljust(first)}", style or "strong"),
            Piece(f"  {_cut(read, second).ljust(second)}", style),
            *(Piece("  " + figure.rjust(width), style) for figure, width in right),
        )
    batch = "batch" if network.recipe else "the default batch"
    parts = [
        f"{plan.received:,} numbers per image cross between the devices in a forward pass",
        f"{_bytes(plan.in_bytes(plan.received))} at {batch} {plan.batch:,} in float32",
    ]
    if plan.returns:
        parts.append("training sends as many gradients back")
    yield from _marked("⇄", "exchange", *parts)


def _each(plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Of each exchange who waits for it, what is read, and how many numbers are received."""
    for readers, source, shape, received in plan.exchanges:
        first, *others = readers
        before = f"{first.title} and {len(others)} more" if others else first.title
        yield before, f"{shape} of {_seen_from(first.path, source)}", received


def _by_stage(plan: Plan) -> Iterator[tuple[str, str, int]]:
    """The exchanges before the layers of each stage, added up."""
    for stage, group in groupby(plan.exchanges, lambda each: _stage_of(each.readers[0].path)):
        received = [exchange.received for exchange in group]
        yield stage, _counted(len(received), "exchange"), sum(received)


def _stage_of(path: str) -> str:
    return path.partition(".")[0]


def _seen_from(reader: str, path: str) -> str:
    """Another stage by its name; a layer of the reader's own by where its path parts from its."""
    if _stage_of(reader) != _stage_of(path):
        return _stage_of(path)
    names = path.split(".")
    pairs = zip(names, reader.split("."), strict=False)
    start = next(index for index, (name, other) in enumerate(pairs) if name != other)
    return ".".join(names[start - names[start].isdigit() :])  # a number with what it counts


def _shares(plan: Plan) -> Iterator[Line]:
    """What each device holds and computes, and how far that is from even."""
    rows: list[tuple[str, ...]] = [("device", "params", "MACs", "activations")]
    for devices, load in plan.shares:
        name = f"{devices[0]}" if len(devices) == 1 else f"{devices[0]}–{devices[-1]} each"
        name = f"each of {plan.devices}" if len(plan.shares) == 1 else name
        rows.append((name, f"{load.params:,}", short(load.macs), f"{load.activations:,}"))
    if len(plan.shares) > 1:
        rows.append(("imbalance", *map(_excess, plan.imbalance.values())))
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    for number, (name, *figures) in enumerate(rows):
        style = "" if number else "dim"
        right = zip(figures, widths, strict=True)
        yield line(
            Piece(f"  {name.ljust(first)}", style or "strong"),
            *(Piece("  " + figure.rjust(width), style) for figure, width in right),
            Piece("  balanced" if number and len(plan.shares) == 1 else "", "good"),
        )
    if plan.common:
        yield line(Piece(f"  {plan.common:,} of the parameters are on every device"))


def _excess(share: float) -> str:
    """`0.2 %`; of what is even, and of what is not but would be 0.0 %, something else."""
    return "none" if share <= 0 else "< 0.1 %" if share < 0.0005 else percent(share).lstrip("+")


def _bytes(count: int) -> str:
    """`22.2 MB`, `1.02 GB`."""
    figure = short(count)
    return f"{figure}B" if " " in figure else f"{figure} B"


def _claims(verdicts: tuple[Verdict, ...]) -> Iterator[Line]:
    told: dict[tuple[Span, bool | None], list[Verdict]] = {}
    for verdict in verdicts:  # one line to a claim of a block, however often that is used
        told.setdefault((verdict.span, verdict.holds), []).append(verdict)
    width = max(len(same[0].text) for same in told.values())
    for first, *others in told.values():
        yield _claim(first, len(others), min(width, 36))
        for row in _wrapped(list(first.memory), WIDTH - 6) if first.memory else ():
            yield line(Piece(f"      {row}", "dim"))
    judged = {verdict.holds for verdict in verdicts}
    look = "bad" if False in judged else "good" if True in judged else "dim"
    yield ()
    yield line(Piece(f"  {tally(verdicts)}", look))


def tally(verdicts: Sequence[Verdict], *, named: bool = True) -> str:
    """`9 claims hold, 4 not judged`; `9 hold, 4 not judged` where it is said of what."""

    def counted(count: int) -> str:
        return _counted(count, "claim") if named else str(count)

    held = sum(verdict.holds is True for verdict in verdicts)
    wrong = sum(verdict.holds is False for verdict in verdicts)
    unjudged = len(verdicts) - held - wrong
    parts = [f"{counted(held)} hold{'s' if held == 1 else ''}"]
    if wrong:
        parts.append(f"{counted(wrong)} {'is' if wrong == 1 else 'are'} wrong")
    if unjudged:
        parts.append(f"{unjudged} not judged")
    return ", ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _claim(verdict: Verdict, others: int, width: int) -> Line:
    """A verdict, and how many more there are of the same claim."""
    mark, style = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "dim")}[verdict.holds]
    figure = in_bytes if verdict.memory else "{:,}".format
    actual = figure(verdict.actual) if isinstance(verdict.actual, int) else verdict.actual or ""
    if verdict.holds and (verdict.is_shape or verdict.actual == verdict.claimed):
        actual = ""
    elif verdict.difference and (verdict.relation == "~" or not verdict.holds):
        actual += f"   {verdict.off}"
    rest = (
        Piece(f"  {actual}" if actual else "", style if verdict.holds is False else ""),
        Piece(f"  {verdict.remark}" if verdict.remark else "", "dim"),
        Piece(f"  and {others:,} more like it" if others else "", "dim"),
    )
    room = max(width, WIDTH - 4 - sum(len(piece.text) for piece in rest))
    text = verdict.text if len(verdict.text) <= room else f"…{verdict.text[1 - room :]}"
    return line(Piece(f"  {mark} ", style), Piece(text.ljust(width)), *rest)


def short(count: int) -> str:
    """`724.4 M`, `1.82 G`: as many digits as tell one stage from another, and a unit."""
    for unit, size, digits in _UNITS:
        if count >= size:
            return f"{count / size:.{digits}f} {unit}"
    return str(count)


_UNITS = (("T", 10**12, 2), ("G", 10**9, 2), ("M", 10**6, 1), ("k", 10**3, 1))


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The network for `--format json`; docs/json.md says what the fields mean."""
    covered, known = _covered(analysis)
    return {
        "name": analysis.network.name,
        "file": analysis.network.source.name,
        **_figures(analysis.costs, "params", "weights", "macs", "activations"),
        "known": {
            "stages": known,
            **_figures(covered, "params", "weights", "macs", "activations"),
        },
        "stops": [
            {"layer": stop.path, "why": _why(analysis, stop)} for stop in analysis.grounds.stops
        ],
        "stages": [_stage(analysis, stage) for stage in analysis.network.stages],
        "plan": _planned(analysis.plan) if analysis.plan else None,
        "claims": [
            {
                "text": verdict.text,
                "holds": verdict.holds,
                "claimed": verdict.claimed,
                "actual": verdict.actual,
                "percent": _percent(verdict),
                "remark": verdict.remark,
                "memory": list(verdict.memory),
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
        "claimed": stage.path in analysis.grounds.claimed,
        **_figures(analysis.parts[stage.path], "params", "macs"),
        "layers": [
            {
                "name": layer.path,
                "word": layer.bound.statement.word.text,
                "output": list(shape.dims) if (shape := analysis.flow(layer).output) else None,
                "claimed": layer.path in analysis.grounds.claimed,
                **_figures(analysis.layers[layer.path], "params", "macs"),
            }
            for layer in stage.layers
        ],
    }


def _planned(plan: Plan) -> dict[str, Any]:
    return {
        "devices": [
            {"device": device, **share.load._asdict()}
            for share in plan.shares
            for device in share.devices
        ],
        "imbalance": {name: 100 * share for name, share in plan.imbalance.items()},
        "common": plan.common,
        "exchanges": [
            {
                "layers": [reader.path for reader in exchange.readers],
                "source": exchange.source,
                "shape": list(exchange.shape.dims),
                "traffic": exchange.received,
                "bytes": plan.in_bytes(exchange.received),
            }
            for exchange in plan.exchanges
        ],
        "traffic": plan.received,
        "bytes": plan.in_bytes(plan.received),
        "returns": plan.returns,
        "batch": plan.batch,
        "precision": "float32",
    }


def _percent(verdict: Verdict) -> float | None:
    """How far the figure is from the claim, in percent of that; None of shapes and bounds."""
    return None if verdict.difference is None else 100 * verdict.difference


def _figures(costs: Costs | None, *names: str) -> dict[str, int | None]:
    return {name: getattr(costs, name) if costs else None for name in names}
