"""The structural difference of two networks, as their author would tell it.

Claims are no part of it: they say nothing of what is computed or trained, and `check` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analysis import Analysis
from archdsl.diagnostics import Diagnostic
from archdsl.diff import settings
from archdsl.diff.compare import Comparison
from archdsl.diff.explain import explained
from archdsl.diff.forms import Forms
from archdsl.diff.tell import Change, told
from archdsl.network import Stage


@dataclass(frozen=True)
class Pair:
    """A stage before and after; None where there is none."""

    before: Stage | None
    after: Stage | None
    agree: bool
    """Same layers, same shapes, same figures."""


@dataclass(frozen=True)
class Difference:
    """Two networks, what changed from the one to the other, and their stages side by side."""

    before: Analysis
    after: Analysis
    network: tuple[Change, ...]
    """Parameters, input and devices."""
    layers: tuple[Change, ...]
    training: tuple[Change, ...]
    """Initial weights and the recipe."""
    stages: tuple[Pair, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """All of them; none if the networks are the same."""
        return self.network + self.layers + self.training


def prevents(finding: Diagnostic) -> bool:
    """Whether the network is not what its author means, and cannot be compared.

    That is so of findings about files, syntax, words and names: E0 to E2.
    """
    return finding.rule.code < "E3"


def unsettles(finding: Diagnostic) -> bool:
    """Whether figures of the network may be unknown or wrong: of findings about shapes, E3."""
    return finding.rule.code.startswith("E3")


def difference(before: Analysis, after: Analysis) -> Difference:
    """What an author would tell of two networks; findings about either are not among it."""
    x, y = before.network, after.network
    with_parameters = explained(x, y, {})
    comparison = Comparison(before, with_parameters, after)
    if comparison.arguments_differ:
        with_parameters = explained(x, y, comparison.twins)
        comparison = Comparison(before, with_parameters, after)
    stages = comparison.stages
    originals = {stage.name: stage for stage in x.stages}
    pairs = [(None if old is None else originals.get(old.name), new) for old, new in stages]
    return Difference(
        before,
        after,
        tuple(settings.header(x, with_parameters.network, y)),
        tuple(told(comparison)),
        (*settings.initial(x, y, stages), *settings.recipe(x, y, stages)),
        tuple(
            Pair(old, new, _agree(before, after, old, new, comparison.forms)) for old, new in pairs
        ),
    )


def _agree(
    before: Analysis, after: Analysis, old: Stage | None, new: Stage | None, forms: Forms
) -> bool:
    if old is None or new is None or forms(old) != forms(new):
        return False
    return (
        before.parts[old.path] == after.parts[new.path]
        and before.shapes.flows[old.path].output == after.shapes.flows[new.path].output
    )


__all__ = ["Change", "Difference", "Pair", "difference", "prevents", "unsettles"]
