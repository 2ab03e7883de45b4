"""Networks on several devices, and what the tests of layouts compare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from archdsl import load
from archdsl.api import Arch
from archdsl.codegen import layouts
from archdsl.codegen.layout import Layout
from archdsl.codegen.probes import probes
from tests.codegen.generated import imported

PAPER = """
# Two columns, as AlexNet's.
arch Paper(classes=10) {
  input 3x33x33
  devices 2
  conv1: conv 8 5x5 stride=2
         relu
         lrn size=5 k=2 alpha=1e-1 beta=0.75
         maxpool 3x3 stride=2
  conv2: conv 12 3x3 pad=1 groups=2
         relu
         lrn size=3 k=1 alpha=1e-1 beta=0.5
  conv3: conv 16 3x3 pad=1
         relu
  conv4: conv 12 3x3 pad=1 groups=2
         relu
         maxpool 3x3 stride=2
  fc5:   linear 20
         relu
         dropout 0.5
  fc6:   linear classes
  init weights=normal(0, 0.1) bias=0
  init conv2 bias=1
}
"""

JOINS = """
# Branches that read what is gathered, their own channels, or both; classes that do not divide.
arch Joins(classes=7) {
  input 3x16x16
  devices 2
  a: conv 8 3x3 pad=1
     batchnorm
     relu
  b: conv 12 3x3 pad=1 groups=2
     prelu
     dropout 0.3
  c: concat { conv 4 1x1; relu } { maxpool 3x3 stride=1 pad=1; conv 6 3x3 pad=1 groups=2 } {}
  d: add { conv 8 1x1 } { conv 8 3x3 pad=1; lrn size=3 k=1 alpha=1e-1 beta=0.75; conv 8 3x3 pad=1 }
     maxpool 4x4 stride=4
  e: concat { linear 5; relu } { flatten; linear 3 } { linear 4 }
  f: linear 15
     batchnorm
     dropout 0.5
  g: linear classes
}
"""

FOUR = """
# What every device has whole, groups of 4, repetitions, and a softmax on the way.
arch Four(classes=10) {
  input 4x12x12
  devices 4
  n: batchnorm
     prelu
  a: conv 8 3x3 pad=1 groups=4
     relu
  b: repeat 2 { add { conv 8 3x3 pad=1 groups=8 bias=no; batchnorm } {}; relu }
  m: concat { conv 4 1x1 } { lrn size=3 k=1 alpha=1e-1 beta=0.75 }
  e: concat { linear 6; relu } { linear 5 }
  f: linear 9
     softmax
  h: linear classes
}
"""

PLAIN = """
# Nothing that is drawn and no batchnorm: rows of processes may share a batch.
arch Plain(classes=5) {
  input 3x17x17
  devices 2
  a: conv 6 3x3 stride=2
     relu
     maxpool 2x2 stride=2
  b: conv 8 3x3 pad=1 groups=2
     relu
  c: conv 4 3x3 pad=1
     relu
  f: linear classes
}
"""

SPECS = {"Paper": PAPER, "Joins": JOINS, "Four": FOUR, "Plain": PLAIN}

BATCH = 4
CLOSE = 1e-12
"""What sums in another order may differ by, of numbers about 1 in float64."""


def arch_of(name: str, folder: Path) -> Arch:
    path = folder / f"{name.lower()}.arch"
    path.write_text(SPECS[name], encoding="utf-8")
    arch = load(path)
    assert arch.check().ok, arch.check()
    return arch


def text_of(arch: Arch, layout: Layout) -> str:
    return layouts.module(arch.analysis, probes(arch.analysis), layout).text


def class_of(arch: Arch, layout: Layout, folder: Path) -> type[nn.Module]:
    """The generated class."""
    found: type[nn.Module] = getattr(module_of(arch, layout, folder), arch.name)
    assert issubclass(found, nn.Module)
    return found


def module_of(arch: Arch, layout: Layout, folder: Path) -> ModuleType:
    place = folder / layout.value
    place.mkdir(exist_ok=True)
    return imported(text_of(arch, layout), place)


def filled(network: nn.Module) -> nn.Module:
    """The network in float64, its parameters such that no layer's numbers vanish."""
    torch.manual_seed(0)
    network.double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3)
    return network


def image(arch: Arch, images: int = BATCH) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(images, *arch.network.input.dims, dtype=torch.float64)


class Passed:
    """What a network makes of images: its output, its tensors and all gradients of a loss.

    The draws of dropout begin at the same seed.
    """

    def __init__(self, network: nn.Module, images: Tensor, mean: bool = False) -> None:
        x = images.clone().requires_grad_()
        before = cloned(network)
        torch.manual_seed(2)
        self.output: Tensor = network(x)
        torch.manual_seed(3)
        weights = torch.randn(self.output.shape[1:], dtype=torch.float64)
        loss = (self.output * weights).square().flatten(1).sum(1)
        (loss.mean() if mean else loss.sum()).backward()
        assert x.grad is not None
        self.image = x.grad
        self.buffers = {n: t for n, t in cloned(network).items() if n not in names(network)}
        with torch.no_grad():
            for parameter in network.parameters():
                assert parameter.grad is not None
                parameter.copy_(parameter.grad)
                parameter.grad = None
        self.gradients = {n: t for n, t in cloned(network).items() if n not in self.buffers}
        network.load_state_dict(before)

    def differs(self, other: Passed) -> float:
        """The largest difference of anything, as a share of the largest number of its kind."""
        pairs = [(self.output, other.output), (self.image, other.image)]
        assert self.gradients.keys() == other.gradients.keys()
        assert self.buffers.keys() == other.buffers.keys()
        pairs += [(self.gradients[name], other.gradients[name]) for name in self.gradients]
        pairs += [(self.buffers[name], other.buffers[name]) for name in self.buffers]
        return max(differences(pairs))


def differences(pairs: list[tuple[Tensor, Tensor]]) -> Iterator[float]:
    for one, other in pairs:
        assert one.shape == other.shape
        scale = max(1.0, one.abs().max().item())
        yield (one - other).abs().max().item() / scale


def cloned(network: nn.Module) -> dict[str, Tensor]:
    """A copy of its state_dict."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def names(network: nn.Module) -> set[str]:
    """The parameters' names in the state_dict, which in every layout are those of the fused one."""
    running = ("running_mean", "running_var", "num_batches_tracked")
    return {name for name in network.state_dict() if not name.endswith(running)}
