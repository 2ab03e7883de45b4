"""The layout of CIFAR's and MNIST's published files, and other sizes for images."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def cifar_records(
    raw: bytes, before: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images Nx3x32x32 and labels N of the "binary version" of CIFAR.

    A record is `before` bytes that are passed over, the label's byte, and the image.
    """
    table = np.frombuffer(raw, np.uint8).reshape(-1, before + 1 + 3 * 32 * 32)
    images = table[:, before + 1 :].reshape(-1, 3, 32, 32)
    return images, table[:, before].astype(np.int64)


def idx(raw: bytes) -> NDArray[np.uint8]:
    """The values of an idx file of bytes.

    It holds 0, 0, 8, how many dimensions, each as a big-endian int32, and the values.
    """
    shape = np.frombuffer(raw, ">u4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 images at another height and width (bilinear, antialiased)."""
    if images.shape[2:] == size:
        return images
    return torch.cat(
        [
            functional.interpolate(part, size, mode="bilinear", antialias=True)
            for part in torch.split(images, 1000)
        ]
    )
