"""Placement: how a network lies on its devices, and what they receive from each other."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from archdsl.analysis.shapes import Shapes
from archdsl.diagnostics import Findings, Label, catalogue
from archdsl.network import Branches, Group, Layer, Network, subgroups
from archdsl.shape import Misfit, Shape


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
    What several branches read is gathered once. The network's input is given to every device
    whole; where branches meet of which only some are divided, each device takes its part of the
    others, which it has.
    """
    placer = _Placer(network, shapes, findings)
    with suppress(_Unknown):
        for stage in network.stages:
            placer.group(stage)
    return placer.places


class _Unknown(Exception):
    """What follows cannot be placed."""


@dataclass(slots=True)
class _Held:
    """A tensor: whether each device holds its part of the channels, and has been sent the rest."""

    split: bool
    gathered: bool = False


class _Placer:
    def __init__(self, network: Network, shapes: Shapes, findings: Findings) -> None:
        self.devices = network.devices
        self.devices_span = network.devices_span
        self.shapes = shapes
        self.findings = findings
        self.held = _Held(split=False)
        self.places: dict[str, Place] = {}

    def group(self, group: Group) -> None:
        """Place what stands in a group. Raises _Unknown."""
        for item in group.items:
            match item:
                case Branches():
                    self._join(item)
                case Layer():
                    self._layer(item)
                case _:
                    for inner in subgroups(item):
                        self.group(inner)

    def _layer(self, layer: Layer) -> None:
        x = self._input(layer)
        held, op = self.held, layer.op
        gathers = held.split and op.reads_all()
        received = (self.devices - 1) * x.size if gathers and not held.gathered else 0
        held.gathered |= gathers
        if op.keeps_whole():
            self.held = _Held(split=False)
        elif op.weighted:
            self._require(layer, op.indivisible(self.devices))
            self.held = _Held(split=self.devices > 1)
        elif op.computes:
            self.held = _Held(held.split)
        self.places[layer.path] = Place(held.split and not gathers, self.held.split, received)

    def _join(self, layer: Branches) -> None:
        before = self.held
        ends = []
        for branch in layer.branches:
            self.held = before
            self.group(branch)
            ends.append(self.held)
        self._input(layer)
        split = any(end.split for end in ends)
        for branch, end in zip(layer.branches, ends, strict=True):
            shape = self.shapes.flows[branch.path].output
            if split and not end.split and shape is not None and shape.is_map:
                self._require(layer, _undivided(shape, self.devices))
        self.held = _Held(split)
        self.places[layer.path] = Place(split, split, 0)

    def _input(self, layer: Layer) -> Shape:
        flow = self.shapes.flows[layer.path]
        if flow.input is None or flow.output is None or not flow.sound:
            raise _Unknown
        return flow.input

    def _require(self, layer: Layer, misfit: Misfit | None) -> None:
        """Report what keeps the devices from dividing a layer's channels."""
        if misfit is not None and self.devices_span is not None:
            here = Label(self.devices_span, f"{self.devices} devices")
            self.findings.append(layer.bound.diagnose(misfit, layer.title, (here,)))
            raise _Unknown


def _undivided(shape: Shape, devices: int) -> Misfit | None:
    """Channels that every device has, to be joined with channels of which each has its part."""
    if shape.channels % devices == 0:
        return None
    return Misfit(
        catalogue.INDIVISIBLE,
        None,
        f"{{layer}} joins {shape.channels} channels with channels that are divided, and "
        f"{devices} devices do not divide {shape.channels}",
        help=(f"join a multiple of {devices} channels",),
    )
