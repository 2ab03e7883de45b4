"""A past run's network again: judged on held-out images, or asked what is in some image files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from archdsl.codegen.layout import Layout
from archdsl.training.afterwards.past import PastRun
from archdsl.training.batches import resident
from archdsl.training.data.sources import Data, Split, load
from archdsl.training.errors import TrainingError
from archdsl.training.evaluate import Examination
from archdsl.training.parts.pictures import decoded
from archdsl.training.report import Evaluation, Reporter, Silent
from archdsl.training.where import where
from archdsl.words import recipe as words

TOGETHER: Final = 64
"""Image files that are asked about in one pass."""


NEAR: Final = 5e-4
"""Two losses that differ by less are the same: other devices add up in other orders."""


@dataclass(frozen=True)
class Judgement:
    """A run's network on held-out images, and what the run itself has found."""

    run: Path
    found: Evaluation
    crops: int
    device: str
    data: str
    synthetic: bool
    same_data: bool
    """The images are those that the run was judged on: their hashes agree."""
    recorded: dict[str, Any] | None
    """result.json, if the run came to its end."""

    @property
    def agrees(self) -> bool | None:
        """Whether the loss is the one in result.json; None where it need not be."""
        if not self.same_data or self.recorded is None:
            return None
        recorded: float = self.recorded["loss"]
        return abs(self.found.loss - recorded) < NEAR * max(1, abs(self.found.loss))

    def as_json(self) -> dict[str, Any]:
        names = ("images", "loss", "top1", "top1_error", "top5", "top5_error")
        figures = {name.replace("_error", "_standard_error"): name for name in names}
        return {
            "run": str(self.run),
            "device": self.device,
            "data": self.data,
            "synthetic": self.synthetic,
            "same_data": self.same_data,
            "crops": self.crops,
            **{told: getattr(self.found, name) for told, name in figures.items()},
            "agrees": self.agrees,
            "recorded": self.recorded
            and {told: self.recorded[told] for told in figures if told in self.recorded},
        }


@dataclass(frozen=True)
class Prediction:
    """What a network takes an image file for."""

    image: Path
    classes: tuple[tuple[str, float], ...]
    """The likeliest classes and their probabilities, the likeliest first."""
    problem: str = ""
    """Why there are none."""

    def as_json(self) -> dict[str, Any]:
        if self.problem:
            return {"image": str(self.image), "problem": self.problem}
        told = [{"class": name, "probability": p} for name, p in self.classes]
        return {"image": str(self.image), "classes": told}


def evaluate_run(
    run: PastRun,
    data: words.Data | None = None,
    crops: int | None = None,
    device: str = "auto",
    report: Reporter | None = None,
) -> Judgement:
    """Judge a run's network on the held-out images of its own data, or of other data.

    `crops` is 1 or 10, else as the recipe has it.

    Raises:
        TrainingError: the run's folder is damaged, the data cannot be read, or has other classes.
    """
    hears = report or Silent()
    place = where(Layout.FUSED.value, device, 1, str(run.folder)).first
    network, recorded = run.network(place), run.result
    found = _held_out(run, data, hears)
    examination = _examination(run, found.test, place, crops)
    evaluation = examination.judge(
        network, 0, heard=lambda done, total: hears.worked("judging images", done, total)
    )
    assert evaluation is not None, "nothing gave up"
    return Judgement(
        run=run.folder,
        found=evaluation,
        crops=examination.crops,
        device=str(place),
        data=found.name,
        synthetic=found.synthetic,
        same_data=found.sha256 == run.config.data.sha256,
        recorded=recorded if examination.crops == run.recipe.evaluate.crops else None,
    )


def predict(
    run: PastRun, images: Sequence[Path], top: int = 5, device: str = "auto"
) -> Iterator[Prediction]:
    """What a run's network takes image files for, in their order, with its `top` likeliest classes.

    A file that cannot be read has a prediction that says so.

    Raises:
        TrainingError: the run's folder is damaged.
    """
    place = where(Layout.FUSED.value, device, 1, str(run.folder)).first
    network = run.network(place)
    empty = Split(torch.empty(0), torch.empty(0, dtype=torch.int64))
    examination = _examination(run, empty, place, None)
    for first in range(0, len(images), TOGETHER):
        pictures = [_picture(path, run) for path in images[first : first + TOGETHER]]
        read = [picture for picture in pictures if isinstance(picture, Tensor)]
        probabilities: Iterator[Tensor] = iter(())
        if read:
            with torch.inference_mode():
                scores = examination.log_probabilities(network, torch.stack(read).to(place))
            probabilities = iter(scores.double().exp().cpu())
        for path, picture in zip(images[first:], pictures, strict=False):
            if isinstance(picture, str):
                yield Prediction(path, (), picture)
            else:
                best = next(probabilities).topk(min(top, len(run.config.classes)))
                names = [run.config.classes[label] for label in best.indices.tolist()]
                yield Prediction(path, tuple(zip(names, best.values.tolist(), strict=True)))


def _held_out(run: PastRun, other: words.Data | None, report: Reporter) -> Data:
    """The data to judge on, which has the run's classes."""
    found = load(
        other or run.recipe.data,
        run.wanted,
        progress=lambda done, total: report.worked("reading images", done, total),
    )
    if found.classes != run.config.classes:
        here, there = (", ".join(names[:5]) for names in (found.classes, run.config.classes))
        raise TrainingError(
            f"{found.name} has other classes ({here}, …) than {run.folder} was trained on "
            f"({there}, …), so its figures would say nothing"
        )
    return found


def _examination(
    run: PastRun, split: Split, device: torch.device, crops: int | None
) -> Examination:
    if crops == 10 and run.wanted.size[1:] == run.config.input[1:]:
        raise TrainingError(
            f"--crops 10: {run.folder} keeps images at the network's input size, so there is "
            "nothing to crop; train with augment resize= and a larger size"
        )
    return Examination(
        split=resident(split, device),
        view=run.view(device),
        crops=crops or run.recipe.evaluate.crops,
        batch=run.recipe.batch,
        device=device,
        precision=run.precision(device),
    )


def _picture(path: Path, run: PastRun) -> Tensor | str:
    """An image file as training saw its images, C x h x w in uint8; or why it cannot be read."""
    try:
        image = decoded([path], run.wanted.size, run.wanted.square)[0]
    except ValueError as problem:
        return str(problem)
    return torch.from_numpy(image).permute(2, 0, 1)
