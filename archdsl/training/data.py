"""What a network is trained on: uint8 images in memory, and where each kind of data comes from."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archdsl.codegen.trainable import (
    TEST_SHAPES,
    TRAINING_SHAPES,
    require_channels,
    require_classes,
    require_drawable,
    require_picture_channels,
)
from archdsl.training import binary
from archdsl.training.errors import TrainingError
from archdsl.training.parts import shapes
from archdsl.training.parts.packed import resized
from archdsl.training.parts.pictures import SUFFIXES, decoded, listing
from archdsl.words.recipe import Cifar10, Cifar100, Folder, Mnist, Shapes


@dataclass(frozen=True)
class Split:
    """Images N x C x H x W in uint8 and their classes, N in int64."""

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
    sha256: str = field(init=False)
    """Of the class names, images and labels as the network gets to see them."""

    def __post_init__(self) -> None:
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for split in (self.train, self.test):
            digest.update(repr(tuple(split.images.shape)).encode())
            for part in torch.split(split.images, 1024):
                digest.update(part.contiguous().numpy().data)
            digest.update(np.ascontiguousarray(split.labels.numpy().astype("<i8", copy=False)).data)
        object.__setattr__(self, "sha256", digest.hexdigest())


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


@singledispatch
def load(source: object, wanted: Wanted) -> Data:
    """Read or draw a recipe's data.

    Raises:
        TrainingError: it is missing, unreadable, or does not fit the network.
        NotImplementedError: nothing is known of this word's class.
    """
    raise NotImplementedError(f"no data is read for {type(source).__name__}")


@load.register
def _(source: Shapes, wanted: Wanted) -> Data:
    require_drawable("data shapes", wanted.height, wanted.width)
    require_classes("data shapes", len(shapes.FIGURES), wanted.classes)
    _room("data shapes", TRAINING_SHAPES + TEST_SHAPES, wanted)
    train, test = (
        Split(*map(torch.from_numpy, shapes.draw(n, wanted.size, seed=0, split=split)))
        for split, n in (("train", TRAINING_SHAPES), ("test", TEST_SHAPES))
    )
    return Data("shapes", True, tuple(shapes.FIGURES), train, test)


@load.register
def _(source: Folder, wanted: Wanted) -> Data:
    place = f'data folder "{source.path}"'
    root = Path(source.path)
    if not root.is_dir():
        raise TrainingError(
            f"{place}: there is no such folder, seen from the working directory; it should hold "
            "train/CLASS/*.png and val/CLASS/*.png (or .jpg, …)"
        )
    found = {name: _listing(place, root / name) for name in ("train", "val")}
    for here, there in (("train", "val"), ("val", "train")):
        missing = sorted(found[here].keys() - found[there].keys())
        if missing:
            raise TrainingError(
                f"{place}: {here}/ has {_names(missing)} and {there}/ has not; "
                "both need a folder for every class"
            )
    classes = tuple(found["train"])
    require_classes(place, len(classes), wanted.classes)
    require_picture_channels(place, wanted.channels)
    _room(
        place, sum(len(files) for listing in found.values() for files in listing.values()), wanted
    )
    train, test = (_decode(place, listing, wanted) for listing in found.values())
    return Data(f"folder {source.path}", False, classes, train, test)


@load.register
def _(source: Cifar10, wanted: Wanted) -> Data:
    return _packed(f'data cifar10 "{source.path}"', binary.cifar10(Path(source.path)), wanted)


@load.register
def _(source: Cifar100, wanted: Wanted) -> Data:
    return _packed(f'data cifar100 "{source.path}"', binary.cifar100(Path(source.path)), wanted)


@load.register
def _(source: Mnist, wanted: Wanted) -> Data:
    return _packed(f'data mnist "{source.path}"', binary.mnist(Path(source.path)), wanted)


_Listing = dict[str, list[Path]]


def _listing(place: str, root: Path) -> _Listing:
    """The image files of each class folder, both in order of name."""
    if not root.is_dir():
        raise TrainingError(
            f"{place}: it has no {root.name}/ folder; training images go to train/CLASS/, held-out "
            "ones to val/CLASS/"
        )
    found = listing(root)
    if not found:
        raise TrainingError(f"{place}: {root} has no class folders; put each class's images in one")
    empty = sorted(name for name, files in found.items() if not files)
    if empty:
        raise TrainingError(
            f"{place}: {root} has no images for {_names(empty)}; "
            f"an image is a file that ends in {', '.join(sorted(SUFFIXES))}"
        )
    return found


def _names(names: Sequence[str]) -> str:
    """A list for a sentence, cut at five."""
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _room(place: str, count: int, wanted: Wanted) -> None:
    """Images are held in memory; say so before an hour of decoding, not after it."""
    needed = count * wanted.channels * wanted.height * wanted.width
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.8 * memory:
        raise TrainingError(
            f"{place}: its {count:,} images at {wanted.height}x{wanted.width} take "
            f"{needed / 1e9:.1f} GB and this machine has {memory / 1e9:.1f} GB; use fewer images "
            "or a smaller `augment resize=`"
        )


def _decode(place: str, listing: _Listing, wanted: Wanted) -> Split:
    """Read and resize a split's images once."""
    paths = [path for paths in listing.values() for path in paths]
    labels = [label for label, paths in enumerate(listing.values()) for _ in paths]
    try:
        images = decoded(paths, wanted.size, wanted.square)
    except ValueError as problem:
        raise TrainingError(f"{place}: {problem}; replace it or take it out") from problem
    return Split(
        torch.from_numpy(images).permute(0, 3, 1, 2), torch.tensor(labels, dtype=torch.int64)
    )


def _packed(place: str, packed: binary.Packed, wanted: Wanted) -> Data:
    """A published data set, resized to what is wanted."""
    require_classes(place, len(packed.classes), wanted.classes)
    require_channels(place, packed.train[0].shape[1], wanted.size)
    _room(place, sum(len(labels) for _, labels in (packed.train, packed.test)), wanted)
    train, test = (
        Split(
            resized(torch.from_numpy(images.copy()), (wanted.height, wanted.width)),
            torch.from_numpy(labels),
        )
        for images, labels in (packed.train, packed.test)
    )
    return Data(place.removeprefix("data ").replace('"', ""), False, packed.classes, train, test)
