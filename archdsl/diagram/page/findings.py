"""The findings of a page: each with its excerpt, the arithmetic and the remedies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.diagnostics import Diagnostic, Severity
from archdsl.diagnostics.excerpt import Excerpt
from archdsl.diagram.page.html import Children, Element, el
from archdsl.diagram.page.view import View
from archdsl.styled import Line


def findings(view: View) -> Element:
    """An article to each finding, in the order of the text, under how many there are."""
    errors = sum(finding.severity is Severity.ERROR for finding in view.diagnostics)
    warnings = len(view.diagnostics) - errors
    counts = [(errors, "error"), (warnings, "warning")]
    heading = ", ".join(f"{n:,} {noun}{'s' * (n > 1)}" for n, noun in counts if n)
    return el(
        "section",
        el("h2", heading, id="findings-heading"),
        *(
            _article(view, finding, f"finding-{number}")
            for number, finding in enumerate(view.diagnostics, 1)
        ),
        id="findings",
        class_="wrong" if errors else None,
        aria_labelledby="findings-heading",
        tabindex=-1,
    )


def _article(view: View, finding: Diagnostic, name: str) -> Element:
    severity, fixes = finding.severity.value, finding.fixes
    return el(
        "article",
        el(
            "h3",
            el("span", f"{severity} {finding.rule.code}", class_="kind"),
            " ",
            el("span", finding.message, dir="auto"),
        ),
        _place(view, finding),
        _listed("ul", finding.notes, "notes"),
        *(
            el("p", help, ":" if fixes and help is finding.help[-1] else "", class_="help")
            for help in finding.help
        ),
        _listed("ol", [_fix(fix.title, fix.remark) for fix in fixes], "fixes"),
        class_=f"finding {severity}",
        id=name,
    )


def _place(view: View, finding: Diagnostic) -> Children:
    """Where it is, and the lines with what is said of them."""
    if finding.primary is None:
        return None
    span = finding.primary.span
    place = f"{span.source.name}:{span.line}:{span.column}"
    _, *rows = Excerpt(finding.primary, finding.secondary).lines()
    return (
        el("p", el("a", place, href=f"#{view.line_id(span)}"), class_="place"),
        el(
            "pre",
            *_rows(rows),
            class_="excerpt",
            role="region",
            aria_label=f"excerpt of {place}",
            tabindex=0,
        ),
    )


def _rows(rows: Sequence[Line]) -> Iterator[Children]:
    for row in rows:
        for piece in row:
            yield el("span", piece.text, class_=piece.style) if piece.style else piece.text
        yield "\n"


def _listed(tag: str, items: Sequence[Children], kind: str) -> Element | None:
    return el(tag, *(el("li", item) for item in items), class_=kind) if items else None


def _fix(title: str, remark: str) -> Children:
    return el("code", title), el("span", f" {remark}", class_="remark") if remark else None
