"""The curves of runs, drawn from their metrics. Importing this module imports matplotlib."""

import io
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

TRAINING, HELD_OUT, REGULARISED = "#7aa6c2", "#c0504d", "#6a3d9a"

COLOURS: Final = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
    "#000000",
    "#8c6d31",
)
"""Of runs that are compared; the first seven are those of Okabe and Ito, told apart by all."""

MARKERS: Final = "os^Dv"
DASHES: Final[tuple[Any, ...]] = ("-", (0, (4, 4)), (0, (1.2, 2.4)))
"""Of held-out curves: 8 colours, 5 markers and 3 dashes tell 120 runs apart."""

THICK, THIN = 2.6, 1.8
"""Widths of the first and the last run's held-out curve: each lies above wider ones."""

LARGE, SMALL = 8, 4
"""Sizes of their markers, which are hollow."""

MARKED: Final = 12
"""About how many points of a held-out curve have markers; each run's are others."""

DPI: Final = 120

Points = list[tuple[int, float]]


def loss(records: Sequence[Mapping[str, Any]], title: str, smoothed: bool = False) -> bytes:
    """A PNG of the training loss and the held-out loss over iterations, from the records of
    metrics.jsonl.

    A training point is the mean since the point before it; with weight decay, the regularised loss
    is a curve of its own. Where the training loss is of `smoothed` labels, the legend says so: the
    held-out loss never is. The scale is logarithmic where the loss falls tenfold.
    """
    picture = figure(8, 4.5)
    axes = picture.add_subplot()
    training, held_out = (_points(records, kind, "loss") for kind in ("train", "evaluation"))
    regularised = _points(records, "train", "regularised_loss")
    smoothing = ["label smoothing"] if smoothed else []
    alone: dict[str, Any] = {"marker": "o", "markersize": 3.5} if len(training) == 1 else {}
    if regularised and regularised != training:
        axes.plot(
            *_coordinates(regularised),
            color=REGULARISED,
            linewidth=1,
            linestyle=":",
            label=_training(*smoothing, "weight decay"),
            **alone,
        )
    if training:
        axes.plot(
            *_coordinates(training),
            color=TRAINING,
            linewidth=1.2,
            label=_training(*smoothing),
            **alone,
        )
    if held_out:
        axes.plot(
            *_coordinates(held_out),
            color=HELD_OUT,
            linewidth=1.6,
            marker="o",
            markersize=3.5,
            label="held out",
        )
    drawn = [loss for points in (training, held_out, regularised) for _, loss in points]
    _dress(axes, drawn, title)
    if drawn:
        axes.legend(frameon=False)
    return saved(picture)


def comparison(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], note: str = "", kind: str = "png"
) -> bytes:
    """A PNG or SVG of the losses of several runs, from their names and records.

    A run is a colour: with markers is held out, thin is training, dotted where the colours are
    used for a second time. `note` explains marks behind names.
    """
    most = max(map(len, runs))
    picture = figure(8 + min(6, 0.085 * most), max(4.5, 1.6 + 0.24 * len(runs)))
    axes = picture.add_subplot()
    drawn: list[float] = []
    handles: list[Line2D] = []
    for number, (name, records) in enumerate(runs.items()):
        colour = COLOURS[number % len(COLOURS)]
        training, held_out = (_points(records, kind, "loss") for kind in ("train", "evaluation"))
        if training:
            style = "-" if number < len(COLOURS) else ":"
            axes.plot(*_coordinates(training), style, color=colour, linewidth=0.9, alpha=0.45)
        handles += axes.plot(
            *_coordinates(held_out),
            color=colour,
            label=literal(name),
            **_told_apart(number, len(runs), len(held_out)),
        )
        drawn += [loss for points in (training, held_out) for _, loss in points]
    title = "held-out loss (with markers) and training loss (thin)"
    _dress(axes, drawn, f"{title}\n{note}" if note else title)
    axes.legend(
        handles=handles,
        handlelength=3.5,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        borderaxespad=0,
    )
    return saved(picture, kind)


def _told_apart(number: int, runs: int, points: int) -> dict[str, Any]:
    """How a run's held-out curve of so many points is drawn, such that others that lie under it or
    above are seen too."""
    later = number / max(1, runs - 1)
    dashes = number % len(DASHES)
    every = max(1, points // MARKED)
    return {
        "linestyle": DASHES[dashes],
        "linewidth": THICK + (THIN - THICK) * later,
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": LARGE + (SMALL - LARGE) * later,
        "markerfacecolor": "none",
        "markevery": (number * every // runs, every),
        # What has gaps lies above what has none.
        "zorder": 3 + dashes + later / 2,
    }


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    made = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(made)
    return made


def saved(picture: Figure, kind: str = "png") -> bytes:
    """A figure as the bytes of a file of that kind."""
    image = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes, and that can be seen.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        picture.savefig(image, format=kind)
    return image.getvalue()


def literal(text: str) -> str:
    """A text that matplotlib draws as it is: no formula, and no label that is left away."""
    return text.replace("$", r"\$").replace("_", " _", text.startswith("_"))


def _dress(axes: Axes, drawn: Sequence[float], title: str) -> None:
    """What the plots of losses have in common."""
    if drawn and 0 < 10 * min(drawn) < max(drawn):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    axes.set_title(literal(title), loc="left", fontsize=11)
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss (nats)")
    iterations(axes)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def iterations(axes: Axes, most: int = 9) -> None:
    """Number the x axis by whole iterations, at most so many."""
    steps = [1, 2, 2.5, 5, 10]
    axes.xaxis.set_major_locator(MaxNLocator(most, steps=steps, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _training(*terms: str) -> str:
    """What the legend calls a training loss with these terms."""
    return "training, with " + " and ".join(terms) if terms else "training"


def _points(records: Iterable[Mapping[str, Any]], kind: str, name: str) -> Points:
    return [(r["step"], r[name]) for r in records if r["kind"] == kind and name in r]


def _coordinates(points: Points) -> tuple[list[int], list[float]]:
    return [step for step, _ in points], [loss for _, loss in points]
