"""The DOT language: statements, and the HTML-like labels of Graphviz, as text.

Markup is made by these functions alone. `text` is the way from any string to markup; the others
take and give markup.
"""

from __future__ import annotations

import re
import textwrap
from html import escape, unescape

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What XML, and so Graphviz's reader of labels, refuses; and what would break a line."""

_TAG = re.compile("<[^>]*>")


def quoted(name: str) -> str:
    """An id: any string in double quotes. Only a quote ends it, and only a backslash hides one."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def node(name: str, label: str, **attributes: str | float) -> str:
    """A node statement with an HTML-like label."""
    return f"{quoted(name)} [{_attributes(attributes)}label=<{label}>]"


def edge(tail: str, head: str, **attributes: str | float) -> str:
    """An edge statement."""
    listed = _attributes(attributes).rstrip(", ")
    return f"{quoted(tail)} -> {quoted(head)}" + (f" [{listed}]" if listed else "")


def text(raw: str, limit: int) -> str:
    """Any string as markup of at most `limit` characters."""
    clean = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", raw)
    short = clean if len(clean) <= limit else clean[: limit - 1] + "…"
    return escape(short).replace("\\", "\\\\")  # else Graphviz reads \G as the graph's name


def plain(markup: str) -> str:
    """What is read of markup."""
    return unescape(_TAG.sub("", markup)).replace("\\\\", "\\")


def paragraph(raw: str, width: int, most: int) -> list[str]:
    """Any string as at most `most` lines of markup, at most `width` characters, evenly long."""
    lines = _wrap(raw, width)
    if len(lines) > most:
        lines = [*lines[: most - 1], _cut(lines[most - 1], width - 2) + " …"]
    else:
        wraps = (_wrap(raw, narrower) for narrower in range(width // 2, width))
        lines = next((wrap for wrap in wraps if len(wrap) == len(lines)), lines)
    return [text(line, width) for line in lines]


def _wrap(raw: str, width: int) -> list[str]:
    return textwrap.wrap(raw, width, break_on_hyphens=False)


def _cut(line: str, width: int) -> str:
    """A line without the words that do not fit; of a first word that does not, what fits."""
    if len(line) <= width:
        return line
    return line[: width + 1].rpartition(" ")[0] or line[:width]


def font(markup: str, size: int, color: str | None = None) -> str:
    """Markup in a size (points) and a colour; nothing stays nothing, as Graphviz wants it."""
    if not markup:
        return ""
    colour = f' COLOR="{color}"' if color else ""
    return f'<FONT POINT-SIZE="{size}"{colour}>{markup}</FONT>'


def bold(markup: str) -> str:
    return f"<B>{markup}</B>"


def struck(markup: str) -> str:
    """Markup with a line through it."""
    return f"<S>{markup}</S>"


def cell(markup: str, **attributes: str | float) -> str:
    """A table's cell."""
    return f"<TD{_html(attributes)}>{markup}</TD>"


def named(name: str, tip: str) -> dict[str, str]:
    """What makes a cell an element `a_NAME` of an SVG, which shows the `tip` under the mouse.

    Graphviz keeps the id of a cell only where it has a link or, as here, a frame for one.
    """
    return {"ID": text(name, len(name)), "TARGET": "_self", "TITLE": tip}


def row(*cells: str) -> str:
    return f"<TR>{''.join(cells)}</TR>"


def table(*rows: str, **attributes: str | float) -> str:
    """A table of rows; without lines and spaces, but for what `attributes` say."""
    plain: dict[str, str | float] = {"BORDER": 0, "CELLBORDER": 0, "CELLSPACING": 0}
    return f"<TABLE{_html(plain | attributes)}>{''.join(rows)}</TABLE>"


def _attributes(attributes: dict[str, str | float]) -> str:
    return "".join(
        f"{key}={value if isinstance(value, int | float) else quoted(value)}, "
        for key, value in attributes.items()
    )


def _html(attributes: dict[str, str | float]) -> str:
    return "".join(f' {key}="{value}"' for key, value in attributes.items())
