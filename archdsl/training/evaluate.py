"""How well a network names held-out images."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from archdsl.training.augment import View
from archdsl.training.data.sources import Split
from archdsl.training.precision import Precision
from archdsl.training.report import Evaluation
from archdsl.training.together.team import Alone, Team


@dataclass(frozen=True)
class Examination:
    """Held-out images and how a network gets to see them; the same throughout a run."""

    split: Split
    view: View
    crops: int
    """1 or 10. With ten, the softmax of the crops is averaged, and the loss is of that average."""
    batch: int
    device: torch.device
    precision: Precision
    team: Team = field(default_factory=Alone)
    """Those who share the images: each row judges its part."""

    def judge(
        self,
        network: nn.Module,
        step: int,
        give_up: Callable[[], bool] = lambda: False,
        heard: Callable[[int, int], None] = lambda done, images: None,
    ) -> Evaluation | None:
        """Loss, top-1 and top-5 of a network after so many steps; None if `give_up` said so.

        `heard` is told how many of this row's images are done, and of how many.
        """
        first, end = self.team.share(len(self.split))
        found, done = torch.zeros(3, dtype=torch.float64), 0
        self.team.settle(network)
        network.eval()
        # Not inference_mode: a sharded network keeps the tensors that it puts weights together in.
        with torch.no_grad():
            for images, labels in self._shares():
                if give_up():
                    return None
                scores = self.log_probabilities(network, images.to(self.device))
                truth = labels.to(self.device)
                loss = functional.nll_loss(scores, truth, reduction="sum")
                # topk, not a count of larger scores: where all tie, a network must not be
                # right every time.
                ranked = scores.topk(min(5, scores.shape[1])).indices == truth[:, None]
                found += torch.stack([loss, ranked[:, 0].sum(), ranked.sum()]).double().cpu()
                done += len(labels)
                heard(done, end - first)
        n = len(self.split)
        loss_sum, *hits = self.team.total(found.to(self.device)).tolist()
        return Evaluation(step, n, loss_sum / n, *(count / n for count in hits))

    def _shares(self) -> Iterator[tuple[Tensor, Tensor]]:
        """This row's images and labels, by the batch; all rows get as many, in the end empty ones.

        For rows that keep weights for each other compute at the same time.
        """
        rows = self.team.rows
        (begin, end), size = self.team.share(len(self.split)), self.batch // rows
        for first in range(begin, begin + -(-len(self.split) // rows), size):
            batch = slice(min(first, end), min(first + size, end))
            yield self.split.images[batch], self.split.labels[batch]

    def log_probabilities(self, network: nn.Module, images: Tensor) -> Tensor:
        """The logarithm n x classes of the softmax averaged over the views of uint8 images."""
        scores = [
            functional.log_softmax(
                self.precision.logits(network, x.contiguous(memory_format=torch.channels_last)),
                dim=1,
            )
            for x in self.view.test(images, self.crops)
        ]
        return torch.logsumexp(torch.stack(scores), dim=0) - math.log(len(scores))
