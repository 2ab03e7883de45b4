"""A run that is over, or goes on elsewhere, opened again: its folder holds all that it takes.

A run's folder is code: `network` executes its module. That it is the one that was trained is
judged by its hash in config.json, which whoever changed one could have changed too.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from archdsl.codegen.layout import Layout
from archdsl.torch.generated import imported
from archdsl.training import augment
from archdsl.training.augment import View
from archdsl.training.data.sources import Wanted
from archdsl.training.errors import TrainingError
from archdsl.training.keeping import record
from archdsl.training.precision import Precision, precision
from archdsl.words import recipe as words
from archdsl.words.recipe import Augment, Evaluate, Recipe, data_from_text


class File(BaseModel):
    """A file of the run and the hash of its text."""

    file: str
    sha256: str


class TrainedOn(BaseModel):
    """The data of a run."""

    name: str
    synthetic: bool
    sha256: str


class Config(BaseModel):
    """What is read again of config.json."""

    model_config = ConfigDict(frozen=True)

    network: str
    input: tuple[int, int, int]
    classes: tuple[str, ...]
    module: File
    fused: File | None = None
    layout: Layout
    data: TrainedOn
    recipe: dict[str, Any]
    steps: int
    precision: str
    deterministic: bool


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
            data = _data(told["data"])
            variation = told["augment"] and Augment.model_validate(_fields(told["augment"]))
            judged = Evaluate.model_validate(_fields(told["evaluate"]))
            return Recipe(data=data, augment=variation, evaluate=judged, batch=told["batch"])
        except (KeyError, ValidationError) as problem:
            raise _damaged(self.folder / record.CONFIG, "its recipe is not whole") from problem

    @property
    def wanted(self) -> Wanted:
        """What the run asks of images."""
        return augment.wanted(self.recipe, self.config.input, len(self.config.classes))

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Those of metrics.jsonl. A line that is being written is left away."""
        text = _text(self.folder / record.METRICS)
        whole = text[: text.rfind("\n") + 1]
        try:
            return [json.loads(line) for line in whole.splitlines()]
        except ValueError as problem:
            raise _damaged(self.folder / record.METRICS, problem) from problem

    @cached_property
    def result(self) -> dict[str, Any] | None:
        """What the run came to; None if it did not come to its end."""
        path = self.folder / record.RESULT
        return _json(path) if path.exists() else None

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
        text = _text(path)
        if told is None or record.sha256(text) != told.sha256:
            raise TrainingError(
                f"{path} is not the module that was trained: its hash is not the one in "
                f"{record.CONFIG}; put the run's own file back"
            )
        module = imported(text, str(path.resolve()))
        network: nn.Module = getattr(module, self.config.network)()
        weights = self.folder / record.WEIGHTS
        if not weights.exists():
            raise TrainingError(
                f"{weights} is not there: a run writes it when it ends; "
                "train --resume goes on with one that was broken off"
            )
        try:
            network.load_state_dict(_tensors(weights))
        except RuntimeError as problem:
            raise _damaged(weights, "its tensors are not those of the network") from problem
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
        scale = _tensors(path)
        if scale.keys() != {"mean", "std"}:
            raise _damaged(path, "it holds no mean and std")
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
    try:
        return PastRun(folder, Config.model_validate(_json(path)))
    except ValidationError as problem:
        wrong = ", ".join(".".join(map(str, error["loc"])) for error in problem.errors())
        raise _damaged(path, f"not as archdsl writes it: {wrong}") from problem


def _data(told: dict[str, str]) -> words.Data:
    """The line of a recipe that config.json tells of."""
    names = {cls.__name__: word for word, cls in words.Data.words.items()}
    path = told.get("path")
    found = data_from_text(names[told["word"]] + (f":{path}" if path else ""))
    if found is None:
        raise KeyError("path")
    return found


def _fields(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "word"}


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as problem:
        raise _damaged(path, problem) from problem


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except ValueError as problem:
        raise _damaged(path, problem) from problem
    if not isinstance(found, dict):
        raise _damaged(path, "it is no JSON object")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise _damaged(path, problem) from problem


def _damaged(path: Path, problem: object) -> TrainingError:
    """One of a run's files cannot be used."""
    why = "there is no such file" if isinstance(problem, FileNotFoundError) else problem
    return TrainingError(
        f"{path} cannot be read ({why}); the run's folder is damaged, so take a copy of it or "
        "train anew"
    )
