"""The built-in data: ten kinds of figure over clutter and noise, drawn with integers.

Each image shows one figure of a random size, place, angle and colour over a shaded
background, with bars lying under and across it and noise over everything. A colour says
nothing about the class and neither does a pixel, so a linear classifier stays poor; the
outline says it all.

Every random number is a hash of (seed, split, image, purpose) and every coordinate is
an integer, so image i is the same on every machine, however many are drawn.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.signedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]
_Words = TypeVar("_Words", np.uint64, NDArray[np.uint64])

_RADIUS: Final = 64  # a figure's own coordinates run from -64 to 64
# Coordinates are cut here: outside every figure, and squares still fit 16 bits.
_FAR: Final = 100
_BARS_BELOW, _BARS_ABOVE = 1, 1
# By how many levels a figure is brighter than the background, at least.
_CONTRAST: Final = 56
_CHUNK: Final = 64  # images drawn at once: their planes stay in a core's cache

# cos(2π i / 64) · 1024 for a quarter turn; written out because libm's last bit differs
# between machines.
_QUARTER: Final = (
    1024, 1019, 1004, 980, 946, 903, 851, 792,
    724, 650, 569, 483, 392, 297, 200, 100, 0,
)  # fmt: skip
_COSINE: Final[NDArray[np.int64]] = np.array(
    [
        *_QUARTER,
        *(-c for c in _QUARTER[-2::-1]),
        *(-c for c in _QUARTER[1:]),
        *_QUARTER[-2:0:-1],
    ]
)


def _disc(u: Integers, v: Integers, radius: int, shift: int = 0) -> Mask:
    return (u - shift) * (u - shift) + v * v <= radius * radius


def _box(u: Integers, v: Integers, width: int, height: int) -> Mask:
    return (np.abs(u) <= width) & (np.abs(v) <= height)


def _sides(
    u: Integers, v: Integers, normals: tuple[tuple[int, int], ...], limit: int
) -> Integers:
    """How many of the half-planes n·(u, v) <= limit hold a point."""
    held = np.zeros(u.shape, np.int8)
    for a, b in normals:
        held += a * u + b * v <= limit
    return held


# Unit normals times 64, at thirds and fifths of a turn.
_THIRDS: Final = ((0, 64), (55, -32), (-55, -32))
_FIFTHS: Final = ((0, 64), (61, 20), (38, -52), (-38, -52), (-61, 20))

FIGURES: Final[dict[str, Callable[[Integers, Integers], Mask]]] = {
    "circle": lambda u, v: _disc(u, v, 41),
    "ring": lambda u, v: _disc(u, v, 50) & ~_disc(u, v, 28),
    "square": lambda u, v: _box(u, v, 36, 36),
    "elbow": lambda u, v: _box(u, v, 50, 50) & ((u < -18) | (v < -18)),
    "triangle": lambda u, v: _sides(u, v, _THIRDS, 32 * 64) == 3,
    "star": lambda u, v: _sides(u, v, _FIFTHS, 21 * 64) >= 4,
    "cross": lambda u, v: _box(u, v, 14, 54) | _box(u, v, 54, 14),
    "crescent": lambda u, v: _disc(u, v, 58) & ~_disc(u, v, 50, shift=34),
    "semicircle": lambda u, v: _disc(u, v, 58) & (v >= 0),
    "hourglass": lambda u, v: (np.abs(u) <= np.abs(v)) & (np.abs(v) <= 51),
}
"""A class's name, and which points (u, v) of its own coordinates lie in the figure.

The areas agree within a few percent: else an image's mean brightness would tell classes
apart.
"""


def draw(
    count: int, size: tuple[int, int, int], *, seed: int, split: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The first `count` images of a split, count x C x H x W, and their labels.

    Image i is of class i mod 10. `split` names a stream ("train", "test"): two splits
    share no image.
    """
    channels, height, width = size
    images = np.empty((count, channels, height, width), np.uint8)
    labels = np.arange(count, dtype=np.int64) % len(FIGURES)
    key = _mix(
        np.uint64(seed % 2**64)
        ^ np.uint64(int.from_bytes(split.encode()[:8], "little"))
    )
    for start in range(0, count, _CHUNK):
        part = slice(start, min(start + _CHUNK, count))
        images[part] = _Canvas(key, np.arange(count, dtype=np.uint64)[part], size).draw(
            labels[part]
        )
    return images, labels


