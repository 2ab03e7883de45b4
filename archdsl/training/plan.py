"""What a run is about to do: settled before there is a folder, and written into it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from archdsl.codegen.layout import Layout
from archdsl.training import augment
from archdsl.training.augment import View
from archdsl.training.data.sources import Data, load
from archdsl.training.errors import TrainingError
from archdsl.training.job import Job
from archdsl.training.keeping import record
from archdsl.training.optimizer import check
from archdsl.training.options import Options
from archdsl.training.precision import Precision, precision
from archdsl.training.report import Reporter
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
    precision: Precision


def planned(job: Job, place: Where, options: Options, report: Reporter) -> Plan:
    """Judge everything that can be judged before work starts, and read the data.

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
    numbers = precision(options.precision, options.deterministic, place.first)
    data = load(
        job.recipe.data,
        augment.wanted(job.recipe, job.input, job.classes),
        cache=options.cache,
        progress=partial(report.worked, "decoding images"),
    )
    if data.note:
        report.noted(data.note)
    clock = _clock(job.recipe, len(data.train), options)
    measuring = partial(report.worked, "measuring colours")
    view = augment.view(job.recipe, data, job.input[1:], place.first, measuring)
    return Plan(job, place, data, clock, view, numbers)


def _clock(recipe: Recipe, images: int, options: Options) -> Clock:
    """How long a run is: as asked, else the recipe's length, in whose unit it counts."""
    if recipe.batch > images:
        raise TrainingError(
            f"batch {recipe.batch}: the training set has {images:,} images; take that or less"
        )
    per_epoch = images // recipe.batch
    if recipe.steps is not None:
        own, unit = recipe.steps, 1
    elif recipe.epochs is not None:
        own, unit = recipe.epochs * per_epoch, per_epoch
    else:
        raise TrainingError("the recipe has no length; add `epochs` or `steps` to its train block")
    length = options.steps or (options.epochs or 0) * per_epoch or own
    return Clock(steps=length, per_epoch=per_epoch, unit=unit)


def write(plan: Plan, folder: Path) -> None:
    """Put into a run's folder what it is about to do, config.json last."""
    job, view = plan.job, plan.view
    record.write(folder / job.spec_name, job.spec)
    record.write_used(folder, job.used)
    write_modules(plan, folder)
    record.write_tensors(folder / record.NORMALISATION, {"mean": view.mean[0], "std": view.std[0]})
    record.write_json(folder / record.CONFIG, config(plan))


def config(plan: Plan) -> dict[str, Any]:
    """Every setting of a run, and what it is made of, as config.json has it."""
    job, data, view = plan.job, plan.data, plan.view
    return {
        "name": job.name,
        "network": job.class_name,
        "input": list(job.input),
        "classes": list(data.classes),
        "parameters": job.parameters,
        "values": job.values,
        "spec": record.told(job.spec_name, job.spec),
        "used": [record.told(place, text) for place, text in job.used.items()],
        "module": record.told(record.MODULE, _module(plan)),
        "fused": record.told(record.FUSED, job.module) if job.divided else None,
        "layout": plan.where.layout.value,
        "processes": plan.where.launch.size if plan.where.launch else 1,
        "shard": plan.where.shard,
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
        "precision": plan.precision.numbers.value,
        "deterministic": plan.precision.deterministic,
        "memory_format": "channels_last",
        "versions": record.versions(),
        "hardware": record.hardware(plan.where.first),
        "started": record.now(),
    }


def facts(plan: Plan) -> dict[str, Any]:
    """Of `config`, what is the same in all processes of a run."""
    own = ("device", "hardware", "started")
    return {name: value for name, value in config(plan).items() if name not in own}


def _module(plan: Plan) -> str:
    """The text of the module that is trained."""
    layout = plan.where.layout
    return plan.job.module if layout is Layout.FUSED else plan.job.divided[layout].text


def modules(plan: Plan) -> dict[str, str]:
    """The module that is trained and, of other layouts, the fused one that it begins from."""
    found = {record.MODULE: _module(plan)}
    if plan.where.layout is not Layout.FUSED:
        found[record.FUSED] = plan.job.module
    return found


def write_modules(plan: Plan, folder: Path) -> None:
    """Put the module that is trained into a folder, and the fused one that it begins from."""
    for name, text in modules(plan).items():
        record.write(folder / name, text)
