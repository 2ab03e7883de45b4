"""What the tests of the page use: pages of specs, and what a parser finds in them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from archdsl.compiler import Compilation
from archdsl.diagram.page import Picture, draw, page
from archdsl.diagram.page.html import VOID
from tests.helpers import SPECS, compiled

HOSTILE = r"""
# </script><script>hacked=1</script> <img src=x onerror=hacked=1> ]]> --> "quotes' \ &lt;b&gt;
use "</script><script>hacked=1</script>.arch"
block fire(squeeze, expand) { # javascript:hacked=1 </style><style>*{display:none}</style>
  conv squeeze 1x1
}
# größer <b onmouseover=hacked=1> مرحبا بالعالم 🎉 \u202e
arch Net(onerror=3, script=8) {
  input (onerror, 32, 32)
  alert:     conv script 3x3 pad=1      -> 8x32x32 # <svg onload=hacked=1>
             fire 8 8
  constructor: linear 10                # ${hacked=1} {{hacked=1}} `hacked=1`
             <script>hacked=1</script>
  __proto__: linear 10
  expect params "<img src=x onerror=hacked=1>"
  train { data folder "'\"><script>hacked=1</script>" }
}
"""
"""Every place of a spec that takes text, with text that a careless page would run. Some of it is
wrong, so that the messages quote it as well."""


def shipped(name: str) -> Compilation:
    return compiled((SPECS / f"{name}.arch").read_text(encoding="utf-8"))


def page_of(compilation: Compilation, *, picture: Picture | None = None) -> str:
    """The page of the only network, as `render --html` makes it."""
    analysis = compilation.archs[0] if compilation.archs else None
    if picture is None:
        picture = draw(analysis, compilation.diagnostics) if analysis else Picture()
    return page(analysis, compilation.diagnostics, picture, name="spec.arch")


class Parsed(HTMLParser):
    """The elements of a page with their attributes, and the text of each, as a browser reads it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]
