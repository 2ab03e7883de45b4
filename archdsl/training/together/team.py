"""The processes of a run: one alone, or all that torchrun started, which train one network."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from archdsl.training.together.dropout import Shared
from archdsl.training.where import Launch


class Team(ABC):
    """What a run asks of the processes that take part in it.

    Those that hold one network together are a row; each row takes its part of every batch. But for
    `row`, `rows`, `leads` and `share`, what is asked of one must be asked of all at the same time.
    """

    row: int
    rows: int
    leads: bool
    """Whether this is the process that writes and tells."""

    def share(self, count: int) -> tuple[int, int]:
        """Of so many things, the first that this row takes, and the one after its last."""
        return count * self.row // self.rows, count * (self.row + 1) // self.rows

    @abstractmethod
    def build(self, network: type[nn.Module], **options: Any) -> nn.Module:
        """A network of that class, of which this process has its part."""

    @abstractmethod
    def trained(self, network: nn.Module) -> nn.Module:
        """What computes the network such that all rows get the mean gradient, as one process would.

        It drops what that would drop; a batchnorm sees the row's own images.
        """

    @abstractmethod
    def settle(self, network: nn.Module) -> None:
        """Give all rows the first one's buffers: a batchnorm's means, which each has of its own."""

    @abstractmethod
    def state(self, network: nn.Module) -> dict[str, Tensor]:
        """The state_dict of the whole network, as of one on one device."""

    @abstractmethod
    def load(self, network: nn.Module, whole: Mapping[str, Tensor]) -> None:
        """Give a network what `state` had of one."""

    @abstractmethod
    def mean(self, value: Tensor) -> Tensor:
        """The mean of what the rows have."""

    @abstractmethod
    def total(self, value: Tensor) -> Tensor:
        """The sum of what the rows have."""

    @abstractmethod
    def norm(self, network: nn.Module, whole: Mapping[str, Tensor]) -> Tensor:
        """The norm of all gradients, where `whole` are the tensors of the whole network."""

    @abstractmethod
    def square(self, tensors: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> Tensor:
        """The squared norm of tensors, by name, that lie as the parameters of those names do."""

    @abstractmethod
    def agreed(self, signal: int | None) -> int | None:
        """A signal that any process was sent; None if none was."""

    @abstractmethod
    def gives_up(self, signal: int | None) -> bool:
        """Whether work that all do together may end for a signal to this process."""

    @abstractmethod
    def shared(self, leading: bytes) -> bytes:
        """What the leading process gives, in every process."""

    @abstractmethod
    def collected(self, own: bytes) -> list[bytes]:
        """In the leading process, what each that has a part of the network of its own gives."""

    @abstractmethod
    def dealt(self, parts: list[bytes]) -> bytes:
        """This process's of what was `collected`, which the leading process gives."""


