"""Costs: what each layer, each stage and the whole network learns, computes and keeps."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from archdsl.analysis.placement import Exchange, Place, place
from archdsl.analysis.shapes import Flow, Shapes
from archdsl.diagnostics import Findings
from archdsl.network import Branches, Group, Item, Layer, Network, Repeat, Use
from archdsl.words.word import Op

BYTES = 4
"""Of one number in float32."""


class Memory(NamedTuple):
    """Bytes that training takes, by what they hold."""

    parameters: int
    gradients: int
    state: int
    """Of the optimizer: what it keeps of every parameter from step to step."""
    activations: int

    @property
    def total(self) -> int:
        return sum(self)


class Costs(NamedTuple):
    """Figures of one layer, of one stage, or of a network. All per image where an image matters.

    params: numbers learned. weights, biases: those of conv and linear layers only. macs:
    multiply–accumulates of conv and linear layers, biases not counted. activations: outputs of
    every layer that computes new numbers (for a network, its input too). neurons: outputs of conv
    and linear layers. depth: conv and linear layers. traffic: numbers that devices receive from
    each other in a forward pass, all devices together; what several layers read is counted at the
    first of them, and the gathering of the network's output is not counted.
    """

    params: int = 0
    weights: int = 0
    biases: int = 0
    macs: int = 0
    activations: int = 0
    neurons: int = 0
    depth: int = 0
    traffic: int = 0

    @property
    def flops(self) -> int:
        """Two per multiply–accumulate."""
        return 2 * self.macs

    def memory(self, batch: int, state_slots: int) -> Memory:
        """Bytes to train in float32 at a batch size; the optimizer keeps `state_slots` numbers per
        parameter.

        These are the numbers that every framework has to keep, each counted once: what a figure
        can be claimed of. A framework keeps more, and less. Left out are gradients of activations
        while they pass, buffers (batchnorm's running means), masks and indices (of dropout and
        pooling), a convolution's workspace, copies and what an allocator wastes. Counted although
        a framework may drop them are outputs that no backward pass reads, such as a
        convolution's before a batchnorm that is computed anew, or dropout's while it is off.
        """
        params = BYTES * self.params
        return Memory(params, params, params * state_slots, BYTES * self.activations * batch)


def total(costs: Iterable[Costs]) -> Costs:
    """The sum, figure by figure; of a chain of layers, so depth adds up too."""
    columns = list(zip(*costs, strict=True))
    return Costs(*map(sum, columns)) if columns else Costs()


class Figures(NamedTuple):
    """All figures of a network, by path where they are of its parts."""

    places: dict[str, Place]
    exchanges: tuple[Exchange, ...]
    """What devices send each other, in the order of the text."""
    layers: dict[str, Costs | None]
    """Each layer's own; those of a join without its branches. None where shapes are not known."""
    parts: dict[str, Costs | None]
    """Of every stage and other part, with all that is in it."""
    costs: Costs | None
    """Of the whole network, its input counted among the activations."""

    @property
    def placed(self) -> bool:
        """Whether every layer has its place on the devices, so that traffic is known."""
        return len(self.places) == len(self.layers)


def figures(network: Network, shapes: Shapes, findings: Findings) -> Figures:
    """The figures of a network with these shapes. What cannot be placed goes to `findings`."""
    places, exchanges = place(network, shapes, findings)
    layers = layer_costs(network, shapes, places)
    parts = part_costs(network, layers)
    stages = [parts[stage.path] for stage in network.stages]
    costs = add_up([Costs(activations=network.input.size), *stages])
    return Figures(places, exchanges, layers, parts, costs)


def layer_costs(
    network: Network, shapes: Shapes, places: dict[str, Place]
) -> dict[str, Costs | None]:
    """Each layer's own figures by path, those of a join without its branches; None where its
    shapes are not known."""
    found: dict[str, Costs | None] = {}
    alike: dict[tuple[int, Flow, int], Costs | None] = {}  # layers of repeats, of a block's uses
    for layer in network.layers:
        flow, place = shapes.flows[layer.path], places.get(layer.path)
        received = place.received if place else 0
        key = id(layer.op), flow, received
        if key not in alike:
            alike[key] = _layer(layer.op, flow, received)
        found[layer.path] = alike[key]
    return found


def part_costs(network: Network, layers: dict[str, Costs | None]) -> dict[str, Costs | None]:
    """The figures of every part by path, with all that is in it; None where not all is known."""
    found: dict[str, Costs | None] = {}

    def of_item(item: Item) -> Costs | None:
        match item:
            case Branches():
                branches = [of_group(branch) for branch in item.branches]
                costs = add_up([*branches, layers[item.path]])
                if costs is not None:
                    deepest = max(branch.depth for branch in branches if branch is not None)
                    costs = costs._replace(depth=deepest)
            case Layer():
                costs = layers[item.path]
            case Repeat():
                costs = add_up([of_group(iteration) for iteration in item.iterations])
            case Use():
                costs = of_group(item.body)
            case _:
                costs = of_group(item)
        found[item.path] = costs
        return costs

    def of_group(group: Group) -> Costs | None:
        found[group.path] = add_up([of_item(item) for item in group.items])
        return found[group.path]

    for stage in network.stages:
        of_group(stage)
    return found


def add_up(parts: list[Costs | None]) -> Costs | None:
    """The figures of parts that follow one another, as those of one; None if one is not known."""
    if len(parts) == 1:
        return parts[0]
    known = [part for part in parts if part is not None]
    return total(known) if len(known) == len(parts) else None


def _layer(op: Op, flow: Flow, received: int) -> Costs | None:
    if flow.input is None or flow.output is None or not flow.sound:
        return None
    x = flow.input
    weighted = op.weighted
    made = op.output(x) if weighted else flow.output
    learned = {name: prod(dims) for name, dims in op.weights(x).items()}
    macs_per_output = op.macs(x) // made.size if weighted else 0
    if made.channels != flow.output.channels:
        # What is taken as claimed has the weights and biases of the claimed outputs.
        learned = {
            name: count // made.channels * flow.output.channels for name, count in learned.items()
        }
    return Costs(
        params=sum(learned.values()),
        weights=learned.get("weight", 0) if weighted else 0,
        biases=learned.get("bias", 0) if weighted else 0,
        macs=macs_per_output * flow.output.size,
        activations=flow.output.size if op.computes else 0,
        neurons=flow.output.size if weighted else 0,
        depth=int(weighted),
        traffic=received,
    )
