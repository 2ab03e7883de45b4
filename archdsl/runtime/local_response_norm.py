"""Local response normalisation across channels, as the AlexNet paper has it."""

from __future__ import annotations

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
        a = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        y: Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
            a.view(n, self.towers, c // self.towers, h, w),
            self.size // 2,
            self.k,
            self.alpha,
            self.beta,
        )
        return y.flatten(1, 2).to(x.dtype)

    def extra_repr(self) -> str:
        settings = f"{self.size}, k={self.k}, alpha={self.alpha}, beta={self.beta}"
        return settings if self.towers == 1 else f"{settings}, towers={self.towers}"


class _Normalise(torch.autograd.Function):
    """The formula for a of shape NxTxCxHxW, and its gradient. With d raised to beta:

    dL/da[i] = g[i]/d[i]^beta − 2·alpha·beta·a[i] · Σ_j g[j]·a[j]/d[j]^(beta + 1).
    Autograd's own backward takes about twice the time and several times the memory.
    """

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, reach: int, k: float, alpha: float, beta: float
    ) -> Tensor:
        d = _sum_neighbours(a * a, reach).mul_(alpha).add_(k)
        ctx.save_for_backward(a, d)
        ctx.reach = reach
        ctx.alpha = alpha
        ctx.beta = beta
        return _inverse_power(d, beta).mul_(a)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None, None]:
        a, d = ctx.saved_tensors
        direct = _inverse_power(d, ctx.beta).mul_(g)
        shared = _sum_neighbours((direct * a).div_(d), ctx.reach)
        gradient = direct.addcmul_(shared, a, value=-2 * ctx.alpha * ctx.beta)
        return gradient, None, None, None, None


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
