"""Where a run computes: its layout, its devices, and the processes that take part."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import torch

from archdsl.codegen.layout import Layout
from archdsl.training.errors import TrainingError
from archdsl.training.options import AUTO


class Launch(NamedTuple):
    """What torchrun says of the processes that it started, in the environment."""

    rank: int
    size: int
    local_rank: int
    """The process's number on its machine."""


class Where(NamedTuple):
    """The layout of a network, this process's devices for it, and who else takes part."""

    layout: Layout
    devices: tuple[torch.device, ...]
    """One, or in towers one for each of the network's."""
    launch: Launch | None = None
    """None where the process is alone."""
    shard: bool = False
    """Whether each process keeps a part of the weights only, and asks for the others."""

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.launch is None or self.launch.rank == 0

    def rows(self, divided: int) -> int:
        """How many share each batch: processes, or as many together as hold the network."""
        size = self.launch.size if self.launch else 1
        return size // divided if self.layout is Layout.RANKS else size

    @property
    def first(self) -> torch.device:
        """Where images go in and logits come out."""
        return self.devices[0]


def where(layout: str, device: str, divided: int, spec_name: str, shard: bool = False) -> Where:
    """Where to train a network that is divided over so many devices.

    `layout` is auto or a layout's name. `device` is auto, cpu, cuda or one like cuda:1; in towers
    one for each of the network's devices, with commas between them. `shard` divides the weights
    over torchrun's processes, each of which computes the fused layout.

    Raises:
        TrainingError: there is no such layout or device here, or they do not fit each other.
    """
    if layout not in (AUTO, *Layout):
        raise TrainingError(f"--layout {layout}: it is auto, {', '.join(Layout)}")
    launch = launched(os.environ)
    names = device.split(",")
    if launch is not None:
        return _in_ranks(layout, names, divided, spec_name, launch, shard)
    if shard:
        raise TrainingError(
            "--shard divides the weights over several processes: "
            f"torchrun --nproc-per-node 2 -m -- archdsl train {spec_name} --shard"
        )
    if layout == Layout.RANKS:
        raise TrainingError(
            "--layout ranks takes several processes: "
            f"torchrun --nproc-per-node {max(divided, 2)} -m -- archdsl train {spec_name}"
        )
    if layout == AUTO:
        enough = names in ([AUTO], ["cuda"]) and torch.cuda.device_count() >= divided
        layout = Layout.TOWERS if divided > 1 and (enough or len(names) > 1) else Layout.FUSED
    if layout == Layout.TOWERS:
        return _in_towers(names, divided, spec_name)
    if len(names) > 1:
        raise TrainingError(
            f"--device {device}: the fused layout is computed on one device"
            + (f", and {spec_name} is a network of one" if divided == 1 else "")
        )
    return Where(Layout.FUSED, (_device(names[0]),))


def launched(environment: Mapping[str, str]) -> Launch | None:
    """What torchrun says, if it started this process.

    Raises:
        TrainingError: it says only a part of it.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    found = [environment.get(name) for name in names]
    if found[0] is None or found[1] is None:
        return None
    try:
        rank, size, local = (int(value or "0") for value in found)
    except ValueError:
        told = ", ".join(f"{name}={value}" for name, value in zip(names, found, strict=True))
        raise TrainingError(f"{told} in the environment: torchrun sets them to numbers") from None
    return Launch(rank, size, local)


def _in_towers(names: list[str], divided: int, spec_name: str) -> Where:
    if divided == 1:
        raise TrainingError(
            f"--layout towers: {spec_name} is a network of one device, which nothing divides; "
            "train it with --layout fused"
        )
    if names in ([AUTO], ["cuda"]):
        here = torch.cuda.device_count()
        if here < divided:
            found = {0: "no CUDA device", 1: "1 CUDA device"}.get(here, f"{here} CUDA devices")
            alike = ",".join(["cuda:0" if here else "cpu"] * divided)
            raise TrainingError(
                f"--layout towers: the network takes {divided} devices and PyTorch sees {found} "
                f"here; --device {alike} puts all of it on one, or train with --layout fused"
            )
        names = [f"cuda:{number}" for number in range(divided)]
    if len(names) == 1:
        names *= divided
    if len(names) != divided:
        raise TrainingError(
            f"--device {','.join(names)}: {len(names)} devices, and {spec_name} takes {divided}"
        )
    return Where(Layout.TOWERS, tuple(map(_device, names)))


def _in_ranks(
    layout: str, names: list[str], divided: int, spec_name: str, launch: Launch, shard: bool
) -> Where:
    if shard and layout == Layout.RANKS:
        raise TrainingError(
            "--layout ranks divides the network over the processes already; leave --shard away, "
            "or take --layout fused"
        )
    if layout == Layout.TOWERS:
        raise TrainingError(
            f"--layout towers takes one process, and torchrun started {launch.size}; "
            "leave torchrun away, or take --layout ranks"
        )
    if len(names) > 1 or (names[0].startswith("cuda:") and launch.size > 1):
        raise TrainingError(
            f"--device {','.join(names)}: under torchrun each process takes a device of its own; "
            "write cpu, cuda or auto"
        )
    name = names[0]
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = _own_gpu(launch)
    fused = layout == Layout.FUSED or divided == 1 or shard
    chosen = Layout.FUSED if fused else Layout.RANKS
    if chosen is Layout.RANKS and launch.size % divided:
        less = launch.size // divided * divided
        better = " or ".join(str(n) for n in (less, less + divided) if n)
        raise TrainingError(
            f"torchrun started {_counted(launch.size, 'process', 'processes')}, and {spec_name} "
            f"is divided over {divided}: start {better} (--nproc-per-node), or take --layout fused"
        )
    return Where(chosen, (_device(name),), launch, shard)


def _own_gpu(launch: Launch) -> str:
    """The CUDA device of a process: that of its number on its machine."""
    here = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if 0 < here <= launch.local_rank:
        raise TrainingError(
            f"torchrun started {launch.local_rank + 1} processes or more here, and PyTorch sees "
            f"{_counted(here, 'CUDA device', 'CUDA devices')}: start {here} (--nproc-per-node), "
            "or take --device cpu"
        )
    return f"cuda:{launch.local_rank}"


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        TrainingError: there is no such device here.
    """
    if name == AUTO:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    proper = name == kind or (kind == "cuda" and number.isdecimal() and number == f"{int(number)}")
    if kind not in ("cpu", "cuda") or not proper:
        raise TrainingError(f"--device {name}: it is auto, cpu, cuda or one like cuda:1")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise TrainingError(
                f"--device {name}: PyTorch sees no CUDA device here; use --device cpu"
            )
        if number and int(number) >= count:
            raise TrainingError(
                f"--device {name}: PyTorch sees {count} here, cuda:0"
                + (f" to cuda:{count - 1}" if count > 1 else "")
            )
    return torch.device(name)