class Alone(Team):
    """One process that does it all."""

    row, rows, leads = 0, 1, True

    def build(self, network: type[nn.Module], **options: Any) -> nn.Module:
        return network(**options)

    def trained(self, network: nn.Module) -> nn.Module:
        return network

    def settle(self, network: nn.Module) -> None:
        pass

    def state(self, network: nn.Module) -> dict[str, Tensor]:
        return network.state_dict()

    def load(self, network: nn.Module, whole: Mapping[str, Tensor]) -> None:
        network.load_state_dict(whole)

    def mean(self, value: Tensor) -> Tensor:
        return value

    def total(self, value: Tensor) -> Tensor:
        return value

    def norm(self, network: nn.Module, whole: Mapping[str, Tensor]) -> Tensor:
        return torch.nn.utils.get_total_norm(gradients(network).values())

    def square(self, tensors: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> Tensor:
        return torch.nn.utils.get_total_norm(tensors.values()).square()

    def agreed(self, signal: int | None) -> int | None:
        return signal

    def gives_up(self, signal: int | None) -> bool:
        return signal is not None

    def shared(self, leading: bytes) -> bytes:
        return leading

    def collected(self, own: bytes) -> list[bytes]:
        return [own]

    def dealt(self, parts: list[bytes]) -> bytes:
        return parts[0]


class Ranks(Team):
    """Several processes, as torchrun started them: rows of as many as the network has parts."""

    def __init__(self, launch: Launch, device: torch.device, towers: int) -> None:
        self.device = device
        self.towers = towers
        self.leads = launch.rank == 0
        self.rows = launch.size // towers
        self.mesh = init_device_mesh(
            device.type, (self.rows, towers), mesh_dim_names=("data", "tower")
        )
        self.row = self.mesh.get_local_rank("data")
        self.data: dist.ProcessGroup = self.mesh.get_group("data")
        self.tower: dist.ProcessGroup = self.mesh.get_group("tower")

    def build(self, network: type[nn.Module], **options: Any) -> nn.Module:
        return network(**options, **({"group": self.tower} if self.towers > 1 else {}))

    def trained(self, network: nn.Module) -> nn.Module:
        if self.rows == 1:
            return network
        return Shared(
            DistributedDataParallel(network, process_group=self.data), self.row, self.rows
        )

    def settle(self, network: nn.Module) -> None:
        if self.rows > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, group=self.data, group_src=0)

    def state(self, network: nn.Module) -> dict[str, Tensor]:
        return network.state_dict()

    def load(self, network: nn.Module, whole: Mapping[str, Tensor]) -> None:
        network.load_state_dict(whole)

    def mean(self, value: Tensor) -> Tensor:
        return self.total(value) / self.rows

    def total(self, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total, group=self.data)
        return total

    def norm(self, network: nn.Module, whole: Mapping[str, Tensor]) -> Tensor:
        return self.square(gradients(network), whole).sqrt()

    def square(self, tensors: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> Tensor:
        own, common = (torch.zeros((), device=self.device) for _ in range(2))
        for name, tensor in tensors.items():
            if tensor.shape == whole[name].shape:
                common = common + tensor.square().sum()
            else:
                own = own + tensor.square().sum()
        dist.all_reduce(own, group=self.tower)
        return own + common

    def agreed(self, signal: int | None) -> int | None:
        highest = torch.tensor(signal or 0, device=self.device)
        dist.all_reduce(highest, dist.ReduceOp.MAX)
        return int(highest) or None

    def gives_up(self, signal: int | None) -> bool:
        return False  # the others may not have heard of it

    def shared(self, leading: bytes) -> bytes:
        length = torch.tensor(len(leading), device=self.device)
        dist.broadcast(length, 0)
        content = self._content(leading) if self.leads else self._content(bytes(int(length)))
        dist.broadcast(content, 0)
        return content.cpu().numpy().tobytes()

    def collected(self, own: bytes) -> list[bytes]:
        number = dist.get_rank()
        if self.leads:
            return [own, *map(self._received, range(1, self.parts))]
        if number < self.parts:
            dist.send(torch.tensor(len(own), device=self.device), 0)
            dist.send(self._content(own), 0)
        return []

    def dealt(self, parts: list[bytes]) -> bytes:
        given = [self.shared(parts[n] if self.leads else b"") for n in range(self.parts)]
        return given[dist.get_rank() % self.parts]

    @property
    def parts(self) -> int:
        """How many processes, the first ones, have all of the network's parts together."""
        return self.towers

    def _content(self, raw: bytes) -> Tensor:
        return torch.from_numpy(np.frombuffer(raw, np.uint8).copy()).to(self.device)

    def _received(self, number: int) -> bytes:
        length = torch.tensor(0, device=self.device)
        dist.recv(length, number)
        content = self._content(bytes(int(length)))
        dist.recv(content, number)
        return content.cpu().numpy().tobytes()


def gradients(network: nn.Module) -> dict[str, Tensor]:
    """What the parameters have of gradients, by name."""
    return {n: p.grad for n, p in network.named_parameters() if p.grad is not None}


def lost(problem: RuntimeError) -> bool:
    """Whether a collective failed since another process is gone."""
    kinds = (dist.DistBackendError, dist.DistNetworkError, dist.DistStoreError)
    return isinstance(problem, kinds) or "gloo" in str(problem)
