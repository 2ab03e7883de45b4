"""The inside of a network, drawn: activations over training, and the first layer's kernels.

Importing this module imports matplotlib.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Patch
from matplotlib.text import Text
from numpy.typing import NDArray
from torch import Tensor

from archdsl.training.keeping.activations import edges
from archdsl.training.keeping.plots import DPI, figure, iterations, literal, saved

SILENT, DEAD = "#0072b2", "#d55e00"

SHOWN: Final = 0.998
"""Share of a layer's activations that its panel has room for; the rest are far away and few."""

KERNEL: Final = 40
"""Dots across a drawn kernel, at least. Gaps are a tenth of it."""

MARGIN, LINE = 16, 28
"""Dots around sheets of kernels and between those of two devices, and of a line of text."""

Records = Sequence[Mapping[str, Any]]


def activations(records: Records, title: str) -> bytes:
    """A PNG of the records of activations.jsonl: a panel for each layer.

    Each has the density of its activations over iterations as a shade, zeros left out, and below
    it the share of zeros and of dead units.
    """
    layers: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        layers.setdefault(record["layer"], []).append(record)
    columns = min(len(layers), max(2, min(4, math.ceil(math.sqrt(len(layers))))))
    rows = math.ceil(len(layers) / columns)
    picture = figure(max(7.5, 3.7 * columns), 3.1 * rows + 0.7)
    title = literal(f"activations of {title}, on the held-out images")
    picture.suptitle(title, x=0.01, ha="left")
    grid = picture.subplots(2 * rows, columns, squeeze=False, height_ratios=(3, 1) * rows)
    panels = grid.reshape(rows, 2, columns).swapaxes(1, 2).reshape(-1, 2)
    shade = Patch(
        color=colormaps["magma_r"](0.6),
        label="the darker, the more common a value other than zero; each layer on its own scale",
    )
    handles: list[Any] = []
    for (upper, lower), (name, found) in zip(panels, layers.items(), strict=False):
        handles = _panel(upper, lower, name, found)
    for axes in panels[len(layers) :].flat:
        axes.remove()
    picture.legend(
        handles=[shade, *handles],
        loc="outside lower left",
        ncols=3,
        frameon=False,
        fontsize="small",
    )
    return saved(picture)


