"""A network on several devices in one process: each has a part of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Towers(nn.ModuleList):
    """One layer on several devices, each of which computes its part of the channels.

    Input and output are lists of tensors NxC or NxCxHxW, one for each device. In a
    state_dict it is one layer again: the parts' tensors put together along dim 0, as
    on one device, so that weights go from any layout to any other.
    """

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__(parts)
        self.register_state_dict_post_hook(_put_together)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_take_apart)  # type: ignore[no-untyped-call]

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        return [part(x) for part, x in zip(self, xs, strict=True)]


def part(size: int, tower: int, towers: int) -> int:
    """How many of `size` features a tower has: the first may have one more."""
    return size // towers + (tower < size % towers)


def place(network: nn.Module, devices: Sequence[torch.device]) -> None:
    """Move every part to its device, and what is not divided to the first."""
    network.to(devices[0])
    for module in network.modules():
        if isinstance(module, Towers):
            for part, device in zip(module, devices, strict=False):
                part.to(device)


class Spread(nn.Module):
    """Give every device what the first one has."""

    def __init__(self, devices: Sequence[torch.device]) -> None:
        super().__init__()
        self.devices = devices

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        (x,) = xs
        return [x.to(device, non_blocking=True) for device in self.devices]


class Gather(nn.Module):
    """Give every device all channels: its own, and copies of what the others have."""

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        devices = dict.fromkeys(x.device for x in xs)
        # All copies are under way before the first is waited for.
        copies = {d: [x.to(d, non_blocking=True) for x in xs] for d in devices}
        whole = {device: torch.cat(parts, dim=1) for device, parts in copies.items()}
        return [whole[x.device] for x in xs]


class Own(nn.Module):
    """Of all channels, which every device has, leave each its own: `sizes` of them."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        return [
            torch.split(x, list(self.sizes), 1)[tower] for tower, x in enumerate(xs)
        ]


class Collect(nn.Module):
    """Put all channels together on the first device, which goes on alone."""

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        device = xs[0].device
        return [torch.cat([x.to(device, non_blocking=True) for x in xs], dim=1)]


class First(nn.Module):
    """Go on with the first device alone: all have the same."""

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        return xs[:1]


def memory_order(x: Tensor) -> torch.memory_format:
    """Of a map with one channel, too, which torch takes for both."""
    last = x.dim() == 4 and x.stride(1) == 1
    return torch.channels_last if last else torch.contiguous_format


class TowerDropout(nn.Module):
    """nn.Dropout of what several devices hold: a list of NxC or NxCxHxW.

    The mask is drawn for all channels at once, as on one device, so that both drop
    the same numbers from one seed.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        if not self.training:
            return xs
        first = xs[0]
        sizes = [x.size(1) for x in xs]
        ones = first.new_ones(first.size(0), sum(sizes), *first.shape[2:])
        # The order in memory is the order of the draws, and is to stay as it is.
        order = memory_order(first)
        mask = F.dropout(ones.contiguous(memory_format=order), self.rate)
        parts = (
            part.contiguous(memory_format=order) for part in torch.split(mask, sizes, 1)
        )
        return [
            x * part.to(x.device, non_blocking=True)
            for x, part in zip(xs, parts, strict=True)
        ]

    def extra_repr(self) -> str:
        return f"{self.rate}"


class TowerConcat(nn.Module):
    """On each device, its channels of the branches one after the other.

    Branches are children named "1", "2", …; they read the same list of tensors, one
    for each device, and each gives another. Those differ in channels alone.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        for number, branch in enumerate(branches, 1):
            self.add_module(str(number), branch)

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        ends = [branch(xs) for branch in self.children()]
        return [torch.cat(held, dim=1) for held in zip(*ends, strict=True)]


class TowerAdd(nn.Module):
    """On each device, the sum of its channels of the branches.

    Branches are children named "1", "2", …; they read the same list of tensors, one
    for each device, and each gives another. Those have one shape.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        for number, branch in enumerate(branches, 1):
            self.add_module(str(number), branch)

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        first, *others = [branch(xs) for branch in self.children()]
        ys: list[Tensor] = first
        for more in others:
            ys = [y + x for y, x in zip(ys, more, strict=True)]
        return ys


def whole_layers(network: nn.Module) -> Iterator[tuple[str, Any]]:
    """The convolutions and linear layers by name, as they are on one device, to fill.

    What is done to `weight` and `bias` is then done to the parts.
    """
    for name, towers in network.named_modules():
        if not isinstance(towers, Towers):
            continue
        parts = [part for part in towers if isinstance(part, nn.Conv2d | nn.Linear)]
        if not parts:
            continue
        sizes = [len(part.weight) for part in parts]
        weight, bias = parts[0].weight, parts[0].bias
        filled = SimpleNamespace(
            weight=weight.new_empty((sum(sizes), *weight.shape[1:])),
            bias=None if bias is None else bias.new_empty(sum(sizes)),
        )
        yield name, filled
        with torch.no_grad():
            weights = torch.split(filled.weight, sizes)
            for part, piece in zip(parts, weights, strict=True):
                part.weight.copy_(piece)
            if filled.bias is not None:
                biases = torch.split(filled.bias, sizes)
                for part, piece in zip(parts, biases, strict=True):
                    if part.bias is not None:
                        part.bias.copy_(piece)


def _put_together(
    towers: nn.Module, state: dict[str, Any], prefix: str, metadata: object
) -> None:
    """state_dict: `0.weight` and `1.weight` become `weight`; a count is the first's."""
    for name, parts in _tensors(towers).items():
        pieces = [state.pop(f"{prefix}{tower}.{name}") for tower in range(len(parts))]
        first = pieces[0]
        state[prefix + name] = (
            torch.cat([p.to(first.device) for p in pieces]) if first.dim() else first
        )


def _take_apart(
    towers: nn.Module, state: dict[str, Any], prefix: str, *_: object
) -> None:
    """load_state_dict: `weight` becomes `0.weight` and `1.weight`."""
    for name, parts in _tensors(towers).items():
        whole = state.pop(prefix + name, None)
        if whole is None:
            continue  # load_state_dict tells what is missing
        pieces: Sequence[Tensor] = [whole] * len(parts)
        if whole.dim() and len(whole) == sum(len(part) for part in parts):
            pieces = torch.split(whole, [len(part) for part in parts])
        for tower, piece in enumerate(pieces):
            state[f"{prefix}{tower}.{name}"] = piece


def _tensors(towers: nn.Module) -> dict[str, list[Tensor]]:
    """The parts' parameters and buffers by name."""
    found: dict[str, list[Tensor]] = {}
    for part in towers.children():
        for name, tensor in [*part.named_parameters(), *part.named_buffers()]:
            found.setdefault(name, []).append(tensor)
    return found
