"""Folders of image files as data: class folders, ImageNet's layout and Tiny ImageNet's."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from archdsl.codegen.trainable import require_classes, require_picture_channels
from archdsl.training.data.images import Encoded, Pixels, Undecoded, Wanted
from archdsl.training.errors import TrainingError
from archdsl.training.parts.folders import SUFFIXES, ByClass, few, splits
from archdsl.training.parts.pictures import decoded
from archdsl.words.recipe import Folder

_CHUNK: Final = 2**26
"""How many bytes of images are decoded before they are written."""

_HELPERS: Final = ("desktop.ini", "thumbs.db")
"""What file managers leave in folders."""


def folder(source: Folder, wanted: Wanted) -> Undecoded:
    """What a folder holds, by looking at its names.

    Raises:
        TrainingError: it is not there, is laid out in no known way, or does not fit the network.
    """
    place = f'data folder "{source.path}"'
    root = Path(source.path)
    if not root.is_dir():
        raise TrainingError(
            f"{place}: there is no such folder, seen from the working directory; it should hold "
            "train/CLASS/*.png and val/CLASS/*.png (or .jpg, …)"
        )
    try:
        train, test = splits(root)
        listing = [
            told(path, root)
            for files in (train, test)
            for found in files.values()
            for path in found
        ]
        note = _passed_over(
            {found[0].parent for files in (train, test) for found in files.values()}
        )
    except ValueError as problem:
        raise TrainingError(f"{place}: {problem}") from problem
    except OSError as problem:
        raise TrainingError(
            f"{place}: {problem.filename} cannot be read ({problem.strerror})"
        ) from problem
    require_classes(place, len(train), wanted.classes)
    require_picture_channels(place, wanted.channels)
    return Undecoded(
        place=place,
        name=f"folder {source.path}",
        classes=_readable(root, tuple(train)),
        train=_encoded(place, train, wanted),
        test=_encoded(place, test, wanted),
        listing="\n".join(listing),
        note=note,
    )


def _passed_over(places: Iterable[Path]) -> str:
    """What to tell of files that lie among images and are taken for none. Raises OSError."""
    suffixes = Counter(
        file.suffix.lower()
        for place in places
        for file in place.iterdir()
        if file.suffix.lower() not in SUFFIXES
        and file.name.lower() not in _HELPERS
        and not file.name.startswith(".")
        and file.is_file()
    )
    count = suffixes.total()
    if not count:
        return ""
    named = few(sorted(suffix or "none" for suffix in suffixes))
    many = "file with another suffix is" if count == 1 else "files with other suffixes are"
    return f"{count:,} {many} passed over: {named}"


def _encoded(place: str, files: ByClass, wanted: Wanted) -> Encoded:
    counts = [len(found) for found in files.values()]
    paths = [path for found in files.values() for path in found]
    step = max(16, min(1024, _CHUNK // wanted.bytes(1)))

    def chunks() -> Iterator[Pixels]:
        for first in range(0, len(paths), step):
            try:
                yield decoded(paths[first : first + step], wanted.size, wanted.square)
            except ValueError as problem:
                raise TrainingError(f"{place}: {problem}; replace it or take it out") from problem

    return Encoded(np.repeat(np.arange(len(files), dtype=np.int64), counts), chunks)


def told(path: Path, root: Path) -> str:
    """A file's path in a folder, its size, and when its content and its inode last changed.

    A link's target is meant. Raises OSError.
    """
    status = path.stat()
    return f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _readable(root: Path, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes' names; those that words.txt beside the images has for WordNet's numbers.

    Two classes of one name, such as ImageNet's cranes, keep their numbers behind it.
    """
    path = root / "words.txt"
    if not path.is_file():
        return classes
    rows = path.read_text("utf-8", errors="replace").splitlines()
    words = dict(row.split("\t", 1) for row in rows if "\t" in row)
    names = [words.get(name, name) for name in classes]
    often = Counter(names)
    return tuple(
        name if often[name] == 1 else f"{name} ({number})"
        for name, number in zip(names, classes, strict=True)
    )
