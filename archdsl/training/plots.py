"""The curves of a run, drawn from its metrics. Importing this module imports matplotlib."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def loss(records: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """A PNG of the training loss and the held-out loss over iterations, from the records of
    metrics.jsonl.

    A training point is the mean since the point before it. The scale is logarithmic where the loss
    falls tenfold.
    """
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    lines = {
        kind: [(r["step"], r["loss"]) for r in records if r["kind"] == kind]
        for kind in ("train", "evaluation")
    }
    if lines["train"]:
        axes.plot(
            *zip(*lines["train"], strict=True), color="#7aa6c2", linewidth=1.2, label="training"
        )
    if lines["evaluation"]:
        axes.plot(
            *zip(*lines["evaluation"], strict=True),
            color="#c0504d",
            linewidth=1.6,
            marker="o",
            markersize=3.5,
            label="held out",
        )
    drawn = [loss for points in lines.values() for _, loss in points]
    if drawn and 0 < 10 * min(drawn) < max(drawn):
        axes.set_yscale("log")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("iteration")
    axes.set_ylabel("cross-entropy (nats)")
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    if drawn:
        axes.legend(frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()
