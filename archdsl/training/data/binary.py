"""The published files of CIFAR and MNIST, read with numpy.

CIFAR is published twice: as records of bytes, the "binary version", and as pickles of numpy arrays,
the "python version". Both are read from folders and from tarballs; pickles as `pickles` does.
"""

import gzip
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from archdsl.training.data.archive import Files, opened
from archdsl.training.data.images import Labels, Pixels
from archdsl.training.data.pickles import unpickled
from archdsl.training.errors import TrainingError
from archdsl.training.parts.packed import cifar_records, idx

Labelled = tuple[Pixels, Labels]
"""Images N x C x H x W and their labels N."""


@dataclass(frozen=True)
class Packed:
    """A whole published data set."""

    path: Path
    """Where it was found: the path that was given, or a folder in it."""
    classes: tuple[str, ...]
    train: Labelled
    test: Labelled


# --- CIFAR ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Version:
    """One of the two ways in which a CIFAR is published."""

    name: str
    folder: str
    """What its tarball holds."""
    meta: str
    """The file of the classes' names."""
    train: tuple[str, ...]
    test: str

    @property
    def files(self) -> tuple[str, ...]:
        return self.meta, *self.train, self.test


@dataclass(frozen=True)
class _Cifar:
    classes: int
    before: int
    """Bytes of a record in front of the label."""
    labels: bytes
    """The key of the labels in a pickle, and of their names in that of the names."""
    names: bytes
    binary: _Version
    python: _Version


_CIFAR10: Final = _Cifar(
    classes=10,
    before=0,
    labels=b"labels",
    names=b"label_names",
    binary=_Version(
        "binary version",
        "cifar-10-batches-bin",
        "batches.meta.txt",
        tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
        "test_batch.bin",
    ),
    python=_Version(
        "python version",
        "cifar-10-batches-py",
        "batches.meta",
        tuple(f"data_batch_{i}" for i in range(1, 6)),
        "test_batch",
    ),
)

_CIFAR100: Final = _Cifar(
    classes=100,
    before=1,  # the coarse label
    labels=b"fine_labels",
    names=b"fine_label_names",
    binary=_Version(
        "binary version", "cifar-100-binary", "fine_label_names.txt", ("train.bin",), "test.bin"
    ),
    python=_Version("python version", "cifar-100-python", "meta", ("train",), "test"),
)


def cifar10(path: Path) -> Packed:
    """CIFAR-10: six files of ten thousand images.

    Raises:
        TrainingError: a file is missing, or holds something else.
    """
    return _cifar(path, _CIFAR10)


def cifar100(path: Path) -> Packed:
    """CIFAR-100, by its fine labels.

    Raises:
        TrainingError: a file is missing, or holds something else.
    """
    return _cifar(path, _CIFAR100)


def _cifar(path: Path, kind: _Cifar) -> Packed:
    versions = (kind.binary, kind.python)
    files = opened(
        path,
        list(chain.from_iterable(version.files for version in versions)),
        [version.folder for version in versions],
    )
    # The one that has more of its files: where one is missing, it is named.
    version = max(versions, key=lambda version: len(files.names & set(version.files)))
    if not files.names:
        raise TrainingError(
            f"{path}: holds neither the binary version ({kind.binary.meta}, {kind.binary.test}, …) "
            f"nor the python version ({kind.python.meta}, {kind.python.test}, …)"
        )
    missing = [name for name in version.files if name not in files.names]
    if missing:
        raise TrainingError(
            f"{files.place(missing[0])}: no such file, which the {version.name} has; fetch it again"
        )
    read, names = (_records, _lines) if version is kind.binary else (_pickled, _pickled_names)
    train = [read(files, name, kind) for name in version.train]
    images, labels = zip(*train, strict=True)
    return Packed(
        files.path,
        names(files, version.meta, kind),
        (np.concatenate(images), np.concatenate(labels)),
        read(files, version.test, kind),
    )


