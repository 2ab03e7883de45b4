"""Where numbers stop being numbers."""

from typing import Any

import torch
from torch import Tensor, nn

from archdsl.training.precision import Precision


class NotFinite(ArithmeticError):
    """A loss or a gradient is no number, so no weight was changed; the text says where it began."""


def first_not_finite(network: nn.Module, images: Tensor, precision: Precision) -> str:
    """Which layer is the first whose output, or else whose gradient, is not a number; in words."""
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Tensor | list[Tensor]) -> None:
            outputs = output if isinstance(output, list) else [output]
            if not found and not all(bool(each.isfinite().all()) for each in outputs):
                found.append(name)

        return hook

    # What chains layers is none itself; a join is one, and comes after its branches.
    layers = [
        (name, layer)
        for name, layer in network.named_modules()
        if name and not isinstance(layer, nn.Sequential)
    ]
    handles = [layer.register_forward_hook(look(name)) for name, layer in layers]
    try:
        with torch.no_grad():
            precision.logits(network, images)
    finally:
        for handle in handles:
            handle.remove()
    if found:
        return f"{found[0]} is the first layer whose output is not"
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
            return f"{name} is the first weight whose gradient is not"
    return "every layer's output and gradient is, but the norm of all gradients is too large"
