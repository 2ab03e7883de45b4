"""Processes of which each keeps a part of the weights, gradients and the optimizer's state."""

import warnings
from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from archdsl.training.together.dropout import Shared
from archdsl.training.together.team import Ranks


class Sharded(Ranks):
    """Rows of one process that divide the weights: each stage's are put together as it computes.

    That is PyTorch's FSDP2. Weights are DTensors, divided along their first dimension.
    """

    def trained(self, network: nn.Module) -> nn.Module:
        # Of stages that end with `flatten`. Nothing is computed in place in generated modules.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
        # It takes no weights in channels_last; what a convolution gives lies as its input does.
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        for stage in network.children():
            fully_shard(stage, mesh=self.mesh["data"])
        fully_shard(network, mesh=self.mesh["data"])
        return Shared(_Settled(network, self), self.row, self.rows)

    def state(self, network: nn.Module) -> dict[str, Tensor]:
        return {name: _whole(tensor) for name, tensor in network.state_dict().items()}

    def load(self, network: nn.Module, whole: Mapping[str, Tensor]) -> None:
        for name, tensor in network.state_dict().items():
            if isinstance(tensor, DTensor):
                own = distribute_tensor(whole[name], tensor.device_mesh, tensor.placements)
                tensor.to_local().copy_(own.to_local())
            else:
                tensor.copy_(whole[name])

    @property
    def parts(self) -> int:
        return self.rows

    def square(self, tensors: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> Tensor:
        own = torch.zeros((), device=self.device)
        for tensor in tensors.values():
            assert isinstance(tensor, DTensor), "all parameters are divided"
            own = own + tensor.to_local().square().sum()
        dist.all_reduce(own, group=self.data)
        return own


class _Settled(nn.Module):
    """A network that begins each step with the first row's buffers, as with DDP."""

    def __init__(self, network: nn.Module, team: Ranks) -> None:
        super().__init__()
        self.network = network
        self.team = team

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            self.team.settle(self.network)
        logits: Tensor = self.network(images)
        return logits


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
