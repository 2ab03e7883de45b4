"""What stands above two networks side by side: their names, the list of changes, the legend."""

from __future__ import annotations

from pathlib import PurePath

from archdsl.analysis import Analysis
from archdsl.analysis.claims import percent
from archdsl.diagram.chips import MAX_TEXT, NAME, NOTE
from archdsl.diagram.dot import bold, paragraph, text
from archdsl.diagram.heading import TITLE, Said, headed
from archdsl.diagram.pairs import Kind
from archdsl.diagram.palette import Palette, Tone
from archdsl.diff import Change, Difference

WIDTH, LINES = 96, 2
"""Characters of a line of the list, and how many lines a change takes at the most."""

MOST = 12
"""Changes that are listed."""


def heading(found: Difference, palette: Palette, errors: tuple[int, int]) -> str:
    """The names, the figures, what changed in words, and what the colours mean.

    `errors` are how many errors of shapes there are before and after.
    """
    names = [text(side.network.name, MAX_TEXT) for side in (found.before, found.after)]
    lines = [Said(bold(" → ".join(names)), TITLE)]
    lines += [Said(line, NAME) for line in _figures(found)]
    lines += [Said(line, NOTE, tone.line) for line, tone in _listed(found, palette)]
    lines += [Said(line, NOTE, palette.muted) for line in _rest(found)]
    lines += [Said(line, NOTE, palette.wrong) for line in _unsound(found, errors)]
    return headed(lines, _tones(found, palette))


def _figures(found: Difference) -> list[str]:
    """`61,476,108 → 2,644,234 parameters (−95.7 %)`."""
    before, after = (_params(side) for side in (found.before, found.after))
    if before is None or after is None:
        return []
    if before == after:
        return [f"{after:,} parameters in both"]
    share = f" ({percent(after / before - 1)})" if before else ""
    return [f"{before:,} → {after:,} parameters{share}"]


def _params(side: Analysis) -> int | None:
    return side.costs.params if side.costs else None


def _listed(found: Difference, palette: Palette) -> list[tuple[str, Tone]]:
    """The changes of the network and its layers, each line in the colour of what it tells."""
    lines = []
    for change in (*found.network, *found.layers)[:MOST]:
        tone, mark = _look(change, palette)
        lines += [(line, tone) for line in paragraph(f"{mark} {change.text}", WIDTH, LINES)]
    return lines


def _look(change: Change, palette: Palette) -> tuple[Tone, str]:
    looks = {"added": (palette.added, "+"), "removed": (palette.removed, "−")}
    return looks.get(change.kind, (palette.changed, "~"))


def _rest(found: Difference) -> list[str]:
    """What is not listed."""
    more = len(found.network) + len(found.layers) - MOST
    lines = [f"… {more:,} more"] if more > 0 else []
    if found.training:
        count = len(found.training)
        noun = "change" if count == 1 else "changes"
        lines.append(f"and {count:,} {noun} of initial weights and training")
    return lines if found.changes else ["no difference"]


def _unsound(found: Difference, errors: tuple[int, int]) -> list[str]:
    """What makes the figures doubtful."""
    lines = []
    for side, count in zip((found.before, found.after), errors, strict=True):
        name = PurePath(side.network.source.name).name
        noun = "shape error" if count == 1 else "shape errors"
        said = f"✗ {name} has {count:,} {noun}: figures may be unknown or wrong"
        lines += paragraph(said, WIDTH, LINES) if count else []
    return lines


def _tones(found: Difference, palette: Palette) -> dict[str, Tone]:
    """What the colours mean; nothing where no stage differs."""
    if all(pair.agree for pair in found.stages):
        return {}
    return {
        Kind.REMOVED.value: palette.removed,
        Kind.CHANGED.value: palette.changed,
        Kind.ADDED.value: palette.added,
        Kind.SAME.value: palette.unknown,
    }
