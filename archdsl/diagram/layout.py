"""Layout: DOT text to SVG, PNG or PDF, by Graphviz."""

from __future__ import annotations

import re
from struct import unpack
from typing import Literal, TypeAlias

Format: TypeAlias = Literal["svg", "png", "pdf"]

DPI = 144
"""Of PNG: twice the 72 points to an inch that Graphviz draws at."""

MOST_PIXELS = 32_767
"""Of a side of a PNG, as Graphviz draws it; it scales a larger one down to that."""

_DATE = re.compile(rb"/CreationDate \(D:\d{14}[^)]*\)")


class GraphvizMissing(Exception):
    """The `dot` program is not installed."""


class LayoutFailed(Exception):
    """`dot` did not draw the text; the message is what it said."""


def picture(dot: str, format: Format) -> bytes:
    """The picture of DOT text, the same bytes for the same text and Graphviz.

    PNG is drawn at twice the resolution of a screen. In PDF, fonts are embedded.

    Raises GraphvizMissing, or LayoutFailed with what `dot` wrote to stderr, or where a PNG would be
    so large that `dot` makes it smaller than it can be read.
    """
    if format == "pdf":
        return _DATE.sub(_timeless, _drawn(dot, format))
    if format == "svg":
        return _drawn(dot, format)
    drawn = _drawn(dot.replace("{\n", f"{{\n  dpi={DPI}\n", 1), format)
    # A PNG begins with its signature, the head of its first chunk, width and height.
    if max(unpack(">II", drawn[16:24])) >= MOST_PIXELS:
        raise LayoutFailed(
            f"the picture is too long for a PNG, which has {MOST_PIXELS:,} pixels at the most: "
            "write it as --svg or --pdf, or draw less of it with --fold stage"
        )
    return drawn


def _drawn(dot: str, format: Format) -> bytes:
    import graphviz

    try:
        drawn: bytes = graphviz.Source(dot).pipe(format=format, quiet=True)
    except graphviz.ExecutableNotFound as error:
        raise GraphvizMissing(
            "drawing needs Graphviz's program 'dot', which is not on the PATH: install it "
            "(Debian: apt-get install graphviz; macOS: brew install graphviz)"
        ) from error
    except graphviz.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip() if error.stderr else str(error)
        raise LayoutFailed(said) from error
    return drawn


def _timeless(date: re.Match[bytes]) -> bytes:
    """The entry of a date, blank: as long as it was, since a PDF tells where its objects begin."""
    return b" " * len(date[0])
