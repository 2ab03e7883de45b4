"""The colours of the pictures: one quiet tone to a layer family, text legible on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from archdsl.shape import Family


class Tone(NamedTuple):
    """A fill and the stronger line around it, as #rrggbb."""

    fill: str
    line: str


@dataclass(frozen=True)
class Palette:
    """Colours that go together, as #rrggbb."""

    tones: Mapping[Family, Tone]
    unknown: Tone
    """Of a layer that cannot be read."""
    block: Tone
    """Of what has its inside drawn elsewhere: a block's use."""
    paper: str
    """Behind everything, and in cards."""
    ink: str
    muted: str
    line: str
    column: str
    """Behind the stages of one device."""
    traffic: str
    """What devices receive from each other."""
    wrong: str
    """What does not check, and a claim that is false."""
    added: Tone
    removed: Tone
    changed: Tone
    """Of two networks side by side; the line is legible as text on paper."""


class Theme(StrEnum):
    LIGHT = "light"
    DARK = "dark"


PALETTES: Mapping[Theme, Palette] = {
    Theme.LIGHT: Palette(
        tones={
            Family.CONVOLUTION: Tone("#d6e4f2", "#a9c4de"),
            Family.POOLING: Tone("#dcecd6", "#b3d0a8"),
            Family.ACTIVATION: Tone("#f8ecc9", "#dfcb93"),
            Family.NORMALISATION: Tone("#e6dcf0", "#c5b2da"),
            Family.DENSE: Tone("#f4dccb", "#dcb698"),
            Family.REGULARISATION: Tone("#e6e6e6", "#c4c4c4"),
            Family.RESHAPING: Tone("#d5ebe9", "#a6cfcb"),
            Family.JOINING: Tone("#f3d9e4", "#d9b0c3"),
        },
        unknown=Tone("#ffffff", "#c4c4c4"),
        block=Tone("#ffffff", "#5f6b7a"),
        paper="#ffffff",
        ink="#222222",
        muted="#6b6b6b",
        line="#9a9a9a",
        column="#f6f6f6",
        traffic="#6a4c93",
        wrong="#c62828",
        added=Tone("#d7f0dc", "#2e7d4f"),
        removed=Tone("#fadcd9", "#b3372c"),
        changed=Tone("#fdebc4", "#96690a"),
    ),
    Theme.DARK: Palette(
        tones={
            Family.CONVOLUTION: Tone("#243b53", "#4a6f96"),
            Family.POOLING: Tone("#26402b", "#4d7a55"),
            Family.ACTIVATION: Tone("#4a3f1d", "#8a7738"),
            Family.NORMALISATION: Tone("#3a2d4d", "#6f5892"),
            Family.DENSE: Tone("#4d3324", "#8f6346"),
            Family.REGULARISATION: Tone("#3a3a3a", "#666666"),
            Family.RESHAPING: Tone("#1f4340", "#437f7a"),
            Family.JOINING: Tone("#4b2a3a", "#8c5470"),
        },
        unknown=Tone("#181a1b", "#666666"),
        block=Tone("#181a1b", "#9aa7b8"),
        paper="#181a1b",
        ink="#e8e6e3",
        muted="#a8a29a",
        line="#77736d",
        column="#202325",
        traffic="#b79ae0",
        wrong="#ff6b6b",
        added=Tone("#1f3d2a", "#6fcf97"),
        removed=Tone("#4a2422", "#f28b82"),
        changed=Tone("#46391a", "#e6b450"),
    ),
}
