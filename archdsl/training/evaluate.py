"""How well a network names held-out images."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from archdsl.training.augment import View
from archdsl.training.data import Split
from archdsl.training.report import Evaluation


@dataclass(frozen=True)
class Examination:
    """Held-out images and how a network gets to see them; the same throughout a run."""

    split: Split
    view: View
    crops: int
    """1 or 10. With ten, the softmax of the crops is averaged, and the loss is of that average."""
    batch: int
    device: torch.device

    def judge(
        self, network: nn.Module, step: int, give_up: Callable[[], bool] = lambda: False
    ) -> Evaluation | None:
        """Loss, top-1 and top-5 of a network after so many steps; None if `give_up` said so."""
        loss, hits = 0.0, torch.zeros(2, dtype=torch.int64)
        network.eval()
        with torch.inference_mode():
            for images, labels in zip(
                torch.split(self.split.images, self.batch),
                torch.split(self.split.labels, self.batch),
                strict=True,
            ):
                if give_up():
                    return None
                scores = self.log_probabilities(network, images.to(self.device))
                truth = labels.to(self.device)
                loss += functional.nll_loss(scores, truth, reduction="sum").item()
                # topk, not a count of larger scores: where all tie, a network must not be
                # right every time.
                ranked = scores.topk(min(5, scores.shape[1])).indices == truth[:, None]
                hits += torch.stack([ranked[:, 0].sum(), ranked.sum()]).cpu()
        n = len(self.split)
        top1, top5 = (hits.double() / n).tolist()
        return Evaluation(step, n, loss / n, top1, top5)

    def log_probabilities(self, network: nn.Module, images: Tensor) -> Tensor:
        """The logarithm n x classes of the softmax averaged over the views of uint8 images."""
        scores = [
            functional.log_softmax(network(x.contiguous(memory_format=torch.channels_last)), dim=1)
            for x in self.view.test(images, self.crops)
        ]
        return torch.logsumexp(torch.stack(scores), dim=0) - math.log(len(scores))
