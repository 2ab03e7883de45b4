"""What a run writes down about itself while it lasts, for people and for programs.

metrics.jsonl and metrics.csv have every record, activations.jsonl what went on inside the network
at each evaluation; loss.png and activations.png are drawn from them now and then, kernels.png at
the end. All are made by the first process, and none of them is read by training.
"""

import csv
import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import torch
from torch import Tensor, nn

from archdsl.codegen.layout import Layout
from archdsl.training.keeping import record
from archdsl.training.keeping.activations import Activations, Watch, units
from archdsl.training.keeping.board import Board
from archdsl.training.network import shapes_alone
from archdsl.training.plan import Plan
from archdsl.training.together.team import Team

COLUMNS: Final = (
    "kind",
    "step",
    "epoch",
    "loss",
    "regularised_loss",
    "rate",
    "gradient_norm",
    "images_per_second",
    "images",
    "top1",
    "top1_standard_error",
    "top5",
    "top5_standard_error",
)
"""Of metrics.csv: a record has those of its kind, and the others are empty."""

PATIENCE: Final = 30.0
"""Seconds from one drawing to the next."""

SHARE: Final = 50
"""How many times as long as drawing takes is waited for, at least: it costs 2 % of the time."""


class Chronicle:
    """The records of a run while it lasts; in a process that does not lead, nothing."""

    def __init__(self, plan: Plan, folder: Path, team: Team, weights: Mapping[str, Tensor]) -> None:
        """`weights` are those that the network begins with, as on one device."""
        self.plan, self.folder, self.team, self.leads = plan, folder, team, team.leads
        self._units = _units(plan, folder)
        found = first_kernels(weights)
        self._kernels = None if found is None else found.detach().cpu().clone()
        self._seen: list[Activations] = []
        self._open = ExitStack()
        self._drawn = time.monotonic()
        self._wait = PATIENCE

    def __enter__(self) -> "Chronicle":
        with ExitStack() as opened:
            if self.leads:
                self._metrics = opened.enter_context(record.Metrics(self.folder / record.METRICS))
                self._table = opened.enter_context(record.Lines(self.folder / record.TABLE))
                if self._table.empty:
                    self._table.append(",".join(COLUMNS))
                self._inside = opened.enter_context(record.Lines(self.folder / record.ACTIVATIONS))
                self._board = opened.enter_context(Board(self.folder))
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def add(self, kind: str, values: Mapping[str, float]) -> None:
        """One record; `kind` says which series it belongs to ("train", "evaluation").

        Raises:
            TrainingError: the disk is full.
        """
        if not self.leads:
            return
        self._metrics.add(kind, values)
        self._table.append(_row({"kind": kind, **values}))
        self._board.add(kind, values)
        if kind == "evaluation":
            for layer in self._seen:
                self._inside.append(json.dumps({"step": values["step"], **asdict(layer)}))
        if time.monotonic() - self._drawn >= self._wait:
            self._draw()

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        """While held-out images are judged, look at the network; `add` writes what was seen.

        All processes do, each at the images that it judges.
        """
        images, crops = len(self.plan.data.test), self.plan.job.recipe.evaluate.crops
        first, _ = self.team.share(images)
        with Watch(network, images * crops, first * crops, self._units) as watch:
            yield
        self._seen = watch.found(self.team)

    def ended(self, weights: Mapping[str, Tensor]) -> None:
        """Draw everything, now that the network has its last weights, as on one device."""
        if not self.leads:
            return
        self._draw()
        after = first_kernels(weights)
        if after is not None and self._kernels is not None:
            from archdsl.training.keeping import layer_plots

            drawn = layer_plots.kernels(
                {"before training": self._kernels, "after training": after.detach().cpu()},
                self.plan.job.devices,
                f"first kernels of {self._title}; each on its own scale, grey is zero",
            )
            record.write(self.folder / record.KERNELS, drawn)

    def _draw(self) -> None:
        from archdsl.training.keeping import layer_plots, plots  # matplotlib is slow to import

        began = time.monotonic()
        records = record.read_metrics(self.folder / record.METRICS)
        smoothed = self.plan.job.recipe.loss.smoothing > 0
        record.write(self.folder / record.PLOT, plots.loss(records, self._title, smoothed))
        layers = record.read_metrics(self.folder / record.ACTIVATIONS)
        if layers:
            drawn = layer_plots.activations(layers, self._title)
            record.write(self.folder / record.ACTIVATIONS_PLOT, drawn)
        self._drawn = time.monotonic()
        self._wait = max(PATIENCE, SHARE * (self._drawn - began))

    @property
    def _title(self) -> str:
        data = self.plan.data
        synthetic = " (synthetic)" if data.synthetic else ""
        return f"{self.plan.job.class_name} on {data.name}{synthetic}"


def _units(plan: Plan, folder: Path) -> dict[str, int]:
    """How many units each layer has in all, where this process has a part of them."""
    if plan.where.layout is not Layout.RANKS:
        return {}
    return units(shapes_alone(plan, folder), torch.empty(1, *plan.job.input, device="meta"))


def first_kernels(weights: Mapping[str, Tensor]) -> Tensor | None:
    """The weight OxIxHxW of the first convolution, if there is one."""
    return next((weight for weight in weights.values() if weight.dim() == 4), None)


def _row(entry: Mapping[str, Any]) -> str:
    """A line of metrics.csv."""
    line = io.StringIO()
    csv.DictWriter(line, COLUMNS, restval="", lineterminator="").writerow(entry)
    return line.getvalue()
