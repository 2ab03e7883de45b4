"""The joins against numpy, and as modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archdsl.runtime.add import Add
from archdsl.runtime.concat import Concat


class Scaled(nn.Module):
    """The first `channels` of the input, times `factor`: a branch whose output is plain to see."""

    def __init__(self, channels: int, factor: float) -> None:
        super().__init__()
        self.channels = channels
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : self.channels] * self.factor


def images(channels: int = 7) -> Tensor:
    return torch.from_numpy(np.random.default_rng(5).normal(0, 1, (2, channels, 3, 4)))


def test_concat_joins_channels_in_order() -> None:
    x = images()
    y = Concat(Scaled(3, 2.0), nn.Identity(), Scaled(1, -1.0))(x)
    a = x.numpy()
    np.testing.assert_array_equal(y.numpy(), np.concatenate([a[:, :3] * 2, a, -a[:, :1]], 1))


@pytest.mark.parametrize("towers", [1, 2, 3, 4])
@pytest.mark.parametrize("maps", [True, False])
def test_towers_join_their_own_parts(towers: int, maps: bool) -> None:
    """Channel by channel: numpy splits as LANGUAGE.md says, the first parts one larger."""
    x = images() if maps else images()[:, :, 0, 0]
    widths = (7, 3, 4)
    y = Concat(*(Scaled(width, width) for width in widths), towers=towers)(x)
    outputs = [x.numpy()[:, :width] * width for width in widths]
    expected = [
        np.array_split(output, towers, axis=1)[tower]
        for tower in range(towers)
        for output in outputs
    ]
    np.testing.assert_array_equal(y.numpy(), np.concatenate(expected, 1))


def test_an_odd_feature_is_the_first_devices() -> None:
    x = torch.arange(5.0)[None]
    assert Concat(nn.Identity(), nn.Identity(), towers=2)(x).tolist() == [
        [0, 1, 2, 0, 1, 2, 3, 4, 3, 4]
    ]


def test_add_adds_all_branches() -> None:
    x = images()
    y = Add(nn.Identity(), Scaled(7, 2.0), Scaled(7, -0.5))(x)
    np.testing.assert_allclose(y.numpy(), x.numpy() * 2.5, rtol=1e-15)


def test_a_join_changes_none_of_its_branches() -> None:
    x = images()
    before = x.clone()
    Add(nn.Identity(), nn.Identity())(x)
    Concat(nn.Identity(), nn.Identity())(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("join", [Add, Concat])
def test_gradients_are_those_of_finite_differences(join: type[nn.Module]) -> None:
    module = join(nn.Tanh(), nn.Identity(), nn.Sigmoid())
    assert torch.autograd.gradcheck(module, (images(2).requires_grad_(),))
    assert torch.autograd.gradcheck(
        Concat(nn.Tanh(), nn.Identity(), towers=2), (images(3).requires_grad_(),)
    )


@pytest.mark.parametrize(
    "module",
    [
        Add(nn.Conv2d(4, 4, 1), nn.Identity()),
        Concat(nn.Conv2d(4, 6, 1), nn.Identity()),
        Concat(nn.Conv2d(4, 6, 1), nn.Identity(), towers=2),
    ],
    ids=["add", "concat", "towers"],
)
def test_channels_last_stays_channels_last(module: nn.Module) -> None:
    x = images(4).float().contiguous(memory_format=torch.channels_last)
    y = module.to(memory_format=torch.channels_last)(x)  # type: ignore[call-overload]
    assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "module",
    [Add(nn.Tanh(), nn.Identity()), Concat(nn.Tanh(), nn.Identity(), towers=2)],
    ids=["add", "concat"],
)
def test_compiles_as_one_graph(module: nn.Module) -> None:
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(images()), module(images()))


@pytest.mark.parametrize("join", [Add, Concat])
def test_branches_are_named_by_number(join: type[nn.Module]) -> None:
    module = join(nn.Linear(2, 2), nn.Identity(), nn.Linear(2, 2, bias=False))
    assert list(module.state_dict()) == ["1.weight", "1.bias", "3.weight"]
    assert isinstance(module.get_submodule("2"), nn.Identity)


def test_prints_its_towers() -> None:
    assert repr(Concat(towers=2)) == "Concat(towers=2)"
    assert repr(Concat()) == "Concat()"
