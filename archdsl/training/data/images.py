"""Images in uint8 and their classes: read, or still to be decoded."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many images are decoded, and of how many."""


def silent(done: int, images: int) -> None:
    """Progress that nobody is told of."""


Pixels: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Images N x C x H x W in uint8 and their classes, N in int64.

    The images may be a file's pages, which nothing can write to.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Data:
    """A training set and a held-out set over the same classes."""

    name: str
    """For people: "shapes", "folder data/flowers"."""
    synthetic: bool
    """Drawn by this program: a figure measured on it says so."""
    classes: tuple[str, ...]
    train: Split
    test: Split
    sha256: str = ""
    """Of the class names, images and labels as the network gets to see them; made if not given."""
    cache: Path | None = None
    """The file that the images are pages of, where they were decoded."""
    note: str = ""
    """What a person should know of how it was read: what was passed over, why there is no cache."""

    def __post_init__(self) -> None:
        if not self.sha256:
            digest = Digest(self.classes)
            for split in (self.train, self.test):
                digest.begin(tuple(split.images.shape))
                for part in torch.split(split.images, 1024):
                    digest.images(part.numpy())
                digest.labels(split.labels.numpy())
            object.__setattr__(self, "sha256", digest.hexdigest())


class Digest:
    """A hash of data in pieces: of each split its shape, its images and its labels."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._sha = hashlib.sha256("\0".join(classes).encode())
        self.hexdigest = self._sha.hexdigest

    def begin(self, shape: tuple[int, ...]) -> None:
        """A split of this shape, N x C x H x W."""
        self._sha.update(repr(shape).encode())

    def images(self, images: Pixels) -> None:
        """The split's next images n x C x H x W."""
        self._sha.update(np.ascontiguousarray(images).data)

    def labels(self, labels: Labels) -> None:
        """All of the split's labels, after its images."""
        self._sha.update(np.ascontiguousarray(labels.astype("<i8", copy=False)).data)


@dataclass(frozen=True)
class Wanted:
    """What the network and the recipe ask of data."""

    channels: int
    height: int
    width: int
    """The size at which images are kept: `augment resize=`, else the network's input."""
    square: bool
    """Bring the shorter side to the size and keep the centre, not squeeze both sides to it."""
    classes: int

    @property
    def size(self) -> tuple[int, int, int]:
        """C x H x W."""
        return self.channels, self.height, self.width

    def bytes(self, count: int) -> int:
        """What so many images take."""
        return count * self.channels * self.height * self.width


@dataclass(frozen=True)
class Encoded:
    """A split's images in files, at the size wanted once they are decoded."""

    labels: Labels
    chunks: Callable[[], Iterator[Pixels]]
    """All images in order, n x H x W x C at a time.

    Raises TrainingError for one that cannot be read.
    """

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Undecoded:
    """A training set and a held-out set that cost decoding."""

    place: str
    """The recipe's line: `data folder "data/flowers"`."""
    name: str
    """For people: "folder data/flowers"."""
    classes: tuple[str, ...]
    train: Encoded
    test: Encoded
    listing: str
    """What the pixels follow from: the files, their sizes and times."""
    note: str = ""
    """What a person should know of what is there: what was passed over."""

    @property
    def splits(self) -> tuple[Encoded, Encoded]:
        return self.train, self.test

    def __len__(self) -> int:
        return len(self.train) + len(self.test)
