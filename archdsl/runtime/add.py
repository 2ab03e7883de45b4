"""Branches added up."""

from __future__ import annotations

from torch import Tensor, nn


class Add(nn.Module):
    """The sum of the branches, all of the same input.

    Branches are children named "1", "2", …; their outputs have one shape.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        for number, branch in enumerate(branches, 1):
            self.add_module(str(number), branch)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.children()
        y: Tensor = first(x)
        for branch in others:
            y = y + branch(x)
        return y
