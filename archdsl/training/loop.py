"""Training: from a checked network and its recipe to a folder with weights and figures."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from archdsl.training import precision as precisions
from archdsl.training.errors import Lost, TrainingError
from archdsl.training.interrupt import Interrupt
from archdsl.training.job import Job
from archdsl.training.keeping import record
from archdsl.training.keeping.home import Home, home
from archdsl.training.plan import Plan, facts, planned
from archdsl.training.report import Heedless, Reporter, Result, Silent
from archdsl.training.run import Run
from archdsl.training.together.meeting import Meeting, meeting
from archdsl.training.together.processes import team
from archdsl.training.together.team import lost
from archdsl.training.where import launched, where


def train(
    job: Job,
    run: Path | None = None,
    device: str = "auto",
    steps: int | None = None,
    report: Reporter | None = None,
    layout: str = "auto",
    epochs: int | None = None,
    resume: bool = False,
    checkpoint_every: int | None = None,
    changed: bool = False,
    shard: bool = False,
    precision: str = "auto",
    deterministic: bool = False,
    cache: bool = True,
) -> Result:
    """Train a job's module by its recipe and leave everything in a folder.

    `run` is the folder to make (default: the first free runs/NAME-N); `device`, `layout` and
    `shard` are those of `where.where`, and `steps` or `epochs` replace the recipe's length. Data
    and settings are judged before the folder is made. `resume` goes on with the run in that folder
    (default: the newest runs/NAME-N) from its newest checkpoint, or begins one where there is none;
    the result is, on a CPU bit for bit, that of a run that was not stopped. `changed` lets it go on
    with another learning rate, schedule or length. `checkpoint_every` is in steps (default: see
    `checkpoint.Rhythm`). `precision` and `deterministic` are those of
    `precision.precision`. Without `cache`, images are decoded into memory and kept nowhere.

    Under torchrun every process calls this, and the first one writes and reports.

    Raises:
        TrainingError: data, settings or machine are not fit for it, the loss stopped being a
            number, or the disk is full.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; what there was is saved.
    """
    began = time.perf_counter()
    if checkpoint_every is not None and checkpoint_every < 1:
        raise TrainingError(f"--checkpoint-every {checkpoint_every}: it is a number of steps")
    with (
        Interrupt(at_once=True) as interrupt,
        meeting(launched(os.environ)) as met,
        ExitStack() as last,
    ):
        place = where(layout, device, job.devices, job.spec_name, shard)
        hears = Heedless(report) if report is not None and place.leads else Silent()
        last.callback(hears.ended)
        numbers = precisions.precision(precision, deterministic, place.first)
        plan = planned(job, place, steps, epochs, numbers, hears, cache)
        met.agree(facts(plan))
        # Every step seeds PyTorch's generators; a caller gets its own back as they were.
        cuda = [d for d in dict.fromkeys(place.devices) if d.type == "cuda"]
        with (
            # Before the processes depend on each other: what the first one cannot do ends all.
            home(plan, run, resume, changed) as own,
            _explained(plan, own, met) as at,
            team(place, job.devices, met) as processes,
            torch.random.fork_rng(devices=cuda),
            numbers.held(),
        ):
            return Run(plan, processes, at, hears, interrupt).run(began, checkpoint_every)


@contextmanager
def _explained(plan: Plan, own: Home, met: Meeting) -> Iterator[Home]:
    """The run's folder, by the name that all know, and what can befall a run, in words."""
    place = plan.where
    at = replace(own, told=Path(met.shared("run", str(own.folder))))
    try:
        yield at
    except TrainingError:
        if not (at.folder / record.METRICS).exists():
            at.discard()  # it is new, and nothing was done in it
        raise
    except torch.OutOfMemoryError as problem:
        raise TrainingError(
            f"{place.first} is out of memory at batch {plan.job.recipe.batch}; lower `batch`, "
            "or train with --device cpu"
        ) from problem
    except RuntimeError as problem:
        if place.launch is None or not lost(problem):
            raise
        raise Lost(
            "another process of this run is gone, so it cannot go on; its records and "
            f"checkpoints are in {at.told}, and --resume goes on from them"
        ) from None
