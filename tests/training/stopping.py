"""Runs that stop and go on, and what makes two of them the same."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archdsl.training import Interrupted, Job, Options, Result, Silent, Started, Stepped, train
from tests.helpers import ROOT

PATIENCE = 180
"""Seconds until a test gives up on another process."""


class Listener(Silent):
    """Hears of a run, and may end it."""

    def __init__(self, ends_after: int | None = None) -> None:
        self.ends_after = ends_after
        self.run: Path | None = None
        self.steps: list[int] = []
        self.notes: list[str] = []

    def started(self, event: Started) -> None:
        self.run = event.run

    def noted(self, text: str) -> None:
        self.notes.append(text)

    def stepped(self, event: Stepped) -> None:
        self.steps.append(event.step)
        if event.step == self.ends_after:
            signal.raise_signal(signal.SIGTERM)


def with_recipe(job: Job, **changes: Any) -> Job:
    return dataclasses.replace(job, recipe=job.recipe.model_copy(update=changes))


def stop(job: Job, run: Path | None, after: int, **options: Any) -> None:
    with pytest.raises(Interrupted):
        train(job, run, Options(**options), Listener(after))


def resume(job: Job, run: Path | None, **options: Any) -> tuple[Result, Listener]:
    heard = Listener()
    return train(job, run, Options(resume=True, **options), heard), heard


def timeless(line: str) -> dict[str, Any]:
    return {k: v for k, v in json.loads(line).items() if k != "images_per_second"}


def assert_same(run: Path, other: Path) -> None:
    """Bit for bit, but for what tells the time."""
    weights = "weights.safetensors"
    assert (run / weights).read_bytes() == (other / weights).read_bytes()
    for name in ("metrics.jsonl", "activations.jsonl"):
        mine, others = ((each / name).read_text().splitlines() for each in (run, other))
        assert list(map(timeless, mine)) == list(map(timeless, others)), name
    mine, others = ((each / "metrics.csv").read_text().splitlines() for each in (run, other))
    assert len(mine) == len(others)
    figures = [json.loads((each / "result.json").read_text()) for each in (run, other)]
    for name in ("step", "loss", "top1", "top5", "epochs", "stopped_early"):
        assert figures[0][name] == figures[1][name], name


def checkpoints(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def python(*words: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def killed(folder: Path, run: Path, steps: int, *how: str) -> int:
    """How many attempts were killed before the run was finished."""
    words = [str(folder), str(run), str(steps), *how]
    process = python("tests.training.killed", *words, folder=ROOT)
    said, wrong = process.communicate(timeout=10 * PATIENCE)
    assert process.returncode == 0, wrong
    return int(said)
