"""What an optimizer remembers of past steps, by the names of its network's parameters."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor


def remembered(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """All of it, as PARAMETER/KEY, on the CPU. A whole number is an int64 of no dimensions.

    Of a parameter that is divided over processes, this one's part.
    """
    return {
        f"{name}/{key}": _own(torch.as_tensor(value)).detach().cpu()
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def remember(
    optimizer: torch.optim.Optimizer, network: nn.Module, kept: Mapping[str, Tensor]
) -> None:
    """Give an optimizer back what `remembered` has found."""
    parameters = dict(network.named_parameters())
    for place, value in kept.items():
        name, _, key = place.rpartition("/")
        parameter = parameters[name]
        optimizer.state[parameter][key] = _restored(value, parameter)


@torch.no_grad()
def _restored(value: Tensor, parameter: Tensor) -> Tensor | int:
    if value.dim() == 0:
        # PyTorch's own optimizers count steps in floating point.
        return value.to(parameter.device) if value.is_floating_point() else int(value)
    # In its parameter's order in memory, which a file does not keep and fused kernels rely on.
    restored = torch.empty_like(parameter)
    _own(restored).copy_(value)
    return restored


def _own(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
