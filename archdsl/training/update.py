"""One step of training: forward, backward, and the change of the weights."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import singledispatch

import torch
from torch import Tensor, nn

from archdsl.training.errors import TrainingError
from archdsl.training.finite import NotFinite, first_not_finite
from archdsl.training.optimizer import optimizer, set_factor
from archdsl.training.parts.randomness import derive
from archdsl.training.plan import Plan
from archdsl.training.together.team import Team
from archdsl.words.recipe import CrossEntropy


class Update:
    """What each step does to a network. `whole` are the tensors of the network on one device."""

    def __init__(
        self, plan: Plan, team: Team, network: nn.Module, whole: Mapping[str, Tensor]
    ) -> None:
        recipe = plan.job.recipe
        self.team, self.network = team, network
        # Of the whole network only the shapes: a process may have a part of it, to save memory.
        self.whole = {name: tensor.to("meta") for name, tensor in whole.items()}
        self.trained = team.trained(network)
        self.optimizer = optimizer(recipe, network)
        self.criterion = criterion(recipe.loss)
        self.precision = plan.precision
        self.seed = recipe.seed

    def __call__(
        self, images: Tensor, labels: Tensor, step: int, factor: float
    ) -> tuple[float, float]:
        """The update after `step`, at a factor of the learning rate: its loss, the gradient's norm.

        Raises:
            NotFinite: one of them is no number; nothing was changed.
            TrainingError: the network cannot be trained on a batch of this size.
        """
        kept = self._buffers()
        loss, norm = self.gradient(images, labels, step)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            torch.manual_seed(derive(self.seed, "dropout", step))
            where = first_not_finite(self.network, images, self.precision)
            self._restore(kept)
            what = "the loss" if not math.isfinite(loss) else "the gradient"
            raise NotFinite(f"{what} is not a number; {where}")
        set_factor(self.optimizer, factor)
        self.optimizer.step()
        return loss, norm

    def gradient(self, images: Tensor, labels: Tensor, step: int) -> tuple[float, float]:
        """Leave a batch's gradient at the weights: its loss and the gradient's norm.

        Raises:
            TrainingError: the network cannot be trained on a batch of this size.
        """
        torch.manual_seed(derive(self.seed, "dropout", step))
        self.trained.train()
        try:
            logits = self.precision.logits(self.trained, images)
        except ValueError as problem:
            raise TrainingError(
                f"step {step + 1}: {problem}. A batchnorm over single values needs a batch "
                "of 2 or more"
            ) from problem
        loss = self.criterion(logits, labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = self.team.norm(self.network, self.whole)
        # One transfer for both: on a GPU each waits for all work before it.
        loss_now, norm_now = torch.stack([self.team.mean(loss.detach()), norm]).tolist()
        return loss_now, norm_now

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Let gradients be computed to see how it goes: afterwards nothing is changed."""
        kept = self._buffers()
        try:
            yield
        finally:
            self._restore(kept)
            self.optimizer.zero_grad(set_to_none=True)

    def _buffers(self) -> list[Tensor]:
        """A copy of them: the running means of batchnorm change with each batch that is seen."""
        return [buffer.clone() for buffer in self.network.buffers()]

    def _restore(self, kept: list[Tensor]) -> None:
        for buffer, before in zip(self.network.buffers(), kept, strict=True):
            buffer.copy_(before)


@singledispatch
def criterion(word: object) -> nn.Module:
    """The loss that a recipe's word asks for, of logits n x classes and labels n.

    Raises:
        NotImplementedError: nothing is known of this word's class.
    """
    raise NotImplementedError(f"no loss is written for {type(word).__name__}")


@criterion.register
def _(word: CrossEntropy) -> nn.Module:
    return nn.CrossEntropyLoss(label_smoothing=word.smoothing)
