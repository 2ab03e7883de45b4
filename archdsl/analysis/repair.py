"""Repair: the small edits of a spec that would make what its author claims true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archdsl.analysis import Analysis, analyse
from archdsl.diagnostics import Diagnostic, Edit, Findings, Fix, catalogue
from archdsl.network import Layer, Network, Stage
from archdsl.shape import Shape, Window
from archdsl.source import Span
from archdsl.words.bind import Bound
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Op

REACH = 32
"""How far from the written input size other sizes are tried, in pixels."""

_PRECEDENTS: dict[tuple[object, ...], str] = {
    ("pad", Window(11, 11), Window(4, 4), Window(2, 2)): "as in torchvision's AlexNet",
    ("rounding", None, None, None): "as in cuda-convnet, on which AlexNet was trained",
}


@dataclass(frozen=True, slots=True)
class _Candidate:
    title: str
    edit: Edit
    network: Network
    remark: str


def with_repairs(analysis: Analysis, findings: Findings) -> Findings:
    """The findings, those about lossy strides with the edits that would mend them.

    An edit is offered if, with it, every shape claim of the network holds and no layer loses
    anything. Edits of a number that the author wrote come before added arguments: a typo is a
    wrong number.
    """
    repaired = Findings()
    for finding in findings:
        layer = _lossy_layer(analysis.network, finding)
        repaired.append(_repaired(analysis, layer, finding) if layer else finding)
    return repaired


def _lossy_layer(network: Network, finding: Diagnostic) -> Layer | None:
    if finding.rule is not catalogue.LOSSY_STRIDE or finding.primary is None:
        return None
    spans = {layer.bound.statement.head: layer for layer in network.layers}
    return spans.get(finding.primary.span)


def _repaired(analysis: Analysis, layer: Layer, finding: Diagnostic) -> Diagnostic:
    fixes = []
    for candidate in _candidates(analysis, layer):
        after = analyse(candidate.network, Findings())
        broken = [
            f"makes '{verdict.text}' {verdict.actual:,}"
            for before, verdict in zip(analysis.verdicts, after.verdicts, strict=True)
            if before.holds and not verdict.holds and isinstance(verdict.actual, int)
        ]
        remark = "; ".join([candidate.remark, *broken] if candidate.remark else broken)
        fixes.append(Fix(candidate.title, (candidate.edit,), remark))
    if not fixes:
        return finding
    claims = sum(verdict.is_shape for verdict in analysis.verdicts)
    height = layer.claim.shape.dims[-2:] if layer.claim and layer.claim.shape.is_map else None
    makes = ""
    if height:
        size = height[0] if height[0] == height[1] else f"{height[0]}x{height[1]}"
        makes = (
            f"make {size}, and with it every shape claim, true"
            if claims > 1
            else (f"make {size} true")
        )
    verb = makes or ("keep every shape claim, and lose nothing" if claims else "lose nothing")
    return replace(finding, help=(*finding.help, f"these {verb}"), fixes=tuple(fixes))


def _candidates(analysis: Analysis, layer: Layer) -> Iterator[_Candidate]:
    network = analysis.network
    x = analysis.flow(layer).input
    op = layer.op
    if x is None or not isinstance(op, SlidingOp):
        return
    yield from _first(_input_sizes(network))
    yield from _first(_paddings(network, layer, op, x))
    yield from _first(iter([_argument(network, layer, "rounding", "ceil", "ceil")]))


def _first(candidates: Iterator[_Candidate]) -> Iterator[_Candidate]:
    """The first candidate, if there is one, with which nothing is wrong with any shape."""
    for candidate in candidates:
        findings = Findings()
        after = analyse(candidate.network, findings)
        shapes_hold = all(v.holds for v in after.verdicts if v.is_shape)
        if shapes_hold and all(f.rule is catalogue.WRONG_CLAIM for f in findings):
            yield candidate
            return


def _input_sizes(network: Network) -> Iterator[_Candidate]:
    """Other sizes of a written CxHxW input, the nearest first; both sides by the same step."""
    span = network.input_span
    if not network.input.is_map or span.text != str(network.input):
        return
    channels, height, width = network.input.dims
    for step in (signed for n in range(1, REACH + 1) for signed in (n, -n)):
        if height + step < 1 or width + step < 1:
            continue
        shape = Shape((channels, height + step, width + step))
        yield _Candidate(
            f"input {shape}",
            Edit(span, str(shape)),
            network.model_copy(update={"input": shape}),
            "a wrong number corrected",
        )


def _paddings(network: Network, layer: Layer, op: SlidingOp, x: Shape) -> Iterator[_Candidate]:
    height, _ = op.axes(x)
    for pad in range(height.kernel // 2 + 1):
        if pad != height.pad:
            yield _argument(network, layer, "pad", Window(pad, pad), str(pad))


def _argument(
    network: Network, layer: Layer, field: str, value: Window | str, text: str
) -> _Candidate:
    """The network with one argument of one layer changed, and the edit that does it."""
    written = layer.bound.arguments.get(field)
    end = layer.bound.statement.head.end
    source = layer.bound.statement.head.source
    edit = (
        Edit(written, f"{field}={text}")
        if written is not None
        else Edit(Span(source, end, end), f" {field}={text}")
    )
    op = layer.op.model_copy(update={field: value})
    bound: Bound[Op] = Bound(op, layer.bound.statement, layer.bound.arguments)
    stages = tuple(_with_layer(stage, layer, bound) for stage in network.stages)
    kernel, stride = getattr(op, "kernel", None), getattr(op, "stride", None)
    remark = _PRECEDENTS.get((field, kernel, stride, value)) or _PRECEDENTS.get(
        (field, None, None, None), ""
    )
    changed = network.model_copy(update={"stages": stages})
    return _Candidate(f"{field}={text}", edit, changed, remark)


def _with_layer(stage: Stage, layer: Layer, bound: Bound[Op]) -> Stage:
    layers = tuple(
        old.model_copy(update={"bound": bound}) if old is layer else old for old in stage.layers
    )
    return stage.model_copy(update={"layers": layers})
