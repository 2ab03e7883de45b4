"""Which images each step of a run takes."""

import torch
from torch import Tensor

from archdsl.training.data.sources import Split
from archdsl.training.parts.randomness import generator
from archdsl.training.plan import Plan
from archdsl.training.together.team import Team


class Batches:
    """The training set as one row of a run gets to see it, step by step."""

    def __init__(self, plan: Plan, team: Team) -> None:
        recipe = plan.job.recipe
        self.view = plan.view
        self.per_epoch = plan.clock.per_epoch
        self.size, self.seed = recipe.batch, recipe.seed
        self.row, self.share = team.row, recipe.batch // team.rows
        self.device = plan.where.first
        self.split = resident(plan.data.train, self.device)
        self._order = torch.empty(0, dtype=torch.int64)
        self._epoch = -1

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """This row's images, as the network sees them, and labels, of the update after `step`.

        What is left of an epoch after its last whole batch is passed over; the next epoch has
        another order.
        """
        epoch, within = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            draws = generator(self.seed, "order", epoch)
            order = torch.randperm(len(self.split), generator=draws)
            self._order, self._epoch = order.to(self.split.images.device), epoch
        chosen = self._order[within * self.size : (within + 1) * self.size]
        images = self.view.train(self.split.images[chosen].to(self.device), step)
        mine = slice(self.row * self.share, (self.row + 1) * self.share)
        return (
            images[mine].contiguous(memory_format=torch.channels_last),
            self.split.labels[chosen[mine]].to(self.device),
        )


def resident(split: Split, device: torch.device) -> Split:
    """A split in the device's memory, if it takes less than half of what is free there."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if split.images.nbytes < free // 2:
            return split.to(device)
    return split
