"""What a run is about to do: settled before there is a folder, and written into it."""

from dataclasses import dataclass
from pathlib import Path

from archdsl.codegen.layout import Layout
from archdsl.training import augment, record
from archdsl.training.augment import View
from archdsl.training.data import Data, load
from archdsl.training.errors import TrainingError
from archdsl.training.job import Job
from archdsl.training.optimizer import check
from archdsl.training.schedule import Clock
from archdsl.training.where import Where
from archdsl.words.recipe import Recipe


@dataclass(frozen=True)
class Plan:
    """What is trained, where, on what, for how long."""

    job: Job
    where: Where
    data: Data
    clock: Clock
    view: View


def planned(job: Job, place: Where, steps: int | None, epochs: int | None) -> Plan:
    """Judge everything that can be judged before work starts.

    Raises:
        TrainingError: data, settings or machine are not fit for it.
    """
    check(job.recipe.optimizer)
    rows = place.rows(job.devices)
    if job.recipe.batch % rows:
        raise TrainingError(
            f"batch {job.recipe.batch}: {rows} processes share each batch evenly; "
            f"take a multiple of {rows}"
        )
    if not job.parameters:
        raise TrainingError(f"{job.spec_name}: the network has no parameters, so nothing to train")
    try:
        data = load(job.recipe.data, augment.wanted(job.recipe, job.input, job.classes))
    except OSError as problem:
        raise TrainingError(
            f"{problem.filename or 'the data'} cannot be read ({problem.strerror or problem})"
        ) from problem
    clock = _clock(job.recipe, len(data.train), steps, epochs)
    view = augment.view(job.recipe, data, job.input[1:], place.first)
    return Plan(job, place, data, clock, view)


def _clock(recipe: Recipe, images: int, steps: int | None, epochs: int | None) -> Clock:
    """How long a run is: `steps` or `epochs`, else the recipe's length, in whose unit it counts."""
    if recipe.batch > images:
        raise TrainingError(
            f"batch {recipe.batch}: the training set has {images:,} images; take that or less"
        )
    if steps is not None and epochs is not None:
        raise TrainingError("--steps and --epochs are both the run's length; leave one away")
    for name, length in (("steps", steps), ("epochs", epochs)):
        if length is not None and length < 1:
            raise TrainingError(f"--{name} {length}: a run takes one at least")
    per_epoch = images // recipe.batch
    if recipe.steps is not None:
        own, unit = recipe.steps, 1
    elif recipe.epochs is not None:
        own, unit = recipe.epochs * per_epoch, per_epoch
    else:
        raise TrainingError("the recipe has no length; add `epochs` or `steps` to its train block")
    length = steps or (epochs or 0) * per_epoch or own
    return Clock(steps=length, per_epoch=per_epoch, unit=unit)


def write(plan: Plan, folder: Path) -> None:
    """Put into a run's folder what it is about to do."""
    job, data, view = plan.job, plan.data, plan.view
    record.write(folder / job.spec_name, job.spec)
    record.write_used(folder, job.used)
    write_modules(plan, folder)
    record.write_tensors(folder / record.NORMALISATION, {"mean": view.mean[0], "std": view.std[0]})
    config = {
        "name": job.name,
        "network": job.class_name,
        "input": list(job.input),
        "classes": list(data.classes),
        "parameters": job.parameters,
        "values": job.values,
        "spec": record.told(job.spec_name, job.spec),
        "used": [record.told(place, text) for place, text in job.used.items()],
        "module": record.told(record.MODULE, (folder / record.MODULE).read_text("utf-8")),
        "layout": plan.where.layout.value,
        "processes": plan.where.launch.size if plan.where.launch else 1,
        "data": {
            "name": data.name,
            "synthetic": data.synthetic,
            "train": len(data.train),
            "test": len(data.test),
            "image": list(data.train.images.shape[1:]),
            "sha256": data.sha256,
        },
        "normalisation": {
            "file": record.NORMALISATION,
            "channel_mean": view.mean.mean((0, 2, 3)).tolist(),
            "channel_std": view.std.flatten().tolist(),
        },
        "recipe": record.settings(job.recipe),
        "restated": list(job.restated),
        "seed": job.recipe.seed,
        "steps": plan.clock.steps,
        "steps_per_epoch": plan.clock.per_epoch,
        "device": ", ".join(map(str, plan.where.devices)),
        "precision": "float32",
        "memory_format": "channels_last",
        "versions": record.versions(),
        "hardware": record.hardware(plan.where.first),
        "started": record.now(),
    }
    record.write_json(folder / record.CONFIG, config)


def write_modules(plan: Plan, folder: Path) -> None:
    """Put the module that is trained into a folder, and the fused one that it begins from."""
    job, layout = plan.job, plan.where.layout
    if layout is Layout.FUSED:
        record.write(folder / record.MODULE, job.module)
    else:
        record.write(folder / record.MODULE, job.divided[layout].text)
        record.write(folder / record.FUSED, job.module)
