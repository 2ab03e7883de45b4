"""Placement: how a network lies on its devices, and what they receive from each other."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from archdsl.analysis.shapes import Flow, Shapes
from archdsl.diagnostics import Findings, Label, catalogue
from archdsl.network import Branches, Group, Layer, Network, subgroups
from archdsl.shape import Misfit, Shape
from archdsl.words.merge import Concat


class Place(NamedTuple):
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
    if network.devices == 1:
        return _undivided(network, shapes)
    placer = _Placer(network, shapes, findings)
    with suppress(_Unknown):
        for stage in network.stages:
            placer.group(stage)
    return placer.places


def _undivided(network: Network, shapes: Shapes) -> dict[str, Place]:
    """On one device, which holds everything."""
    whole = Place(split_input=False, split_output=False, received=0)
    known = takewhile(lambda layer: _is_known(shapes.flows[layer.path]), network.layers)
    return {layer.path: whole for layer in known}


def _is_known(flow: Flow) -> bool:
    return flow.input is not None and flow.output is not None and flow.sound


class _Unknown(Exception):
    """What follows cannot be placed."""


@dataclass(slots=True)
class _Held:
    """A tensor: whether each device holds its part of the channels, and has been sent the rest."""

    split: bool
    gathered: bool = False
    even: bool = True
    """Whether the parts are as even as they can be, the first devices' one more."""


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
            self.held = _Held(held.split, even=held.even)
        self.places[layer.path] = Place(held.split and not gathers, self.held.split, received)

    def _join(self, layer: Branches) -> None:
        before = self.held
        ends = []
        for branch in layer.branches:
            self.held = before
            self.group(branch)
            ends.append(self.held)
        self._input(layer)
        split, even = any(end.split for end in ends), True
        outputs = [self.shapes.flows[branch.path].output for branch in layer.branches]
        known = [shape for shape in outputs if shape is not None]
        if split:
            uneven = not all(end.even for end in ends)
            maps = [shape.channels for shape in known if shape.is_map]
            self._require(layer, _cannot_meet(maps, uneven, self.devices))
            even = _parts_are_even([shape.channels for shape in known], self.devices)
        self.held = _Held(split, even=even or not isinstance(layer.op, Concat))
        self.places[layer.path] = Place(split, split, 0)

    def _input(self, layer: Layer) -> Shape:
        flow = self.shapes.flows[layer.path]
        if flow.input is None or not _is_known(flow):
            raise _Unknown
        return flow.input

    def _require(self, layer: Layer, misfit: Misfit | None) -> None:
        """Report what keeps the devices from dividing a layer's channels.

        Of a layer that is claimed to have others, which they divide, that is a consequence.
        """
        if misfit is None or self.devices_span is None:
            return
        meant = self.shapes.meant.get(layer.path)
        flow = self.shapes.flows[layer.path]
        if meant is not None and self._divide(meant.flow) and not self._divide(flow):
            self.shapes.consequences.setdefault(meant.cause, []).append(layer.title)
        else:
            here = Label(self.devices_span, f"{self.devices} devices")
            self.findings.append(layer.bound.diagnose(misfit, layer.title, (here,)))
        raise _Unknown

    def _divide(self, flow: Flow) -> bool:
        return flow.output is not None and flow.output.channels % self.devices == 0


def _parts_are_even(sizes: list[int], devices: int) -> bool:
    """Whether the parts of divided vectors or maps, put together, are the even parts of all.

    The first devices hold one more of a size that they do not divide. Of one such size that is as
    it should be; of two the first device would hold two more.
    """
    return sum(size % devices > 0 for size in sizes) <= 1


def _cannot_meet(sizes: list[int], uneven: bool, devices: int) -> Misfit | None:
    """What keeps each device from joining its part of every branch."""
    if uneven:
        return Misfit(
            catalogue.INDIVISIBLE,
            None,
            "{layer} joins features that the devices do not hold evenly: a concat before it made "
            "them of vectors that they do not divide",
            help=(f"make the vectors there multiples of {devices}",),
        )
    odd = next((size for size in sizes if size % devices), None)
    if odd is None:
        return None
    return Misfit(
        catalogue.INDIVISIBLE,
        None,
        f"{{layer}} joins {odd} channels with channels that are divided, and {devices} devices do "
        f"not divide {odd}",
        help=(f"join a multiple of {devices} channels",),
    )
