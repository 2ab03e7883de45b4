"""A network's parameters as the groups of an optimizer."""

import math
from collections.abc import Sequence
from typing import Any

from torch import nn


def layer_biases(network: nn.Module) -> set[str]:
    """The names of the biases of convolutions and linear layers."""
    return {
        f"{name}.bias"
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }


def covers(target: str, name: str, biases: set[str]) -> bool:
    """Whether a parameter is in a stage, or of "biases"."""
    return name in biases if target == "biases" else name.startswith(f"{target}.")


def parameter_groups(
    network: nn.Module,
    scales: Sequence[tuple[str, float, float]],
    lr: float,
    weight_decay: float,
) -> list[dict[str, Any]]:
    """The parameters, those with the same multipliers together.

    A scale is a stage or "biases", and what multiplies its learning rate and its weight
    decay. "full_lr" is a group's own rate, which a schedule's factor multiplies.
    """
    biases = layer_biases(network)
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        hits = [scale for scale in scales if covers(scale[0], name, biases)]
        multipliers = math.prod(s[1] for s in hits), math.prod(s[2] for s in hits)
        found.setdefault(multipliers, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * rate,
            "full_lr": lr * rate,
            "weight_decay": weight_decay * decay,
        }
        for (rate, decay), parameters in found.items()
    ]
