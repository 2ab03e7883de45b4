"""Workings: how the figures of a part come about, as a person would write them down."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from archdsl.analysis import Analysis, Costs
from archdsl.network import Branches, Item, Layer, Repeat, Stage, Use, subgroups
from archdsl.shape import Misfit, Shape, product, times
from archdsl.words.word import Unbound

MAX_TERMS = 8
"""Of a sum of parts that is written out."""


class Workings(NamedTuple):
    """Each figure with what it is reckoned from; empty where there is none, or it is not known."""

    shape: tuple[str, ...] = ()
    params: str = ""
    macs: str = ""
    activations: str = ""
    traffic: str = ""


def workings(analysis: Analysis, part: Item) -> Workings:
    """The workings of a layer; of another part, a stage or a join, the sums over what is in it."""
    if isinstance(part, Layer):
        own = _of_layer(analysis, part)
        if isinstance(part, Branches):
            return _of_sums(analysis, part)._replace(shape=own.shape)
        return own
    return _of_sums(analysis, part)


def _of_layer(analysis: Analysis, layer: Layer) -> Workings:
    flow, costs = analysis.flow(layer), analysis.layers[layer.path]
    inputs = _inputs(analysis, layer)
    if isinstance(layer.op, Unbound) or not inputs:
        return Workings()
    try:
        shape = layer.op.workings(*inputs)
    except Misfit as misfit:
        return Workings(misfit.notes)  # the arithmetic of why it cannot be
    if costs is None or flow.input is None or flow.output is None:
        return Workings(shape)
    weights = layer.op.weights(flow.input)
    return Workings(
        shape,
        _params(weights, costs),
        _macs(weights, costs, flow.output),
        flow.output.product if costs.activations else "",
        _traffic(analysis, flow.input, costs),
    )


def _inputs(analysis: Analysis, layer: Layer) -> list[Shape]:
    """What a layer reads; of a join, what its branches give. Nothing where not all is known."""
    flows = analysis.shapes.flows
    if isinstance(layer, Branches):
        read = [flows[branch.path].output for branch in layer.branches]
    else:
        read = [flows[layer.path].input]
    known = [shape for shape in read if shape is not None]
    return known if len(known) == len(read) else []


def _params(weights: dict[str, tuple[int, ...]], costs: Costs) -> str:
    """`96·3·11·11 + 96 = 34,944`, the sizes of the tensors that are learned."""
    if sum(map(prod, weights.values())) != costs.params:
        return f"{costs.params:,}, for the output that is claimed"
    if len(weights) < 2:
        return "".join(product(*dims) for dims in weights.values())
    return f"{' + '.join(times(*dims) for dims in weights.values())} = {costs.params:,}"


def _macs(weights: dict[str, tuple[int, ...]], costs: Costs, output: Shape) -> str:
    """`96·55·55 × 3·11·11 = 105,415,200`: the outputs, and what each of them reads."""
    if not costs.macs:
        return ""
    each = costs.macs // output.size
    reads = next((dims[1:] for dims in weights.values() if prod(dims[1:]) == each), (each,))
    return f"{times(*output.dims)} × {times(*reads) or 1} = {costs.macs:,}"


def _traffic(analysis: Analysis, x: Shape, costs: Costs) -> str:
    """`(2 − 1) × 256·13·13 = 43,264`: all devices but one lack each number of the input."""
    if not costs.traffic:
        return ""
    return f"({analysis.network.devices} − 1) × {times(*x.dims)} = {costs.traffic:,}"


def _of_sums(analysis: Analysis, part: Item) -> Workings:
    found = _inside(analysis, part)
    known = [costs for costs in found if costs is not None]
    if len(known) < len(found):
        return Workings()
    return Workings(
        (),
        _sum([costs.params for costs in known]),
        _sum([costs.macs for costs in known]),
        _sum([costs.activations for costs in known]),
        _sum([costs.traffic for costs in known]),
    )


def _inside(analysis: Analysis, part: Item) -> list[Costs | None]:
    """The costs of what a part is the sum of; a join is one after its branches."""
    match part:
        case Stage():
            return [analysis.parts[item.path] for item in part.items]
        case Use():
            return [analysis.parts[item.path] for item in part.body.items]
        case Branches():
            branches = [analysis.parts[branch.path] for branch in part.branches]
            return [*branches, analysis.layers[part.path]]
        case Repeat():
            return [analysis.parts[body.path] for body in subgroups(part)]
    return []


def _sum(terms: list[int]) -> str:
    """`1,024 + 576 = 1,600` of those that are not 0; a single one is the figure itself."""
    terms = [term for term in terms if term]
    total = f"{sum(terms):,}"
    if len(terms) < 2 or len(terms) > MAX_TERMS:
        return total if terms else ""
    return f"{' + '.join(f'{term:,}' for term in terms)} = {total}"
