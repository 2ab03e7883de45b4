"""Checkpoints: all that a run takes to go on, in the middle of an epoch, as if it had not stopped.

    RUN/checkpoints/step-00000100/
        weights.safetensors        the network, by the names it has on one device
        optimizer-0.safetensors    what the optimizer keeps, one file for each part of the network
        state.json                 how far the run was
        manifest.json              the sha256 of each, written last

All randomness of a step is a function of the seed and the step, so none is kept.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from archdsl.training.errors import TrainingError
from archdsl.training.keeping import record
from archdsl.training.report import Evaluation

STATE: Final = "state.json"
MANIFEST: Final = "manifest.json"
_STEP: Final = re.compile(r"step-\d{8,}")
KEPT: Final = 2
"""How many a run keeps: the newest, and the one before it, should that be damaged."""
MINUTES: Final = 10
"""How long a run goes on without one."""
SHARE: Final = 1 / 20
"""Of the time, what may be spent on those that follow an evaluation."""


@dataclass
class Progress:
    """How far a run is."""

    step: int = 0
    """Updates that are done."""
    training_seconds: float = 0.0
    """Spent on them."""
    losses: list[float] = field(default_factory=list)
    """Of the updates since the last record in metrics.jsonl."""
    evaluations: list[Evaluation] = field(default_factory=list)
    """All so far. What a schedule knows, it knows from them."""
    lengths: dict[str, int] = field(default_factory=dict)
    """Bytes of the run's growing files that belong to it."""

    @property
    def evaluated(self) -> bool:
        """Whether the network was judged as it is now."""
        return bool(self.evaluations) and self.evaluations[-1].step == self.step

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> "Progress":
        found: dict[str, Any] = json.loads(raw)
        found["evaluations"] = [Evaluation(**each) for each in found["evaluations"]]
        return cls(**found)


@dataclass(frozen=True)
class Checkpoint:
    """What is in a checkpoint's files."""

    state: bytes
    """A `Progress`, as JSON."""
    weights: bytes
    """The whole network, as safetensors."""
    parts: list[bytes]
    """What the optimizer keeps for each part of the network, as safetensors."""

    def files(self) -> dict[str, bytes]:
        """The bytes by their file's name."""
        named = {_optimizer(number): part for number, part in enumerate(self.parts)}
        return {record.WEIGHTS: self.weights, **named, STATE: self.state}


class Damaged(Exception):
    """A checkpoint is not what it was when it was written; the text says in what."""


def save(run: Path, step: int, checkpoint: Checkpoint) -> None:
    """Put a checkpoint in place whole or not at all; only then remove those too many.

    Raises:
        TrainingError: the disk is full or cannot be written. Earlier ones are as they were.
    """
    final = _place(run, step)
    home = final.parent
    # Hidden until it is whole. Nobody else writes here: the run is locked.
    made, replaced = home / f".{final.name}", home / f".{final.name}.replaced"
    try:
        home.mkdir(exist_ok=True)
        for left in home.glob(".step-*"):
            shutil.rmtree(left)
        _require_space(home, sum(map(len, checkpoint.files().values())))
        made.mkdir()
        _fill(made, checkpoint.files())
        if final.exists():
            final.replace(replaced)
        made.replace(final)
        _sync(home)
    except OSError as problem:
        raise record.unwritable(Path(problem.filename or final), problem) from problem
    finally:
        for left in (made, replaced):
            shutil.rmtree(left, ignore_errors=True)
    prune(run, KEPT)


def read(folder: Path) -> Checkpoint:
    """A checkpoint, if it is whole.

    Raises:
        Damaged: it is not.
    """
    try:
        manifest = json.loads(_bytes(folder / MANIFEST))
    except ValueError:
        raise Damaged(f"{MANIFEST} is no JSON") from None
    if not isinstance(manifest, dict) or not {STATE, record.WEIGHTS} <= manifest.keys():
        raise Damaged(f"{MANIFEST} is none of a checkpoint")
    contents = {name: _bytes(folder / name) for name in manifest}
    for name, raw in contents.items():
        if hashlib.sha256(raw).hexdigest() != manifest[name]:
            raise Damaged(f"{name} has another sha256 than {MANIFEST} says")
    parts = []
    for number in count():
        if _optimizer(number) not in contents:
            break
        parts.append(contents[_optimizer(number)])
    return Checkpoint(contents[STATE], contents[record.WEIGHTS], parts)


