"""The processes of a run: one alone, or all that torchrun started, which train one network."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from archdsl.codegen.layout import Layout
from archdsl.training.dropout import Shared
from archdsl.training.errors import TrainingError
from archdsl.training.where import Launch, Where

PATIENCE = timedelta(minutes=5)
"""How long a process waits for the others before it gives them up."""


class Team(ABC):
    """What a run asks of the processes that take part in it.

    Those that hold one network together are a row; each row takes its part of every batch.
    """

    row: int
    rows: int
    leads: bool
    """Whether this is the process that writes and tells."""

    @abstractmethod
    def build(self, network: type[nn.Module], **options: Any) -> nn.Module:
        """A network of that class, of which this process has its part."""

    @abstractmethod
    def trained(self, network: nn.Module) -> nn.Module:
        """What computes the network such that all rows get the mean gradient, as one process would.

        It drops what that would drop; a batchnorm sees the row's own images.
        """

    @abstractmethod
    def mean(self, value: Tensor) -> Tensor:
        """The mean of what the rows have."""

    @abstractmethod
    def norm(self, network: nn.Module, whole: Mapping[str, Tensor]) -> Tensor:
        """The norm of all gradients, where `whole` are the tensors of the whole network."""

    @abstractmethod
    def agreed(self, signal: int | None) -> int | None:
        """A signal that any process was sent; None if none was."""

    @abstractmethod
    def gives_up(self, signal: int | None) -> bool:
        """Whether work that all do together may end for a signal to this process."""


class Alone(Team):
    """One process that does it all."""

    row, rows, leads = 0, 1, True

    def build(self, network: type[nn.Module], **options: Any) -> nn.Module:
        return network(**options)

    def trained(self, network: nn.Module) -> nn.Module:
        return network

    def mean(self, value: Tensor) -> Tensor:
        return value

    def norm(self, network: nn.Module, whole: Mapping[str, Tensor]) -> Tensor:
        return torch.nn.utils.get_total_norm(
            [p.grad for p in network.parameters() if p.grad is not None]
        )

    def agreed(self, signal: int | None) -> int | None:
        return signal

    def gives_up(self, signal: int | None) -> bool:
        return signal is not None


class Ranks(Team):
    """Several processes, as torchrun started them: rows of as many as the network has parts."""

    def __init__(self, launch: Launch, device: torch.device, towers: int) -> None:
        self.device = device
        self.towers = towers
        self.leads = launch.rank == 0
        self.rows = launch.size // towers
        mesh = init_device_mesh(device.type, (self.rows, towers), mesh_dim_names=("data", "tower"))
        self.row = mesh.get_local_rank("data")
        self.data: dist.ProcessGroup = mesh.get_group("data")
        self.tower: dist.ProcessGroup = mesh.get_group("tower")

    def build(self, network: type[nn.Module], **options: Any) -> nn.Module:
        return network(**options, **({"group": self.tower} if self.towers > 1 else {}))

    def trained(self, network: nn.Module) -> nn.Module:
        if self.rows == 1:
            return network
        return Shared(
            DistributedDataParallel(network, process_group=self.data), self.row, self.rows
        )

    def mean(self, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total, group=self.data)
        return total / self.rows

    def norm(self, network: nn.Module, whole: Mapping[str, Tensor]) -> Tensor:
        own, common = (torch.zeros((), device=self.device) for _ in range(2))
        for name, parameter in network.named_parameters():
            if parameter.grad is not None:
                square = parameter.grad.square().sum()
                if parameter.shape == whole[name].shape:
                    common = common + square
                else:
                    own = own + square
        dist.all_reduce(own, group=self.tower)
        return (own + common).sqrt()

    def agreed(self, signal: int | None) -> int | None:
        highest = torch.tensor(signal or 0, device=self.device)
        dist.all_reduce(highest, dist.ReduceOp.MAX)
        return int(highest) or None

    def gives_up(self, signal: int | None) -> bool:
        return False  # the others may not have heard of it


def lost(problem: RuntimeError) -> bool:
    """Whether a collective failed since another process is gone."""
    kinds = (dist.DistBackendError, dist.DistNetworkError, dist.DistStoreError)
    return isinstance(problem, kinds) or "gloo" in str(problem)


@contextmanager
def team(place: Where, divided: int) -> Iterator[Team]:
    """The processes that train a network, while they do.

    Raises:
        TrainingError: they do not find each other.
    """
    if place.launch is None:
        yield Alone()
        return
    device = place.first
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as problem:
        raise TrainingError(f"the processes do not find each other: {problem}") from problem
    try:
        yield Ranks(place.launch, device, divided if place.layout is Layout.RANKS else 1)
    finally:
        dist.destroy_process_group()
