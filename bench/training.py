"""Whole training steps: forward, loss, backward and the optimizer's.

    python bench/training.py ours|plain NAME THREADS FOLDER

NAME is a spec of specs/, FOLDER what `write_images` has made. It prints seconds as JSON, medians
of steps at batch 32 on the CPU: of `archdsl train`'s own step on one batch and with the data
pipeline before it, in turns, or of a loop as a person writes it.
"""

from __future__ import annotations

import importlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

import archdsl
from archdsl.training import Options, Silent, job, memory
from archdsl.training.batches import Batches
from archdsl.training.network import network
from archdsl.training.plan import Plan, planned, write_modules
from archdsl.training.together.team import Alone
from archdsl.training.update import Update
from archdsl.training.where import where
from archdsl.words.recipe import Folder
from archdsl.words.word import Quoted

SPECS = Path(__file__).resolve().parent.parent / "specs"
SIDE = 256
BATCH = 32
WARM_UP, STEPS = 3, 7


def write_images(folder: Path, classes: int, each: int) -> None:
    """A training set of `each` grey images of SIDE x SIDE in every class, and one held out."""
    for split, count in (("train", each), ("val", 1)):
        for label in range(classes):
            place = folder / split / f"{label:04}"
            place.mkdir(parents=True)
            for number in range(count):
                shade = (37 * label + 11 * number) % 256
                Image.new("RGB", (SIDE, SIDE), (shade,) * 3).save(place / f"{number}.jpg")


class Ours(NamedTuple):
    """The parts of a run of `archdsl train`."""

    plan: Plan
    update: Update
    batches: Batches


@contextmanager
def ours(name: str, images: Path, batch: int, device: str) -> Iterator[Ours]:
    """A spec's run as `archdsl train` prepares it, in a passing folder."""
    with tempfile.TemporaryDirectory() as passing:
        spec = Path(passing) / f"{name}.arch"
        # A note's claims of its shapes are wrong, and nothing wrong is trained.
        text = re.sub(r"(->|expect ).*", "", (SPECS / f"{name}.arch").read_text("utf-8"))
        spec.write_text(text, encoding="utf-8")
        arch = archdsl.load(spec)
        side = arch.network.input.dims[-1]
        lines = [
            f"batch {batch}",
            "steps 1000000",
            f"augment resize={SIDE} crop={side} flip=yes",
            "optimizer sgd lr=0.01 momentum=0.9 weight_decay=5e-4",
        ]
        asked = job(arch, Folder(path=Quoted(str(images))), lines)
        place = where("fused", device, asked.devices, asked.spec_name)
        plan = planned(asked, place, Options(device=device, cache=False), Silent())
        write_modules(plan, Path(passing))
        with plan.precision.held():
            net, whole = network(plan, Alone(), Path(passing))
            yield Ours(plan, Update(plan, Alone(), net, whole), Batches(plan, Alone()))


def by_hand(name: str) -> nn.Module:
    """A spec's network as a person writes it."""
    found: nn.Module = importlib.import_module(f"peers.{name}_by_hand").AlexNet()
    return found


def plain(name: str, images: Tensor, labels: Tensor) -> Callable[[int], None]:
    """A step as a person writes it: float32, contiguous, PyTorch's optimizer as it comes."""
    net = by_hand(name).to(images.device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step(_: int) -> None:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def medians(*steps: Callable[[int], object], count: int = STEPS) -> list[float]:
    """The median seconds of each, in turns."""
    taken: list[list[float]] = [[] for _ in steps]
    for number in range(WARM_UP + count):
        for step, times in zip(steps, taken, strict=True):
            began = time.perf_counter()
            step(number)
            times.append(time.perf_counter() - began)
    return [statistics.median(times[WARM_UP:]) for times in taken]


def main() -> None:
    kind, name, threads, images = sys.argv[1:]
    torch.set_num_threads(int(threads))
    if kind == "ours":
        memory.keep_freed()
        with ours(name, Path(images), BATCH, "cpu") as run:
            batch = run.batches.at(0)
            found = medians(
                lambda n: run.update(*batch, n, 1.0),
                lambda n: run.update(*run.batches.at(n), n, 1.0),
            )
    else:
        side = 227 if name == "alexnet" else 224
        torch.manual_seed(0)
        data = torch.randn(BATCH, 3, side, side), torch.randint(1000, (BATCH,))
        found = medians(plain(name, *data))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
