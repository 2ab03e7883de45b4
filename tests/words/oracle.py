"""What torch does with a layer's calls, and which rows a window visits."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.shape import Call, Shape
from archdsl.words.word import Op, Unbound
from tests.helpers import compiled, network

BATCH = 2


def layer(text: str) -> Op:
    """A layer as the language writes it: `conv 96 11x11 stride=4`."""
    (arch,) = compiled(network(f"input 3x64x64\n{text}")).archs
    (bound,) = arch.network.layers
    assert not isinstance(bound.op, Unbound)
    return bound.op


class Refused(Exception):
    """Torch cannot build the modules, or they cannot take the input."""


@dataclass(frozen=True)
class Outcome:
    """What torch makes of an image."""

    output: tuple[int, ...]
    """Its shape, without the batch axis."""
    weights: dict[str, tuple[int, ...]]
    """The parameters of the last module."""
    others: int
    """Numbers that the modules before it learn."""
    macs: int
    """Multiply–accumulates per image, as torch counts them."""


class Given(nn.Module):
    """A branch that gives a batch of one shape, whatever it reads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return torch.empty(BATCH, *self.shape.dims)


def run(
    calls: Sequence[Call], x: Shape, device: str = "meta", branches: Sequence[Shape] = ()
) -> Outcome:
    """Build the modules of `calls` and give them a batch of `x`. Raises Refused.

    `branches` are what the branches give that the modules join.
    """
    with torch.device(device), torch.no_grad(), FlopCounterMode(display=False) as counter:
        try:
            modules = [build(call, *map(Given, branches)) for call in calls]
            y = torch.empty(BATCH, *x.dims)
            for module in modules:
                y = module.eval()(y)
        except (RuntimeError, ValueError, IndexError) as error:
            raise Refused(str(error)) from error
    if y.shape[0] != BATCH:
        raise Refused("the batch's axis was taken for the images'")
    macs, remainder = divmod(counter.get_total_flops(), 2 * BATCH)
    assert remainder == 0
    *before, last = modules
    return Outcome(
        output=tuple(y.shape[1:]),
        weights={name: tuple(p.shape) for name, p in last.named_parameters()},
        others=sum(p.numel() for module in before for p in module.parameters()),
        macs=macs,
    )


def build(call: Call, *branches: nn.Module) -> nn.Module:
    """The module that a call constructs, of the branches it joins: torch's or the helper file's."""
    if call.helper is not None:
        cls = getattr(importlib.import_module(f"archdsl.runtime.{call.helper}"), call.target)
    else:
        package, _, name = call.target.partition(".")
        assert package == "nn"
        cls = getattr(nn, name)
    module = cls(*branches, *call.args, **dict(call.kwargs))
    assert isinstance(module, nn.Module)
    return module


def rows_lost(size: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Real rows after the last one visited, if they are lost; 0 if not.

    LANGUAGE.md, Rounding: a layer rounded down is lossy if the division leaves a remainder and
    these rows outnumber the longest run that the layer would skip between windows on an endless
    input. Found by walking, without arithmetic.
    """
    visited: set[int] = set()
    start = -pad
    end = size + pad
    while start + dilation * (kernel - 1) < end:
        visited |= {start + point * dilation for point in range(kernel)}
        start += stride
    exact = start - stride + dilation * (kernel - 1) == end - 1
    last = max((row for row in visited if 0 <= row < size), default=-1)
    after = sum(row > last for row in range(size))
    return after if not exact and after > longest_skip(kernel, stride, dilation) else 0


@cache
def longest_skip(kernel: int, stride: int, dilation: int) -> int:
    """The most rows on end that no window visits, well inside of an endless input."""
    extent = dilation * (kernel - 1) + 1
    windows = 4 + 2 * extent // stride
    visited = {w * stride + point * dilation for w in range(windows) for point in range(kernel)}
    longest = run = 0
    for row in range(extent, (windows - 1) * stride):
        run = 0 if row in visited else run + 1
        longest = max(longest, run)
    return longest
