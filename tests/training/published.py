"""Small data sets in the formats in which CIFAR is published."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]


def images(count: int, seed: int) -> Images:
    """Noise, count x 3 x 32 x 32."""
    draws = np.random.default_rng(seed)
    return draws.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def string(value: bytes) -> bytes:
    """A string of Python 2 in a pickle of protocol 2."""
    if len(value) < 256:
        return b"U" + bytes([len(value)]) + value
    return b"T" + len(value).to_bytes(4, "little") + value


def number(value: int) -> bytes:
    """A whole number below 2^31 in a pickle of protocol 2."""
    return b"J" + value.to_bytes(4, "little", signed=True)


def array(rows: Images, kind: bytes = b"u1") -> bytes:
    """An array n x m as numpy wrote it under Python 2, its flags as 0 and 1."""
    n, m = rows.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + (number(n) + number(m) + b"\x86cnumpy\ndtype\n" + string(kind))
        + (b"K\x00K\x01\x87R(K\x03U\x01|NNN" + number(-1) + number(-1) + b"K\x00tb\x89")
        + (string(rows.tobytes()) + b"tb")
    )


def dictionary(entries: Mapping[bytes, bytes]) -> bytes:
    """A pickle of a dictionary: strings, and values that are pickled already."""
    pairs = b"".join(string(key) + value for key, value in entries.items())
    return b"\x80\x02}(" + pairs + b"u."


def listed(values: Sequence[bytes]) -> bytes:
    """A list of values that are pickled already."""
    return b"](" + b"".join(values) + b"e"


def batch(pixels: Images, labels: Sequence[int], key: bytes) -> bytes:
    """A file of images of the python version."""
    return dictionary(
        {
            b"batch_label": string(b"a batch"),
            key: listed([number(label) for label in labels]),
            b"data": array(pixels.reshape(len(pixels), -1)),
        }
    )


def cifar10_python(names: Sequence[str] = tuple("abcdefghij")) -> dict[str, bytes]:
    """The files of cifar-10-batches-py: three images in each, of seeds 1 to 5, then 0."""
    files = {f"data_batch_{i}": batch(images(3, i), [i, 0, 9], b"labels") for i in range(1, 6)}
    files["test_batch"] = batch(images(3, 0), [7, 8, 9], b"labels")
    meta = {
        b"num_cases_per_batch": number(3),
        b"label_names": listed([string(name.encode()) for name in names]),
    }
    return {**files, "batches.meta": dictionary(meta), "readme.html": b"<html>"}


def cifar10_binary() -> dict[str, bytes]:
    """The files of cifar-10-batches-bin: the same images and labels."""

    def records(seed: int, labels: Sequence[int]) -> bytes:
        pairs = zip(labels, images(3, seed), strict=True)
        return b"".join(bytes([label]) + image.tobytes() for label, image in pairs)

    files = {f"data_batch_{i}.bin": records(i, [i, 0, 9]) for i in range(1, 6)}
    names = "\n".join("abcdefghij") + "\n\n"
    return {**files, "test_batch.bin": records(0, [7, 8, 9]), "batches.meta.txt": names.encode()}


def cifar100_python() -> dict[str, bytes]:
    """The files of cifar-100-python: two images in each, of seeds 1 and 0."""

    def split(seed: int, fine: Sequence[int]) -> bytes:
        whole = batch(images(2, seed), fine, b"fine_labels")
        coarse = string(b"coarse_labels") + listed([number(3), number(4)])
        return whole.removesuffix(b"u.") + coarse + b"u."

    names = listed([string(f"f{i}".encode()) for i in range(100)])
    coarse = listed([string(f"c{i}".encode()) for i in range(20)])
    return {
        "train": split(1, [99, 4]),
        "test": split(0, [0, 50]),
        "meta": dictionary({b"coarse_label_names": coarse, b"fine_label_names": names}),
    }


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def tarball(path: Path, folder: str, files: Mapping[str, bytes]) -> Path:
    """A tarball with one folder, compressed as the path's name ends."""
    zipped = path.suffix in (".gz", ".tgz")
    with tarfile.open(path, "w:gz") if zipped else tarfile.open(path, "w:") as archive:
        directory = tarfile.TarInfo(folder)
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
