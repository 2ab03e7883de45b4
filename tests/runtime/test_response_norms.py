"""The response norms against their formulas as plain loops, and against torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from archdsl.runtime import local_response_norm
from archdsl.runtime.local_response_norm import LocalResponseNorm
from archdsl.runtime.spatial_response_norm import SpatialResponseNorm

Array: TypeAlias = "NDArray[np.float64]"

# size, k, alpha, beta: the paper's, one that normalises hard, the other branch of the power, a
# window of one, and windows wider than there are channels (7), rows (5) or columns (6).
SETTINGS = [
    (5, 2.0, 1e-4, 0.75),
    (3, 1.0, 0.5, 0.75),
    (5, 0.3, 0.2, 1.3),
    (1, 2.0, 0.1, 0.75),
    (13, 2.0, 0.1, 0.5),
    (5, 2.0, 0.1, 0.0),
]
SHAPE = (2, 7, 5, 6)


def images(shape: tuple[int, ...] = SHAPE, scale: float = 3.0) -> Tensor:
    """Numbers of both signs, the same ones every time. float64."""
    return torch.from_numpy(np.random.default_rng(7).normal(0, scale, shape))


def across_channels(a: Array, size: int, k: float, alpha: float, beta: float) -> Array:
    """Krizhevsky et al. 2012, section 3.3, an index at a time."""
    b = np.empty_like(a)
    images, channels, height, width = a.shape
    for n, i, y, x in np.ndindex(images, channels, height, width):
        total = 0.0
        for j in range(max(0, i - (size - 1) // 2), min(channels - 1, i + (size - 1) // 2) + 1):
            total += a[n, j, y, x] ** 2
        b[n, i, y, x] = a[n, i, y, x] / (k + alpha * total) ** beta
    return b


def across_space(a: Array, size: int, k: float, alpha: float, beta: float) -> Array:
    """The sum over the square around each position, an index at a time."""
    b = np.empty_like(a)
    images, channels, height, width = a.shape
    reach = (size - 1) // 2
    for n, i, y, x in np.ndindex(images, channels, height, width):
        total = 0.0
        for v in range(y - reach, y + reach + 1):
            for u in range(x - reach, x + reach + 1):
                if 0 <= v < height and 0 <= u < width:
                    total += a[n, i, v, u] ** 2
        b[n, i, y, x] = a[n, i, y, x] / (k + alpha * total) ** beta
    return b


NORMS: list[tuple[type[nn.Module], Callable[..., Array]]] = [
    (LocalResponseNorm, across_channels),
    (SpatialResponseNorm, across_space),
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("norm", "formula"), NORMS)
def test_computes_its_formula(
    norm: type[nn.Module], formula: Callable[..., Array], settings: tuple[int, float, float, float]
) -> None:
    x = images()
    expected = formula(x.numpy(), *settings)
    np.testing.assert_allclose(norm(*settings)(x).numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("norm", [LocalResponseNorm, SpatialResponseNorm])
def test_gradients_are_those_of_finite_differences(
    norm: type[nn.Module], settings: tuple[int, float, float, float]
) -> None:
    x = images((2, 4, 3, 4)).requires_grad_()
    assert torch.autograd.gradcheck(norm(*settings), (x,))


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_equals_torch_with_alpha_times_the_size(size: int) -> None:
    x = images().requires_grad_()
    ours = LocalResponseNorm(size, 1.5, 0.02, 0.75)(x)
    theirs = F.local_response_norm(x, size, alpha=0.02 * size, beta=0.75, k=1.5)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    g = images(scale=1.0).flip(0)
    (ours_grad,) = torch.autograd.grad(ours, x, g)
    (theirs_grad,) = torch.autograd.grad(theirs, x, g)
    torch.testing.assert_close(ours_grad, theirs_grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("towers", [2, 3])
def test_towers_are_normalised_on_their_own(towers: int, layout: torch.memory_format) -> None:
    x = images((2, 12, 4, 5)).contiguous(memory_format=layout).requires_grad_()
    settings = (5, 2.0, 0.1, 0.75)
    fused = LocalResponseNorm(*settings, towers=towers)(x)
    parts = torch.cat([LocalResponseNorm(*settings)(part) for part in x.chunk(towers, 1)], 1)
    torch.testing.assert_close(fused, parts, rtol=0, atol=0)
    g = images((2, 12, 4, 5), scale=1.0).flip(0)
    (fused_grad,) = torch.autograd.grad(fused, x, g)
    (parts_grad,) = torch.autograd.grad(parts, x, g)
    torch.testing.assert_close(fused_grad, parts_grad, rtol=0, atol=0)
    expected = [across_channels(p.detach().numpy(), *settings) for p in x.chunk(towers, 1)]
    np.testing.assert_allclose(
        fused.detach().numpy(), np.concatenate(expected, 1), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("images_at_once", [1, 2, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_size_of_a_block_changes_nothing(
    images_at_once: int, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (5, 8, 4, 6)
    x = images(shape).contiguous(memory_format=layout).requires_grad_()
    g = images(shape, scale=1.0).flip(0)
    module = LocalResponseNorm(3, 1.0, 0.5, 0.75, towers=2)
    whole = module(x)
    (whole_grad,) = torch.autograd.grad(whole, x, g)
    expected = [across_channels(p.numpy(), 3, 1.0, 0.5, 0.75) for p in x.detach().chunk(2, 1)]
    np.testing.assert_allclose(whole.detach(), np.concatenate(expected, 1), rtol=1e-12, atol=1e-12)
    # A block takes what one more image would overfill.
    monkeypatch.setattr(local_response_norm, "_BLOCK", (images_at_once + 1) * 8 * 4 * 6 - 1)
    parts = module(x)
    (parts_grad,) = torch.autograd.grad(parts, x, g)
    assert torch.equal(parts, whole)
    assert torch.equal(parts_grad, whole_grad)
    monkeypatch.setattr(local_response_norm, "_BLOCK", 1)  # less than one image
    assert torch.autograd.gradcheck(module, (x,))


@pytest.mark.parametrize(
    "strange",
    [
        lambda x: x[:, :, ::2, 1:],
        lambda x: x[:, ::2],
        lambda x: x.permute(0, 1, 3, 2),
        lambda x: x.expand(3, -1, -1, -1),
        lambda x: x[:0],
    ],
    ids=["rows", "channels", "transposed", "expanded", "no images"],
)
def test_its_input_may_lie_in_memory_in_any_way(strange: Callable[[Tensor], Tensor]) -> None:
    module = LocalResponseNorm(5, 2.0, 0.1, 0.75, towers=2)
    x = strange(images((1, 8, 4, 5))).requires_grad_()
    plain = x.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    g = torch.ones_like(plain).cumsum(1).transpose(2, 3).contiguous().transpose(2, 3)
    y, expected = module(x), module(plain)
    torch.testing.assert_close(y, expected, rtol=1e-13, atol=0)
    (ours,) = torch.autograd.grad(y, x, g)
    (theirs,) = torch.autograd.grad(expected, plain, g)
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-15)


def test_the_backward_keeps_nothing_but_the_input() -> None:
    x = images().bfloat16().requires_grad_()
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        LocalResponseNorm(5, 2.0, 0.1, 0.75)(x)
    assert [(each.data_ptr(), each.numel()) for each in kept] == [(x.data_ptr(), x.numel())]


def test_towers_must_divide_the_channels() -> None:
    with pytest.raises(RuntimeError):
        LocalResponseNorm(5, 2.0, 1e-4, 0.75, towers=2)(images())


@pytest.mark.parametrize("norm", [LocalResponseNorm, SpatialResponseNorm])
def test_channels_last_stays_channels_last(norm: type[nn.Module]) -> None:
    module = norm(5, 2.0, 0.1, 0.75)
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        x = images().contiguous(memory_format=layout).requires_grad_()
        y = module(x)
        y.backward(images(scale=1.0).contiguous(memory_format=layout))
        assert x.grad is not None
        assert y.is_contiguous(memory_format=layout)
        assert x.grad.is_contiguous(memory_format=layout)
        results.append((y.detach(), x.grad))
    torch.testing.assert_close(*results, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("norm", [LocalResponseNorm, SpatialResponseNorm])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_rounds_only_its_input_and_output(
    norm: type[nn.Module], dtype: torch.dtype, autocast: bool
) -> None:
    # 300² overflows float16, and alpha·a² drowns beside k in bfloat16's 8 bits.
    module = norm(5, 2.0, 1e-4, 0.75)
    x = images(scale=300.0).to(dtype).requires_grad_()
    g = images(scale=1.0).to(dtype)
    with torch.autocast("cpu", dtype, enabled=autocast):
        y = module(x)
    y.backward(g)
    exact = x.detach().double().requires_grad_()
    expected = module(exact)
    expected.backward(g.double())
    assert y.dtype is dtype
    assert x.grad is not None
    step = torch.finfo(dtype).eps
    torch.testing.assert_close(y.double(), expected, rtol=step, atol=1e-6)
    torch.testing.assert_close(x.grad.double(), exact.grad, rtol=step, atol=1e-6)


# Dynamo makes an instance of autograd.Function for itself, of which torch 2.13 warns.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("norm", [LocalResponseNorm, SpatialResponseNorm])
def test_compiles_as_one_graph(norm: type[nn.Module]) -> None:
    module = norm(5, 2.0, 0.1, 0.75)
    x = images().requires_grad_()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    g = images(scale=1.0)
    torch.testing.assert_close(compiled(x), module(x))
    (ours,) = torch.autograd.grad(compiled(x), x, g)
    (eager,) = torch.autograd.grad(module(x), x, g)
    torch.testing.assert_close(ours, eager)


@pytest.mark.parametrize("norm", [LocalResponseNorm, SpatialResponseNorm])
def test_has_nothing_to_learn_or_to_save(norm: type[nn.Module]) -> None:
    assert norm(5, 2.0, 1e-4, 0.75).state_dict() == {}


@pytest.mark.parametrize("norm", [LocalResponseNorm, SpatialResponseNorm])
def test_refuses_a_window_without_a_middle(norm: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match="odd, not 4"):
        norm(4, 2.0, 1e-4, 0.75)


def test_prints_its_settings() -> None:
    assert repr(LocalResponseNorm(5, 2.0, 1e-4, 0.75, towers=2)) == (
        "LocalResponseNorm(5, k=2.0, alpha=0.0001, beta=0.75, towers=2)"
    )
    assert repr(SpatialResponseNorm(3, 1.0, 0.5, 0.75)) == (
        "SpatialResponseNorm(3, k=1.0, alpha=0.5, beta=0.75)"
    )
