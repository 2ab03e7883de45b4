"""Claims: what the author says of the network, and whether it is so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.analysis.costs import Costs
from archdsl.analysis.shapes import ClaimedShape, Shapes
from archdsl.diagnostics import Diagnostic, Findings, at, catalogue
from archdsl.network import Network, ShapeClaim
from archdsl.source import Span
from archdsl.words.bind import Bound
from archdsl.words.declaration import Expect
from archdsl.words.word import Amount

ABOUT = 0.05
"""`~60M` holds within this share of the claimed figure."""

INPUT = "input"
"""The subject of `expect input neurons 154_587`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim and its proof. `holds` is None where it cannot be judged; `remark` then says why.

    `claimed` and `actual` are figures, or shapes as text; `actual` is None where it is not known.
    """

    text: str
    holds: bool | None
    claimed: int | float | str
    actual: int | str | None
    span: Span
    is_shape: bool
    relation: str = "="
    """One of `= ~ <= >=`."""
    subject: str = ""
    """The path of what is claimed of; empty for the whole network."""
    remark: str = ""

    @property
    def difference(self) -> float | None:
        """(actual − claimed) / claimed, for figures that are claimed to be so, not bounded."""
        if isinstance(self.claimed, str) or not isinstance(self.actual, int) or not self.claimed:
            return None
        if self.relation not in ("=", "~"):
            return None
        return (self.actual - self.claimed) / abs(self.claimed)


def judge(
    network: Network,
    shapes: Shapes,
    costs: Costs | None,
    parts: Mapping[str, Costs | None],
    placed: bool,
    findings: Findings,
) -> tuple[Verdict, ...]:
    """Every claim of the network with its verdict, in the order of the file.

    `parts` are the figures of all parts by path. `placed` says whether every layer has its place
    on the devices, so that traffic is known.
    """
    verdicts = [
        _shape_verdict(found.part.claim, found)
        for found in shapes.claims.values()
        if found.part.claim is not None
    ]
    for expect in network.expects:
        verdict = _expectation(network, shapes, expect, costs, parts, placed, findings)
        if verdict is not None:
            verdicts.append(verdict)
    return tuple(sorted(verdicts, key=lambda verdict: verdict.span.start))


def _shape_verdict(claim: ShapeClaim, found: ClaimedShape) -> Verdict:
    return Verdict(
        f"{found.part.title} -> {claim.shape}",
        found.holds,
        str(claim.shape),
        str(found.actual) if found.actual else None,
        claim.span,
        is_shape=True,
        subject=found.part.path,
    )


def _expectation(
    network: Network,
    shapes: Shapes,
    expect: Bound[Expect],
    costs: Costs | None,
    parts: Mapping[str, Costs | None],
    placed: bool,
    findings: Findings,
) -> Verdict | None:
    claim = expect.word
    subject, figures = network.name, costs
    if claim.stage == INPUT:
        subject, figures = (
            "the input",
            Costs(neurons=network.input.size, activations=network.input.size),
        )
    elif claim.stage is not None:
        if claim.stage not in parts:
            return None  # reported where the file was read
        subject, figures = claim.stage, parts[claim.stage]
    text = expect.statement.head.text.removeprefix("expect").strip()
    span = expect.statement.head
    amount, path = claim.amount, claim.stage or ""

    def unjudged(remark: str) -> Verdict:
        return Verdict(text, None, amount.value, None, span, False, amount.relation, path, remark)

    if figures is None or network.overridden:
        changed = ", ".join(sorted(network.overridden))
        remark = f"--set changes {changed}" if network.overridden else "not every shape is known"
        return unjudged(remark)
    if not network.edits_sound:
        return unjudged("an edit has errors")
    if claim.quantity == "memory" and not network.recipe_sound:
        return unjudged("the recipe has errors")
    if claim.quantity == "traffic" and not placed:
        return unjudged("the placement has errors")
    actual = _figure(claim.quantity, figures, network)
    holds = _holds(amount, actual)
    verdict = Verdict(text, holds, amount.value, actual, span, False, amount.relation, path)
    if not holds:
        findings.append(_wrong(network, shapes, expect, subject, verdict))
    return verdict


def _figure(quantity: str, costs: Costs, network: Network) -> int:
    if quantity == "memory":
        recipe = network.recipe
        slots = recipe.optimizer.state_slots() if recipe else 0
        return costs.memory(recipe.batch if recipe else 1, slots)
    figure: int = getattr(costs, quantity)
    return figure


def _holds(amount: Amount, actual: int) -> bool:
    match amount.relation:
        case "~":
            return abs(actual - amount.value) <= ABOUT * abs(amount.value)
        case "<=":
            return actual <= amount.value
        case ">=":
            return actual >= amount.value
        case _ if amount.exact or amount.places <= 0:
            return actual == amount.value
        case _:
            return bool(_rounded(actual, amount.places) == amount.value)


def _rounded(figure: int, places: int) -> int:
    """The figure, rounded half up to a multiple of 10**places."""
    unit: int = 10**places
    return (figure + unit // 2) // unit * unit


def _wrong(
    network: Network, shapes: Shapes, expect: Bound[Expect], subject: str, verdict: Verdict
) -> Diagnostic:
    claim, actual = expect.word, verdict.actual
    assert isinstance(actual, int)
    amount = claim.amount
    notes = []
    stage = network.groups.get(claim.stage) if claim.stage else None
    if stage is not None:
        notes += [
            f"at the claimed {layer.claim.shape}"
            for layer in stage.layers
            if layer.claim is not None
            and shapes.claims[layer.path].holds is False
            and shapes.flows[layer.path].output == layer.claim.shape
        ][:1]
    if verdict.difference is not None:
        more = "more" if verdict.difference > 0 else "less"
        notes.append(f"{percent(abs(verdict.difference)).lstrip('+')} {more} than claimed")
    if amount.relation == "=" and not amount.exact and amount.places > 0:
        rounded, unit = _rounded(actual, amount.places), 10**amount.places
        notes.append(f"rounded half up to the claim's last digit it is {rounded:,}")
        if actual // unit * unit == amount.value:
            notes.append("the claim's digits were cut off, not rounded")
    relation = {"=": "", "~": "about ", "<=": "at most ", ">=": "at least "}[amount.relation]
    unit = " bytes" if claim.quantity == "memory" else ""
    figure = (
        f"{subject}'s {claim.quantity} is {actual:,}{unit}"
        if claim.quantity in _MASS
        else f"{subject} has {actual:,} {claim.quantity}"
    )
    return at(
        catalogue.WRONG_CLAIM,
        expect.span("amount"),
        f"{figure}, not {relation}{amount.value:,}",
        label=f"{actual:,}",
        notes=tuple(notes),
    )


_MASS = ("depth", "memory", "traffic")


def percent(share: float) -> str:
    """`+1.6 %`, with a true minus sign."""
    text = f"{share:+.1%}" if abs(share) < 10 else f"{share:+,.0%}"
    return text.replace("%", " %").replace("-", "−")
