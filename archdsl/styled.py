"""Styled text as data: what the report and the diagnostics are made of before they are printed.

Plain output joins the pieces and needs nothing; a terminal's is handed to rich.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from rich.text import Text

STYLES = {
    "": "",
    "error": "bold red",
    "warning": "bold yellow",
    "strong": "bold",
    "frame": "blue",
    "help": "bold cyan",
    "code": "green",
    "primary": "bold red",
    "secondary": "blue",
    "good": "green",
    "bad": "red",
    "dim": "dim",
    "exchange": "magenta",
}


class Piece(NamedTuple):
    """A piece of a line in one style of STYLES."""

    text: str
    style: str = ""


Line: TypeAlias = tuple[Piece, ...]


INVISIBLE = "␦"
"""Shown for a character that a terminal would obey, or that would hide what is written."""


def line(*pieces: Piece) -> Line:
    """A line of the pieces that hold any text, every character of it visible."""
    return tuple(Piece(visible(piece.text), piece.style) for piece in pieces if piece.text)


def visible(text: str) -> str:
    """The text with INVISIBLE for control, direction and other characters that do not print."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else INVISIBLE for char in text)


def plain(styled: Line) -> str:
    """The line's text, without trailing spaces."""
    return "".join(piece.text for piece in styled).rstrip()


def rich_text(styled: Line) -> Text:
    """The line for rich."""
    from rich.text import Text

    return Text.assemble(*((piece.text, STYLES[piece.style]) for piece in styled))
