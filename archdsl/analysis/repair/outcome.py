"""What an edit comes to: what is right and wrong then, and how good it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from archdsl.analysis import Analysis
from archdsl.analysis.repair.candidate import Candidate
from archdsl.diagnostics import Diagnostic, Rule, catalogue
from archdsl.network import Layer

Problem: TypeAlias = tuple[Rule, str, int]
"""What is wrong with a shape, and in which line of which file."""


class Rank(NamedTuple):
    """What makes one edit better than another: the least comes first."""

    shapes: int
    """Less the shape claims that it makes true."""
    left: int
    """What stays wrong with shapes."""
    kind: int
    """A typo is a wrong number: 0 for changing one; 1 for adding an argument; 2 for a number that
    would be more than twice or less than half of what it is, which no typo explains."""
    size: float
    others: int
    """Less the other claims that it makes true, and the more that it makes false."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A candidate, and what is so when it is done."""

    candidate: Candidate
    analysis: Analysis
    problems: frozenset[Problem]
    rank: Rank
    balance: int
    """How much more it mends than it breaks: claims, and what is wrong with shapes."""


def is_of(finding: Diagnostic, layer: Layer) -> bool:
    """Whether a finding's place is a layer's statement or its claim."""
    if finding.primary is None:
        return False
    claim = layer.claim.span if layer.claim else layer.head
    return layer.head.holds(finding.primary.span) or claim.holds(finding.primary.span)


def problem(finding: Diagnostic) -> Problem:
    line = finding.primary.span.line if finding.primary else 0
    return finding.rule, finding.file, line


def about_shapes(findings: Iterable[Diagnostic]) -> frozenset[Problem]:
    return frozenset(
        problem(finding) for finding in findings if finding.rule is not catalogue.WRONG_CLAIM
    )
