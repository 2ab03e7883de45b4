"""Dropout of a batch that several processes share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class Shared(nn.Module):
    """A network that is given one row's part of each batch, and drops what one process would drop.

    All rows draw the mask of the whole batch from one seed, and each takes its part of it.
    """

    def __init__(self, network: nn.Module, row: int, rows: int) -> None:
        super().__init__()
        self.network = network
        self.row = row
        self.rows = rows

    def forward(self, images: Tensor) -> Tensor:
        with _WholeBatch(self.row, self.rows):
            logits: Tensor = self.network(images)
        return logits


class _WholeBatch(TorchFunctionMode):
    """Lets functional.dropout, which all kinds of dropout modules call, draw for all rows."""

    def __init__(self, row: int, rows: int) -> None:
        self.row = row
        self.rows = rows

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        settings = kwargs or {}
        if function is not functional.dropout:
            return function(*args, **settings)
        x: Tensor = args[0]
        ones = x.new_ones(x.size(0) * self.rows, *x.shape[1:])
        # The order in memory is the order of the draws.
        last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
        order = torch.channels_last if last else torch.contiguous_format
        mask = functional.dropout(ones.contiguous(memory_format=order), *args[1:], **settings)
        return x * mask.chunk(self.rows)[self.row]
