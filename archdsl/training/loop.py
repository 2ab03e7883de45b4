"""Training: from a checked network and its recipe to a folder with weights and figures."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from archdsl.training.errors import Lost, TrainingError
from archdsl.training.interrupt import Interrupt
from archdsl.training.job import Job
from archdsl.training.keeping import record
from archdsl.training.keeping.home import Home, home
from archdsl.training.options import Options
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
    options: Options = Options(),
    report: Reporter | None = None,
) -> Result:
    """Train a job's module by its recipe and leave everything in a folder.

    `run` is the folder to make (default: the first free runs/NAME-N). Data and settings are judged
    before it is made.

    Under torchrun every process calls this, and the first one writes and reports.

    Raises:
        TrainingError: data, settings or machine are not fit for it, the loss stopped being a
            number, or the disk is full.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; what there was is saved.
    """
    began = time.perf_counter()
    with (
        Interrupt(at_once=True) as interrupt,
        meeting(launched(os.environ)) as met,
        ExitStack() as last,
    ):
        place = where(options.layout, options.device, job.devices, job.spec_name, options.shard)
        hears = Heedless(report) if report is not None and place.leads else Silent()
        last.callback(hears.ended)
        plan = planned(job, place, options, hears)
        met.agree(facts(plan))
        # Every step seeds PyTorch's generators; a caller gets its own back as they were.
        cuda = [d for d in dict.fromkeys(place.devices) if d.type == "cuda"]
        with (
            # Before the processes depend on each other: what the first one cannot do ends all.
            home(plan, run, options) as own,
            _explained(plan, own, met) as at,
            team(place, job.devices, met) as processes,
            torch.random.fork_rng(devices=cuda),
            plan.precision.held(),
        ):
            return Run(plan, processes, at, hears, interrupt).run(began, options.checkpoint_every)


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
