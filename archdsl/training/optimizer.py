"""A recipe's optimizer: three momentum rules, Adam and AdamW, and multipliers for parts of them.

The momentum rules agree, up to a scale, while the learning rate stands still; they part when it
changes:

    torch     v ← m v + (g + wd w)             w ← w − lr v
    paper     v ← m v − wd lr w − lr g         w ← w + v          Krizhevsky et al. 2012, section 5
    average   v ← m v + (1 − m)(g + wd w)      w ← w − lr v       with correction: lr / (1 − mᵗ)
"""

from functools import singledispatch
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from archdsl.codegen.trainable import nothing_to_scale
from archdsl.training.errors import TrainingError
from archdsl.training.parts.groups import covers, layer_biases, parameter_groups
from archdsl.training.parts.momentum import AverageMomentum, PaperMomentum
from archdsl.words.recipe import Adam, AdamW, Optimizer, Recipe, Scale, Sgd


def optimizer(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer over a network's parameters; `set_factor` drives its rate.

    Raises:
        TrainingError: a `scale` line names nothing in the network.
        NotImplementedError: nothing is known of the optimizer's class.
    """
    _require_targets(recipe.scale, network)
    return _build(recipe.optimizer, recipe, network)


def check(word: Optimizer) -> None:
    """Judge an optimizer's settings, before there is a network.

    Raises:
        TrainingError: they contradict each other.
    """
    contradiction = word.contradiction()
    if contradiction is not None:
        raise TrainingError(f"{word.phrase()}: {' '.join(contradiction)}")


def full_rate(word: object) -> float:
    """The learning rate that an optimizer's word gives, before its schedule and `scale` lines.

    Raises:
        NotImplementedError: nothing is known of the optimizer's class.
    """
    match word:
        case Sgd(lr=rate) | Adam(lr=rate) | AdamW(lr=rate):
            return float(rate)
        case _:
            raise NotImplementedError(f"no optimizer is written for {type(word).__name__}")


def set_factor(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's learning rate to a schedule's factor times its own."""
    for group in optimizer.param_groups:
        group["lr"] = factor * group["full_lr"]


def _require_targets(scales: tuple[Scale, ...], network: nn.Module) -> None:
    biases = layer_biases(network)
    names = [name for name, _ in network.named_parameters()]
    targets = {scale.target for scale in scales}
    unused = {t for t in targets if not any(covers(t, name, biases) for name in names)}
    if unused:
        raise nothing_to_scale(min(unused))


def _scaled(word: Sgd | Adam | AdamW, recipe: Recipe, network: nn.Module) -> list[dict[str, Any]]:
    """A network's parameters as groups of torch.optim."""
    scales = [(scale.target, scale.lr, scale.decay) for scale in recipe.scale]
    return parameter_groups(network, scales, word.lr, word.weight_decay)


@singledispatch
def _build(word: object, recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    raise NotImplementedError(f"no optimizer is written for {type(word).__name__}")


@_build.register
def _(word: Sgd, recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    scaled = _scaled(word, recipe, network)
    if word.rule == "paper":
        return PaperMomentum(scaled, momentum=word.momentum)
    if word.rule == "average":
        return AverageMomentum(scaled, momentum=word.momentum, correction=word.correction)
    # Of weights that are divided over processes PyTorch has no fused SGD.
    fused = not any(isinstance(parameter, DTensor) for parameter in network.parameters())
    return torch.optim.SGD(scaled, momentum=word.momentum, nesterov=word.nesterov, fused=fused)


@_build.register
def _(word: Adam, recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        _scaled(word, recipe, network), betas=word.betas, eps=word.eps, fused=True
    )


@_build.register
def _(word: AdamW, recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        _scaled(word, recipe, network), betas=word.betas, eps=word.eps, fused=True
    )
