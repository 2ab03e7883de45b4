"""The colours of the pictures: one quiet tone to a layer family, black text legible on each."""

from __future__ import annotations

from typing import NamedTuple

from archdsl.shape import Family


class Tone(NamedTuple):
    """A fill and the darker line around it, as #rrggbb."""

    fill: str
    line: str


TONES: dict[Family, Tone] = {
    Family.CONVOLUTION: Tone("#d6e4f2", "#a9c4de"),
    Family.POOLING: Tone("#dcecd6", "#b3d0a8"),
    Family.ACTIVATION: Tone("#f8ecc9", "#dfcb93"),
    Family.NORMALISATION: Tone("#e6dcf0", "#c5b2da"),
    Family.DENSE: Tone("#f4dccb", "#dcb698"),
    Family.REGULARISATION: Tone("#e6e6e6", "#c4c4c4"),
    Family.RESHAPING: Tone("#d5ebe9", "#a6cfcb"),
    Family.JOINING: Tone("#f3d9e4", "#d9b0c3"),
}
UNKNOWN = Tone("#ffffff", "#c4c4c4")
"""Of a layer that cannot be read."""
BLOCK = Tone("#ffffff", "#5f6b7a")
"""Of what has its inside drawn elsewhere: a block's use."""

INK = "#222222"
MUTED = "#6b6b6b"
LINE = "#9a9a9a"
COLUMN = "#f6f6f6"
"""Behind the stages of one device."""
TRAFFIC = "#6a4c93"
"""What devices receive from each other."""
WRONG = "#c62828"
"""A claim that is false."""
