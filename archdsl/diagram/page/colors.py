"""The palette's colours as variables of the style sheet, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from archdsl.diagram.palette import PALETTES, Palette, Theme, Tone
from archdsl.shape import Family


def named(palette: Palette) -> Iterator[tuple[str, str]]:
    """Every colour of a palette with the name of its variable."""
    roles = {field.name: getattr(palette, field.name) for field in fields(palette)}
    for name, color in roles.items():
        if isinstance(color, str):
            yield name, color
    tones = {family.value: tone for family, tone in palette.tones.items()}
    tones |= {name: tone for name, tone in roles.items() if isinstance(tone, Tone)}
    for name, tone in tones.items():
        yield name, tone.fill
        yield f"{name}-line", tone.line


def _first_of_each() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, color in named(PALETTES[Theme.LIGHT]):
        found.setdefault(color, name)
    return found


VARIABLES = _first_of_each()
"""The variable of each colour of a picture that is drawn light.

Where two roles have one colour, the first stands for both: they have one in the dark as well.
"""


def style_sheet() -> str:
    """The variables: light on paper and where nothing else is asked for, dark where it is."""
    light, dark = (
        "".join(f"--{name}:{color};" for name, color in named(PALETTES[theme])) for theme in Theme
    )
    return (
        f":root{{{light}}}\n"
        "@media screen and (prefers-color-scheme:dark)"
        f"{{:root:not([data-theme=light]){{{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{{dark}}}}}\n"
        + "".join(
            f"[data-family={family.value}]"
            f"{{--family:var(--{family.value});--family-line:var(--{family.value}-line)}}\n"
            for family in Family
        )
    )
