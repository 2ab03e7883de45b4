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
            alike: dict[int, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state = self.state[parameter]
                    if not state:
                        state["velocity"] = torch.zeros_like(parameter)
                        state["step"] = 0
                    state["step"] += 1
                    alike.setdefault(state["step"], []).append(parameter)
            for step, w in alike.items():
                g = [parameter.grad for parameter in w if parameter.grad is not None]
                v = [self.state[parameter]["velocity"] for parameter in w]
                self.update({**group, "step": step}, w, g, v)
        return loss

    def update(
        self, now: dict[str, Any], w: list[Tensor], g: list[Tensor], v: list[Tensor]
    ) -> None:
        """Change parameters and their velocities in place, by settings and this step.

        An operation takes them all at once, which on a GPU saves a launch for each.
        """
        raise NotImplementedError


class PaperMomentum(_Momentum):
    """v ← m v − wd lr w − lr g; w ← w + v: v remembers old rates.

    Krizhevsky et al. 2012, section 5.
    """

    def update(
        self, now: dict[str, Any], w: list[Tensor], g: list[Tensor], v: list[Tensor]
    ) -> None:
        lr = now["lr"]
        torch._foreach_mul_(v, now["momentum"])
        torch._foreach_add_(v, w, alpha=-now["weight_decay"] * lr)
        torch._foreach_add_(v, g, alpha=-lr)
        torch._foreach_add_(w, v)


class AverageMomentum(_Momentum):
    """v ← m v + (1 − m)(g + wd w); w ← w − lr v: v is a running mean of gradients.

    It begins at nothing, so early steps are short; `correction` divides by 1 − mᵗ, as
    Adam does.
    """

    def update(
        self, now: dict[str, Any], w: list[Tensor], g: list[Tensor], v: list[Tensor]
    ) -> None:
        m, length = now["momentum"], now["lr"]
        torch._foreach_mul_(v, m)
        torch._foreach_add_(v, g, alpha=1 - m)
        torch._foreach_add_(v, w, alpha=(1 - m) * now["weight_decay"])
        if now["correction"]:
            length /= 1 - m ** now["step"]
        torch._foreach_add_(w, v, alpha=-length)
