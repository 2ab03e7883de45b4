"""A recipe's optimizer: three momentum rules, Adam and AdamW, and multipliers for parts of them.

The momentum rules agree, up to a scale, while the learning rate stands still; they part when it
changes:

    torch     v ← m v + (g + wd w)             w ← w − lr v
    paper     v ← m v − wd lr w − lr g         w ← w + v          Krizhevsky et al. 2012, section 5
    average   v ← m v + (1 − m)(g + wd w)      w ← w − lr v       with correction: lr / (1 − mᵗ)
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, overload

import torch
from torch import Tensor, nn

from archdsl.training.errors import TrainingError
from archdsl.words.recipe import Adam, AdamW, Optimizer, Recipe, Scale, Sgd

Settings = dict[str, Any]
"""A parameter group of torch.optim: its parameters and their settings."""


def optimizer(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer over a network's parameters; `set_factor` drives its rate.

    Raises:
        TrainingError: a `scale` line names nothing in the network.
        NotImplementedError: nothing is known of the optimizer's class.
    """
    return _build(recipe.optimizer, _groups(recipe.scale, network))


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


@dataclass(frozen=True)
class _Group:
    """Parameters with the same multipliers of the learning rate and the weight decay."""

    parameters: list[Tensor]
    lr: float
    decay: float


def _groups(scales: tuple[Scale, ...], network: nn.Module) -> list[_Group]:
    """The parameters, those with the same multipliers together."""
    biases = {
        f"{name}.bias"
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }
    unused = {scale.target for scale in scales}
    found: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        hits = [scale for scale in scales if _covers(scale, name, biases)]
        unused -= {scale.target for scale in hits}
        multipliers = math.prod(s.lr for s in hits), math.prod(s.decay for s in hits)
        found.setdefault(multipliers, []).append(parameter)
    if unused:
        raise TrainingError(
            f"scale {min(unused)}: the network has no parameters there; "
            "name `biases` or a stage with weights"
        )
    return [_Group(parameters, *multipliers) for multipliers, parameters in found.items()]


def _covers(scale: Scale, name: str, biases: set[str]) -> bool:
    return name in biases if scale.target == "biases" else name.startswith(f"{scale.target}.")


def _scaled(word: Sgd | Adam | AdamW, groups: list[_Group]) -> list[Settings]:
    """Groups as torch.optim takes them; "full_lr" is what `set_factor` multiplies."""
    return [
        {
            "params": group.parameters,
            "lr": word.lr * group.lr,
            "full_lr": word.lr * group.lr,
            "weight_decay": word.weight_decay * group.decay,
        }
        for group in groups
    ]


@singledispatch
def _build(word: object, groups: list[_Group]) -> torch.optim.Optimizer:
    raise NotImplementedError(f"no optimizer is written for {type(word).__name__}")


@_build.register
def _(word: Sgd, groups: list[_Group]) -> torch.optim.Optimizer:
    scaled = _scaled(word, groups)
    if word.rule == "paper":
        return PaperMomentum(scaled, momentum=word.momentum)
    if word.rule == "average":
        return AverageMomentum(scaled, momentum=word.momentum, correction=word.correction)
    return torch.optim.SGD(scaled, momentum=word.momentum, nesterov=word.nesterov, fused=True)


@_build.register
def _(word: Adam, groups: list[_Group]) -> torch.optim.Optimizer:
    return torch.optim.Adam(_scaled(word, groups), betas=word.betas, eps=word.eps, fused=True)


@_build.register
def _(word: AdamW, groups: list[_Group]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(_scaled(word, groups), betas=word.betas, eps=word.eps, fused=True)


class _Momentum(torch.optim.Optimizer):
    """What the two rules that PyTorch lacks share: a velocity per parameter, zero at first."""

    def __init__(self, params: Iterable[Settings], **defaults: float | bool) -> None:
        super().__init__(params, {"lr": 0.0, "weight_decay": 0.0, **defaults})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state = self.state[parameter]
                    if not state:
                        state["velocity"] = torch.zeros_like(parameter)
                        state["step"] = 0
                    state["step"] += 1
                    self.update(group, parameter, parameter.grad, state)
        return loss

    def update(self, group: Settings, w: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        """Change one parameter in place."""
        raise NotImplementedError


class PaperMomentum(_Momentum):
    """v ← m v − wd lr w − lr g; w ← w + v (Krizhevsky et al. 2012): v remembers old rates."""

    def update(self, group: Settings, w: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        v, lr = state["velocity"], group["lr"]
        v.mul_(group["momentum"]).add_(w, alpha=-group["weight_decay"] * lr).add_(g, alpha=-lr)
        w.add_(v)


class AverageMomentum(_Momentum):
    """v ← m v + (1 − m)(g + wd w); w ← w − lr v: v is a running mean of gradients.

    It begins at nothing, so early steps are short; `correction` divides by 1 − mᵗ, as Adam does.
    """

    def update(self, group: Settings, w: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        v, m = state["velocity"], group["momentum"]
        pull = g.add(w, alpha=group["weight_decay"]) if group["weight_decay"] else g
        v.lerp_(pull, 1 - m)
        length = group["lr"] / (1 - m ** state["step"]) if group["correction"] else group["lr"]
        w.add_(v, alpha=-length)
