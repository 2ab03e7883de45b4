"""The folder of a run: made for a new one, found again for one that goes on."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from archdsl.source import Source
from archdsl.training.errors import Finished, TrainingError
from archdsl.training.job import Job
from archdsl.training.keeping import checkpoint, record
from archdsl.training.keeping.checkpoint import Progress
from archdsl.training.keeping.differences import accepted
from archdsl.training.keeping.lock import locked
from archdsl.training.options import Options
from archdsl.training.plan import Plan, config, modules, write, write_modules

_NEEDED: Final = frozenset(("data", "recipe", "module", "layout", "spec", "steps", "started"))
"""Of config.json, to tell whether a run may go on."""


@dataclass(frozen=True)
class Home:
    """A run's folder, held by this process, with what the run is about to do."""

    folder: Path
    new: bool
    checkpoint: Path | None = None
    """The folder of that from which the run goes on; None where it begins."""
    notes: tuple[str, ...] = ()
    """What a person should know of that."""
    told: Path = Path()
    """Its name in messages: of who does not lead, not the passing one."""

    def discard(self) -> None:
        """Remove a folder in which nothing has been done."""
        if self.new and self.folder.exists():
            shutil.rmtree(self.folder)


@contextmanager
def home(plan: Plan, run: Path | None, options: Options) -> Iterator[Home]:
    """The folder of a new run or, to resume, of the one that was stopped.

    Who does not lead gets a passing one, with the modules alone.

    Raises:
        TrainingError: it cannot be made, is held by another process, or is another run's.
    """
    if not plan.where.leads:
        with TemporaryDirectory() as passing:
            write_modules(plan, Path(passing))
            yield Home(Path(passing), new=False)
        return
    before = _stopped(run, plan.job) if options.resume else None
    folder = record.create(run, plan.job.name) if before is None else before
    with locked(folder):
        if before is None or not (folder / record.CONFIG).exists():
            write(plan, folder)
            yield Home(folder, new=True)
        else:
            yield _again(plan, folder, options.changed)


def _stopped(run: Path | None, job: Job) -> Path | None:
    """The folder of the run to go on with: the one that is named, or the newest runs/NAME-N.

    None where there is no such folder, so that one command begins a run and goes on with it.

    Raises:
        TrainingError: the folder that is named is none of a run.
    """
    if run is None:
        numbers = [
            int(number)
            for path in Path("runs").glob(f"{escape(job.name)}-*")
            if (number := path.name.removeprefix(f"{job.name}-")).isdecimal()
        ]
        if not numbers:
            return None
        run = Path("runs") / f"{job.name}-{max(numbers)}"
    if not run.exists() or (run / record.CONFIG).exists():
        return run if run.exists() else None
    # A run that was stopped as it began has its lock and some of what is written first.
    begun = {record.LOCK, record.MODULE, record.FUSED, record.NORMALISATION, job.spec_name}
    others = {path.name for path in run.iterdir()} - begun - {Path(p).parts[0] for p in job.used}
    others = {name for name in others if not name.startswith(".")}
    if others & record.OWN:
        raise TrainingError(
            f"{run} has lost its {record.CONFIG}, without which nobody knows what its checkpoints "
            "are of; put it back, or leave --resume away to begin another run"
        )
    if others:
        raise TrainingError(f"{run} is no run's folder: it has no {record.CONFIG}")
    return run


def _again(plan: Plan, folder: Path, changed: bool) -> Home:
    """The folder of a run that was stopped after it began."""
    before = _config(folder)
    now = json.loads(json.dumps(config(plan)))
    spec = Source(plan.job.spec_name, plan.job.spec)
    changes = accepted(folder, before, now, spec, changed)
    result = folder / record.RESULT
    # Weights that are gone are written anew from the last checkpoint.
    finished = result.exists() and (folder / record.WEIGHTS).exists()
    if finished and not changes:
        raise _finished(folder, before["steps"])
    found, ails = checkpoint.newest(folder)
    progress = checkpoint.progress(found) if found else Progress()
    if finished and progress.step == plan.clock.steps:
        raise _finished(folder, before["steps"])
    if progress.step > plan.clock.steps:
        raise TrainingError(
            f"{plan.clock.steps:,} steps: {folder} has done {progress.step:,}; take more"
        )
    if found:
        checkpoint.forget_after(folder, found)
    ails += record.cut(folder, progress.lengths)
    if not _has_modules(plan, folder):
        ails.append(f"{folder / record.MODULE} was not what was trained, and is written anew")
        write_modules(plan, folder)
    here = {name: now[name] for name in ("device", "versions", "hardware", "started")}
    resumed = {"step": progress.step, "changes": changes, **here}
    again = {**(now if changes else before), "started": before["started"]}
    again["resumed"] = [*before.get("resumed", ()), resumed]
    if changes:
        write(plan, folder)
    record.write_json(folder / record.CONFIG, again)
    result.unlink(missing_ok=True)
    told = f"goes on after step {progress.step:,}" if found else "begins again from the first step"
    return Home(folder, new=False, checkpoint=found, notes=(*ails, *changes, told))


def _finished(folder: Path, steps: int) -> Finished:
    return Finished(
        f"{folder} is finished: all of its {steps:,} steps are done, or its schedule has ended it; "
        "leave --resume away to begin another run, or give it more --steps (or another schedule) "
        "with --resume --changed"
    )


def _has_modules(plan: Plan, folder: Path) -> bool:
    """Whether the modules in a folder are those that are trained."""
    return all(
        (folder / name).exists() and (folder / name).read_bytes() == text.encode()
        for name, text in modules(plan).items()
    )


def _config(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / record.CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise TrainingError(
            f"{folder / record.CONFIG} cannot be read ({problem}); leave --resume away to begin "
            "another run"
        ) from problem
    if not isinstance(found, dict) or not found.keys() >= _NEEDED:
        raise TrainingError(
            f"{folder / record.CONFIG} is not what a run writes; leave --resume away to begin "
            "another run"
        )
    return found
