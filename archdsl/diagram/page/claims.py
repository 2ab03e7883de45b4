"""The table of claims: each with its verdict, what is claimed and what is so."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis import Verdict
from archdsl.analysis.claims import in_bytes
from archdsl.diagram.page.cells import head
from archdsl.diagram.page.html import Child, Element, el
from archdsl.diagram.page.view import View
from archdsl.report import UNKNOWN

MARKS = {True: ("✓", "holds"), False: ("✗", "wrong"), None: ("?", "not judged")}
"""A verdict's sign, and how it is read out."""


def claims(view: View) -> Element:
    """Every claim with its verdict, what is claimed and what is so."""
    return el(
        "table",
        el("caption", "What the author claims, and what is so."),
        head(("claim", "claimed", "is", "off", "line")),
        el("tbody", *(_claim(view, verdict) for verdict in view.analysis.verdicts)),
        class_="claims",
    )


def _claim(view: View, verdict: Verdict) -> Element:
    relation = "" if verdict.relation == "=" else f"{verdict.relation} "
    claimed = verdict.claimed if isinstance(verdict.claimed, str) else f"{verdict.claimed:,}"
    target = view.line_id(verdict.span)
    return el(
        "tr",
        el("th", mark_of(verdict), " ", verdict.text, scope="row"),
        el("td", f"{relation}{claimed}", class_="number"),
        el("td", actual(verdict) or UNKNOWN, *_terms(verdict), class_="number"),
        el("td", "" if verdict.holds and verdict.relation == "=" else verdict.off, class_="number"),
        el("td", el("a", str(verdict.span.line), href=f"#{target}"), class_="number"),
        class_={True: "holds", False: "wrong", None: "not-judged"}[verdict.holds],
        data_part=verdict.subject or None,
    )


def _terms(verdict: Verdict) -> Iterator[Child]:
    """Why a claim is not judged; what a figure of memory is the sum of."""
    for text in (verdict.remark, *verdict.memory):
        if text:
            yield el("div", text, class_="remark")


def mark_of(verdict: Verdict) -> Element:
    """A verdict's sign, which is read out in words."""
    mark, said = MARKS[verdict.holds]
    return el("span", mark, class_=f"mark {said.replace(' ', '-')}", role="img", aria_label=said)


def actual(verdict: Verdict) -> str:
    """The figure, or the shape, that is so; empty where it is not known."""
    if isinstance(verdict.actual, int):
        return in_bytes(verdict.actual) if verdict.memory else f"{verdict.actual:,}"
    return verdict.actual or ""
