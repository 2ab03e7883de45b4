"""Placement: how a network lies on its devices, and what they receive from each other."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analysis.shapes import Shapes
from archdsl.diagnostics import Findings, Label
from archdsl.network import Network


@dataclass(frozen=True, slots=True)
class Place:
    """One layer on several devices.

    `split_input` and `split_output` say whether each device holds its part of the channels; else
    it holds all of them. `received` counts the numbers per image that devices receive from each
    other before the layer, all devices together.
    """

    split_input: bool
    split_output: bool
    received: int


def place(network: Network, shapes: Shapes, findings: Findings) -> dict[str, Place]:
    """Where each layer's channels are, by path, as far as shapes are known.

    Each device gets half (of two) of every layer's channels. A layer that reads all channels has
    them gathered first: each device receives what the others hold, (devices − 1) · size in all.
    The network's input is given to every device whole.
    """
    places: dict[str, Place] = {}
    split = False
    for stage, layer in network.staged():
        flow = shapes.flows[layer.path]
        if flow.input is None or flow.output is None or not flow.sound:
            break
        gathers = split and layer.op.reads_all()
        received = (network.devices - 1) * flow.input.size if gathers else 0
        before = split and not gathers
        if layer.op.keeps_whole():
            split = False
        elif layer.op.weighted:
            split = network.devices > 1
            misfit = layer.op.indivisible(network.devices)
            if misfit is not None and network.devices_span is not None:
                here = Label(network.devices_span, f"{network.devices} devices")
                findings.append(layer.bound.diagnose(misfit, stage.title(layer), (here,)))
                break
        places[layer.path] = Place(before, split, received)
    return places