def _records(files: Files, name: str, kind: _Cifar) -> Labelled:
    """Records of `before` bytes that are passed over, the label's byte and the image."""
    raw, place = files.read(name), files.place(name)
    length = kind.before + 1 + 3 * 32 * 32
    if not len(raw) or len(raw) % length:
        raise TrainingError(
            f"{place}: {len(raw):,} bytes are no whole number of records of {length:,}; "
            'fetch the file of the "binary version" again'
        )
    images, labels = cifar_records(raw, kind.before)
    return images, _labels(labels, place, kind)


def _pickled(files: Files, name: str, kind: _Cifar) -> Labelled:
    """A dictionary of the images, N rows of 3072 bytes, and a list of N labels."""
    place = files.place(name)
    found = unpickled(files.read(name), place)
    images, labels = found.get(b"data"), found.get(kind.labels)
    if not (
        isinstance(images, np.ndarray)
        and images.dtype == np.uint8
        and isinstance(labels, list)
        and labels
        and images.shape == (len(labels), 3 * 32 * 32)
        and all(isinstance(label, int) for label in labels)
    ):
        raise TrainingError(
            f"{place}: no dictionary of images (data) and as many labels "
            f"({kind.labels.decode()}); fetch it again"
        )
    return images.reshape(-1, 3, 32, 32), _labels(np.array(labels), place, kind)


def _labels(labels: Labels, place: str, kind: _Cifar) -> Labels:
    outside = labels[(labels < 0) | (labels >= kind.classes)]
    if outside.size:
        raise TrainingError(f"{place}: the label {outside[0]} is not below {kind.classes}")
    return labels


def _lines(files: Files, name: str, kind: _Cifar) -> tuple[str, ...]:
    return _names(files.read(name).decode("utf-8", "replace").split(), files.place(name), kind)


def _pickled_names(files: Files, name: str, kind: _Cifar) -> tuple[str, ...]:
    place = files.place(name)
    found = unpickled(files.read(name), place).get(kind.names)
    listed = found if isinstance(found, list) else []
    names = [entry.decode("utf-8", "replace") for entry in listed if isinstance(entry, bytes)]
    return _names(names, place, kind)


def _names(names: Sequence[str], place: str, kind: _Cifar) -> tuple[str, ...]:
    if len(names) != kind.classes:
        raise TrainingError(
            f"{place}: {len(names)} class names where there should be {kind.classes}"
        )
    return tuple(names)


# --- MNIST ------------------------------------------------------------------------------------


def mnist(folder: Path) -> Packed:
    """MNIST's four idx files, gzipped or not, `train-images-idx3-ubyte` or `….idx3-ubyte`.

    Raises:
        TrainingError: a file is missing or is not idx of bytes, or images and labels differ in
            number.
    """
    splits = []
    for prefix in ("train", "t10k"):
        images = _idx(folder, f"{prefix}-images", dimensions=3)
        labels = _idx(folder, f"{prefix}-labels", dimensions=1)
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
    return Packed(folder, tuple("0123456789"), splits[0], splits[1])


def _idx(folder: Path, stem: str, *, dimensions: int) -> Pixels:
    """An idx file of bytes: 0, 0, 8, how many dimensions, each as a big-endian int32, values."""
    path = _first(
        folder / f"{stem}{point}idx{dimensions}-ubyte{zipped}"
        for zipped in ("", ".gz")
        for point in "-."
    )
    raw = _read(path)
    header = 4 + 4 * dimensions
    shape = np.frombuffer(raw[4:header], ">u4") if len(raw) >= header else np.zeros(0)
    values = math.prod(map(int, shape))
    if raw[:4] != bytes((0, 0, 8, dimensions)) or not values or len(raw) != header + values:
        raise TrainingError(
            f"{path}: not an idx file of bytes in {dimensions} dimension(s), or cut short; "
            "fetch it again"
        )
    return idx(raw)


def _first(paths: Iterable[Path]) -> Path:
    """The first that exists; if none does, the first."""
    candidates = list(paths)
    return next((path for path in candidates if path.exists()), candidates[0])


def _read(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError:
        raise TrainingError(
            f"{path}: no such file; the folder should hold MNIST's four files, *-ubyte or "
            "*-ubyte.gz"
        ) from None
    except (OSError, EOFError, zlib.error) as problem:
        raise TrainingError(f"{path}: cannot be read ({problem})") from problem
