"""Repair: the small edits of a spec that would make what its author claims true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archdsl.analysis import Analysis, analyse
from archdsl.diagnostics import Diagnostic, Edit, Findings, Fix, catalogue
from archdsl.network import Layer, Network
from archdsl.shape import Shape, Window
from archdsl.source import Span
from archdsl.words.sliding import SlidingOp

REACH = 32
"""How far from the written input size other sizes are tried, in pixels."""

EFFORT = 10_000
"""Layers that are passed through in search of repairs, for all findings of a network together:
about a second. AlexNet's 20 layers under 70 edits take 1,400."""

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

    An edit is offered if it makes this finding go away and the layer's own claim true, brings no
    other finding about shapes, and makes no true shape claim false. Edits of a number that the
    author wrote come before added arguments: a typo is a wrong number.
    """
    return _Search(analysis, findings).repaired()


class _Search:
    def __init__(self, analysis: Analysis, findings: Findings) -> None:
        self.analysis = analysis
        self.findings = findings
        self.wrong = _about_shapes(findings)
        self.layers: dict[Span, Layer] = {}
        for layer in analysis.network.layers:
            self.layers.setdefault(layer.head, layer)
        self.effort = EFFORT

    def repaired(self) -> Findings:
        repaired = Findings()
        for finding in self.findings:
            layer = None
            if finding.rule is catalogue.LOSSY_STRIDE and finding.primary is not None:
                layer = self.layers.get(finding.primary.span)
            repaired.append(self._with_fixes(finding, layer) if layer else finding)
        return repaired

    def _with_fixes(self, finding: Diagnostic, layer: Layer) -> Diagnostic:
        network, op, x = self.analysis.network, layer.op, self.analysis.flow(layer).input
        if x is None or not isinstance(op, SlidingOp):
            return finding
        found = [
            self._first(layer, _input_sizes(network)),
            self._first(layer, _paddings(network, layer, op, x)),
            self._first(layer, iter([_argument(network, layer, "rounding", "ceil", "ceil")])),
        ]
        mended = [mend for mend in found if mend is not None]
        if not mended:
            return finding
        fixes = tuple(
            Fix(candidate.title, (candidate.edit,), self._remark(candidate, after))
            for candidate, after, _ in mended
        )
        whole = all(clean for _, _, clean in mended)
        help = f"these {_effect(self.analysis, layer, whole)}"
        return replace(finding, help=(*finding.help, help), fixes=fixes)

    def _first(
        self, layer: Layer, candidates: Iterator[_Candidate]
    ) -> tuple[_Candidate, Analysis, bool] | None:
        """The first candidate that mends the layer and breaks nothing, analysed.

        The last part says whether nothing is wrong with any shape then.
        """
        this = (catalogue.LOSSY_STRIDE.name, layer.bound.span(None))
        for candidate in candidates:
            self.effort -= len(self.analysis.network.layers)
            if self.effort < 0:
                return None
            problems = Findings()
            after = analyse(candidate.network, problems)
            wrong = _about_shapes(problems)
            if (
                wrong <= self.wrong - {this}
                and not _claims_wrongly(after, layer)
                and not any(
                    old.is_shape and old.holds and not new.holds
                    for old, new in zip(self.analysis.verdicts, after.verdicts, strict=True)
                )
            ):
                return candidate, after, not wrong
        return None

    def _remark(self, candidate: _Candidate, after: Analysis) -> str:
        broken = [
            f"makes '{new.text}' {new.actual:,}"
            for old, new in zip(self.analysis.verdicts, after.verdicts, strict=True)
            if old.holds and not new.holds and isinstance(new.actual, int)
        ]
        return "; ".join([candidate.remark, *broken] if candidate.remark else broken)


def _claims_wrongly(analysis: Analysis, layer: Layer) -> bool:
    claimed = analysis.shapes.claims.get(layer.path)
    return claimed is not None and claimed.holds is False


def _about_shapes(findings: Findings) -> frozenset[tuple[str, Span | None]]:
    """What is wrong with shapes, and where."""
    return frozenset(
        (finding.rule.name, finding.primary.span if finding.primary else None)
        for finding in findings
        if finding.rule is not catalogue.WRONG_CLAIM
    )


def _effect(analysis: Analysis, layer: Layer, whole: bool) -> str:
    """What the edits do, for the line above them."""
    if layer.claim is not None and layer.claim.shape.is_map:
        _, height, width = layer.claim.shape.dims
        size = str(height) if height == width else f"{height}x{width}"
        several = sum(verdict.is_shape for verdict in analysis.verdicts) > 1
        every = (
            ", and with it every shape claim of this file, true" if several and whole else " true"
        )
        return f"make {size}{every}"
    return "lose nothing" if whole else "lose nothing here"


def _input_sizes(network: Network) -> Iterator[_Candidate]:
    """Other sizes of a written CxHxW input, the nearest first; both sides by the same step."""
    span = network.input_span
    if not network.input.is_map or span.text != str(network.input):
        return
    claimed = any(layer.claim for layer in network.layers)
    inherited = _inherited(network, span)
    channels, height, width = network.input.dims
    for step in (signed for n in range(1, REACH + 1) for signed in (n, -n)):
        if height + step < 1 or width + step < 1:
            continue
        shape = Shape((channels, height + step, width + step))
        title = f"input {shape}"
        yield _Candidate(
            title,
            _added_to_variant(network, title) if inherited else Edit(span, str(shape)),
            network.with_changes(input=shape),
            "a wrong number corrected" if claimed else "",
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
    title = f"{field}={text}"
    inherited = _inherited(network, written or layer.head)
    if inherited:
        title = f"set {layer.title} {title}"
        edit = _added_to_variant(network, title)
    elif written is not None:
        edit = Edit(written, title if "=" in written.text else text)
    else:
        end = layer.head.end
        edit = Edit(Span(layer.head.source, end, end), f" {title}")

    def edited(other: Layer) -> Layer:
        """All that the same statement makes; in a variant the one layer that is set."""
        same = other.path == layer.path if inherited else other.head == layer.head
        if not same:
            return other
        word = other.op.model_copy(update={field: value})
        return other.with_changes(bound=replace(other.bound, word=word))

    kernel, stride = (getattr(layer.op, name, None) for name in ("kernel", "stride"))
    remark = _PRECEDENTS.get((field, kernel, stride, value)) or _PRECEDENTS.get(
        (field, None, None, None), ""
    )
    return _Candidate(title, edit, network.mapped(edited), remark)


def _inherited(network: Network, place: Span) -> bool:
    """Whether a place is in the base of a variant, where an edit would change the base as well."""
    arch = network.definition
    return arch.base is not None and not arch.statement.span.holds(place)


def _added_to_variant(network: Network, statement: str) -> Edit:
    """A statement more at the end of a variant's block."""
    block = network.definition.statement.blocks[0].span
    place = Span(block.source, block.end - 1, block.end - 1)
    return Edit(place, f"  {statement}\n" if "\n" in block.text else f"; {statement} ")
