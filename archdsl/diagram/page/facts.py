"""Facts: all that is known of one part, as the page shows it beside the picture and in print."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis import Verdict
from archdsl.diagnostics import Diagnostic
from archdsl.diagram.chips import family, written
from archdsl.diagram.page.claims import actual, mark_of
from archdsl.diagram.page.html import Child, Element, el
from archdsl.diagram.page.view import Entry, View
from archdsl.diagram.page.workings import workings
from archdsl.network import Item, Layer, Stage, brief
from archdsl.reference import summary
from archdsl.source import Span


def facts(view: View, entry: Entry) -> Element:
    """What a part takes and gives, its arithmetic, where it is written, what is claimed of it."""
    part = entry.part
    what, findings = _what(part), view.findings.get(entry.path, ())
    return el(
        "div",
        el("p", el("strong", entry.path), " ", el("span", said(part), class_="brief")),
        el("p", what, class_="what") if what else None,
        el("dl", *_figures(view, entry)),
        el("ul", *map(_finding, findings)) if findings else None,
        class_="facts",
        id=f"facts-{entry.number}",
    )


def said(part: Item) -> str:
    """A part in a few characters."""
    return brief(part) if isinstance(part, Stage) else part.brief


def _what(part: Item) -> str:
    """What a layer does, as the reference says it; of one that cannot be read, nothing."""
    return summary(type(part.op)) if isinstance(part, Layer) and family(part) else ""


def _figures(view: View, entry: Entry) -> Iterator[Child]:
    flow, found = view.analysis.shapes.flows[entry.path], workings(view.analysis, entry.part)
    yield from _pair("shape", f"{written(flow.input)} → {written(flow.output)}", *found.shape)
    for name, text in (
        ("parameters", found.params),
        ("MACs", found.macs),
        ("activations", found.activations),
        ("received", f"{found.traffic} numbers" if found.traffic else ""),
    ):
        if text:
            yield from _pair(name, text)
    claims = [_claim(view, verdict) for verdict in view.claims.get(entry.path, ())]
    if claims:
        yield from (el("dt", "claims"), el("dd", el("ul", *claims)))
    spans = view.spans[entry.path]
    if spans:
        yield from (el("dt", "source"), el("dd", *_places(view, spans)))


def _pair(name: str, *lines: str) -> Iterator[Element]:
    yield el("dt", name)
    yield el("dd", *(el("div", line) for line in lines))


def _places(view: View, spans: tuple[Span, ...]) -> Iterator[Child]:
    """Links to the lines, each once."""
    lines = {view.line_id(span): span for span in spans}
    for number, (target, span) in enumerate(lines.items()):
        several = "" if span.source is view.sources[0] else f"{span.source.name}, "
        yield ", " if number else ""
        yield el("a", f"{several}line {span.line}", href=f"#{target}")


def _claim(view: View, verdict: Verdict) -> Element:
    return el(
        "li",
        mark_of(verdict),
        " ",
        verdict.text,
        f", and it is {actual(verdict)}" if verdict.holds is False else "",
        f" ({verdict.remark})" if verdict.remark else "",
    )


def _finding(finding: Diagnostic) -> Element:
    severity = finding.severity.value
    return el("li", el("strong", f"{severity}: "), finding.message, class_=severity)
