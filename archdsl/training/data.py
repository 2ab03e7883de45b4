"""What a network is trained on: uint8 images in memory, and where each kind of data comes from."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from archdsl.training import binary, shapes
from archdsl.training.errors import TrainingError
from archdsl.words.recipe import Cifar10, Cifar100, Folder, Mnist, Shapes

SUFFIXES: Final = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Files of a folder that are taken for images; any other file is passed over."""

TRAINING_SHAPES: Final = 16_000
TEST_SHAPES: Final = 4_000


@dataclass(frozen=True)
class Split:
    """Images N x C x H x W in uint8 and their classes, N in int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Data:
    """A training set and a held-out set over the same classes."""

    name: str
    """For people: "shapes", "folder data/flowers"."""
    synthetic: bool
    """Drawn by this program: a figure measured on it says so."""
    classes: tuple[str, ...]
    train: Split
    test: Split
    sha256: str = field(init=False)
    """Of the class names, images and labels as the network gets to see them."""

    def __post_init__(self) -> None:
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for split in (self.train, self.test):
            digest.update(repr(tuple(split.images.shape)).encode())
            for part in torch.split(split.images, 1024):
                digest.update(part.contiguous().numpy().data)
            digest.update(np.ascontiguousarray(split.labels.numpy().astype("<i8", copy=False)).data)
        object.__setattr__(self, "sha256", digest.hexdigest())


@dataclass(frozen=True)
class Wanted:
    """What the network and the recipe ask of data."""

    channels: int
    height: int
    width: int
    """The size at which images are kept: `augment resize=`, else the network's input."""
    square: bool
    """Bring the shorter side to the size and keep the centre, not squeeze both sides to it."""
    classes: int

    @property
    def size(self) -> tuple[int, int, int]:
        """C x H x W."""
        return self.channels, self.height, self.width


@singledispatch
def load(source: object, wanted: Wanted) -> Data:
    """Read or draw a recipe's data.

    Raises:
        TrainingError: it is missing, unreadable, or does not fit the network.
        NotImplementedError: nothing is known of this word's class.
    """
    raise NotImplementedError(f"no data is read for {type(source).__name__}")


@load.register
def _(source: Shapes, wanted: Wanted) -> Data:
    if min(wanted.height, wanted.width) < shapes.SMALLEST:
        raise TrainingError(
            f"data shapes: {wanted.height}x{wanted.width} is too small to draw a figure in; "
            f"the input must be {shapes.SMALLEST}x{shapes.SMALLEST} at least"
        )
    _fits("data shapes", len(shapes.FIGURES), wanted)
    _room("data shapes", TRAINING_SHAPES + TEST_SHAPES, wanted)
    train, test = (
        Split(*map(torch.from_numpy, shapes.draw(n, wanted.size, seed=0, split=split)))
        for split, n in (("train", TRAINING_SHAPES), ("test", TEST_SHAPES))
    )
    return Data("shapes", True, tuple(shapes.FIGURES), train, test)


@load.register
def _(source: Folder, wanted: Wanted) -> Data:
    place = f'data folder "{source.path}"'
    root = Path(source.path)
    if not root.is_dir():
        raise TrainingError(
            f"{place}: there is no such folder, seen from the working directory; it should hold "
            "train/CLASS/*.png and val/CLASS/*.png (or .jpg, …)"
        )
    found = {name: _listing(place, root / name) for name in ("train", "val")}
    for here, there in (("train", "val"), ("val", "train")):
        missing = sorted(found[here].keys() - found[there].keys())
        if missing:
            raise TrainingError(
                f"{place}: {here}/ has {_names(missing)} and {there}/ has not; "
                "both need a folder for every class"
            )
    classes = tuple(found["train"])
    _fits(place, len(classes), wanted)
    if wanted.channels not in _MODES:
        raise TrainingError(
            f"{place}: image files have 1 or 3 channels, and the input has {wanted.channels}"
        )
    _room(
        place, sum(len(files) for listing in found.values() for files in listing.values()), wanted
    )
    train, test = (_decode(place, listing, wanted) for listing in found.values())
    return Data(f"folder {source.path}", False, classes, train, test)


@load.register
def _(source: Cifar10, wanted: Wanted) -> Data:
    return _packed(f'data cifar10 "{source.path}"', binary.cifar10(Path(source.path)), wanted)


@load.register
def _(source: Cifar100, wanted: Wanted) -> Data:
    return _packed(f'data cifar100 "{source.path}"', binary.cifar100(Path(source.path)), wanted)


@load.register
def _(source: Mnist, wanted: Wanted) -> Data:
    return _packed(f'data mnist "{source.path}"', binary.mnist(Path(source.path)), wanted)


_MODES: Final = {1: "L", 3: "RGB"}
"""What PIL calls an image of so many channels."""

_Listing = dict[str, list[Path]]


