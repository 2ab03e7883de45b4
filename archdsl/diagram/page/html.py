"""Elements of HTML and SVG, escaped by construction.

`el` is the only way from any string to markup: a text is escaped where it is written, and an
element is a value that no text can be mistaken for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from archdsl.styled import INVISIBLE

VOID = frozenset({"br", "hr", "link", "meta"})
"""Elements that have no end."""

RAW = frozenset({"script", "style"})
"""Elements whose text is not read as markup, and so is not escaped: see `raw`."""

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
"""What HTML does not allow, and what would show text in another order than it is in."""

_OF_SCRIPTS = re.compile("[<>&\u2028\u2029]")
"""What ends a script's element, or once ended a line of one."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element with its attributes and what is in it."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Child, ...]

    def __str__(self) -> str:
        written: list[str] = []
        _write(self, written)
        return "".join(written)


Child: TypeAlias = "Element | str"
Children: TypeAlias = "Element | str | Iterable[Children] | None"
"""What may be given for the inside of an element; nothing stands for None."""

Value: TypeAlias = "str | int | float | bool | None"


def el(tag: str, *children: Children, **attributes: Value) -> Element:
    """An element. `class_` is the attribute class, `aria_label` is aria-label.

    An attribute that is True has no value; one that is None or False is left out.
    """
    given = tuple(
        (name.rstrip("_").replace("_", "-"), "" if value is True else str(value))
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    return Element(tag, given, tuple(_flat(children)))


def raw(tag: str, text: str, **attributes: Value) -> Element:
    """A script or a style sheet. Raises ValueError for a text that could end its element."""
    if tag not in RAW or re.search("</|<!--", text):
        raise ValueError(f"this is no text of a {tag} element")
    return el(tag, text, **attributes)


def data(value: object, **attributes: Value) -> Element:
    """A value as JSON for the page's script, sorted, in which no character ends its element."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    safe = _OF_SCRIPTS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return raw("script", safe, type="application/json", **attributes)


def _flat(children: Children) -> Iterator[Child]:
    if isinstance(children, Element | str):
        yield children
    elif children is not None:
        for child in children:
            yield from _flat(child)


def _write(element: Element, written: list[str]) -> None:
    given = "".join(f' {name}="{_visible(escape(text))}"' for name, text in element.attributes)
    written.append(f"<{element.tag}{given}>")
    if element.tag in VOID:
        return
    for child in element.children:
        if isinstance(child, Element):
            _write(child, written)
        else:
            written.append(child if element.tag in RAW else _visible(escape(child, quote=False)))
    written.append(f"</{element.tag}>")


def _visible(text: str) -> str:
    return _OBEYED.sub(INVISIBLE, text)
