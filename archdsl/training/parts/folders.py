"""Folders of image files: which are for training, and of what class each is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

SUFFIXES = frozenset(
    {
        ".bmp",
        ".gif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pgm",
        ".png",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    }
)
"""Files that are taken for images; any other file is passed over."""

ByClass: TypeAlias = dict[str, list[Path]]
"""The image files of each class, both in order of name."""


def splits(root: Path) -> tuple[ByClass, ByClass]:
    """What train/ holds, and what val/ holds, or test/ where there is no val/.

    Images are in CLASS/, or as Tiny ImageNet has them: for training in CLASS/images/,
    held-out ones in val/images/ with their classes in val/val_annotations.txt.

    Raises:
        ValueError: a folder is missing, or has not the other's classes.
    """
    held_out = "val"
    if not (root / "val").is_dir() and (root / "test").is_dir():
        held_out = "test"
    found = {name: _labelled(root / name) for name in ("train", held_out)}
    for here, there in (("train", held_out), (held_out, "train")):
        missing = sorted(found[here].keys() - found[there].keys())
        if missing:
            raise ValueError(
                f"{here}/ has {few(missing)} and {there}/ has not; "
                "both need a folder for every class"
            )
    return found["train"], found[held_out]


def few(names: Sequence[str]) -> str:
    """A list for a sentence, cut at five."""
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _labelled(folder: Path) -> ByClass:
    if not folder.is_dir():
        raise ValueError(
            f"it has no {folder.name}/ folder; training images go to train/CLASS/, "
            "held-out ones to val/CLASS/"
        )
    annotations = folder / "val_annotations.txt"
    if annotations.is_file() and (folder / "images").is_dir():
        return _annotated(folder / "images", annotations)
    found = _by_class(folder)
    if not found:
        flat = len(_images(folder))
        told = f" but {flat:,} images, and nothing says of what class" if flat else ""
        raise ValueError(
            f"{folder} has no class folders{told}; put each class's images in one, "
            f"{folder.name}/CLASS/"
        )
    empty = sorted(name for name, files in found.items() if not files)
    if empty:
        raise ValueError(
            f"{folder} has no images for {few(empty)}; "
            f"an image is a file that ends in {', '.join(sorted(SUFFIXES))}"
        )
    return found


def _by_class(folder: Path) -> ByClass:
    for entry in folder.iterdir():
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            told = f"{folder} has {entry.name!a}, which is no UTF-8; rename it"
            raise ValueError(told) from None
    return {
        entry.name: _images(entry) or _images(entry / "images")
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES
        and not file.name.startswith(".")  # macOS keeps notes on 0.png in ._0.png
        and (file.is_file() or not file.exists())
    )


def _annotated(folder: Path, annotations: Path) -> ByClass:
    """A folder's images by lines of file, class and a box, with tabs between them."""
    rows = annotations.read_text("utf-8", errors="replace").splitlines()
    classes = dict(row.split("\t")[:2] for row in rows if row.count("\t"))
    files = _images(folder)
    unknown = [file.name for file in files if file.name not in classes]
    absent = sorted(classes.keys() - {file.name for file in files})
    if unknown or absent:
        raise ValueError(
            f"{annotations} has no line for {few(unknown)}"
            if unknown
            else f"{folder} lacks {few(absent)}, which {annotations.name} names"
        )
    found: ByClass = {name: [] for name in sorted(set(classes.values()))}
    for file in files:
        found[classes[file.name]].append(file)
    return found
