"""A run's folder: what was trained, on what, where, how, and what came of it."""

import errno
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from itertools import count
from pathlib import Path, PurePath
from types import TracebackType
from typing import IO, Any, Final, Self

import torch
from pydantic import BaseModel
from safetensors.torch import save
from torch import Tensor

from archdsl import files
from archdsl.source import Source
from archdsl.training.errors import TrainingError

MODULE: Final = "model.py"
FUSED: Final = "fused.py"
"""The module on one device, in the folder of a run that trains another layout."""
WEIGHTS: Final = "weights.safetensors"
NORMALISATION: Final = "normalisation.safetensors"
CONFIG: Final = "config.json"
METRICS: Final = "metrics.jsonl"
RESULT: Final = "result.json"
PLOT: Final = "loss.png"
TABLE: Final = "metrics.csv"
ACTIVATIONS: Final = "activations.jsonl"
ACTIVATIONS_PLOT: Final = "activations.png"
KERNELS: Final = "kernels.png"
GROWING: Final = (METRICS, TABLE, ACTIVATIONS)
"""Files to which a run appends lines; a run that goes on cuts them to what they were."""
CHECKPOINTS: Final = "checkpoints"
LOCK: Final = ".lock"
OWN: Final = frozenset(
    {MODULE, FUSED, WEIGHTS, NORMALISATION, CONFIG, RESULT, PLOT, ACTIVATIONS_PLOT, KERNELS}
    | {CHECKPOINTS, LOCK}
    | set(GROWING)
)
"""What stands in every run's folder, beside the spec."""

USED: Final = "used"
"""The folder in it for files that the spec uses from outside of its own folder."""

FREE_SPACE: Final = "free some space, then go on with --resume"
_IN_ITS_PLACE: Final = "something else is in its place: move that away, then go on with --resume"
_REMEDIES: Final = {
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), then go on with --resume",
    errno.EACCES: "make its folder writable, then go on with --resume",
    errno.EPERM: "make its folder writable, then go on with --resume",
    errno.EROFS: "make its disk writable, then go on with --resume",
    errno.ENOTDIR: _IN_ITS_PLACE,
    errno.EISDIR: _IN_ITS_PLACE,
    errno.EEXIST: _IN_ITS_PLACE,
    errno.ENOENT: "something has removed its folder; nothing can be kept there",
}


def unwritable(path: Path, problem: OSError) -> TrainingError:
    """What to tell of a file of a run that cannot be written."""
    gone = isinstance(problem, FileNotFoundError)
    remedy = _REMEDIES.get(errno.ENOENT if gone else problem.errno or 0, FREE_SPACE)
    return TrainingError(f"{path} cannot be written ({problem.strerror or problem}); {remedy}")


def create(run: Path | None, name: str) -> Path:
    """Make the run's folder, `run` or the first free runs/NAME-N, and nobody else's.

    Raises:
        TrainingError: `run` exists, or no folder can be made there.
    """
    parent = Path("runs") if run is None else run.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise TrainingError(
            f"no folder can be made at {parent} ({problem.strerror}); name another with --run"
        ) from problem
    candidates = (parent / f"{name}-{n}" for n in count(1)) if run is None else iter([run])
    for candidate in candidates:
        # Trying is the only test that another process cannot overtake.
        try:
            candidate.mkdir()
        except FileExistsError:
            continue
        except OSError as problem:
            raise TrainingError(
                f"no folder can be made at {candidate} ({problem.strerror}); "
                "name another with --run"
            ) from problem
        return candidate
    raise TrainingError(
        f"{run} exists, and a run is never overwritten; name another folder with --run, "
        "or go on with it by --resume"
    )


def places(spec: Source, spec_name: str, others: Iterable[Source]) -> dict[str, str]:
    """The texts of the files that a spec uses, by their places in a run's folder.

    What lies below the spec's folder lies beside the spec in the same way, so that the copy checks
    as the spec did. Where not all do, or one would be in the way, the spec and all its files lie
    below `used` as they lie below the folder that they have in common.
    """
    texts = {_absolute(source): source.text for source in others}
    home = _absolute(spec).parent
    if all(p.is_relative_to(home) and _is_free(p.relative_to(home), spec_name) for p in texts):
        return {path.relative_to(home).as_posix(): text for path, text in texts.items()}
    texts = {_absolute(spec): spec.text, **texts}
    root = os.path.commonpath([path.parent for path in texts])
    return {PurePath(USED, p.relative_to(root)).as_posix(): text for p, text in texts.items()}


