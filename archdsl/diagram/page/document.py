"""The document: the sections of a page put together, with its style sheet and its script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import resources

import archdsl
from archdsl.analysis import Analysis
from archdsl.diagnostics import Diagnostic
from archdsl.diagram.page.body import Live, body
from archdsl.diagram.page.colors import style_sheet
from archdsl.diagram.page.html import Element, data, el, raw
from archdsl.diagram.page.picture import Picture, owners
from archdsl.diagram.page.view import View

STYLES = ("look.css", "picture.css", "figures.css", "phone.css", "print.css")
SCRIPTS = ("viewer.js", "page.js")
RELOAD = "live.js"

NO_PICTURE = Picture()


def page(
    analysis: Analysis | None,
    diagnostics: Sequence[Diagnostic] = (),
    picture: Picture = NO_PICTURE,
    *,
    name: str = "",
    live: Live | None = None,
) -> str:
    """A network as one HTML file: the same text for the same arguments. Reads and writes nothing.

    Of a file that gives no network, `analysis` is None, and the page has the findings and the
    source; it is called `name`. The page asks for nothing outside of it: its policy allows its own
    style sheet and its own scripts, by their hashes, and with `live` the events of the server that
    it came from.
    """
    view = View(analysis, diagnostics)
    title = analysis.network.name if analysis else name
    style = raw("style", style_sheet() + "".join(map(_asset, STYLES)))
    scripts = [raw("script", "".join(map(_asset, SCRIPTS)))]
    if live:
        scripts.append(raw("script", _asset(RELOAD)))
    document = el(
        "html",
        el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", http_equiv="Content-Security-Policy", content=_policy(style, scripts, live)),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            el("meta", name="referrer", content="no-referrer"),
            el("meta", name="generator", content=f"archdsl {archdsl.__version__}"),
            el("title", title),
            el("link", rel="icon", href="data:,"),
            style,
        ),
        el(
            "body",
            *body(view, title, picture, live),
            data(_links(view, picture, live), id="links"),
            *scripts,
        ),
        lang="en",
    )
    return f"<!doctype html>\n{document}\n"


def _policy(style: Element, scripts: Sequence[Element], live: Live | None) -> str:
    """What a browser may load and run: what is in the page, told by its hash. No host is named."""
    rules = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": " ".join(map(_hash, scripts)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    if live:
        rules["connect-src"] = "'self'"
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(element: Element) -> str:
    text = "".join(map(str, element.children))
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(file: str) -> str:
    folder = resources.files("archdsl.diagram.page").joinpath("assets")
    return folder.joinpath(file).read_text(encoding="utf-8")


def _links(view: View, picture: Picture, live: Live | None) -> dict[str, object]:
    """What the script cannot see in the page: the lines of each part, and what shows it in the
    picture where that is chosen for another."""
    seen = View(picture.analysis, ())
    owned = owners(seen, picture)
    drawn = {}
    for entry in seen.entries:
        others = dict.fromkeys(owned[name] for name in picture.shown.get(entry.path, ()))
        if others and entry.path not in others:
            drawn[entry.path] = list(others)
    lines = {
        path: list(dict.fromkeys(map(view.line_id, spans))) for path, spans in view.spans.items()
    }
    return {"drawn": drawn, "lines": lines, "version": live.version if live else None}
