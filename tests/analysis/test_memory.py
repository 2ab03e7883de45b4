"""Memory against what torch allocates for one training step in float32, on a CPU.

Parameters, gradients and optimizer state are the same to the byte. Activations are not: autograd
keeps a tensor only for a layer whose backward pass reads it. A relu reads its own output, so the
output of the convolution or the batchnorm before it is freed, while the definition counts every
layer's output once; the exact LRN keeps intermediate results, pooling 8-byte indices, and dropout
a mask. Over the networks below torch keeps from 0.57 (network in network, convolutions and relus
alone) to 1.02 (small, with LRN) of what is counted; `TOLERANCE` leaves room for other versions.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archdsl import load
from archdsl.api import Arch
from tests.codegen.generated import built, loaded
from tests.helpers import SPECS

TOLERANCE = (0.5, 1.1)
"""Bytes of tensors that autograd keeps, as a share of the activations' bytes."""


def optimizer(kind: str, module: nn.Module) -> torch.optim.Optimizer:
    parameters = module.parameters()
    match kind:
        case "sgd lr=0.1":
            return torch.optim.SGD(parameters, lr=0.1)
        case "sgd lr=0.1 momentum=0.9":
            return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        case "adam lr=0.1":
            return torch.optim.Adam(parameters, lr=0.1)
        case _:
            return torch.optim.AdamW(parameters, lr=0.1)


def allocated(
    module: nn.Module, dims: tuple[int, ...], batch: int, kind: str
) -> tuple[int, int, int, int]:
    """Bytes of parameters, gradients, optimizer state and kept activations of one step."""
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    own = [*module.parameters(), *module.buffers()]
    before = {tensor.untyped_storage().data_ptr() for tensor in own}
    steps = optimizer(kind, module)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = module(torch.randn(batch, *dims)).square().mean()
    loss.backward()
    steps.step()
    parameters = list(module.parameters())
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    # Adam's count of steps is one number per tensor.
    state = [
        v for s in steps.state.values() for v in s.values() if isinstance(v, Tensor) and v.dim()
    ]
    activations = sum(
        tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in before
    )
    sizes = [sum(t.nbytes for t in tensors) for tensors in (parameters, gradients, state)]
    return sizes[0], sizes[1], sizes[2], activations


def compared(arch: Arch, folder: Path, batch: int, kind: str, slots: int) -> float:
    """What torch keeps of activations, as a share of what is counted; the rest must be equal."""
    found = allocated(built(arch, folder), arch.network.input.dims, batch, kind)
    assert arch.costs is not None
    counted = arch.costs.memory(batch, slots)
    assert found[:3] == counted[:3]
    return found[3] / counted.activations


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("small", 8),
        ("zoo/lenet5", 8),
        ("zoo/nin", 4),
        ("zoo/resnet18", 1),
        ("zoo/squeezenet1_1", 1),
    ],
)
def test_torch_allocates_what_is_counted(name: str, batch: int, tmp_path: Path) -> None:
    arch = load(SPECS / f"{name}.arch")
    low, high = TOLERANCE
    assert low <= compared(arch, tmp_path, batch, "sgd lr=0.1 momentum=0.9", 1) <= high


@pytest.mark.parametrize(
    ("kind", "slots"),
    [("sgd lr=0.1", 0), ("sgd lr=0.1 momentum=0.9", 1), ("adam lr=0.1", 2), ("adamw lr=0.1", 2)],
)
def test_each_optimizer_keeps_what_is_counted(kind: str, slots: int, tmp_path: Path) -> None:
    body = f"input 3x8x8\na: conv 4 3x3\ntanh\nb: linear 5\ntrain {{ optimizer {kind} }}"
    arch = loaded(tmp_path, body)
    recipe = arch.network.recipe
    assert recipe is not None and recipe.optimizer.state_slots() == slots
    compared(arch, tmp_path, 2, kind, slots)


def test_what_autograd_keeps_by_hand(tmp_path: Path) -> None:
    """A tanh keeps its output, which the next layer reads; nobody reads what a linear gives."""
    arch = loaded(tmp_path, "input 7\na: linear 5\ntanh\nb: linear 3\ntanh")
    assert arch.costs is not None
    assert arch.costs.memory(2, 0).activations == 4 * 2 * (7 + 5 + 5 + 3 + 3)
    *_, kept = allocated(built(arch, tmp_path), (7,), 2, "sgd lr=0.1")
    # the input, the two tanhs, and the loss's square keeps the last of them
    assert kept == 4 * 2 * (7 + 5 + 3)
