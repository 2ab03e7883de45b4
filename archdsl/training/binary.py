"""The published binary files of CIFAR and MNIST, read with numpy.

Their Python pickles are not read: a pickle can run code.
"""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archdsl.training.errors import TrainingError
from archdsl.training.parts.packed import cifar_records, idx

Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images N x C x H x W and their labels N."""


@dataclass(frozen=True)
class Packed:
    """A whole published data set."""

    classes: tuple[str, ...]
    train: Labelled
    test: Labelled


def cifar10(folder: Path) -> Packed:
    """The "binary version" of CIFAR-10: records of one label byte and 3x32x32 bytes of image.

    Raises:
        TrainingError: a file is missing, or its length or labels are not those of such a file.
    """
    names = _lines(folder / "batches.meta.txt", 10)
    train = [_records(folder / f"data_batch_{i}.bin", before=0, classes=10) for i in range(1, 6)]
    images, labels = zip(*train, strict=True)
    return Packed(
        names,
        (np.concatenate(images), np.concatenate(labels)),
        _records(folder / "test_batch.bin", before=0, classes=10),
    )


def cifar100(folder: Path) -> Packed:
    """The "binary version" of CIFAR-100, by its fine labels.

    Raises:
        TrainingError: a file is missing, or its length or labels are not those of such a file.
    """
    return Packed(
        _lines(folder / "fine_label_names.txt", 100),
        _records(folder / "train.bin", before=1, classes=100),
        _records(folder / "test.bin", before=1, classes=100),
    )


def mnist(folder: Path) -> Packed:
    """MNIST's four idx files, gzipped or not.

    Raises:
        TrainingError: a file is missing or is not idx of bytes, or images and labels differ in
            number.
    """
    splits = []
    for prefix in ("train", "t10k"):
        images = _idx(folder / f"{prefix}-images-idx3-ubyte", dimensions=3)
        labels = _idx(folder / f"{prefix}-labels-idx1-ubyte", dimensions=1)
        if len(images) != len(labels) or not len(images):
            raise TrainingError(
                f"{folder}: {prefix} has {len(images):,} images and {len(labels):,} labels; "
                "take both files from one source"
            )
        if labels.max() > 9:
            raise TrainingError(
                f"{folder}: {prefix} has the label {labels.max()}; a digit is at most 9"
            )
        splits.append((images[:, None], labels.astype(np.int64)))
    return Packed(tuple("0123456789"), splits[0], splits[1])


_CIFAR_IMAGE: Final = 3 * 32 * 32


def _records(path: Path, *, before: int, classes: int) -> Labelled:
    """Records of `before` bytes that are passed over, the label's byte and the image."""
    raw = _read(path)
    length = before + 1 + _CIFAR_IMAGE
    if not len(raw) or len(raw) % length:
        raise TrainingError(
            f"{path}: {len(raw):,} bytes are no whole number of records of {length:,}; "
            'fetch the file of the "binary version" again'
        )
    images, labels = cifar_records(raw, before)
    if labels.max() >= classes:
        raise TrainingError(f"{path}: the label {labels.max()} is not below {classes}")
    return images, labels


def _idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """An idx file of bytes: 0, 0, 8, how many dimensions, each as a big-endian int32, values."""
    zipped = path.with_name(f"{path.name}.gz")
    raw = _read(zipped if zipped.exists() and not path.exists() else path)
    header = 4 + 4 * dimensions
    shape = np.frombuffer(raw[4:header], ">u4") if len(raw) >= header else np.zeros(0)
    values = math.prod(map(int, shape))
    if raw[:4] != bytes((0, 0, 8, dimensions)) or not values or len(raw) != header + values:
        raise TrainingError(
            f"{path}: not an idx file of bytes in {dimensions} dimension(s), or cut short; "
            "fetch it again"
        )
    return idx(raw)


def _lines(path: Path, count: int) -> tuple[str, ...]:
    names = tuple(_read(path).decode("utf-8", errors="replace").split())
    if len(names) != count:
        raise TrainingError(f"{path}: {len(names)} class names where there should be {count}")
    return names


def _read(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError:
        raise TrainingError(
            f"{path}: no such file; the folder should hold the binary version as published (CIFAR: "
            "*.bin and the names' .txt; MNIST: *-ubyte or *-ubyte.gz), not the Python pickles"
        ) from None
    except (OSError, EOFError, zlib.error) as problem:
        raise TrainingError(f"{path}: cannot be read ({problem})") from problem
