"""What is said of the edits that mend a finding."""

from __future__ import annotations

from archdsl.analysis import Analysis, Verdict
from archdsl.analysis.repair.outcome import Outcome, is_of
from archdsl.diagnostics import Diagnostic, Fix, catalogue
from archdsl.network import Layer

MAX_NAMED = 2
"""Claims that an edit makes true, or false, that are named."""


def with_fixes(finding: Diagnostic, mending: list[Outcome], analysis: Analysis) -> Diagnostic:
    """A finding with the edits that mend it, the best first."""
    if not mending:
        return finding
    layer = next((layer for layer in analysis.network.layers if is_of(finding, layer)), None)
    head = layer.head if layer is not None else None
    all_shapes = (
        finding.rule in (catalogue.LOSSY_STRIDE, catalogue.WRONG_SHAPE)
        and not any(outcome.problems for outcome in mending)
        and sum(verdict.is_shape for verdict in analysis.verdicts) > 1
    )
    fixes = tuple(
        Fix(
            outcome.candidate.called(head),
            outcome.candidate.edits,
            _remark(outcome, finding, analysis, all_shapes),
            rank=tuple(outcome.rank),
        )
        for outcome in mending
    )
    whole = not any(outcome.problems for outcome in mending)
    effect = _effect(finding, layer, all_shapes, whole)
    which = "these" if len(fixes) > 1 else "this"
    verb = effect if len(fixes) > 1 else _singular(effect)
    return finding._replace(help=(*finding.help, f"{which} {verb}"), fixes=fixes)


def _effect(finding: Diagnostic, layer: Layer | None, all_shapes: bool, whole: bool) -> str:
    """What the edits do, for the line above them."""
    every = ", and with it every shape claim of this file," if all_shapes else ""
    match finding.rule:
        case catalogue.WRONG_CLAIM | catalogue.WRONG_SHAPE:
            return f"make it{every} true"
        case catalogue.INDIVISIBLE | catalogue.JOIN_MISMATCH:
            return "make it fit"
        case _ if layer is not None and layer.claim is not None and layer.claim.shape.is_map:
            sizes = dict.fromkeys(layer.claim.shape.dims[1:])
            return f"make {'x'.join(map(str, sizes))}{every} true"
        case _:
            return "lose nothing" if whole else "lose nothing here"


def _singular(effect: str) -> str:
    verb, _, rest = effect.partition(" ")
    return f"{verb}s {rest}"


def _remark(outcome: Outcome, finding: Diagnostic, analysis: Analysis, all_shapes: bool) -> str:
    """What an edit is, and what it does to the other claims; `all_shapes` is said already."""
    parts = [outcome.candidate.remark] if outcome.candidate.remark else []
    made_true, made_false = [], []
    for old, new in zip(analysis.verdicts, outcome.analysis.verdicts, strict=True):
        if old.holds and not new.holds and isinstance(new.actual, int):
            made_false.append(f"makes '{new.text}' {new.actual:,}")
        told = (all_shapes and old.is_shape) or _is_about(finding, old, analysis)
        if new.holds and not old.holds and not told:
            made_true.append(f"'{new.text}'")
    parts += made_false[:MAX_NAMED]
    if len(made_false) > MAX_NAMED:
        parts.append(f"makes {len(made_false) - MAX_NAMED} more claims false")
    if len(made_true) > MAX_NAMED:
        parts.append(f"makes {len(made_true)} more claims true")
    elif made_true:
        parts.append(f"makes {' and '.join(made_true)} true")
    return "; ".join(parts)


def _is_about(finding: Diagnostic, verdict: Verdict, analysis: Analysis) -> bool:
    """Whether a finding is of a claim, or of the layer that is claimed of."""
    if finding.primary is None:
        return False
    claimed = analysis.shapes.claims.get(verdict.subject) if verdict.is_shape else None
    place = claimed.part.head if claimed is not None else verdict.span
    return place.holds(finding.primary.span) or verdict.span.holds(finding.primary.span)
