"""A run that is over, or goes on elsewhere, opened again: its folder holds all that it takes.

A run's folder is code: `network` executes its module. That it is the one that was trained is
judged by its hash in config.json, which whoever changed one could have changed too.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from archdsl.codegen.layout import Layout
from archdsl.torch.generated import imported
from archdsl.training import augment
from archdsl.training.afterwards import reading
from archdsl.training.afterwards.reading import Config, DataLine, damaged, raw, tensors
from archdsl.training.augment import View
from archdsl.training.data.sources import Wanted
from archdsl.training.errors import TrainingError
from archdsl.training.keeping import record
from archdsl.training.precision import Precision, precision
from archdsl.words import recipe as words
from archdsl.words.recipe import Augment, Evaluate, Recipe, data_from_text


@dataclass(frozen=True)
class PastRun:
    """A run's folder, opened by `past_run`."""

    folder: Path
    config: Config

    @cached_property
    def recipe(self) -> Recipe:
        """Of the run's recipe, what it takes to look at images again."""
        told = self.config.recipe
        try:
            data = _data(told.data)
            variation = told.augment and Augment.model_validate(_fields(told.augment))
            judged = Evaluate.model_validate(_fields(told.evaluate))
            return Recipe(data=data, augment=variation, evaluate=judged, batch=told.batch)
        except (KeyError, ValidationError) as problem:
            raise damaged(self.folder / record.CONFIG, "its recipe is not whole") from problem

    @property
    def wanted(self) -> Wanted:
        """What the run asks of images."""
        return augment.wanted(self.recipe, self.config.input, len(self.config.classes))

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Those of metrics.jsonl. A line that is being written is left away.

        Raises:
            TrainingError: the file cannot be read, or a line of it is damaged.
        """
        return reading.records(self.folder / record.METRICS)

    @cached_property
    def result(self) -> dict[str, Any] | None:
        """What the run came to; None if it did not come to its end.

        Raises:
            TrainingError: the file is damaged.
        """
        path = self.folder / record.RESULT
        return reading.result(path) if path.exists() else None

    def precision(self, device: torch.device) -> Precision:
        """The numbers that the run was trained in."""
        return precision(self.config.precision, self.config.deterministic, device)

    def network(self, device: torch.device) -> nn.Module:
        """The network as it was trained, on one device, ready to judge.

        Raises:
            TrainingError: a file is missing, damaged, or not the one that was trained.
        """
        divided = self.config.layout is not Layout.FUSED
        told = self.config.fused if divided else self.config.module
        path = self.folder / (record.FUSED if divided else record.MODULE)
        content = raw(path)
        if told is None or hashlib.sha256(content).hexdigest() != told.sha256:
            raise TrainingError(
                f"{path} is not the module that was trained: its hash is not the one in "
                f"{record.CONFIG}; put the run's own file back"
            )
        module = imported(content.decode(), str(path.resolve()))
        network: nn.Module = getattr(module, self.config.network)()
        weights = self.folder / record.WEIGHTS
        if not weights.exists():
            raise TrainingError(
                f"{weights} is not there: a run writes it when it ends, and train --resume ends "
                "it, or writes it anew from the last checkpoint"
            )
        if self.result is not None and record.sha256_of(weights) != self.result["weights"]:
            what = f"its hash is not the one in {record.RESULT}"
            raise damaged(weights, what, reading.WRITE_ANEW)
        try:
            network.load_state_dict(tensors(weights))
        except RuntimeError as problem:
            raise damaged(weights, "its tensors are not those of the network") from problem
        network.to(
            device=device,
            dtype=self.precision(device).dtype,
            memory_format=torch.channels_last,
        )  # type: ignore[call-overload]
        return network.eval()

    def view(self, device: torch.device) -> View:
        """How the run looks at images that it judges.

        Raises:
            TrainingError: a file is missing or damaged.
        """
        path = self.folder / record.NORMALISATION
        scale = tensors(path)
        if scale.keys() != {"mean", "std"}:
            raise damaged(path, "it holds no mean and std")
        return View(
            settings=self.recipe.augment or Augment(),
            window=self.config.input[1:],
            mean=scale["mean"][None].to(device),
            std=scale["std"][None].to(device),
            components=torch.zeros(self.config.input[0], self.config.input[0]),
            seed=0,
        )


def past_run(folder: Path) -> PastRun:
    """Open a run's folder.

    Raises:
        TrainingError: it is none, or config.json is damaged.
    """
    path = folder / record.CONFIG
    if not folder.is_dir():
        raise TrainingError(f"{folder}: there is no such folder; a run is in runs/NAME-N")
    if not path.is_file():
        raise TrainingError(f"{folder} is no run's folder: it has no {record.CONFIG}")
    return PastRun(folder, reading.config(path))


def _data(told: DataLine) -> words.Data:
    """The line of a recipe that config.json tells of. Raises KeyError."""
    names = {cls.__name__: word for word, cls in words.Data.words.items()}
    found = data_from_text(names[told.word] + (f":{told.path}" if told.path else ""))
    if found is None:
        raise KeyError("path")
    return found


def _fields(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "word"}
