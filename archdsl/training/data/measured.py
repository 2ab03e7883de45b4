"""What normalising needs of a training set, measured once and kept beside its images."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import torch
from safetensors.torch import load, save
from torch import Tensor

from archdsl import files
from archdsl.training.data.images import Data, Progress

_SHA: Final = 64
"""Characters of a sha256, with which a file of sums begins; safetensors follow."""
_PART: Final = 2**28
"""Bytes of images that are measured before progress is told of."""


def measured(
    data: Data, what: str, sums: Callable[[Tensor], dict[str, Tensor]], progress: Progress
) -> dict[str, Tensor]:
    """`sums` of the training images, or what they were before for images in the cache.

    To read all pixels of a large set takes minutes. What is measured is summed over parts.
    """
    if data.cache is None:
        return _summed(data.train.images, sums, progress)
    path = data.cache.with_name(f"{data.sha256[:32]}-{what}.sums")
    with suppress(OSError):
        content = path.read_bytes()
        if content[:_SHA] == _sha256(content[_SHA:]):
            return load(content[_SHA:])
    found = _summed(data.train.images, sums, progress)
    with suppress(OSError):  # the cache is full, or for reading only
        raw = save(found)
        files.write(path, _sha256(raw) + raw)
    return found


def _sha256(raw: bytes) -> bytes:
    return hashlib.sha256(raw).hexdigest().encode()


def _summed(
    images: Tensor, sums: Callable[[Tensor], dict[str, Tensor]], progress: Progress
) -> dict[str, Tensor]:
    first, *rest = torch.split(images, max(1, _PART // images[0].numel()))
    found, done = sums(first), len(first)
    for part in rest:
        progress(done, len(images))
        found = {name: found[name] + more for name, more in sums(part).items()}
        done += len(part)
    return found
