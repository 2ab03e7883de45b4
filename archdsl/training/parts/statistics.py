"""What normalising needs to know of the training set."""

import torch
from torch import Tensor


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean C and covariance CxC of the colours of uint8 images, float64, in 0..255."""
    total, products = colour_sums(images)
    return spread(total, products, images.numel() // images.shape[1])


def colour_sums(images: Tensor) -> tuple[Tensor, Tensor]:
    """The sums C of uint8 images' colours, and CxC of their products, float64.

    Exact while they are below 2^53, so the sums of parts can be added up.
    """
    channels = images.shape[1]
    total = torch.zeros(channels, dtype=torch.float64)
    products = torch.zeros(channels, channels, dtype=torch.float64)
    # Parts that a core's cache holds.
    for part in torch.split(images, max(1, 2**20 // images[0].numel())):
        colours = part.transpose(0, 1).reshape(channels, -1).double()
        total += colours.sum(1)
        products += colours @ colours.T
    return total, products


def spread(total: Tensor, products: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """Mean C and covariance CxC of so many pixels with these sums."""
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
    return pixel_sum(images).div(len(images)).float()[None]


def pixel_sum(images: Tensor) -> Tensor:
    """The sum Cxhxw of uint8 images, float64 and exact: parts can be added up."""
    total = torch.zeros(images.shape[1:], dtype=torch.float64)
    for part in torch.split(images, min(1024, max(1, 2**22 // images[0].numel()))):
        # Exact in 24 bits: 1024 bytes are below 2^18.
        total += part.float().sum(0)
    return total


def components(covariance: Tensor) -> Tensor:
    """CxC in 0..1: column i is the colours' principal component i times its eigenvalue.

    `covariance` is of colours in 0..255.
    """
    eigenvalues, vectors = torch.linalg.eigh(covariance / 255**2)
    scaled: Tensor = vectors * eigenvalues
    return scaled.float()
