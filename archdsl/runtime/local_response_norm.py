"""Local response normalisation across channels, as the AlexNet paper has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class LocalResponseNorm(nn.Module):
    """b[i] = a[i] / (k + alpha · Σ_j a[j]²)^beta, |i − j| ≤ (size − 1)/2.

    The sum is cut off at the first and the last channel. Krizhevsky et al. 2012,
    section 3.3. alpha is not divided by the size, as torch.nn.LocalResponseNorm does.
    With towers=T the channels are T equal consecutive parts, each normalised on its
    own, as on T devices. Input and output are NxCxHxW; float16 and bfloat16 are
    computed in float32.
    """

    def __init__(
        self, size: int, k: float, alpha: float, beta: float, towers: int = 1
    ) -> None:
        super().__init__()
        if size % 2 == 0:
            raise ValueError(f"size must be odd, not {size}")
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta
        self.towers = towers

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        y: Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
            x.view(n, self.towers, c // self.towers, h, w),
            self.size // 2,
            self.k,
            self.alpha,
            self.beta,
        )
        return y.flatten(1, 2)

    def extra_repr(self) -> str:
        settings = f"{self.size}, k={self.k}, alpha={self.alpha}, beta={self.beta}"
        return settings if self.towers == 1 else f"{settings}, towers={self.towers}"


class _Normalise(torch.autograd.Function):
    """The formula for a of shape NxTxCxHxW, and its gradient. With d raised to beta:

    dL/da[i] = g[i]/d[i]^beta − 2·alpha·beta·a[i] · Σ_j g[j]·a[j]/d[j]^(beta + 1).
    Only a is kept for it: d takes less time to compute again than to write and read.
    """

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, reach: int, k: float, alpha: float, beta: float
    ) -> Tensor:
        ctx.save_for_backward(a)
        ctx.settings = reach, k, alpha, beta
        out = torch.empty_like(a)
        for inputs, outputs in _blocks(a, out):
            x = _at_least_float32(inputs)
            d = _divisor(x, reach, k, alpha)
            outputs.copy_(_inverse_power(d, beta).mul_(x))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None, None]:
        (a,) = ctx.saved_tensors
        reach, k, alpha, beta = ctx.settings
        out = torch.empty_like(a)
        for inputs, gradients, outputs in _blocks(a, g, out):
            x = _at_least_float32(inputs)
            d = _divisor(x, reach, k, alpha)
            direct = _inverse_power(d, beta).mul_(gradients)
            shared = _sum_neighbours((direct * x).div_(d), reach)
            outputs.copy_(direct.addcmul_(shared, x, value=-2 * alpha * beta))
        return out, None, None, None, None


def _blocks(*batches: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """So many images at a time that what is computed between stays in a CPU's cache.

    Elsewhere all at once, as each operation costs a launch.
    """
    images = max(1, len(batches[0]))
    if batches[0].is_cpu and not torch.compiler.is_compiling():
        images = max(1, _BLOCK // max(1, batches[0][:1].numel()))
    return zip(*(torch.split(batch, images) for batch in batches), strict=True)


_BLOCK = 750_000
"""Numbers: 3 MB in float32, of which about five are at work at once."""


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _divisor(a: Tensor, reach: int, k: float, alpha: float) -> Tensor:
    """d = k + alpha · Σ_j a[j]²."""
    return _sum_neighbours(a * a, reach).mul_(alpha).add_(k)


def _sum_neighbours(values: Tensor, reach: int) -> Tensor:
    """Σ_j values[:, :, j], |i − j| ≤ reach, for every channel i of NxTxCxHxW."""
    total = values.clone()
    channels = values.size(2)
    for distance in range(1, min(reach, channels - 1) + 1):
        rest = channels - distance
        total.narrow(2, distance, rest).add_(values.narrow(2, 0, rest))
        total.narrow(2, 0, rest).add_(values.narrow(2, distance, rest))
    return total


def _inverse_power(d: Tensor, beta: float) -> Tensor:
    """d^−beta. Two square roots take a fraction of the time of a power."""
    if beta == 0.75:
        root = d.rsqrt()
        return root.sqrt().mul_(root)
    return d.pow(-beta)
