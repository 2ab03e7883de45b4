"""Branches joined along their channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    """The branches' channels one after the other, all of the same input.

    Branches are children named "1", "2", …. With towers=T the channels of each are
    T parts, as even as can be, the first ones larger: part 1 of every branch comes
    first, then part 2, as when each of T devices joins what it holds. Outputs of
    branches are NxC or NxCxHxW and differ in C alone.
    """

    def __init__(self, *branches: nn.Module, towers: int = 1) -> None:
        super().__init__()
        for number, branch in enumerate(branches, 1):
            self.add_module(str(number), branch)
        self.towers = towers

    def forward(self, x: Tensor) -> Tensor:
        held: list[list[Tensor]] = [[] for _ in range(self.towers)]
        for branch in self.children():
            parts = torch.tensor_split(branch(x), self.towers, dim=1)
            for tower, part in zip(held, parts, strict=True):
                tower.append(part)
        return torch.cat([part for tower in held for part in tower], dim=1)

    def extra_repr(self) -> str:
        return "" if self.towers == 1 else f"towers={self.towers}"
