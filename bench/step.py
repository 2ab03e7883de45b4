"""The time of a forward and backward pass of a file's AlexNet, with so many threads.

    python bench/step.py FILE THREADS

It prints seconds, the median of STEPS after some to warm up; under torchrun the first process's.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

BATCH = 32
WARM_UP = 3
"""Before that, memory is still being asked of the system, by one process more than by the other."""
STEPS = 6


def network(path: Path) -> nn.Module:
    """The class AlexNet of a file."""
    specification = importlib.util.spec_from_file_location("network", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["network"] = module
    specification.loader.exec_module(module)
    found: nn.Module = module.AlexNet()
    return found


def seconds(net: nn.Module) -> float:
    """The median time of a pass."""
    torch.manual_seed(0)
    images = torch.randn(BATCH, 3, 227, 227)
    labels = torch.randint(1000, (BATCH,))
    criterion = nn.CrossEntropyLoss()
    taken = []
    for step in range(WARM_UP + STEPS):
        net.zero_grad(set_to_none=True)
        began = time.perf_counter()
        criterion(net(images), labels).backward()
        if step >= WARM_UP:
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    path, threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    ranks = "RANK" in os.environ
    if ranks:
        dist.init_process_group("gloo")
    taken = seconds(network(path))
    if not ranks or dist.get_rank() == 0:
        print(taken)
    if ranks:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
