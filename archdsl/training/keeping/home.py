"""The folder of a run: made for a new one, found again for one that goes on."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archdsl.source import Source
from archdsl.training.errors import TrainingError
from archdsl.training.keeping import checkpoint, record
from archdsl.training.keeping.checkpoint import Progress
from archdsl.training.keeping.differences import accepted
from archdsl.training.keeping.lock import locked
from archdsl.training.plan import Plan, config, write, write_modules


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
def home(plan: Plan, run: Path | None, resume: bool, changed: bool) -> Iterator[Home]:
    """The folder of a new run or, to `resume`, of the one that was stopped.

    `changed` lets that go on with another learning rate, schedule or length.
    Who does not lead gets a passing one, with the modules alone.

    Raises:
        TrainingError: it cannot be made, is held by another process, or is another run's.
    """
    if not plan.where.leads:
        with TemporaryDirectory() as passing:
            write_modules(plan, Path(passing))
            yield Home(Path(passing), new=False)
        return
    before = _stopped(run, plan.job.name) if resume else None
    folder = record.create(run, plan.job.name) if before is None else before
    with locked(folder):
        if before is None or not (folder / record.CONFIG).exists():
            write(plan, folder)
            yield Home(folder, new=True)
        else:
            yield _again(plan, folder, changed)


def _stopped(run: Path | None, name: str) -> Path | None:
    """The folder of the run to go on with: the one that is named, or the newest runs/NAME-N.

    None where there is no such folder, so that one command begins a run and goes on with it.

    Raises:
        TrainingError: the folder that is named is none of a run.
    """
    if run is None:
        numbers = [
            int(number)
            for path in Path("runs").glob(f"{name}-*")
            if (number := path.name.removeprefix(f"{name}-")).isdecimal()
        ]
        return Path("runs") / f"{name}-{max(numbers)}" if numbers else None
    if not run.exists():
        return None
    # A run that was stopped as it began has its lock and little else, or not even that.
    signs = (record.CONFIG, record.LOCK)
    if not any((run / sign).exists() for sign in signs) and any(run.iterdir()):
        raise TrainingError(f"{run} is no run's folder: it has no {record.CONFIG}")
    return run


def _again(plan: Plan, folder: Path, changed: bool) -> Home:
    """The folder of a run that was stopped after it began."""
    before = _config(folder)
    now = json.loads(json.dumps(config(plan)))
    spec = Source(plan.job.spec_name, plan.job.spec)
    changes = accepted(folder, before, now, spec, changed)
    result = folder / record.RESULT
    if result.exists() and not changes:
        raise TrainingError(
            f"{folder} is finished: all of its {before['steps']:,} steps are done, or its "
            "schedule has ended it; leave --resume away to begin another run, or give it more "
            "--steps with --resume --changed"
        )
    found, ails = checkpoint.newest(folder)
    progress = checkpoint.progress(found) if found else Progress()
    if progress.step > plan.clock.steps:
        raise TrainingError(
            f"{plan.clock.steps:,} steps: {folder} has done {progress.step:,}; take more"
        )
    record.cut(folder, progress.lengths)
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


def _config(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / record.CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise TrainingError(
            f"{folder / record.CONFIG} cannot be read ({problem}); leave --resume away to begin "
            "another run"
        ) from problem
    return found
