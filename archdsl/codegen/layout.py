"""How a network lies on its devices in a generated module, and what stands between its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from archdsl.analysis import Analysis
from archdsl.network import Branches, Group, Item, Layer, subgroups
from archdsl.shape import Shape, even_part


class Layout(StrEnum):
    """Where a network of several devices is computed."""

    FUSED = "fused"
    """On one device, with grouped convolutions."""
    TOWERS = "towers"
    """In one process on several devices."""
    RANKS = "ranks"
    """In several processes, each with one device's part."""


class Move(StrEnum):
    """What stands before a layer: a class of runtime/towers.py, and of runtime/ranks.py."""

    SPREAD = "Spread"
    """From what all devices compute alike to what they divide, read whole."""
    GATHER = "Gather"
    """From each device's channels to all on every device, which each reads for its part."""
    COLLECT = "Collect"
    """From each device's channels to all, with which all devices go on alike."""
    OWN = "Own"
    """From all channels on every device to each device's."""
    FIRST = "First"
    """From all channels, gathered to be divided, to what all devices go on with alike."""


Moves: TypeAlias = "tuple[tuple[Move, tuple[int, ...]], ...]"
"""Moves one after the other, each with the devices' channels: of what they have, or for OWN will
have; none where they all have everything."""


class Held(StrEnum):
    """How devices hold a tensor."""

    ALIKE = "alike"
    """All of it, and all do the same with it: the input, what follows a softmax."""
    GATHERED = "gathered"
    """All of it, and each reads it for its part."""
    OWN = "own"
    """Each its channels."""


class Tensor(NamedTuple):
    """A tensor as the devices hold it: how, and each device's channels where they are divided."""

    held: Held
    sizes: tuple[int, ...] = ()


class Step(NamedTuple):
    """A layer with what stands before it."""

    moves: Moves
    held: Held
    """How the layer gets its input."""
    sizes: tuple[int, ...]
    """The devices' channels of it, where it is divided."""
    ends: tuple[Moves, ...] = ()
    """Of a join: what stands at the end of each branch."""


class Route:
    """Walks a network and finds what stands between its layers, so that each gets what it reads.

    What several branches read is gathered once, before they part.
    """

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.devices = analysis.network.devices
        self.steps: dict[str, Step] = {}
        self.outputs: dict[str, tuple[int, ...]] = {}
        """Each device's channels of what a layer gives, by path, where they are divided."""
        self.tensor = Tensor(Held.ALIKE)
        self.after: dict[str, tuple[int, ...]] = {}
        """Each device's channels after a stage, by its name, where they are divided."""
        for stage in analysis.network.stages:
            self._group(stage)
            self.after[stage.name] = self.tensor.sizes
        self.last = tuple(self._become(Held.ALIKE))
        """What stands behind the last layer."""

    def _group(self, group: Group) -> None:
        for item in group.items:
            match item:
                case Branches():
                    self._join(item)
                case Layer():
                    self._layer(item)
                case _:
                    for inner in subgroups(item):
                        self._group(inner)

    def _layer(self, layer: Layer) -> None:
        op, place = layer.op, self.analysis.places[layer.path]
        moves: list[tuple[Move, tuple[int, ...]]] = []
        if op.keeps_whole():
            moves += self._become(Held.ALIKE)
        elif op.reads_all() and place.split_output:
            moves += self._become(Held.GATHERED)
        elif place.split_output and op.computes:
            shape = self._shape(layer, output=False)
            sizes = self.tensor.sizes or _even(shape.channels, self.devices)
            moves += self._become(Held.OWN, sizes)
        held, before = self.tensor
        self.steps[layer.path] = Step(tuple(moves), held, before)
        if not place.split_output:
            self.tensor = Tensor(held if not op.computes else Held.ALIKE)
        else:
            after = held if held is Held.GATHERED and not op.computes else Held.OWN
            self.tensor = Tensor(after, self._sizes(layer))
        self.outputs[layer.path] = self.tensor.sizes if self.tensor.held is Held.OWN else ()

    def _join(self, join: Branches) -> None:
        place = self.analysis.places[join.path]
        moves: list[tuple[Move, tuple[int, ...]]] = []
        # What is gathered still has each device's own; what all have alike is read so by others.
        which = {Held.OWN: any, Held.ALIKE: all}.get(self.tensor.held)
        if which is not None and which(_gathers(branch, which) for branch in join.branches):
            moves += self._become(Held.GATHERED)
        before = self.tensor
        ends = []
        for branch in join.branches:
            self.tensor = before
            self._group(branch)
            output = self.analysis.shapes.flows[branch.path].output
            assert output is not None, "only networks that check are generated"
            if place.split_output:
                sizes = self.tensor.sizes or _even(output.channels, self.devices)
                ends.append(tuple(self._become(Held.OWN, sizes)))
            else:
                ends.append(tuple(self._become(Held.ALIKE)))
        self.steps[join.path] = Step(tuple(moves), before.held, before.sizes, tuple(ends))
        self.tensor = (
            Tensor(Held.OWN, self._sizes(join)) if place.split_output else Tensor(Held.ALIKE)
        )
        self.outputs[join.path] = self.tensor.sizes

    def _become(
        self, wanted: Held, sizes: tuple[int, ...] = ()
    ) -> Iterator[tuple[Move, tuple[int, ...]]]:
        """What takes the tensor from how it is held to how it is wanted."""
        held, own = self.tensor
        match held, wanted:
            case Held.ALIKE, Held.GATHERED:
                yield Move.SPREAD, ()
            case Held.ALIKE, Held.OWN:
                yield Move.SPREAD, ()
                yield Move.OWN, sizes
                own = sizes
            case Held.GATHERED, Held.ALIKE:
                yield Move.FIRST, ()
            case Held.GATHERED, Held.OWN:
                yield Move.OWN, own
            case Held.OWN, Held.GATHERED:
                yield Move.GATHER, own
            case Held.OWN, Held.ALIKE:
                yield Move.COLLECT, own
        self.tensor = Tensor(wanted, () if wanted is Held.ALIKE else own)

    def _shape(self, layer: Layer, output: bool) -> Shape:
        flow = self.analysis.flow(layer)
        shape = flow.output if output else flow.input
        assert shape is not None, "only networks that check are generated"
        return shape

    def _sizes(self, layer: Layer) -> tuple[int, ...]:
        """Each device's channels of what a layer gives."""
        channels = self._shape(layer, output=True).channels
        longer = self.analysis.places[layer.path].longer
        least = (channels - sum(longer)) // self.devices
        return tuple(least + sum(d < more for more in longer) for d in range(self.devices))


def _even(channels: int, devices: int) -> tuple[int, ...]:
    return tuple(even_part(channels, device, devices) for device in range(devices))


def _gathers(group: Group, which: Callable[[Iterable[bool]], bool]) -> bool:
    """Whether the first that computes in a branch reads all channels; of a join, any or all."""
    return _first_gathers(group.items, which) is True


def _first_gathers(items: Sequence[Item], which: Callable[[Iterable[bool]], bool]) -> bool | None:
    """None if nothing in them computes."""
    for item in items:
        match item:
            case Branches():
                return which(_gathers(branch, which) for branch in item.branches)
            case Layer():
                if item.op.computes:
                    return item.op.reads_all() and not item.op.keeps_whole()
            case _:
                inside = (_first_gathers(group.items, which) for group in subgroups(item))
                found = next((each for each in inside if each is not None), None)
                if found is not None:
                    return found
    return None
