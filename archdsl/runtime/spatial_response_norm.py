"""Local response normalisation within each channel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpatialResponseNorm(nn.Module):
    """b = a / (k + alpha · Σ a²)^beta, summed over the size×size square around it.

    The square lies within one channel and is cut off at the borders, as in Caffe's
    WITHIN_CHANNEL and cuda-convnet's rnorm. alpha is not divided by the size.
    Input and output are NxCxHxW; float16 and bfloat16 are computed in float32.
    """

    def __init__(self, size: int, k: float, alpha: float, beta: float) -> None:
        super().__init__()
        if size % 2 == 0:
            raise ValueError(f"size must be odd, not {size}")
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        a = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        squares = F.avg_pool2d(
            a * a, self.size, stride=1, padding=self.size // 2, divisor_override=1
        )
        return (a * (self.k + self.alpha * squares).pow(-self.beta)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.size}, k={self.k}, alpha={self.alpha}, beta={self.beta}"
