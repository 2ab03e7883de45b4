"""What normalising needs to know of the training set."""

import torch
from torch import Tensor


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean C and covariance CxC of the colours of uint8 images, float64, in 0..255."""
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


def deviation(covariance: Tensor) -> Tensor:
    """Each channel's standard deviation, 1xCx1x1; 1 for a channel that never changes.

    Such a channel carries nothing: its zeros are left alone, not divided by zero.
    """
    variance = covariance.diagonal()
    std = torch.where(variance > 0, variance, 1).sqrt()
    return std.float()[None, :, None, None]


def pixel_mean(images: Tensor) -> Tensor:
    """The mean image 1xCxhxw of uint8 images, in 0..255."""
    total = torch.zeros(images.shape[1:], dtype=torch.int64)
    for part in torch.split(images, 1024):
        total += part.sum(0, dtype=torch.int64)
    return total.double().div(len(images)).float()[None]


def components(covariance: Tensor) -> Tensor:
    """CxC in 0..1: column i is the colours' principal component i times its eigenvalue.

    `covariance` is of colours in 0..255.
    """
    eigenvalues, vectors = torch.linalg.eigh(covariance / 255**2)
    scaled: Tensor = vectors * eigenvalues
    return scaled.float()
