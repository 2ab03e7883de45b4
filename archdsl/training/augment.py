"""From uint8 images in memory to what the network sees: normalised, cut, varied in training.

Images are kept at the input's size (both sides squeezed to it), or with `resize=` as the centre
square of that side. What the network is given is a window of the input's size: the centre, or with
`crop=` any place in the kept image and its padding.

Every image is brought to zero mean and unit deviation: the mean of the training set is subtracted,
per channel or (`mean=pixel`) per channel and place, and each channel is divided by its standard
deviation over the training set. Both are measured on 0..255. Colour noise is added before an image
is padded and cut, so padding is always the mean colour. The noise is the AlexNet paper's: principal
component i of the training set's colours, taken in 0..1, times its eigenvalue times N(0, pca).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from archdsl.codegen.trainable import kept
from archdsl.training.data.images import Progress, silent
from archdsl.training.data.measured import measured
from archdsl.training.data.sources import Data, Wanted
from archdsl.training.parts.randomness import generator
from archdsl.training.parts.statistics import (
    colour_sums,
    components,
    deviation,
    pixel_sum,
    spread,
)
from archdsl.training.parts.windows import windows
from archdsl.words.recipe import Augment, Recipe

_PLAIN: Final = Augment()


def wanted(recipe: Recipe, shape: tuple[int, int, int], classes: int) -> Wanted:
    """The size at which images are kept, from the recipe and the network's input C x H x W.

    Raises:
        TrainingError: the recipe's sizes contradict each other or the input.
    """
    channels, height, width = shape
    size = kept(recipe, height, width)
    return Wanted(channels, size.height, size.width, square=size.square, classes=classes)


@dataclass(frozen=True)
class View:
    """How a run looks at images. Made by `view`, from the recipe and the training set."""

    settings: Augment
    window: tuple[int, int]
    """H x W of the network's input."""
    mean: Tensor
    """1 x C x 1 x 1, or 1 x C x h x w for a mean per pixel, in 0..255."""
    std: Tensor
    """1 x C x 1 x 1, in 0..255."""
    components: Tensor
    """C x C in 0..1: column i is the colours' i-th principal component times its eigenvalue."""
    seed: int

    def train(self, images: Tensor, step: int) -> Tensor:
        """Images n x C x h x w in uint8 as the network's input at one step, varied at random."""
        draws = generator(self.seed, "augment", step)
        x = self._normalised(images)
        if self.settings.pca:
            x = x + self._colour_noise(len(x), draws).to(x.device)
        if not (self.settings.crop or self.settings.flip) and self.window == x.shape[2:]:
            return x
        n = len(x)
        spare = [
            have + 2 * self.settings.pad - need
            for have, need in zip(x.shape[2:], self.window, strict=True)
        ]
        if self.settings.crop is None:
            top, left = (torch.full((n,), rest // 2) for rest in spare)
        else:
            top, left = (torch.randint(rest + 1, (n,), generator=draws) for rest in spare)
        mirrored = torch.zeros(n, dtype=torch.bool)
        if self.settings.flip:
            mirrored = torch.rand(n, generator=draws) < 0.5
        if self.window == x.shape[2:] and not self.settings.pad:
            return torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(-1), x)
        return windows(x, top, left, mirrored, self.window, self.settings.pad)

    def test(self, images: Tensor, crops: int) -> Iterator[Tensor]:
        """The views of images n x C x h x w whose softmax is averaged: the centre, or ten crops.

        Ten are the four corners and the centre, and their mirror images.
        """
        x = self._normalised(images)
        height, width = self.window
        down, across = x.shape[2] - height, x.shape[3] - width
        centre = (down // 2, across // 2)
        corners = [(0, 0), (0, across), (down, 0), (down, across)] if crops == 10 else []
        for top, left in (centre, *corners):
            cut = x[:, :, top : top + height, left : left + width]
            yield cut
            if crops == 10:
                yield cut.flip(-1)

    def _normalised(self, images: Tensor) -> Tensor:
        return images.float().sub_(self.mean).div_(self.std)

    def _colour_noise(self, count: int, draws: torch.Generator) -> Tensor:
        """Components times eigenvalues times N(0, pca), n x C x 1 x 1, as `_normalised` scales."""
        weights = torch.randn(count, self.components.shape[1], generator=draws) * self.settings.pca
        noise = weights @ self.components.T.to(weights.device)
        return noise[:, :, None, None] * 255 / self.std.to(weights.device)


def view(
    recipe: Recipe,
    data: Data,
    window: tuple[int, int],
    device: torch.device,
    progress: Progress = silent,
) -> View:
    """Measure what normalising and colour noise need on the training set."""
    settings = recipe.augment or _PLAIN
    images = data.train.images
    sums = measured(data, "colours", _colours, progress)
    mean, covariance = spread(sums["total"], sums["products"], images.numel() // images.shape[1])
    mean = mean.float()[None, :, None, None]
    if settings.mean == "pixel":
        total = measured(data, "pixels", _pixels, progress)["total"]
        mean = total.div(len(images)).float()[None]
    return View(
        settings=settings,
        window=window,
        mean=mean.to(device),
        std=deviation(covariance).to(device),
        components=components(covariance),
        seed=recipe.seed,
    )


def _colours(images: Tensor) -> dict[str, Tensor]:
    total, products = colour_sums(images)
    return {"total": total, "products": products}


def _pixels(images: Tensor) -> dict[str, Tensor]:
    return {"total": pixel_sum(images)}