def progress(folder: Path) -> Progress:
    """How far the run was when a checkpoint was taken, which is whole."""
    return Progress.from_json((folder / STATE).read_bytes())


def forget(run: Path, step: int) -> None:
    """Remove a checkpoint from which there is no going on, if it was taken."""
    shutil.rmtree(_place(run, step), ignore_errors=True)


def forget_after(run: Path, folder: Path) -> None:
    """Remove the damaged checkpoints that are newer than the one that is gone on from.

    They would count as the newest, and whole ones be removed for them.
    """
    for later in _newest_first(run):
        if later == folder:
            return
        shutil.rmtree(later, ignore_errors=True)


def prune(run: Path, kept: int) -> None:
    """Remove all checkpoints but the newest few."""
    for old in _newest_first(run)[kept:]:
        shutil.rmtree(old, ignore_errors=True)


def newest(run: Path) -> tuple[Path | None, list[str]]:
    """The folder of the newest checkpoint that is whole, if there is any; what ails later ones.

    Raises:
        TrainingError: there are some, and none is whole.
    """
    ails: list[str] = []
    for folder in _newest_first(run):
        try:
            read(folder)
            return folder, ails
        except Damaged as problem:
            ails.append(f"{folder} is damaged: {problem}")
    if ails:
        raise TrainingError(
            f"{'; '.join(ails)}. No other is left; leave --resume away to begin another run"
        )
    return None, ails


class Rhythm:
    """When a checkpoint is due.

    Every so many steps if that was asked for; else after an evaluation, if the last one is long
    enough ago that a small network is not held up, and at the latest after `MINUTES`.
    """

    def __init__(self, every: int | None, now: Callable[[], float] = time.monotonic) -> None:
        self._every, self._now = every, now
        self._last, self._cost = now(), 0.0

    def due(self, step: int, evaluated: bool) -> bool:
        if self._every is not None:
            return step % self._every == 0
        since = self._now() - self._last
        return since >= MINUTES * 60 or (evaluated and since * SHARE >= self._cost)

    def saved(self, began: float) -> None:
        """Hear that one was saved, and when that began."""
        self._last = self._now()
        self._cost = self._last - began


def _optimizer(number: int) -> str:
    return f"optimizer-{number}.safetensors"


def _place(run: Path, step: int) -> Path:
    return run / record.CHECKPOINTS / f"step-{step:08}"


def _newest_first(run: Path) -> list[Path]:
    found = (run / record.CHECKPOINTS).glob("step-*")
    own = [path for path in found if _STEP.fullmatch(path.name) and path.is_dir()]
    return sorted(own, key=lambda path: int(path.name.removeprefix("step-")), reverse=True)


def _require_space(home: Path, needed: int) -> None:
    free = shutil.disk_usage(home).free
    if free < needed:
        raise TrainingError(
            f"{home}: a checkpoint takes {_megabytes(needed)}, and {_megabytes(free)} are free; "
            f"{record.FREE_SPACE}"
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _fill(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files and then their manifest, such that all of it is on the disk."""
    hashes = {name: hashlib.sha256(raw).hexdigest() for name, raw in contents.items()}
    manifest = json.dumps(hashes, indent=2).encode()
    for name, raw in {**contents, MANIFEST: manifest}.items():
        try:
            with (folder / name).open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise record.unwritable(folder / name, problem) from problem
    _sync(folder)


def _sync(folder: Path) -> None:
    """Have the disk know the names in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Damaged(f"{path.name} cannot be read ({problem.strerror})") from None
