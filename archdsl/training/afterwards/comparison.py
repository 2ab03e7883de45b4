"""Several runs side by side: what each came to, and what keeps them from being compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archdsl import files
from archdsl.training.afterwards.past import PastRun, past_run
from archdsl.training.afterwards.reading import TrainedOn
from archdsl.training.errors import TrainingError


@dataclass(frozen=True)
class Entry:
    """One of the runs that are compared."""

    name: str
    folder: Path
    network: str
    data: TrainedOn
    crops: int
    last: dict[str, Any]
    """Its last evaluation."""
    steps: int
    images_per_second: float | None
    """None if no training is recorded yet."""
    finished: bool
    records: list[dict[str, Any]]
    """Those of metrics.jsonl."""

    def as_json(self) -> dict[str, Any]:
        figures = {name: value for name, value in self.last.items() if name not in ("kind", "step")}
        return {
            "name": self.name,
            "run": str(self.folder),
            "network": self.network,
            "data": {**self.data.model_dump()},
            "crops": self.crops,
            "iterations": self.steps,
            "images_per_second": self.images_per_second,
            "finished": self.finished,
            **figures,
        }


def compared(folders: Sequence[Path]) -> list[Entry]:
    """The runs in these folders. They are called by their folders' names, or where two are the
    same by their whole paths.

    Raises:
        TrainingError: a folder is no run's or is named twice, or a run was not evaluated yet.
    """
    places = [folder.resolve() for folder in folders]
    twice = {place for place in places if places.count(place) > 1}
    if twice:
        raise TrainingError(f"{min(twice)} is named twice; name each run once")
    names = [place.name for place in places]
    return [
        _entry(past_run(folder), name if names.count(name) == 1 else str(folder))
        for folder, name in zip(folders, names, strict=True)
    ]


def draw_comparison(entries: Sequence[Entry], path: Path) -> None:
    """Draw the losses of runs into a .png or .svg.

    Raises:
        TrainingError: it cannot be written there.
    """
    from archdsl.training.keeping import plots  # matplotlib is slow to import

    first, most = entries[0], max(entry.steps for entry in entries)
    marks = {
        "*": ("fewer iterations", [entry.steps < most for entry in entries]),
        "†": ("not finished", [not entry.finished for entry in entries]),
        "‡": ("other data or crops", [not alike(entry, first) for entry in entries]),
    }
    marked = {
        " ".join([entry.name, *(mark for mark, (_, has) in marks.items() if has[n])]): entry.records
        for n, entry in enumerate(entries)
    }
    note = " · ".join(f"{mark} {what}" for mark, (what, has) in marks.items() if any(has))
    drawn = plots.comparison(marked, note, path.suffix.lower().removeprefix("."))
    try:
        files.write(path, drawn)
    except OSError as problem:
        raise TrainingError(
            f"{path} cannot be written ({problem.strerror or problem}); name another with -o"
        ) from problem


def alike(entry: Entry, other: Entry) -> bool:
    """Whether the figures of two runs compare."""
    return not unlike(entry, other)


def unlike(entry: Entry, other: Entry) -> str:
    """Why the figures of two runs do not compare; nothing if they do."""
    if entry.data.sha256 != other.data.sha256:
        synthetic = ", synthetic" if entry.data.synthetic else ""
        same = "other images of " if entry.data.name == other.data.name else "other data, "
        return f"{same}{entry.data.name}{synthetic}"
    return f"judged by {views(entry.crops)}" if entry.crops != other.crops else ""


def views(crops: int) -> str:
    """In how many ways each image was looked at."""
    return "ten crops each" if crops == 10 else "one view each"


def _entry(run: PastRun, name: str) -> Entry:
    evaluations = [record for record in run.records if record["kind"] == "evaluation"]
    if not evaluations:
        raise TrainingError(
            f"{run.folder} has no evaluation yet, so there is nothing to compare; wait for its "
            "first, or leave it away"
        )
    result = run.result
    sources = [record for record in run.records if record["kind"] == "train"]
    speeds = [source["images_per_second"] for source in [*sources, *([result] if result else [])]]
    return Entry(
        name=name,
        folder=run.folder,
        network=run.config.network,
        data=run.config.data,
        crops=run.recipe.evaluate.crops,
        last=evaluations[-1],
        steps=evaluations[-1]["step"],
        images_per_second=speeds[-1] if speeds else None,
        finished=result is not None,
        records=run.records,
    )
