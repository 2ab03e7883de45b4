"""The two momentum rules that PyTorch lacks, as optimizers."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor


class _Momentum(torch.optim.Optimizer):
    """What both rules share: a velocity for each parameter, zero at first."""

    def __init__(self, params: Iterable[Any], **defaults: float | bool) -> None:
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

    def update(
        self, group: dict[str, Any], w: Tensor, g: Tensor, state: dict[str, Any]
    ) -> None:
        """Change one parameter in place."""
        raise NotImplementedError


class PaperMomentum(_Momentum):
    """v ← m v − wd lr w − lr g; w ← w + v: v remembers old rates.

    Krizhevsky et al. 2012, section 5.
    """

    def update(
        self, group: dict[str, Any], w: Tensor, g: Tensor, state: dict[str, Any]
    ) -> None:
        v, lr = state["velocity"], group["lr"]
        v.mul_(group["momentum"]).add_(w, alpha=-group["weight_decay"] * lr)
        v.add_(g, alpha=-lr)
        w.add_(v)


class AverageMomentum(_Momentum):
    """v ← m v + (1 − m)(g + wd w); w ← w − lr v: v is a running mean of gradients.

    It begins at nothing, so early steps are short; `correction` divides by 1 − mᵗ, as
    Adam does.
    """

    def update(
        self, group: dict[str, Any], w: Tensor, g: Tensor, state: dict[str, Any]
    ) -> None:
        v, m, length = state["velocity"], group["momentum"], group["lr"]
        pull = g.add(w, alpha=group["weight_decay"]) if group["weight_decay"] else g
        v.lerp_(pull, 1 - m)
        if group["correction"]:
            length /= 1 - m ** state["step"]
        w.add_(v, alpha=-length)
