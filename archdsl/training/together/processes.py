"""The processes of a run are brought together, and let go of each other when it ends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

from archdsl.codegen.layout import Layout
from archdsl.training.errors import TrainingError
from archdsl.training.together.meeting import PATIENCE, Meeting
from archdsl.training.together.shard import Sharded
from archdsl.training.together.team import Alone, Ranks, Team
from archdsl.training.where import Where


@contextmanager
def team(place: Where, divided: int, met: Meeting) -> Iterator[Team]:
    """The processes that train a network, while they do.

    Raises:
        TrainingError: they do not find each other.
    """
    launch, device = place.launch, place.first
    if launch is None:
        yield Alone()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        with _mortal():
            dist.init_process_group(
                "nccl" if device.type == "cuda" else "gloo",
                store=met.store,
                rank=launch.rank,
                world_size=launch.size,
                timeout=PATIENCE,
            )
            towers = divided if place.layout is Layout.RANKS else 1
            found = (Sharded if place.shard else Ranks)(launch, device, towers)
    except (RuntimeError, ValueError) as problem:
        raise TrainingError(f"the processes do not find each other: {problem}") from problem
    try:
        yield found
    finally:
        dist.destroy_process_group()


@contextmanager
def _mortal() -> Iterator[None]:
    """Die of SIGTERM, with which torchrun ends all processes when one has died.

    While PyTorch waits for the others, Python hears no signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