def _listing(place: str, root: Path) -> _Listing:
    """The image files of each class folder, both in order of name."""
    if not root.is_dir():
        raise TrainingError(
            f"{place}: it has no {root.name}/ folder; training images go to train/CLASS/, held-out "
            "ones to val/CLASS/"
        )
    listing = {
        folder.name: sorted(
            file
            for file in folder.iterdir()
            if file.suffix.lower() in SUFFIXES and (file.is_file() or not file.exists())
        )
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    }
    if not listing:
        raise TrainingError(f"{place}: {root} has no class folders; put each class's images in one")
    empty = sorted(name for name, files in listing.items() if not files)
    if empty:
        raise TrainingError(
            f"{place}: {root} has no images for {_names(empty)}; "
            f"an image is a file that ends in {', '.join(sorted(SUFFIXES))}"
        )
    return listing


def _names(names: Sequence[str]) -> str:
    """A list for a sentence, cut at five."""
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _fits(place: str, classes: int, wanted: Wanted) -> None:
    if classes != wanted.classes:
        raise TrainingError(
            f"{place}: it has {classes} classes and the network's output is {wanted.classes}; "
            f"make them agree, with --set classes={classes} where the network has that parameter"
        )


def _room(place: str, count: int, wanted: Wanted) -> None:
    """Images are held in memory; say so before an hour of decoding, not after it."""
    needed = count * wanted.channels * wanted.height * wanted.width
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.8 * memory:
        raise TrainingError(
            f"{place}: its {count:,} images at {wanted.height}x{wanted.width} take "
            f"{needed / 1e9:.1f} GB and this machine has {memory / 1e9:.1f} GB; use fewer images "
            "or a smaller `augment resize=`"
        )


def _decode(place: str, listing: _Listing, wanted: Wanted) -> Split:
    """Read and resize a split's images once, on all cores: PIL works outside Python's lock."""
    files = [(label, path) for label, paths in enumerate(listing.values()) for path in paths]
    images = np.empty((len(files), wanted.height, wanted.width, wanted.channels), np.uint8)

    def read(job: tuple[int, Path]) -> None:
        index, path = job
        images[index] = _image(place, path, wanted)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for _ in pool.map(read, enumerate(path for _, path in files)):
                pass
        finally:
            # After one bad file, or Ctrl-C, the rest is not read first.
            pool.shutdown(cancel_futures=True)
    labels = torch.tensor([label for label, _ in files], dtype=torch.int64)
    return Split(torch.from_numpy(images).permute(0, 3, 1, 2), labels)


def _image(place: str, path: Path, wanted: Wanted) -> NDArray[np.uint8]:
    """One image file as H x W x C, upright, in the size that is wanted (bilinear, antialiased)."""
    try:
        with Image.open(path) as opened:
            opened.draft(_MODES[wanted.channels], _at_least(opened.size, wanted))
            image = _eight_bit(ImageOps.exif_transpose(opened)).convert(_MODES[wanted.channels])
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        raise TrainingError(
            f"{place}: {path} cannot be read as an image ({problem}); replace it or take it out"
        ) from problem
    box = None
    if wanted.square:
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
    size = (wanted.width, wanted.height)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR, box=box)
    return np.asarray(image).reshape(wanted.height, wanted.width, wanted.channels)


def _eight_bit(image: Image.Image) -> Image.Image:
    """An image that PIL converts without loss of what is seen: 16 bits scaled, alpha on white.

    Raises:
        ValueError: its values are floating-point, so that nobody knows what is white.
    """
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image


def _at_least(size: tuple[int, int], wanted: Wanted) -> tuple[int, int]:
    """The size to which a JPEG may be halved while it is decoded, which is quick.

    It is twice what is wanted, so that the resizing after it still antialiases.
    """
    factor = max(2 * wanted.width / size[0], 2 * wanted.height / size[1])
    return round(size[0] * factor), round(size[1] * factor)


def _packed(place: str, packed: binary.Packed, wanted: Wanted) -> Data:
    """A published data set, resized to what is wanted."""
    _fits(place, len(packed.classes), wanted)
    channels = packed.train[0].shape[1]
    if channels != wanted.channels:
        raise TrainingError(
            f"{place}: its images have {channels} channel(s) and the input has {wanted.channels}; "
            f"make it {channels}x{wanted.height}x{wanted.width}"
        )
    _room(place, sum(len(labels) for _, labels in (packed.train, packed.test)), wanted)
    train, test = (
        Split(_resized(torch.from_numpy(images.copy()), wanted), torch.from_numpy(labels))
        for images, labels in (packed.train, packed.test)
    )
    return Data(place.removeprefix("data ").replace('"', ""), False, packed.classes, train, test)


def _resized(images: Tensor, wanted: Wanted) -> Tensor:
    """uint8 images at the size that is wanted (bilinear, antialiased), a thousand at a time."""
    size = (wanted.height, wanted.width)
    if images.shape[2:] == size:
        return images
    return torch.cat(
        [
            functional.interpolate(part, size, mode="bilinear", antialias=True)
            for part in torch.split(images, 1000)
        ]
    )
