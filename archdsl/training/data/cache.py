"""Decoded images in a file of their own, so that the next run need not decode them.

The cache is a folder: $ARCHDSL_CACHE, else $XDG_CACHE_HOME/archdsl, else ~/.cache/archdsl. It can
be deleted at any time. A file of it is named by a hash of what its pixels follow from, and is whole
or is not there. It is a safetensors file of two tensors N x H x W x C, `train` and `test`, written
in pieces and mapped into memory: runs share its pages, and it may be larger than memory.
"""

import errno
import fcntl
import hashlib
import json
import mmap
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO, Final

import numpy as np
import PIL
import torch
from torch import Tensor

from archdsl.training.data.images import Data, Digest, Progress, Split, Undecoded, Wanted

_FORMAT: Final = "archdsl 1"
_HASHED: Final = 10**9
"""Bytes up to which a file is held against its hash each time: a second or so. Beyond, its header
and its length are."""


def cache_folder() -> Path:
    """Where decoded images are kept. Raises OSError for a user who has no home."""
    own = os.environ.get("ARCHDSL_CACHE")
    if own:
        return Path(own)
    caches = os.environ.get("XDG_CACHE_HOME")
    if caches:
        return Path(caches) / "archdsl"
    try:
        return Path.home() / ".cache" / "archdsl"
    except RuntimeError as problem:
        raise OSError(errno.ENOENT, "there is no home folder; set ARCHDSL_CACHE") from problem


def cached(source: Undecoded, wanted: Wanted, progress: Progress) -> Data:
    """Images out of the cache; they are decoded into it first if they are not there.

    Raises:
        OSError: the cache cannot be written, or is full.
        TrainingError: an image cannot be read.
    """
    folder = cache_folder()
    path = folder / f"{_key(source, wanted)}.safetensors"
    found = _kept(path, source, wanted)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)

        def waiting() -> None:
            written = 0
            for part in folder.glob(f".{path.stem}.*.part"):
                with suppress(FileNotFoundError):  # it was whole, and renamed just now
                    written += part.stat().st_size
            progress(min(written // wanted.bytes(1), len(source)), len(source))

        with _alone(path, waiting):
            found = _kept(path, source, wanted) or _made(path, source, wanted, progress)
    return found


def _key(source: Undecoded, wanted: Wanted) -> str:
    told = json.dumps(
        [_FORMAT, PIL.__version__, wanted.size, wanted.square, source.classes, source.listing]
    )
    digest = hashlib.sha256(told.encode())
    for split in source.splits:
        digest.update(split.labels.tobytes())
    return digest.hexdigest()[:32]


@contextmanager
def _alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Whoever else decodes the same images is waited for, and has then decoded them.

    The lock spares work; it is not what makes a file whole. A file system without locks is no
    error.
    """
    with path.with_name(f".{path.stem}.lock").open("wb") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                time.sleep(0.1)
                continue
            except OSError:
                pass
            break
        yield


# --- reading ----------------------------------------------------------------------------------


def _kept(path: Path, source: Undecoded, wanted: Wanted) -> Data | None:
    """What the file holds; None if there is none, or it is not what it should be."""
    try:
        with path.open("rb") as file:
            whole = file.seek(0, os.SEEK_END)
            file.seek(0)
            length = int.from_bytes(file.read(8), "little")
            sha = _hash_in(file.read(min(length, 2**20)))
            expected = _header(source, wanted, sha)
            file.seek(0)
            if file.read(len(expected)) != expected:
                return None
            if whole != len(expected) + wanted.bytes(len(source)):
                return None
            data = _data(file, path, source, wanted, sha)
    except FileNotFoundError:
        return None
    if wanted.bytes(len(source)) <= _HASHED:
        seen = Data(data.name, data.synthetic, data.classes, data.train, data.test)
        if seen.sha256 != sha:
            return None
    return data


def _hash_in(header: bytes) -> str:
    """The hash of its images that a header tells, or nothing."""
    try:
        told = json.loads(header)["__metadata__"]["sha256"]
    except (ValueError, KeyError, TypeError):
        return ""
    return told if isinstance(told, str) else ""


def _data(file: BinaryIO, path: Path, source: Undecoded, wanted: Wanted, sha: str) -> Data:
    """The splits of a whole file, as views of its pages."""
    channels, height, width = wanted.size
    begin = len(_header(source, wanted, sha))
    # Read-only pages: they are shared, and may be more than memory and swap hold.
    pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    splits = []
    for split in source.splits:
        count = wanted.bytes(len(split))
        flat = np.frombuffer(pages, np.uint8, count, begin)
        images = _tensor(flat.reshape(len(split), height, width, channels)).permute(0, 3, 1, 2)
        splits.append(Split(images, torch.from_numpy(split.labels)))
        begin += count
    return Data(source.name, False, source.classes, splits[0], splits[1], sha, path)


def _tensor(images: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    with warnings.catch_warnings():
        # Nothing writes to images.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(images)


# --- writing ----------------------------------------------------------------------------------


def _made(path: Path, source: Undecoded, wanted: Wanted, progress: Progress) -> Data:
    for left in path.parent.glob(f".{path.stem}.*.part"):
        left.unlink(missing_ok=True)  # of a run that was killed
    needed = wanted.bytes(len(source))
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free",
            str(path.parent),
        )
    temporary = path.with_name(f".{path.stem}.{token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(_header(source, wanted, "0" * 64))
            sha = _decode(file, source, wanted, progress)
            file.seek(0)
            file.write(_header(source, wanted, sha))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # still there only if something failed
    with path.open("rb") as file:
        return _data(file, path, source, wanted, sha)


def _decode(file: BinaryIO, source: Undecoded, wanted: Wanted, progress: Progress) -> str:
    """Write every image behind the header; the hash of them all."""
    digest, done = Digest(source.classes), 0
    for split in source.splits:
        digest.begin((len(split), *wanted.size))
        for chunk in split.chunks():
            file.write(np.ascontiguousarray(chunk).data)
            digest.images(chunk.transpose(0, 3, 1, 2))
            done += len(chunk)
            progress(done, len(source))
        digest.labels(split.labels)
    return digest.hexdigest()


def _header(source: Undecoded, wanted: Wanted, sha: str) -> bytes:
    """A safetensors header: its length in eight bytes, and JSON.

    It is filled with blanks to whole pages of 4096 bytes, as the format allows.
    """
    channels, height, width = wanted.size
    tensors: dict[str, object] = {"__metadata__": {"format": _FORMAT, "sha256": sha}}
    begin = 0
    for name, split in zip(("train", "test"), source.splits, strict=True):
        end = begin + wanted.bytes(len(split))
        shape = [len(split), height, width, channels]
        tensors[name] = {"dtype": "U8", "shape": shape, "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(tensors).encode()
    text = text.ljust(-(-(len(text) + 8) // 4096) * 4096 - 8)
    return len(text).to_bytes(8, "little") + text
