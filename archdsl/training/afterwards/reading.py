"""What a run's files say, read again: as much of it as others need, and whether it is whole.

What is wrong is told with the file and the remedy.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from archdsl.codegen.layout import Layout
from archdsl.training.errors import TrainingError
from archdsl.training.parts.folders import few

PUT_BACK: Final = "put a copy of it back, or train anew"
"""What to do about a file that nothing else in the folder tells again."""
WRITE_ANEW: Final = "remove it, and train --resume writes it anew from the last checkpoint"

M = TypeVar("M", bound=BaseModel)


class File(BaseModel):
    """A file of the run and the hash of its text."""

    file: str
    sha256: str


class TrainedOn(BaseModel):
    """The data of a run."""

    name: str
    synthetic: bool
    sha256: str


class DataLine(BaseModel):
    """A recipe's line of its data: the name of the word's class, and its path if it has one."""

    word: str
    path: str | None = None


class Lines(BaseModel):
    """Of a run's recipe, what it takes to look at images again."""

    data: DataLine
    augment: dict[str, Any] | None
    evaluate: dict[str, Any]
    batch: int


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
    recipe: Lines
    steps: int
    precision: str
    deterministic: bool


class Trained(BaseModel):
    """What others need of a record of training."""

    kind: Literal["train"]
    step: int
    loss: float
    images_per_second: float


class Evaluated(BaseModel):
    """What others need of a record of an evaluation."""

    kind: Literal["evaluation"]
    step: int
    images: int
    loss: float
    top1: float
    top1_standard_error: float


class Outcome(BaseModel):
    """What others need of result.json."""

    loss: float
    top1: float
    images_per_second: float
    weights: str
    """The hash of their file."""


_RECORD: Final = TypeAdapter[Trained | Evaluated](
    Annotated[Trained | Evaluated, Field(discriminator="kind")]
)


def config(path: Path) -> Config:
    """What config.json says. Raises TrainingError."""
    return _fitting(Config, path, _json(path, PUT_BACK), PUT_BACK)


def result(path: Path) -> dict[str, Any]:
    """What result.json says. Raises TrainingError."""
    found = _json(path, WRITE_ANEW)
    _fitting(Outcome, path, found, WRITE_ANEW)
    return found


def records(path: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl but for a last one that is being written. Raises TrainingError."""
    *whole, _ = raw(path).split(b"\n")
    return [_record(path, number, line) for number, line in enumerate(whole, 1)]


def tensors(path: Path) -> dict[str, Tensor]:
    """What a safetensors file holds. Raises TrainingError."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as problem:
        raise damaged(path, problem) from problem


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """A line of metrics.jsonl. Raises TrainingError."""
    try:
        found: dict[str, Any] = json.loads(line)
        _RECORD.validate_python(found)
    except ValueError as problem:
        raise TrainingError(
            f"{path}, line {number}, is not as archdsl writes it; take the line out, or put a copy "
            "of the file back"
        ) from problem
    return found


def _json(path: Path, remedy: str) -> dict[str, Any]:
    try:
        found = json.loads(raw(path))
    except ValueError as problem:
        raise damaged(path, f"no JSON: {problem}", remedy) from problem
    if not isinstance(found, dict):
        raise damaged(path, "it is no JSON object", remedy)
    return found


def raw(path: Path) -> bytes:
    """A file's bytes. Raises TrainingError."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise damaged(path, problem) from problem


def _fitting(kind: type[M], path: Path, found: dict[str, Any], remedy: str) -> M:
    try:
        return kind.model_validate(found)
    except ValidationError as problem:
        wrong = [".".join(map(str, error["loc"])) for error in problem.errors()]
        raise damaged(path, f"not as archdsl writes it: {few(wrong)}", remedy) from problem


def damaged(path: Path, problem: object, remedy: str = PUT_BACK) -> TrainingError:
    """One of a run's files cannot be used, and what to do about it."""
    why = "there is no such file" if isinstance(problem, FileNotFoundError) else problem
    return TrainingError(f"{path} cannot be read ({why}); {remedy}")
