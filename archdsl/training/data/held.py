"""Where decoded images are held: in the cache, mapped, or in memory."""

import os
from dataclasses import replace

import numpy as np
import torch

from archdsl.training.data.cache import cached
from archdsl.training.data.images import Data, Encoded, Progress, Split, Undecoded, Wanted
from archdsl.training.errors import TrainingError


def held(source: Undecoded, wanted: Wanted, *, cache: bool, progress: Progress) -> Data:
    """Decode a data set once, into the cache or, where that cannot be, into memory.

    Raises:
        TrainingError: an image cannot be read, or there are more than can be held.
    """
    note = ""
    if cache:
        try:
            return replace(cached(source, wanted, progress), note=source.note)
        except OSError as problem:
            where = f"{problem.filename}: " if problem.filename else ""
            note = f"the cache cannot be used ({where}{problem.strerror or problem})"
    require_memory(source.place, len(source), wanted, note)
    done = 0

    def decoded(split: Encoded) -> Split:
        nonlocal done
        channels, height, width = wanted.size
        images = np.empty((len(split), height, width, channels), np.uint8)
        first = 0
        for chunk in split.chunks():
            images[first : first + len(chunk)] = chunk
            first += len(chunk)
            done += len(chunk)
            progress(done, len(source))
        return Split(torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(split.labels))

    train, test = map(decoded, source.splits)
    if note:
        note += "; the images are held in memory, and the next run decodes them again"
    told = "; ".join(filter(None, (source.note, note)))
    return Data(source.name, False, source.classes, train, test, note=told)


def require_memory(place: str, count: int, wanted: Wanted, note: str = "") -> None:
    """Raises TrainingError for more images than memory holds, before an hour of decoding."""
    needed = wanted.bytes(count)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.8 * memory:
        also = f", and {note}" if note else ""
        raise TrainingError(
            f"{place}: its {count:,} images at {wanted.height}x{wanted.width} take "
            f"{needed / 1e9:.1f} GB and this machine has {memory / 1e9:.1f} GB{also}; use fewer "
            "images or a smaller `augment resize=`"
        )
