"""What a person chooses of a picture: its colours, how much is unfolded, which way it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from archdsl.diagram.palette import PALETTES, Palette, Theme


class Fold(StrEnum):
    """What is folded away."""

    STAGE = "stage"
    """All but the stages: each is a line with a chip to every statement in it."""
    LAYER = "layer"
    """What is there several times: joins are unfolded, repeats and blocks are drawn once."""
    NONE = "none"
    """Nothing: repeats and blocks are unfolded where they stand, as far as a picture can hold."""


class Rankdir(StrEnum):
    """Which way an image passes through the picture, as Graphviz calls it."""

    TB = "TB"
    LR = "LR"


@dataclass(frozen=True, slots=True)
class Style:
    """How a network is drawn."""

    theme: Theme = Theme.LIGHT
    fold: Fold = Fold.LAYER
    rankdir: Rankdir = Rankdir.TB

    @property
    def palette(self) -> Palette:
        return PALETTES[self.theme]

    @property
    def is_wide(self) -> bool:
        """Whether the stages stand side by side."""
        return self.rankdir is Rankdir.LR


PLAIN = Style()
"""How a network is drawn where nothing is chosen."""
