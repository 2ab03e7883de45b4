"""What is told of a run: its head, and its figures in its files."""

from pathlib import Path
from typing import Any

import torch

from archdsl.codegen.layout import Layout
from archdsl.training.keeping import record
from archdsl.training.plan import Plan
from archdsl.training.report import Evaluation, Result, Started
from archdsl.training.together.team import Team


def started(plan: Plan, team: Team, folder: Path) -> Started:
    job, data, clock = plan.job, plan.data, plan.clock
    images = data.train.images
    return Started(
        network=job.class_name,
        parameters=job.parameters,
        device=_describe(plan, team),
        data=data.name,
        synthetic=data.synthetic,
        classes=len(data.classes),
        train_images=len(data.train),
        test_images=len(data.test),
        image=(images.shape[1], images.shape[2], images.shape[3]),
        run=folder,
        steps=clock.steps,
        epochs=clock.steps / clock.per_epoch,
        cache=data.cache,
    )


def _describe(plan: Plan, team: Team) -> str:
    """For people: `cpu (2 threads, bf16 autocast, channels_last, 2 ranks)`."""
    place = plan.where
    device = place.first
    cuda = device.type == "cuda"
    told = [] if cuda else [f"{torch.get_num_threads()} threads"]
    told += [str(plan.precision), "channels_last"]
    if place.layout is Layout.TOWERS:
        told.append(f"towers on {' and '.join(map(str, place.devices))}")
    if place.launch is not None:
        processes, rows = place.launch.size, team.rows
        ranks = f"{processes // rows} ranks" if place.layout is Layout.RANKS else ""
        shared = f"{rows} {'rows' if ranks else 'processes'} to a batch" if rows > 1 else ""
        told += filter(None, [ranks, shared, "weights in shards" if place.shard else ""])
    name = torch.cuda.get_device_name(device) if cuda else "cpu"
    return f"{name} ({', '.join(told)})"


def figures(evaluation: Evaluation) -> dict[str, float]:
    return {
        "step": evaluation.step,
        "images": evaluation.images,
        "loss": evaluation.loss,
        "top1": evaluation.top1,
        "top1_standard_error": evaluation.top1_error,
        "top5": evaluation.top5,
        "top5_standard_error": evaluation.top5_error,
    }


def as_json(result: Result) -> dict[str, Any]:
    return {
        **figures(result.final),
        "epochs": result.epochs,
        "images_per_second": result.images_per_second,
        "seconds": result.seconds,
        "synthetic": result.synthetic,
        "stopped_early": result.stopped_early,
        "ended": record.now(),
    }
