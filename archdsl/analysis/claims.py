"""Claims: what the author says of the network, and whether it is so."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from archdsl.analysis.costs import Costs, Figures, Memory, figures
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

MAX_TERMS = 6
"""The most exchanges that are told of a figure of traffic."""

MANY = 10
"""A figure this many times as large as claimed is told as a multiple, not in percent."""


class Verdict(NamedTuple):
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
    memory: tuple[str, ...] = ()
    """Of a claim of memory: what the figure is the sum of, in bytes."""

    @property
    def difference(self) -> float | None:
        """(actual − claimed) / claimed, for figures that are claimed to be so, not bounded."""
        if isinstance(self.claimed, str) or not isinstance(self.actual, int) or self.claimed <= 0:
            return None
        if self.relation not in ("=", "~"):
            return None
        return (self.actual - self.claimed) / self.claimed

    @property
    def off(self) -> str:
        """The difference to read: `+1.6 %`, `1,235 times`, or `+1` where percent say nothing."""
        share = self.difference
        if share is None or isinstance(self.claimed, str) or not isinstance(self.actual, int):
            return ""
        if share + 1 >= MANY:
            return f"{share + 1:,.0f} times"
        if share and abs(share) < _LEAST:
            return _signed(f"{self.actual - self.claimed:+,}")
        return percent(share)


def judge(
    network: Network, shapes: Shapes, found: Figures, findings: Findings
) -> tuple[Verdict, ...]:
    """Every claim of the network with its verdict, in the order of the file.

    A figure that is wrong only because rows are lost, or because a layer does not give the shape
    that is claimed for it, is a consequence: it would be right of the network as it is meant.
    """
    verdicts = [
        _shape_verdict(claimed.part.claim, claimed)
        for claimed in shapes.claims.values()
        if claimed.part.claim is not None
    ]
    court = _Court(network, shapes, found, findings)
    expected = (court.verdict(expect) for expect in network.expects)
    verdicts += [verdict for verdict in expected if verdict is not None]
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


class _Court:
    """Judges the `expect` lines of one network."""

    def __init__(
        self, network: Network, shapes: Shapes, found: Figures, findings: Findings
    ) -> None:
        self.network = network
        self.shapes = shapes
        self.found = found
        self.findings = findings

    @cached_property
    def meant(self) -> Figures | None:
        """The figures of the network as its author seems to mean it; None if that is as it is."""
        if not self.shapes.meant:
            return None
        return figures(self.network, self.shapes.as_meant(), Findings())

    def verdict(self, expect: Bound[Expect]) -> Verdict | None:
        """The verdict on one claim, with a finding where it is wrong."""
        claim = expect.word
        if claim.stage not in (None, INPUT) and claim.stage not in self.found.parts:
            return None  # reported where the file was read
        costs = self._costs(claim, self.found)
        verdict = Verdict(
            text=expect.statement.head.text.removeprefix("expect").strip(),
            holds=None,
            claimed=_figure(claim.amount.value),
            actual=None,
            span=expect.statement.head,
            is_shape=False,
            relation=claim.amount.relation,
            subject=claim.stage or "",
            remark=self._unjudged(claim, costs),
        )
        if verdict.remark or costs is None:
            return verdict
        actual = self._actual(claim, costs)
        memory = self._memory(costs) if claim.quantity == "memory" else None
        holds = _holds(claim.amount, actual)
        verdict = verdict._replace(
            holds=holds,
            actual=actual,
            memory=_told(memory, self.network) if memory is not None else (),
        )
        if holds:
            return verdict
        for cause, said in self._causes(claim):
            told = f"{said} '{verdict.text}'"
            self.shapes.consequences.setdefault(cause, []).append(told)
            return verdict._replace(remark="a consequence")
        self.findings.append(self._wrong(expect, verdict))
        return verdict

    def _unjudged(self, claim: Expect, costs: Costs | None) -> str:
        """Why a claim cannot be judged; empty if it can."""
        network = self.network
        if network.overridden:
            return f"--set changes {', '.join(sorted(network.overridden))}"
        if not network.edits_sound:
            return "an edit has errors"
        if costs is None:
            return "not every shape is known"
        if claim.quantity == "memory" and not network.recipe_sound:
            return "the recipe has errors"
        if claim.quantity == "traffic" and not self.found.placed:
            return "the placement has errors"
        return ""

    def _costs(self, claim: Expect, found: Figures) -> Costs | None:
        """The costs of what is claimed of."""
        if claim.stage is None:
            return found.costs
        if claim.stage == INPUT:
            size = self.network.input.size
            return Costs(neurons=size, activations=size)
        return found.parts[claim.stage]

    def _actual(self, claim: Expect, costs: Costs) -> int:
        if claim.quantity == "memory":
            return self._memory(costs).total
        actual: int = getattr(costs, claim.quantity)
        return actual

    def _memory(self, costs: Costs) -> Memory:
        recipe = self.network.recipe
        slots = recipe.optimizer.state_slots() if recipe else 0
        return costs.memory(recipe.batch if recipe else 1, slots)

    def _causes(self, claim: Expect) -> Iterator[tuple[int, str]]:
        """Where in the findings the mistakes are but for which a wrong claim would hold.

        Whether it would is not known of a repeat or a block that does not give the shape claimed
        for all of it: which of its layers is meant otherwise cannot be told.
        """
        if self.meant is None:
            return
        inside = "" if claim.stage is None else f"{claim.stage}."
        costs = self._costs(claim, self.meant)
        known = claim.quantity != "traffic" or self.meant.placed
        if costs is not None and known and _holds(claim.amount, self._actual(claim, costs)):
            for path, meant in self.shapes.meant.items():
                if path.startswith(inside):
                    yield meant.cause, "the claim"
        for path, cause in self.shapes.unclear.items():
            if path.startswith(inside):
                yield cause, "perhaps the claim"

    def _wrong(self, expect: Bound[Expect], verdict: Verdict) -> Diagnostic:
        claim, amount, actual = expect.word, expect.word.amount, verdict.actual
        assert isinstance(actual, int)
        notes = self._at_claimed_shape(claim)
        if (difference := _difference(verdict, claim.quantity)) is not None:
            notes.append(difference)
        if amount.relation == "=" and not amount.exact and amount.places > 0:
            rounded, unit = _rounded(actual, amount.places), 10**amount.places
            notes.append(f"rounded half up to the claim's last digit it is {rounded:,}")
            if actual // unit * unit == amount.value:
                notes.append("the claim's digits were cut off, not rounded")
        if verdict.memory:
            notes.append(" + ".join(verdict.memory))
        if claim.quantity == "traffic":
            notes += self._sum_of_exchanges(claim)
        relation = {"=": "", "~": "about ", "<=": "at most ", ">=": "at least "}[amount.relation]
        subject = {None: self.network.name, INPUT: "the input"}.get(claim.stage, claim.stage)
        unit_of = in_bytes if claim.quantity == "memory" else "{:,}".format
        figure = (
            f"{subject}'s {claim.quantity} is {unit_of(actual)}"
            if claim.quantity in _MASS
            else f"{subject} has {actual:,} {claim.quantity}"
        )
        return at(
            catalogue.WRONG_CLAIM,
            expect.span("amount"),
            f"{figure}, not {relation}{verdict.claimed:,}",
            label=f"{actual:,}",
            notes=tuple(notes),
        )

    def _sum_of_exchanges(self, claim: Expect) -> list[str]:
        """What a figure of traffic is the sum of, if it is one that is read at a glance."""
        inside = "" if claim.stage is None else f"{claim.stage}."
        parts = [
            f"{exchange.received:,} before {exchange.readers[0].title}"
            for exchange in self.found.exchanges
            if f"{exchange.readers[0].path}.".startswith(inside)
        ]
        return [" + ".join(parts)] if 1 < len(parts) <= MAX_TERMS else []

    def _at_claimed_shape(self, claim: Expect) -> list[str]:
        """Which shape claim the figures of a stage stand on."""
        stage = self.network.groups.get(claim.stage) if claim.stage else None
        return [
            f"at the claimed {layer.claim.shape}"
            for layer in (stage.layers if stage is not None else ())
            if layer.claim is not None
            and self.shapes.claims[layer.path].holds is False
            and self.shapes.flows[layer.path].output == layer.claim.shape
        ][:1]


def _told(memory: Memory, network: Network) -> tuple[str, ...]:
    """The parts of a figure of memory, each in bytes with what it is of."""
    recipe = network.recipe
    images = recipe.batch if recipe else 1
    state = f"{recipe.optimizer.word}'s state" if recipe else "optimizer state, without a recipe"
    return (
        f"{memory.parameters:,} of parameters",
        f"{memory.gradients:,} of gradients",
        f"{memory.state:,} of {state}",
        f"{memory.activations:,} of activations ({images:,} image{'s' * (images > 1)})",
    )


def _figure(value: int | float) -> int | float:
    """1e6 as the whole number that it is."""
    return int(value) if value == int(value) else value


def _difference(verdict: Verdict, quantity: str) -> str | None:
    """How far a figure is from its claim, as a sentence's end; None where that says nothing."""
    share = verdict.difference
    if share is None:
        return None
    if share + 1 >= MANY:
        return f"{verdict.off} as {'much' if quantity in _MASS else 'many'} as claimed"
    return f"{verdict.off.lstrip('+−')} {'more' if share > 0 else 'less'} than claimed"


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


_MASS = ("depth", "memory", "traffic")
"""Quantities that there is much of, not many."""

_LEAST = 0.0005
"""The share from which on percent are not 0.0 %."""


def in_bytes(count: int) -> str:
    """`1,796,446,000 bytes (1.80 GB)`: the rest of the way in the unit that people compare in."""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count:,} bytes ({count / size:,.2f} {unit})"
    return f"{count:,} bytes"


def percent(share: float) -> str:
    """`+1.6 %`, with a true minus sign; as many digits as it takes not to be told as 0 or 100 %,
    which it is not: `−99.95 %`."""
    size, digits = abs(share), 1 if abs(share) < 10 else 0
    while size not in (0, 1) and f"{size:.{digits}%}" in (f"{0:.{digits}%}", f"{1:.{digits}%}"):
        digits += 1
    return _signed(f"{share:+,.{digits}%}".replace("%", " %"))


def _signed(text: str) -> str:
    return text.replace("-", "−")
