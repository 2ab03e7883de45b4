"""What goes on inside a network: histograms of its activations, and the units that are dead.

They are taken while held-out images are judged, from the output of every activation function, or
of every convolution and linear layer where a network has none. A *unit* is a channel of a map or a
feature of a vector. It is dead if it is zero everywhere in every held-out image: a histogram over
all units cannot tell that from units that are silent most of the time.

A histogram is of whole images, evenly spread over the set: about VALUES numbers of a layer, which
bounds its cost. Bin b holds what lies from 0.1·sinh(b / 20) to 0.1·sinh((b + 1) / 20): bins as
narrow as 0.005 about 0, and of 5 % of the value far from it. Zeros are in no bin.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.modules import activation
from torch.utils.hooks import RemovableHandle

from archdsl.training.keeping.record import tensors_as_bytes
from archdsl.training.together.team import Team

VALUES: Final = 2**18
"""About how many numbers of a layer its histogram is made of."""

_NARROWEST, _PER_E = 0.1, 20
_BINS: Final = 200
"""On each side of zero. What lies further out, at about 1,100, is in the last one."""
_HEAD: Final = 1 + 2 * _BINS + 1
"""What is counted before the units: the images, what is in each bin, and the zeros."""


def edges(first: int, count: int) -> NDArray[np.float64]:
    """The count + 1 edges of `count` bins from bin `first`."""
    return _NARROWEST * np.sinh(np.arange(first, first + count + 1) / _PER_E)


@dataclass(frozen=True)
class Activations:
    """One layer at one evaluation. Lines of activations.jsonl are this, after their step."""

    layer: str
    units: int
    dead: int
    """Units that are zero in every held-out image."""
    zero: float
    """Share of zeros, 0..1, over all units, places and held-out images."""
    values: int
    """How many numbers the histogram is of, its zeros included."""
    first: int
    """The bin that `counts` begins with; what is left away on both sides is empty."""
    counts: list[int]


def units(network: nn.Module, images: Tensor) -> dict[str, int]:
    """How many units each layer has that a `Watch` looks at, in the network on one device.

    Only the shape of `images`, nxCxHxW, counts: both may be on the meta device.
    """
    found: dict[str, int] = {}

    def note(name: str, layer: nn.Module, inputs: Any, output: Tensor) -> None:
        found[name] = output.shape[1]

    handles = [
        layer.register_forward_hook(partial(note, name)) for name, layer in _watched(network)
    ]
    with torch.no_grad():
        network.eval()(images)
    for handle in handles:
        handle.remove()
    return found


class Watch:
    """Looks at a network's activations while so many images are judged, each view of one counted.

    This process begins with the one of number `first`. Where it has a part of the network, `units`
    says how many units each layer has in all.
    """

    def __init__(
        self,
        network: nn.Module,
        images: int,
        first: int = 0,
        units: Mapping[str, int] | None = None,
    ) -> None:
        whole = units or {}
        self._layers = {
            name: (layer, _Layer(images, first, whole.get(name)))
            for name, layer in _watched(network)
        }
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> "Watch":
        self._handles = [
            layer.register_forward_hook(seen.hook) for layer, seen in self._layers.values()
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def found(self, team: Team) -> list[Activations]:
        """Of every layer that was computed, in the network's order, from what all have seen.

        All processes have to ask; the leading one is told, and the others get nothing.
        """
        layers = {name: seen for name, (_, seen) in self._layers.items() if seen.computed}
        own = {name: team.total(seen.counted()) for name, seen in layers.items()}
        parts = [load(part) for part in team.collected(tensors_as_bytes(own))]
        if not parts:
            return []
        return [seen.found(name, [part[name] for part in parts]) for name, seen in layers.items()]


class _Layer:
    """What is counted of one layer, which has so many units in all, by default those that it has
    here."""

    def __init__(self, images: int, first: int, units: int | None) -> None:
        self._images = images
        self._first = first
        self._units = units
        self._seen = 0
        self._places = 0
        self._active: list[Tensor] = []
        self._bins: list[Tensor] = []
        """For each device."""

    @property
    def computed(self) -> bool:
        return bool(self._active)

    def hook(self, layer: nn.Module, inputs: Any, output: Tensor | list[Tensor]) -> None:
        """Look at an output nxC or nxCxHxW; of a network on several devices, at each one's part."""
        parts = output if isinstance(output, list) else [output]
        active = [
            torch.count_nonzero(part, dim=[d for d in range(part.dim()) if d != 1])
            for part in parts
        ]
        self._places = parts[0].shape[2:].numel()
        self._units = self._units or sum(part.shape[1] for part in parts)
        # Whole images, each `every`-th of the set: sets are often in the order of their classes.
        every = max(1, -(-self._images * self._units * self._places // VALUES))
        skipped = -(self._first + self._seen) % every
        bins = [_binned(part[skipped::every]) for part in parts]
        self._seen += len(parts[0])
        self._active = _added(self._active, active)
        self._bins = _added(self._bins, bins)

    def counted(self) -> Tensor:
        """What this process has counted: images, the histogram, and each unit's values that are
        not zero."""
        device = self._active[0].device
        bins = torch.stack([part.to(device) for part in self._bins]).sum(0)
        active = [part.to(device) for part in self._active]
        return torch.cat([torch.tensor([self._seen], device=device), bins, *active])

    def found(self, name: str, parts: Sequence[Tensor]) -> Activations:
        """From what each process has counted that has a part of the network."""
        divided = sum(len(part) - _HEAD for part in parts) == self._units
        own = parts if divided else parts[:1]  # what all have whole is counted once
        images = int(own[0][0])
        *bins, zeros = torch.stack([part[1:_HEAD] for part in own]).sum(0).tolist()
        active = torch.cat([part[_HEAD:] for part in own])
        numbers = len(active) * self._places * images
        filled = [number for number, count in enumerate(bins) if count]
        first, end = (filled[0], filled[-1] + 1) if filled else (_BINS, _BINS)
        return Activations(
            layer=name,
            units=len(active),
            dead=int((active == 0).sum()),
            zero=(numbers - int(active.sum())) / numbers,
            values=sum(bins) + zeros,
            first=first - _BINS,
            counts=bins[first:end],
        )


def _added(before: list[Tensor], more: list[Tensor]) -> list[Tensor]:
    return [a + b for a, b in zip(before, more, strict=True)] if before else more


def _binned(x: Tensor) -> Tensor:
    """How many of the values are in each bin, and in the end how many are zero."""
    values = x.float()
    places = (values / _NARROWEST).asinh_().mul_(_PER_E).floor_().clamp_(-_BINS, _BINS - 1)
    # What is not a number ends the run by its loss; here it must only not be an index.
    places = places.add_(_BINS).nan_to_num_().masked_fill_(values == 0, 2 * _BINS)
    return torch.bincount(places.flatten().int(), minlength=2 * _BINS + 1)


def _watched(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers to look at by name."""
    return _of(network, _is_function) or _of(
        network, lambda layer: isinstance(layer, nn.Conv2d | nn.Linear)
    )


def _is_function(layer: nn.Module) -> bool:
    return type(layer).__module__ == activation.__name__ and not isinstance(layer, nn.Softmax)


def _of(
    network: nn.Module, wanted: Callable[[nn.Module], bool], prefix: str = ""
) -> list[tuple[str, nn.Module]]:
    """The layers of a kind. One that several devices divide is a list of its parts."""
    found: list[tuple[str, nn.Module]] = []
    for name, layer in network.named_children():
        parts = list(layer) if isinstance(layer, nn.ModuleList) else []
        if wanted(layer) or (parts and all(map(wanted, parts))):
            found.append((prefix + name, layer))
        else:
            found += _of(layer, wanted, f"{prefix}{name}.")
    return found