def _panel(upper: Axes, lower: Axes, name: str, found: Records) -> list[Any]:
    """One layer; what its legend has."""
    steps = [record["step"] for record in found]
    spans = _spans(steps)
    last = found[-1]
    upper.set_title(f"{name} · {last['dead']:,} of {last['units']:,} dead", loc="left", fontsize=10)
    _shade(upper, spans, found)
    upper.set_ylabel("activation", fontsize="small")
    shares = {
        "zeros": (SILENT, "-", [100 * record["zero"] for record in found]),
        "dead units": (DEAD, "--", [100 * record["dead"] / record["units"] for record in found]),
    }
    marker = "o" if len(steps) <= 30 else ""
    lines: list[Any] = []
    for label, (colour, style, values) in shares.items():
        lines += lower.plot(
            steps,
            values,
            style,
            color=colour,
            marker=marker,
            markersize=2.5,
            label=label,
            clip_on=False,
        )
    lower.set_ylim(-4, 104)
    lower.set_yticks([0, 50, 100])
    lower.set_ylabel("%", fontsize="small")
    lower.set_xlabel("iteration", fontsize="small")
    lower.set_xlim(spans[0], spans[-1])
    upper.sharex(lower)
    upper.tick_params(labelbottom=False)
    iterations(lower, 5)
    if len(steps) == 1:
        lower.set_xticks(steps)
    for axes in (upper, lower):
        axes.tick_params(labelsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    return lines


def _spans(steps: Sequence[int]) -> list[float]:
    """Where the columns of evaluations begin, and where the last one ends: midway between them."""
    gaps = [after - before for before, after in pairwise(steps)] or [steps[0]]
    between = [(before + after) / 2 for before, after in pairwise(steps)]
    return [max(0, steps[0] - gaps[0] / 2), *between, steps[-1] + gaps[-1] / 2]


def _shade(axes: Axes, spans: Sequence[float], found: Records) -> None:
    """The density of the activations, one column for each evaluation."""
    low = min(record["first"] for record in found)
    high = max(record["first"] + len(record["counts"]) for record in found)
    if low == high:
        axes.text(0.5, 0.5, "all zero", transform=axes.transAxes, ha="center", va="center")
        axes.set_yticks([])
        return
    shares = np.zeros((high - low, len(found)))
    for column, record in enumerate(found):
        start = record["first"] - low
        shares[start : start + len(record["counts"]), column] = record["counts"]
        shares[:, column] /= record["values"]
    bounds = edges(low, high - low)
    density = shares / np.diff(bounds)[:, None]
    top = np.quantile(density[density > 0], 0.98)
    seen = np.ma.masked_equal(density, 0)
    axes.pcolormesh(spans, bounds, seen, cmap="magma_r", norm=PowerNorm(0.4, 0, top))
    axes.set_ylim(*_room(shares, bounds))


def _room(shares: NDArray[np.float64], bounds: NDArray[np.float64]) -> tuple[float, float]:
    """The least and the largest value to show: zero is always seen."""
    rising = np.cumsum(shares.sum(1)) / shares.sum()
    rest = (1 - SHOWN) / 2
    least = bounds[int(np.searchsorted(rising, rest))]
    largest = bounds[min(len(bounds) - 1, int(np.searchsorted(rising, 1 - rest)) + 1)]
    return min(0.0, float(least)), max(0.0, float(largest))


def kernels(weights: Mapping[str, Tensor], devices: int, title: str) -> bytes:
    """A PNG of a convolution's kernels OxIxHxW, as they were at several times.

    Those of each device stand together. Kernels over three channels are drawn in colour, others as
    the mean over their channels. Grey is zero, and each kernel has a scale of its own.
    """
    sheets = {
        f"{when}, device {number}" if devices > 1 else when: _sheet(part.float().numpy())
        for when, whole in weights.items()
        for number, part in enumerate(whole.tensor_split(devices), 1)
    }
    picture = figure(1, 1)
    # Each number of a sheet is a dot of the picture, so that all of a kernel's are equally large.
    picture.set_layout_engine("none")
    heading = picture.text(0, 0, literal(title), va="top", fontsize=11)
    names = [picture.text(0, 0, name, va="top", fontsize=10) for name in sheets]
    high, width = next(iter(sheets.values())).shape[:2]
    high += LINE
    wide = max(width, *map(_width, names)) + MARGIN
    across = MARGIN + max(devices * wide, _width(heading) + MARGIN)
    down = MARGIN + LINE + len(weights) * (high + MARGIN)
    picture.set_size_inches(across / DPI, down / DPI)
    heading.set_position((MARGIN / across, 1 - MARGIN / down))
    for number, (name, sheet) in enumerate(zip(names, sheets.values(), strict=True)):
        row, column = divmod(number, devices)
        left, top = MARGIN + column * wide, MARGIN + LINE + row * (high + MARGIN)
        name.set_position((left / across, 1 - top / down))
        height, width = sheet.shape[:2]
        bottom = 1 - (top + LINE + height) / down
        axes = picture.add_axes((left / across, bottom, width / across, height / down))
        axes.imshow(sheet, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
    return saved(picture)


def _width(text: Text) -> int:
    """In dots."""
    return math.ceil(text.get_window_extent().width)


def _sheet(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Kernels OxIxHxW as one RGB image, in rows on white, each on a scale of its own.

    A number is as many dots as make a kernel KERNEL dots wide, or a few more.
    """
    count, channels, height, width = kernels.shape
    seen = kernels if channels == 3 else kernels.mean(1, keepdims=True).repeat(3, 1)
    largest = np.abs(seen).max((1, 2, 3), keepdims=True)
    seen = 0.5 + 0.5 * seen / np.where(largest == 0, 1, largest)
    zoom = math.ceil(KERNEL / max(height, width))
    height, width, gap = height * zoom, width * zoom, round(max(height, width) * zoom / 10)
    seen = seen.repeat(zoom, 2).repeat(zoom, 3)
    columns = _columns(count)
    rows = math.ceil(count / columns)
    sheet = np.ones((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), np.float32)
    for number, kernel in enumerate(seen):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = kernel.transpose(1, 2, 0)
    return sheet


def _columns(count: int) -> int:
    """How wide a sheet is: about one and a half times as wide as high, with full rows if it can."""
    wide = math.ceil(math.sqrt(1.5 * count))
    square = math.ceil(math.sqrt(count))
    return next((n for n in range(wide, square - 1, -1) if count % n == 0), wide)
