"""What a network is trained on: where each kind of data comes from."""

import hashlib
from collections.abc import Iterator
from functools import singledispatch
from pathlib import Path
from typing import Final

import numpy as np
import torch

from archdsl.codegen.trainable import (
    TEST_SHAPES,
    TRAINING_SHAPES,
    require_channels,
    require_classes,
    require_drawable,
)
from archdsl.training.data import binary
from archdsl.training.data.folder import folder
from archdsl.training.data.held import held, require_memory
from archdsl.training.data.images import (
    Data,
    Encoded,
    Labels,
    Pixels,
    Progress,
    Split,
    Undecoded,
    Wanted,
    silent,
)
from archdsl.training.data.parquet import parquet
from archdsl.training.errors import TrainingError
from archdsl.training.parts import shapes
from archdsl.training.parts.packed import resized
from archdsl.words.recipe import Cifar10, Cifar100, Folder, Mnist, Parquet, Shapes

__all__ = ["Data", "Split", "Wanted", "load"]

_CHUNK: Final = 500
"""How many published images are resized at once."""


def load(
    source: object, wanted: Wanted, *, cache: bool = True, progress: Progress = silent
) -> Data:
    """Read or draw a recipe's data.

    What costs decoding is read from the cache and, where it is not there, decoded into it, which
    `progress` is told of. Without `cache` it is decoded into memory.

    Raises:
        TrainingError: it is missing, unreadable, or does not fit the network.
        NotImplementedError: nothing is known of this word's class.
    """
    try:
        return _load(source, wanted, cache, progress)
    except OSError as problem:
        raise TrainingError(
            f"{problem.filename or 'the data'} cannot be read ({problem.strerror or problem})"
        ) from problem


@singledispatch
def _load(source: object, wanted: Wanted, cache: bool, progress: Progress) -> Data:
    raise NotImplementedError(f"no data is read for {type(source).__name__}")


@_load.register
def _(source: Shapes, wanted: Wanted, cache: bool, progress: Progress) -> Data:
    require_drawable("data shapes", wanted.height, wanted.width)
    require_classes("data shapes", len(shapes.FIGURES), wanted.classes)
    require_memory("data shapes", TRAINING_SHAPES + TEST_SHAPES, wanted)
    train, test = (
        Split(*map(torch.from_numpy, shapes.draw(n, wanted.size, seed=0, split=split)))
        for split, n in (("train", TRAINING_SHAPES), ("test", TEST_SHAPES))
    )
    return Data("shapes", True, tuple(shapes.FIGURES), train, test)


@_load.register
def _(source: Folder, wanted: Wanted, cache: bool, progress: Progress) -> Data:
    return held(folder(source, wanted), wanted, cache=cache, progress=progress)


@_load.register
def _(source: Parquet, wanted: Wanted, cache: bool, progress: Progress) -> Data:
    return held(parquet(source, wanted), wanted, cache=cache, progress=progress)


@_load.register
def _(source: Cifar10, wanted: Wanted, cache: bool, progress: Progress) -> Data:
    found = binary.cifar10(Path(source.path))
    return _packed("cifar10", source.path, found, wanted, cache, progress)


@_load.register
def _(source: Cifar100, wanted: Wanted, cache: bool, progress: Progress) -> Data:
    found = binary.cifar100(Path(source.path))
    return _packed("cifar100", source.path, found, wanted, cache, progress)


@_load.register
def _(source: Mnist, wanted: Wanted, cache: bool, progress: Progress) -> Data:
    found = binary.mnist(Path(source.path))
    return _packed("mnist", source.path, found, wanted, cache, progress)


def _packed(
    word: str, path: str, packed: binary.Packed, wanted: Wanted, cache: bool, progress: Progress
) -> Data:
    """A published data set: in memory at its own size, else resized as others are decoded."""
    place = f'data {word} "{path}"'
    name = f"{word} {packed.path}"
    require_classes(place, len(packed.classes), wanted.classes)
    _, channels, height, width = packed.train[0].shape
    require_channels(place, channels, wanted.size)
    splits = (packed.train, packed.test)
    if (height, width) == (wanted.height, wanted.width):
        train, test = (
            Split(torch.from_numpy(images.copy()), torch.from_numpy(labels))
            for images, labels in splits
        )
        return Data(name, False, packed.classes, train, test)
    digest = hashlib.sha256()
    for images, _ in splits:
        digest.update(np.ascontiguousarray(images).data)
    train_files, test_files = (_resizing(*split, wanted) for split in splits)
    source = Undecoded(place, name, packed.classes, train_files, test_files, digest.hexdigest())
    return held(source, wanted, cache=cache, progress=progress)


def _resizing(images: Pixels, labels: Labels, wanted: Wanted) -> Encoded:
    def chunks() -> Iterator[Pixels]:
        for first in range(0, len(images), _CHUNK):
            part = torch.from_numpy(images[first : first + _CHUNK].copy())
            found = resized(part, (wanted.height, wanted.width))
            yield found.permute(0, 2, 3, 1).numpy()

    return Encoded(labels, chunks)
