"""Folders of parquet files as the Hugging Face hub has them, read through `datasets`."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from archdsl.codegen.trainable import require_classes, require_picture_channels
from archdsl.training.data.columns import Columns, agreed, opened, reading
from archdsl.training.data.folder import told
from archdsl.training.data.images import Encoded, Labels, Pixels, Undecoded, Wanted
from archdsl.training.errors import TrainingError
from archdsl.training.parts.folders import few
from archdsl.training.parts.pictures import decoded
from archdsl.words.recipe import Parquet

_NAME: Final = re.compile(
    r"(?P<split>train|validation|valid|val|test)"
    r"(-(?P<shard>\d+)-of-(?P<shards>\d+))?([-_.].*)?\.parquet"
)
_HELD_OUT: Final = ("validation", "valid", "val", "test")
_CHUNK: Final = 256
"""How many images are read and decoded at once."""


def parquet(source: Parquet, wanted: Wanted) -> Undecoded:
    """What a folder's train-*.parquet and validation-*.parquet (or test-*.parquet) hold.

    Raises:
        TrainingError: `datasets` is not installed, files are missing or cannot be read, no column
            holds images or their classes, or they do not fit the network.
    """
    place = f'data parquet "{source.path}"'
    require_picture_channels(place, wanted.channels)
    root = Path(source.path)
    train, test = _files(place, root)
    columns = agreed(place, [*train, *test])
    labels = [_labels(place, files, columns) for files in (train, test)]
    classes = columns.classes or tuple(map(str, range(1 + max(map(np.max, labels)))))
    require_classes(place, len(classes), wanted.classes)
    return Undecoded(
        place=place,
        name=f"parquet {source.path}",
        classes=classes,
        train=_encoded(place, train, labels[0], columns, wanted),
        test=_encoded(place, test, labels[1], columns, wanted),
        listing="\n".join([columns.image, *(told(path, root) for path in (*train, *test))]),
    )


# --- files ------------------------------------------------------------------------------------


def _files(place: str, root: Path) -> tuple[list[Path], list[Path]]:
    """The files of both splits: in the folder itself, in data/ or in the only folder that has any.

    Raises:
        TrainingError: there are none, too many or too few.
    """
    if not root.is_dir():
        raise TrainingError(f"{place}: there is no such folder, seen from the working directory")
    below = [path for path in sorted(root.iterdir()) if path.is_dir()]
    own = [folder for folder in (root, root / "data") if "train" in _splits(folder)]
    found = own[:1] or [folder for folder in below if "train" in _splits(folder)]
    if len(found) > 1:
        names = [str(folder) for folder in found]
        raise TrainingError(f"{place}: name one of its folders: {few(names)}")
    if not found:
        raise TrainingError(
            f"{place}: it has no train-*.parquet, nor has its data/; name the folder that has "
            "train-*.parquet, and validation-*.parquet or test-*.parquet"
        )
    splits = _splits(found[0])
    held_out = next((name for name in _HELD_OUT if name in splits), None)
    if held_out is None:
        raise TrainingError(
            f"{place}: it has train-*.parquet and no validation-*.parquet or test-*.parquet; "
            "put the held-out images beside them"
        )
    return _whole(place, splits["train"]), _whole(place, splits[held_out])


def _splits(folder: Path) -> dict[str, list[Path]]:
    """The parquet files of each split, in order of name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.parquet")):
        if (match := _NAME.fullmatch(path.name)) is not None:
            found.setdefault(match["split"], []).append(path)
    return found


def _whole(place: str, files: list[Path]) -> list[Path]:
    """Raises TrainingError where one of `train-00002-of-00005.parquet` and its like is missing."""
    matches = [_NAME.fullmatch(path.name) for path in files]
    numbered = [match for match in matches if match is not None and match["shard"]]
    if numbered:
        there = {int(match["shard"]) for match in numbered}
        absent = sorted(set(range(int(numbered[0]["shards"]))) - there)
        if absent:
            raise TrainingError(
                f"{place}: {files[0].name} is one of {numbered[0]['shards']} files and number "
                f"{few([str(number) for number in absent])} is missing; fetch them all"
            )
    return files


# --- rows -------------------------------------------------------------------------------------


class _File(io.BytesIO):
    """An image's bytes as a file that says where they come from."""

    def __init__(self, raw: bytes, place: str) -> None:
        super().__init__(raw)
        self.place = place

    def __str__(self) -> str:
        return self.place


def _labels(place: str, files: Sequence[Path], columns: Columns) -> Labels:
    """The class numbers of all rows of a split.

    Raises:
        TrainingError: a file cannot be read, a row has none, or one that no class bears.
    """
    found = []
    for path in files:
        with reading(place, path):
            column = opened(place, path).read([columns.label]).column(columns.label)
            labels = column.cast("int64").fill_null(-1).to_numpy()
        highest = len(columns.classes) if columns.classes else np.iinfo(np.int64).max
        outside = np.flatnonzero((labels < 0) | (labels >= highest))
        if outside.size:
            raise TrainingError(
                f"{place}: row {outside[0]} of {path.name} has no class in {columns.label}, as "
                "sets that are published without their answers; name files that have them"
            )
        found.append(labels)
    together = np.concatenate(found)
    if not together.size:
        raise TrainingError(f"{place}: {files[0].name} has no rows")
    return together


def _encoded(
    place: str, files: Sequence[Path], labels: Labels, columns: Columns, wanted: Wanted
) -> Encoded:
    def chunks() -> Iterator[Pixels]:
        for path in files:
            row = 0
            for raw in _rows(place, path, columns.image):
                pictures = [
                    _File(one["bytes"], f"row {row + i} of {path.name}")
                    for i, one in enumerate(raw)
                ]
                try:
                    yield decoded(pictures, wanted.size, wanted.square)
                except ValueError as problem:
                    raise TrainingError(
                        f"{place}: {problem}; fetch the file again, or take the row out"
                    ) from problem
                row += len(raw)

    return Encoded(labels, chunks)


def _rows(place: str, path: Path, column: str) -> Iterator[list[dict[str, Any]]]:
    """The values of a file's image column, some rows at a time."""
    batches = opened(place, path).iter_batches(_CHUNK, columns=[column])
    while True:
        with reading(place, path):
            batch = next(batches, None)
            rows = [] if batch is None else batch.column(0).to_pylist()
        if batch is None:
            return
        if any(row is None or row["bytes"] is None for row in rows):
            raise TrainingError(
                f"{place}: {path.name} has rows without bytes in {column}: it names image files "
                "that are elsewhere; fetch the set with its images in it"
            )
        yield rows
