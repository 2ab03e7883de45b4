"""What weight decay adds to the loss."""

import torch

from archdsl.training.together.team import Team
from archdsl.training.update import Update


def penalty(update: Update, team: Team) -> float:
    """½ Σ wd ‖w‖² over the whole network's weights as they are, each with its own decay wd.

    Of AdamW it is 0: that decays the weights themselves, and adds nothing to what is minimised.
    """
    if isinstance(update.optimizer, torch.optim.AdamW):
        return 0.0
    names = {parameter: name for name, parameter in update.network.named_parameters()}
    total = 0.0
    for group in update.optimizer.param_groups:
        if group["weight_decay"]:
            weights = {names[weight]: weight.detach() for weight in group["params"]}
            total += group["weight_decay"] / 2 * team.square(weights, update.whole).item()
    return total
