"""Watching: a spec and the files that it uses, compiled again whenever one of them changes.

The files are looked at five times a second: what tells of changes faster is another thing on every
system, and misses files on network disks. A file counts as changed by its times, its size and its
number on the disk, so that one that an editor puts in the place of another is seen as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from archdsl import report
from archdsl.analysis import Analysis
from archdsl.compiler import Compilation
from archdsl.diagnostics import catalogue
from archdsl.diagnostics import render as findings_view
from archdsl.diagnostics.edits import first_numbers
from archdsl.styled import Line, Piece, line

TICK = 0.2
"""Seconds from one look at the files to the next. What changes is left alone until it has not
changed for as long."""

PATIENCE = 1.0
"""Seconds that a file may be gone, as while an editor or git replaces it."""

State: TypeAlias = Mapping[Path, tuple[int, int, int, int] | None]
"""What tells of each file whether it is as it was; None for one that is not there."""


def compilations(
    path: Path,
    compile: Callable[[], Compilation],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Compilation]:
    """What `compile` makes of a file, at once and after each change of it or of what it uses."""
    files = frozenset({path})
    while True:
        before = state(files)
        compilation = compile()
        read = frozenset({path, *used(compilation)})
        if not read <= files:  # looked at from now on, and read again lest a change was missed
            files = read
            continue
        files = read
        yield compilation
        _wait({file: before[file] for file in files}, pause)


def used(compilation: Compilation) -> Iterator[Path]:
    """The files that a compilation read, and those that it looked for in vain."""
    if compilation.module is not None:
        for source in compilation.module.sources():
            yield Path(source.name)
    for finding in compilation.diagnostics:
        if finding.rule is catalogue.UNKNOWN_FILE and finding.primary is not None:
            span = finding.primary.span
            yield Path(span.source.name).parent / span.text.strip('"')


def state(files: frozenset[Path]) -> State:
    found: dict[Path, tuple[int, int, int, int] | None] = {}
    for file in files:
        try:
            stat = file.stat()
        except (OSError, ValueError):
            found[file] = None
        else:
            found[file] = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
    return found


def _wait(seen: State, pause: Callable[[float], None]) -> None:
    """Returns when files are not as they were, and have settled."""
    files = frozenset(seen)
    last, patience = seen, PATIENCE
    while True:
        pause(TICK)
        now = state(files)
        settled, last = now == last, now
        if now == seen:
            patience = PATIENCE
        elif any(now[file] is None and seen[file] is not None for file in files) and patience > 0:
            patience -= TICK
        elif settled:
            return


# --- what is told -----------------------------------------------------------------------------


def told(compilation: Compilation, name: str, moment: str) -> Iterator[Line]:
    """The time, a line to each network, the findings and how many they are."""
    yield line(Piece(f"{moment}  ", "dim"), Piece(name, "strong"))
    for analysis in compilation.archs:
        yield _network(analysis)
    numbers = {finding.place: number for finding, number in first_numbers(compilation.diagnostics)}
    for finding in compilation.diagnostics:
        yield ()
        yield from findings_view.text(finding, numbers.get(finding.place, 1))
    if compilation.diagnostics:
        yield ()
        yield findings_view.summary(compilation.diagnostics)


def _network(analysis: Analysis) -> Line:
    """`AlexNet  3x227x227 → 1000 · 60,965,224 parameters · 724.4 M MACs · 13 claims hold`."""
    network, costs = analysis.network, analysis.costs
    parts = [f"{network.input} → {analysis.output or report.UNKNOWN}"]
    if costs:
        parts += [f"{costs.params:,} parameters", f"{report.short(costs.macs)} MACs"]
    wrong = any(verdict.holds is False for verdict in analysis.verdicts)
    claims = [report.tally(analysis.verdicts)] if analysis.verdicts else []
    mark = Piece("  ✗ ", "bad") if wrong or not costs else Piece("  ✓ ", "good")
    return line(mark, Piece(network.name, "strong"), Piece(f"  {' · '.join([*parts, *claims])}"))