def _is_free(place: PurePath, spec_name: str) -> bool:
    return place.parts[0] not in OWN and place not in (PurePath(spec_name), PurePath(USED))


def _absolute(source: Source) -> Path:
    # `use "../x.arch"` names the file that the text says, also where a folder is a link.
    return Path(os.path.abspath(source.name))  # noqa: PTH100


def write(path: Path, content: str | bytes) -> None:
    """Put a file in place whole or not at all.

    Raises:
        TrainingError: the disk is full or cannot be written.
    """
    raw = content.encode() if isinstance(content, str) else content
    try:
        files.write(path, raw)
    except OSError as problem:
        raise unwritable(path, problem) from problem


def write_used(folder: Path, used: Mapping[str, str]) -> None:
    """Write the files that the spec uses to their places in a run's folder."""
    for place, text in used.items():
        path = folder / place
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise unwritable(path.parent, problem) from problem
        write(path, text)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors as safetensors, atomically."""
    write(path, tensors_as_bytes(tensors))


def tensors_as_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Named tensors as safetensors."""
    return save({name: t.detach().cpu().contiguous() for name, t in tensors.items()})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON for people and programs, atomically."""
    write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


class Lines:
    """A file that grows by whole lines, each on disk before training goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file: IO[str] = path.open("a", encoding="utf-8")
        except OSError as problem:
            raise unwritable(path, problem) from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # a full disk has been reported by `append`
            self._file.close()

    @property
    def empty(self) -> bool:
        return self._file.tell() == 0

    def append(self, line: str) -> None:
        """Write one more line."""
        try:
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError as problem:
            raise unwritable(self._path, problem) from problem


class Metrics(Lines):
    """metrics.jsonl: one JSON object a line."""

    def add(self, kind: str, values: Mapping[str, float]) -> None:
        """Append one record; `kind` says which series it belongs to ("train", "evaluation")."""
        self.append(json.dumps({"kind": kind, **values}))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Every record of a metrics.jsonl, but for lines that are damaged."""
    found = []
    for line in path.read_bytes().splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return [each for each in found if isinstance(each, dict)]


def lengths(folder: Path) -> dict[str, int]:
    """The bytes of a run's growing files, all of which are then on the disk.

    Raises:
        TrainingError: the disk is full.
    """
    found = {}
    for path in filter(Path.exists, (folder / name for name in GROWING)):
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
                found[path.name] = os.fstat(file.fileno()).st_size
        except OSError as problem:
            raise unwritable(path, problem) from problem
    return found


def cut(folder: Path, kept: Mapping[str, int]) -> list[str]:
    """Take from a run's growing files what came after they had so many bytes.

    Of one that is shorter, whole lines stay; what is to be told of that. They are for people: what
    is trained does not depend on them.

    Raises:
        TrainingError: one cannot be written.
    """
    ails = []
    for name in GROWING:
        path, length = folder / name, kept.get(name, 0)
        size = path.stat().st_size if path.exists() else 0
        if size < length:
            whole = path.read_bytes().rfind(b"\n") + 1 if size else 0
            ails.append(f"{path} has lost the last {length - whole:,} bytes of what was recorded")
            length = whole
        if size > length:
            try:
                os.truncate(path, length)
            except OSError as problem:
                raise unwritable(path, problem) from problem
    return ails


def told(place: str, text: str) -> dict[str, str]:
    """A file of the run as config.json has it."""
    return {"file": place, "sha256": sha256(text)}


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(text: str) -> str:
    """The hash of a text's UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def settings(value: object) -> Any:
    """A recipe's words as JSON, each with its class's name: `Constant()` has nothing else."""
    if isinstance(value, BaseModel):
        fields = {name: settings(getattr(value, name)) for name in type(value).model_fields}
        return {"word": type(value).__name__, **fields}
    if isinstance(value, tuple | list):
        return [settings(item) for item in value]
    return value


def versions() -> dict[str, str]:
    """What could change a result: the interpreter and the libraries that compute, draw or store."""
    found = {"python": platform.python_version()}
    for package in ("archdsl", "torch", "numpy", "pillow", "safetensors"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def hardware(device: torch.device) -> dict[str, str | int]:
    """The machine that a run's speed was measured on."""
    found: dict[str, str | int] = {
        "platform": platform.platform(),
        "cpu": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_device_name(device)
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