class _Canvas:
    """A chunk of images while it is drawn: n x C x H x W in 16 bits."""

    def __init__(
        self, key: np.uint64, index: NDArray[np.uint64], size: tuple[int, int, int]
    ) -> None:
        self.size = size
        self.key = _mix(key + index)
        self.purposes: Iterator[int] = iter(range(1, 2**32))
        self.backdrop = np.stack([self.number(20, 130) for _ in range(size[0])], axis=1)
        self.pixels = self.shade()

    def number(self, low: int, high: int) -> Integers:
        """The next random integer in [low, high), one for each image."""
        bits = _mix(self.key ^ (np.uint64(next(self.purposes)) << np.uint64(32)))
        scaled = ((bits >> np.uint64(32)) * np.uint64(high - low)) >> np.uint64(32)
        return scaled.astype(np.int64) + low

    def draw(self, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        for _ in range(_BARS_BELOW):
            self.bar()
        self.figure(labels)
        for _ in range(_BARS_ABOVE):
            self.bar()
        self.noise()
        # One image in eight is a negative: brightness is a poor witness.
        negative = self.number(0, 8) == 0
        self.pixels[negative] = 255 - self.pixels[negative]
        return np.clip(self.pixels, 0, 255).astype(np.uint8)

    def shade(self) -> NDArray[np.int16]:
        """The background: a colour that drifts by up to 40 levels along each axis."""
        channels, height, width = self.size
        n = len(self.key)
        pixels = np.empty((n, channels, height, width), np.int16)
        for c in range(channels):
            down, across = (self.number(-40, 41)[:, None] for _ in range(2))
            rows = (
                down * (2 * np.arange(height) - height) // height
                + self.backdrop[:, c, None]
            )
            columns = across * (2 * np.arange(width) - width) // width
            np.add(
                rows[:, :, None].astype(np.int16),
                columns[:, None, :].astype(np.int16),
                out=pixels[:, c],
            )
        return pixels

    def bar(self) -> None:
        """A thin bar of any colour, anywhere."""
        u, v = self.place(low=8, high=20)
        self.fill(_box(u, v, 60, 8))

    def figure(self, labels: NDArray[np.int64]) -> None:
        u, v = self.place(low=17, high=32)
        inside = np.empty(u.shape, np.bool_)
        for label, contains in enumerate(FIGURES.values()):
            chosen = labels == label
            inside[chosen] = contains(u[chosen], v[chosen])
        self.fill(inside)

    def place(self, *, low: int, high: int) -> tuple[Integers, Integers]:
        """Every pixel's coordinates n x H x W in a figure put down at random.

        They are cut to ±100. The radius is between low and high 64ths of the image's
        shorter side; the figure lies within the image.
        """
        _, height, width = self.size
        short = min(height, width)
        # Sixteenths of a pixel from here on.
        radius = self.number(16 * short * low // 64, 16 * short * high // 64)
        spread = 16 * np.array([height, width])[:, None] - 2 * radius
        top, left = (
            radius + spread * np.stack([self.number(0, 1024) for _ in range(2)]) // 1024
        )
        turn = self.number(0, len(_COSINE))
        cosine, sine = _COSINE[turn], _COSINE[turn - len(_COSINE) // 4]
        y = 16 * np.arange(height) + 8 - top[:, None]
        x = 16 * np.arange(width) + 8 - left[:, None]
        # 16 bits hold the sums unless an image is more than a hundred radii long.
        far = 2 * _RADIUS * 16 * max(height, width) // int(radius.min())
        narrow = np.int16 if far < 2**14 else np.int32

        def turned(by_x: Integers, by_y: Integers) -> Integers:
            scale = 1024 * radius[:, None]
            across = (_RADIUS * x * by_x[:, None] // scale).astype(narrow)
            down = (_RADIUS * y * by_y[:, None] // scale).astype(narrow)
            together = across[:, None, :] + down[:, :, None]
            cut: Integers = np.clip(together, -_FAR, _FAR, out=together).astype(
                np.int16, copy=False
            )
            return cut

        return turned(cosine, sine), turned(-sine, cosine)

    def fill(self, inside: Mask) -> None:
        """Colour a mask n x H x W, each channel brighter than the background."""
        for c in range(self.size[0]):
            colour = (self.backdrop[:, c] + self.number(_CONTRAST, 126)).astype(
                np.int16
            )
            np.copyto(self.pixels[:, c], colour[:, None, None], where=inside)

    def noise(self) -> None:
        """Add uniform noise: up to 4 levels in some images, up to 39 in others."""
        n, values = len(self.key), int(np.prod(self.size))
        words = -(-values // 8)
        amplitude = self.number(8, 80).astype(np.int16)[:, None]
        start = _mix(self.key ^ (np.uint64(next(self.purposes)) << np.uint64(32)))
        bits = _mix(np.add(start[:, None], np.arange(words, dtype=np.uint64)))
        level = (
            bits.astype("<u8", copy=False).view(np.uint8)[:, :values].astype(np.int16)
        )
        level -= 128
        level *= amplitude  # at most 128 · 79: 16 bits hold it
        level >>= 8
        self.pixels += level.reshape(n, *self.size)


def _mix(x: _Words) -> _Words:
    """splitmix64's finaliser, a hash of 64 bits (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
