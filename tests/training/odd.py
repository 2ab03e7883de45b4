"""Image files that PIL warns of, or refuses."""

import struct
import zlib
from pathlib import Path

from PIL import Image


def enormous(path: Path, width: int, height: int) -> None:
    """The begin of a grey PNG of that size: all that is read before its pixels are."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(head))
    pixels = struct.pack(">I", 1) + b"IDAT"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + check + pixels)


def exif(stem: Path) -> Path:
    """A white JPEG whose EXIF has a value that lies behind its end."""
    turned = struct.pack("<HHII", 0x0112, 3, 1, 1)
    maker = struct.pack("<HHII", 0x010F, 2, 50, 9999)
    data = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + turned + maker + bytes(4)
    path = stem.with_suffix(".jpg")
    Image.new("RGB", (12, 12), "white").save(path, exif=data)
    return path


def palette(stem: Path) -> Path:
    """A white PNG of a palette in which each colour has its own transparency."""
    image = Image.new("P", (12, 12), 1)
    image.putpalette([0, 0, 0, 255, 255, 255])
    path = stem.with_suffix(".png")
    image.save(path, transparency=bytes([100, 255]))
    return path


def tiff(stem: Path) -> Path:
    """A white TIFF that gives two numbers of channels, 3 and 0."""
    path = stem.with_suffix(".tif")
    Image.new("RGB", (12, 12), "white").save(path)
    raw, channels = path.read_bytes(), struct.pack("<HHI", 277, 3, 1)
    assert raw.count(channels) == 1
    path.write_bytes(raw.replace(channels, struct.pack("<HHI", 277, 3, 2)))
    return path


ODD = (exif, palette, tiff)
"""Each writes an image beside a stem, of which PIL warns as it decodes it."""
