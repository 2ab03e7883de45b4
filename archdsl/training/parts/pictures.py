"""Image files, decoded into memory."""

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

MODES = {1: "L", 3: "RGB"}
"""What PIL calls an image of so many channels."""


def decoded(
    files: Sequence[Path | BytesIO], size: tuple[int, int, int], square: bool
) -> NDArray[np.uint8]:
    """The images of these files, NxHxWxC, read on all cores: PIL frees Python's lock.

    `size` is CxHxW; with `square` the centre is kept, else both sides are squeezed.

    Raises:
        ValueError: a file cannot be read as an image.
    """
    channels, height, width = size
    images = np.empty((len(files), height, width, channels), np.uint8)

    def read(job: tuple[int, Path | BytesIO]) -> None:
        index, file = job
        images[index] = _picture(file, size, square)

    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        # Damaged metadata does no harm, and thousands of images may have it.
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            for _ in pool.map(read, enumerate(files)):
                pass
        finally:
            # After one bad file, or Ctrl-C, the rest is not read first.
            pool.shutdown(cancel_futures=True)
    return images


def _picture(
    file: Path | BytesIO, size: tuple[int, int, int], square: bool
) -> NDArray[np.uint8]:
    """One image file as HxWxC, upright, at a size CxHxW (bilinear, antialiased)."""
    channels, height, width = size
    try:
        with Image.open(file) as opened:
            # A JPEG may be halved while it is decoded, which is quick, down to twice
            # what is wanted, so that the resizing after it still antialiases.
            factor = max(2 * width / opened.width, 2 * height / opened.height)
            least = round(opened.width * factor), round(opened.height * factor)
            opened.draft(MODES[channels], least)
            if opened.mode == "I" and opened.format == "TIFF":
                raise ValueError("its pixels have 32 bits; save it with 8 or 16")
            upright = ImageOps.exif_transpose(opened)
            image = _eight_bit(upright).convert(MODES[channels])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        pixels, _, _ = str(problem).partition(",")
        told = f"{file} cannot be read as an image ({pixels}; save it smaller)"
        raise ValueError(told) from problem
    except (OSError, SyntaxError, ValueError) as problem:
        raise ValueError(f"{file} cannot be read as an image ({problem})") from problem
    box = None
    if square:
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image).reshape(height, width, channels)


def _eight_bit(image: Image.Image) -> Image.Image:
    """An image that PIL converts without loss: 16 bits scaled, alpha on white.

    Raises:
        ValueError: its values are floating-point: nobody knows what is white.
    """
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if image.mode == "F":
        raise ValueError(
            "its pixels are floating-point numbers; save it with 8 or 16 bits"
        )
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image
