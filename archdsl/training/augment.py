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
from torch.nn import functional

from archdsl.training.data import Data, Wanted
from archdsl.training.errors import TrainingError
from archdsl.training.randomness import generator
from archdsl.words.recipe import Augment, Recipe

_PLAIN: Final = Augment()


def wanted(recipe: Recipe, shape: tuple[int, int, int], classes: int) -> Wanted:
    """The size at which images are kept, from the recipe and the network's input C x H x W.

    Raises:
        TrainingError: the recipe's sizes contradict each other or the input.
    """
    channels, height, width = shape
    settings = recipe.augment or _PLAIN
    side = settings.resize
    crop = settings.crop
    if crop is not None and (crop, crop) != (height, width):
        raise TrainingError(
            f"augment crop={crop}: the network's input is {height}x{width}, and a crop is what "
            "it is given; make them agree"
        )
    if crop is not None and not settings.pad and side in (None, crop):
        raise TrainingError(
            f"augment crop={crop}: images are kept at that size, so there is nothing to crop; add "
            "resize= with a larger size, or pad="
        )
    if settings.pad and crop is None:
        raise TrainingError(
            f"augment pad={settings.pad}: only a crop moves over padding; add crop={height}"
        )
    if side is not None and side < max(height, width):
        raise TrainingError(
            f"augment resize={side}: smaller than the input {height}x{width}; "
            f"resize to {max(height, width)} or more"
        )
    kept = (height, width) if side is None else (side, side)
    if recipe.evaluate.crops == 10 and kept == (height, width):
        raise TrainingError(
            f"evaluate crops=10: images are kept at the input's {height}x{width}, where all crops "
            "are the same; add augment resize= with a larger size"
        )
    return Wanted(channels, *kept, square=side is not None, classes=classes)


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
        return windows(x, Cuts(top, left, mirrored), self.window, self.settings.pad)

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


def view(recipe: Recipe, data: Data, window: tuple[int, int], device: torch.device) -> View:
    """Measure what normalising and colour noise need on the training set."""
    settings = recipe.augment or _PLAIN
    images = data.train.images
    mean, covariance = _moments(images)
    eigenvalues, vectors = torch.linalg.eigh(covariance / 255**2)
    # A channel that never changes carries nothing; leave its zeros alone instead of dividing by
    # zero.
    variance = covariance.diagonal()
    std = torch.where(variance > 0, variance, 1).sqrt()
    channel = mean.float()[None, :, None, None]
    return View(
        settings=settings,
        window=window,
        mean=(_pixel_mean(images)[None] if settings.mean == "pixel" else channel).to(device),
        std=std.float()[None, :, None, None].to(device),
        components=(vectors * eigenvalues).float(),
        seed=recipe.seed,
    )


@dataclass(frozen=True)
class Cuts:
    """Where each of n windows lies in its padded image, and whether it is mirrored."""

    top: Tensor
    left: Tensor
    mirrored: Tensor


def windows(x: Tensor, cuts: Cuts, window: tuple[int, int], pad: int) -> Tensor:
    """Cut a window H x W out of each image n x C x h x w; beyond an image lies `pad` of zeros."""
    if window == tuple(x.shape[2:]) and not pad:
        return torch.where(cuts.mirrored.to(x.device)[:, None, None, None], x.flip(-1), x)
    rows = cuts.top[:, None] + torch.arange(window[0])
    columns = cuts.left[:, None] + torch.arange(window[1])
    columns = torch.where(cuts.mirrored[:, None], columns.flip(1), columns)
    padded = functional.pad(x, (pad, pad, pad, pad))
    image = torch.arange(len(x))
    # Indexing around the channels puts them last, n x H x W x C: in memory that is channels_last.
    picked = padded.permute(0, 2, 3, 1)[
        image[:, None, None].to(x.device),
        rows[:, :, None].to(x.device),
        columns[:, None, :].to(x.device),
    ]
    return picked.permute(0, 3, 1, 2)


def _moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C) and covariance (C x C) of the pixels' colours in float64, in 0..255."""
    channels = images.shape[1]
    total = torch.zeros(channels, dtype=torch.float64)
    products = torch.zeros(channels, channels, dtype=torch.float64)
    pixels = 0
    for part in torch.split(images, max(1, 2**22 // images[0].numel())):
        # Exact: a chunk's sums of bytes and of their products stay below 2^53.
        colours = part.transpose(0, 1).reshape(channels, -1).double()
        total += colours.sum(1)
        products += colours @ colours.T
        pixels += colours.shape[1]
    mean = total / pixels
    return mean, products / pixels - mean[:, None] * mean


def _pixel_mean(images: Tensor) -> Tensor:
    """The mean image C x h x w, in 0..255."""
    total = torch.zeros(images.shape[1:], dtype=torch.int64)
    for part in torch.split(images, 1024):
        total += part.sum(0, dtype=torch.int64)
    return total.double().div(len(images)).float()
