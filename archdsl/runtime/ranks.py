"""A network on several processes: each has a part of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class Tower:
    """The processes that hold one network together, and which of them this one is."""

    def __init__(self, group: dist.ProcessGroup | None = None) -> None:
        self.group = group
        self.rank = dist.get_rank(group)
        self.size = dist.get_world_size(group)

    def part(self, size: int) -> int:
        """How many of `size` features are this process's."""
        return self.parts(size)[self.rank]

    def parts(self, size: int) -> list[int]:
        """All processes' parts of `size` features: the first may have one more."""
        return [size // self.size + (n < size % self.size) for n in range(self.size)]

    def gather(self, x: Tensor, sizes: Sequence[int], dim: int) -> Tensor:
        """What all processes have, put together along a dimension."""
        most = max(sizes)
        sent = _padded(x, dim, most).contiguous()
        received = sent.new_empty((self.size * sent.size(0), *sent.shape[1:]))
        _all_gather(received, sent, group=self.group)
        parts = zip(received.chunk(self.size), sizes, strict=True)
        whole = torch.cat([part.narrow(dim, 0, size) for part, size in parts], dim)
        return whole.contiguous(memory_format=memory_order(x))

    def sum_own(self, x: Tensor, sizes: Sequence[int], dim: int) -> Tensor:
        """This process's part of the sum of what all processes have."""
        most = max(sizes)
        parts = [_padded(part, dim, most) for part in torch.split(x, list(sizes), dim)]
        sent = torch.cat(parts)
        received = sent.new_empty((sent.size(0) // self.size, *sent.shape[1:]))
        _reduce_scatter(received, sent, group=self.group)
        return received.narrow(dim, 0, sizes[self.rank])

    def own(self, x: Tensor, sizes: Sequence[int], dim: int) -> Tensor:
        """This process's part of what every process has."""
        return x.narrow(dim, sum(sizes[: self.rank]), sizes[self.rank])

    def lengths(self, tensors: Sequence[Tensor]) -> list[list[int]]:
        """For each tensor, its length in every process."""
        if not tensors:
            return []
        here = torch.tensor([len(t) for t in tensors], device=tensors[0].device)
        found = here.new_empty(self.size * len(tensors))
        _all_gather(found, here, group=self.group)
        columns: list[list[int]] = found.view(self.size, -1).t().tolist()
        return columns


_all_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
_reduce_scatter = (
    getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
)
"""torch has new names for both since 2.13, and warns of the older ones."""


def _padded(x: Tensor, dim: int, size: int) -> Tensor:
    """With zeros behind, up to a size: collectives take parts of one size."""
    missing = size - x.size(dim)
    return F.pad(x, [0, 0] * (x.dim() - 1 - dim) + [0, missing]) if missing else x


class Spread(nn.Module):
    """Let the processes divide the work on what all of them have.

    Each then knows its part of the gradient only: on the way back they are summed.
    """

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _Spread.apply(x, self.tower)  # type: ignore[no-untyped-call]
        return y


class Gather(nn.Module):
    """Give every process all channels: its own, and what it receives of the others.

    Each goes on with a part of the work and knows its part of the gradient, so on the
    way back they are summed, and each is left with that of its own channels.
    """

    def __init__(self, tower: Tower, *sizes: int) -> None:
        super().__init__()
        self.tower = tower
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        sizes = self.sizes or (x.size(1),) * self.tower.size
        y: Tensor = _Gather.apply(x, self.tower, sizes)  # type: ignore[no-untyped-call]
        return y


class Collect(nn.Module):
    """Give every process all channels, with which all go on in the same way.

    All know the whole gradient, of which each is left with that of its own channels.
    """

    def __init__(self, tower: Tower, *sizes: int) -> None:
        super().__init__()
        self.tower = tower
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        sizes = self.sizes or (x.size(1),) * self.tower.size
        y: Tensor = _Collect.apply(x, self.tower, sizes)  # type: ignore[no-untyped-call]
        return y


class Own(nn.Module):
    """Of all channels, which every process has, leave each its own."""

    def __init__(self, tower: Tower, *sizes: int) -> None:
        super().__init__()
        self.tower = tower
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        return self.tower.own(x, self.sizes, 1)


class First(nn.Module):
    """Go on in the same way in every process with what has been gathered.

    All then know the whole gradient, which Gather would sum: each sends its share.
    """

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _First.apply(x, self.tower)  # type: ignore[no-untyped-call]
        return y


def memory_order(x: Tensor) -> torch.memory_format:
    """Of a map with one channel, too, which torch takes for both."""
    last = x.dim() == 4 and x.stride(1) == 1
    return torch.channels_last if last else torch.contiguous_format


class RankDropout(nn.Module):
    """nn.Dropout of what several processes hold: an NxC or NxCxHxW in each.

    The mask is drawn for all channels at once, as on one device, so that all drop the
    same numbers from one seed.
    """

    def __init__(self, rate: float, tower: Tower, *sizes: int) -> None:
        super().__init__()
        self.rate = rate
        self.tower = tower
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        sizes = self.sizes or (x.size(1),) * self.tower.size
        ones = x.new_ones(x.size(0), sum(sizes), *x.shape[2:])
        # The order in memory is the order of the draws, and is to stay as it is.
        order = memory_order(x)
        mask = F.dropout(ones.contiguous(memory_format=order), self.rate)
        own = self.tower.own(mask, sizes, 1)
        return x * own.contiguous(memory_format=order)

    def extra_repr(self) -> str:
        return f"{self.rate}"


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, tower: Tower) -> Tensor:
        ctx.tower = tower
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.tower.group)
        return total, None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, tower: Tower, sizes: tuple[int, ...]) -> Tensor:
        ctx.tower, ctx.sizes = tower, sizes
        return tower.gather(x, sizes, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.tower.sum_own(gradient, ctx.sizes, 1), None, None


class _Collect(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, tower: Tower, sizes: tuple[int, ...]) -> Tensor:
        ctx.tower, ctx.sizes = tower, sizes
        return tower.gather(x, sizes, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.tower.own(gradient, ctx.sizes, 1), None, None


class _First(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, tower: Tower) -> Tensor:
        ctx.tower = tower
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient / ctx.tower.size, None


def share_state(network: nn.Module, tower: Tower, whole: Sequence[str] = ()) -> None:
    """Let the network's state_dict be that of one process: every process gets it all.

    It gathers, so all processes must ask for it; each takes its part when loading.
    `whole` begin the names of what every process has whole.
    """

    def divided() -> dict[str, Tensor]:
        tensors = [*network.named_parameters(), *network.named_buffers()]
        return {n: t for n, t in tensors if t.dim() and not n.startswith(tuple(whole))}

    def put_together(
        _: nn.Module, state: dict[str, Any], prefix: str, metadata: object
    ) -> None:
        parts = divided()
        lengths = tower.lengths(list(parts.values()))
        for (name, part), sizes in zip(parts.items(), lengths, strict=True):
            state[prefix + name] = tower.gather(part.detach(), sizes, 0)

    def take_apart(
        _: nn.Module, state: dict[str, Any], prefix: str, *others: object
    ) -> None:
        parts = divided()
        lengths = tower.lengths(list(parts.values()))
        for name, sizes in zip(parts, lengths, strict=True):
            tensor = state.get(prefix + name)
            if tensor is not None and tensor.dim() and len(tensor) == sum(sizes):
                state[prefix + name] = tower.own(tensor, sizes, 0)

    network.register_state_dict_post_hook(put_together)  # type: ignore[no-untyped-call]
    network.register_load_state_dict_pre_hook(take_apart)  # type: ignore[no-untyped-call]


def whole_layers(
    network: nn.Module, tower: Tower, whole: Sequence[str] = ()
) -> Iterator[tuple[str, Any]]:
    """The convolutions and linear layers by name, as they are in one process, to fill.

    What is done to `weight` and `bias` is then done to this process's part.
    """
    for name, layer in network.named_modules():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        if name.startswith(tuple(whole)):
            yield name, layer
            continue
        (sizes,) = tower.lengths([layer.weight])
        filled = SimpleNamespace(
            weight=layer.weight.new_empty((sum(sizes), *layer.weight.shape[1:])),
            bias=None if layer.bias is None else layer.bias.new_empty(sum(sizes)),
        )
        yield name, filled
        with torch.no_grad():
            layer.weight.copy_(tower.own(filled.weight, sizes, 0))
            if layer.bias is not None:
                layer.bias.copy_(tower.own(filled.bias, sizes, 0))
