"""Training on a GPU: images a second against a plain loop and one that was tuned by hand.

    python bench/gpu.py [--device cuda] [--batches 128,1024] [--steps 30] [--nets small,alexnet]

`archdsl train` compiles where its probe finds that it pays, as it does in a long run. The share of
the peak counts 6 operations for each of the forward pass's multiply-adds; idle is the share of the
time in which no kernel runs, by torch.profiler. Both are of `archdsl train` on one batch.
With `--device cpu --batches 2 --steps 1` it only shows that it works.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.profiler import DeviceType, profile
from training import SPECS, by_hand, medians, ours, plain, write_images

import archdsl
from archdsl.training import probe

PEAK = 989e12
"""Dense bfloat16 operations a second of an H100 or H200, by its data sheet."""


def tuned(name: str, images: Tensor, labels: Tensor) -> Callable[[int], None]:
    """A step with all that is known to help: bfloat16, channels_last, fused, compiled."""
    images = images.contiguous(memory_format=torch.channels_last)
    device = images.device
    net = by_hand(name).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    compiled = torch.compile(net) if device.type == "cuda" else net
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(
        net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, fused=True
    )

    def step(_: int) -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16):
            loss = criterion(compiled(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def idle(step: Callable[[int], object], steps: int) -> float:
    """The share of the time in which no kernel runs."""
    with profile() as recorded:
        began = time.perf_counter()
        for number in range(steps):
            step(number)
        taken = time.perf_counter() - began
    kernels = [e for e in recorded.events() or [] if e.device_type == DeviceType.CUDA]
    busy: float = sum(kernel.time_range.elapsed_us() for kernel in kernels)
    return 1 - busy / 1e6 / taken


def measure(name: str, batch: int, device: str, steps: int) -> str:
    """A line of the table."""
    macs = archdsl.load(SPECS / f"{name}.arch").macs
    assert macs is not None
    classes = 10 if name == "small" else 1000
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), classes, each=-(-batch // classes))
        with ours(name, Path(folder), batch, device) as run:
            probe.choose(run.plan, run.update, run.batches, 0)
            images, labels = run.batches.at(0)
            plainly = images.contiguous()
            times = medians(
                lambda n: run.update(images, labels, n, 1.0),
                lambda n: run.update(*run.batches.at(n), n, 1.0),
                plain(name, plainly, labels),
                tuned(name, plainly, labels),
                count=steps,
            )
            waiting = idle(lambda n: run.update(images, labels, n, 1.0), steps)
    operations = 6 * macs * batch / times[0]
    shown = "".join(f"{batch / each:12,.0f}" for each in times)
    return f"{name:12}{batch:6}{shown}{operations / PEAK:8.1%}{waiting:8.1%}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", default="128,1024")
    parser.add_argument("--nets", default="small,torchvision,alexnet")
    parser.add_argument("--steps", type=int, default=30)
    asked = parser.parse_args()
    columns = "".join(f"{name:>12}" for name in ("archdsl", "with data", "plain", "tuned"))
    print(f"{'images/s':12}{'batch':>6}{columns}{'of peak':>8}{'idle':>8}")
    for name in asked.nets.split(","):
        for batch in map(int, asked.batches.split(",")):
            print(measure(name, batch, asked.device, asked.steps), flush=True)


if __name__ == "__main__":
    main()
