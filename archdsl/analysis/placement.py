"""Placement: how a network lies on its devices, and what they receive from each other."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
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

    `longer` says how the output's channels are divided, where they are. Each number n in it is a
    remainder: the first n devices hold one more. Channels that the devices divide leave none, the
    features of a linear layer one, and a concat has those of its branches.
    """

    split_input: bool
    split_output: bool
    received: int
    longer: tuple[int, ...] = ()


class Exchange(NamedTuple):
    """What devices send each other: the parts of a tensor that a layer reads whole.

    `readers` are the layers that read it, the one that waits for it first; `source` is the path of
    the layer that computed it; `shape` is CxHxW or F, as the first reader takes it. `received`
    counts numbers per image, all devices together.
    """

    readers: tuple[Layer, ...]
    source: str
    shape: Shape
    received: int


class Placement(NamedTuple):
    """Where each layer's channels are, by path, and the exchanges that this takes, in order."""

    places: dict[str, Place]
    exchanges: tuple[Exchange, ...] = ()


def place(network: Network, shapes: Shapes, findings: Findings) -> Placement:
    """Divide the layers over the devices, as far as shapes are known.

    Each device gets half (of two) of every layer's channels. A layer that reads all channels has
    them gathered first: each device receives what the others hold, (devices − 1) · size in all.
    What several branches read is gathered once. The network's input is given to every device
    whole; where branches meet of which only some are divided, each device takes its part of the
    others, which it has.
    """
    if network.devices == 1:
        return Placement(_undivided(network, shapes))
    placer = _Placer(network, shapes, findings)
    with suppress(_Unknown):
        for stage in network.stages:
            placer.group(stage)
    exchanges = (
        Exchange(tuple(held.readers), held.source, shape, placer.received(shape))
        for shape, held in placer.gathered
    )
    return Placement(placer.places, tuple(exchanges))


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
    """A tensor: whether each device holds its part of the channels, and who was sent the rest."""

    split: bool
    source: str = ""
    """The path of the layer that computed it; empty for the network's input."""
    longer: tuple[int, ...] = ()
    """As in Place."""
    readers: list[Layer] = field(default_factory=list)
    """The layers that read all of it where it is divided."""

    @property
    def even(self) -> bool:
        """Whether the parts are the even parts of all channels, the first devices' one more.

        Of one size that the devices do not divide they are. Of two that a concat puts together
        the first device would hold two more.
        """
        return len(self.longer) <= 1


class _Placer:
    def __init__(self, network: Network, shapes: Shapes, findings: Findings) -> None:
        self.devices = network.devices
        self.devices_span = network.devices_span
        self.shapes = shapes
        self.findings = findings
        self.held = _Held(split=False)
        self.places: dict[str, Place] = {}
        self.gathered: list[tuple[Shape, _Held]] = []
        """Each tensor that is sent around, with its shape where it is first read."""

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

    def received(self, shape: Shape) -> int:
        """The numbers per image that all devices lack of a divided tensor."""
        return (self.devices - 1) * shape.size

    def _layer(self, layer: Layer) -> None:
        x, output = self._ends(layer)
        held, op = self.held, layer.op
        gathers = held.split and op.reads_all()
        received = 0
        if gathers:
            if not held.readers:
                self.gathered.append((x, held))
                received = self.received(x)
            held.readers.append(layer)
        if op.keeps_whole():
            self.held = _Held(split=False, source=layer.path)
        elif op.weighted:
            self._require(layer, op.indivisible(self.devices))
            self.held = _Held(True, layer.path, self._longer(output.channels))
        elif op.computes:
            self.held = _Held(held.split, layer.path, held.longer)
        own = held.split and not gathers
        self.places[layer.path] = Place(own, self.held.split, received, self.held.longer)

    def _join(self, layer: Branches) -> None:
        before = self.held
        ends = []
        for branch in layer.branches:
            self.held = before
            self.group(branch)
            ends.append(self.held)
        _, output = self._ends(layer)
        self.held = _Held(any(end.split for end in ends), layer.path)
        if self.held.split:
            outputs = [self.shapes.flows[branch.path].output for branch in layer.branches]
            known = [shape for shape in outputs if shape is not None]
            uneven = not all(end.even for end in ends)
            maps = [shape.channels for shape in known if shape.is_map]
            self._require(layer, _cannot_meet(maps, uneven, self.devices))
            joined = known if isinstance(layer.op, Concat) else [output]
            self.held.longer = self._longer(*(shape.channels for shape in joined))
        split = self.held.split
        self.places[layer.path] = Place(split, split, 0, self.held.longer)

    def _longer(self, *sizes: int) -> tuple[int, ...]:
        """How many devices hold one more of each size, for those that they do not divide."""
        return tuple(rest for size in sizes if (rest := size % self.devices))

    def _ends(self, layer: Layer) -> tuple[Shape, Shape]:
        """What goes in and what comes out. Raises _Unknown."""
        x, output, sound = self.shapes.flows[layer.path]
        if x is None or output is None or not sound:
            raise _Unknown
        return x, output

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
