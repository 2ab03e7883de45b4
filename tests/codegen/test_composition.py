"""Joins, blocks, repeats and labels inside one another, as they are in the generated module."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from archdsl.api import Arch
from archdsl.lower.expand import MAX_DEPTH
from tests.codegen.generated import (
    built,
    expected_outputs,
    expected_parameters,
    imported,
    loaded,
    outputs,
)
from tests.codegen.unrolled import assert_equal_to_unrolled


def compare(arch: Arch, folder: Path) -> None:
    """Assert that the module gives the checker's shapes and learns its numbers, by path."""
    with torch.device("meta"):
        module = built(arch, folder)
        seen = outputs(module, torch.empty(2, *arch.network.input.dims))
    expected = expected_outputs(arch.analysis)
    assert {path: seen[path] for path in expected} == expected
    learned = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert learned == expected_parameters(arch.analysis)


FIRE = """
block fire(squeeze, expand) {
  conv squeeze 1x1
  relu
  concat { conv expand 1x1; relu } { conv expand 3x3 pad=1; relu }
}
"""


def test_weights_are_stored_under_their_paths(tmp_path: Path) -> None:
    """The paths that LANGUAGE.md gives."""
    blocks = (
        FIRE + "block bottleneck(n) { reduce: conv n 1x1 bias=no\n grow: conv 4 1x1 bias=no }\n"
    )
    body = """
input 3x8x8
fire2: fire 2 2
res: repeat 3 { conv 4 1x1 bias=no }
layer1: bottleneck 2
bottleneck 2
"""
    module = built(loaded(tmp_path, body, blocks=blocks), tmp_path)
    assert list(module.state_dict()) == [
        "fire2.fire.conv.weight",
        "fire2.fire.conv.bias",
        "fire2.fire.concat.1.conv.weight",
        "fire2.fire.concat.1.conv.bias",
        "fire2.fire.concat.2.conv.weight",
        "fire2.fire.concat.2.conv.bias",
        "res.repeat.1.conv.weight",
        "res.repeat.2.conv.weight",
        "res.repeat.3.conv.weight",
        "layer1.bottleneck.reduce.conv.weight",
        "layer1.bottleneck.grow.conv.weight",
        "layer1.bottleneck_2.reduce.conv.weight",
        "layer1.bottleneck_2.grow.conv.weight",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "repeat 0 { conv 4 3x3 }",
        "repeat 2 {}",
        "add {} {}",
        "concat {} {} {}",
        "concat { add {} { relu } } { repeat 2 {} }",
        "a: concat { conv 4 3x3 } { conv 2 5x5 pad=1 }",
        "relu\nb: add { maxpool 2; flatten; linear 4 } { linear 4; batchnorm }",
        "concat { flatten } { linear 5 } { globalavgpool; flatten }\nconcat { linear 2 } {}",
        "concat { conv 4 3x3 stride=2 rounding=ceil } { conv 2 3x3 stride=2 rounding=ceil }",
    ],
)
def test_small_networks(body: str, tmp_path: Path) -> None:
    compare(loaded(tmp_path, f"input 3x6x6\n{body}"), tmp_path)


def test_branches_read_the_same_input_and_are_joined_in_order(tmp_path: Path) -> None:
    body = "input 2x1x1\ntanh\nconcat { relu } {} { add {} {} {} }"
    module = built(loaded(tmp_path, body), tmp_path)
    x = torch.tensor([[[[0.5]], [[-0.25]]]], dtype=torch.float64)
    y = module(x.atanh()).flatten()
    expected = torch.tensor([0.5, 0, 0.5, -0.25, 1.5, -0.75], dtype=torch.float64)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-15)


def test_iterations_follow_one_another_with_weights_of_their_own(tmp_path: Path) -> None:
    module = built(loaded(tmp_path, "input 1\nr: repeat 3 { linear 1 bias=no }"), tmp_path)
    with torch.no_grad():
        for number, value in enumerate((2, 3, 5), 1):
            module.get_parameter(f"r.repeat.{number}.linear.weight").fill_(value)
    assert module(torch.tensor([[7.0]])).item() == 2 * 3 * 5 * 7


def test_two_devices_compute_what_two_towers_do(tmp_path: Path) -> None:
    """The network by hand, each device with its own tensors, exchanged where a layer reads all."""
    body = """
input 4x7x7
devices 2
a: conv 6 3x3 pad=1
mix: concat { conv 4 1x1 groups=2; relu } { conv 8 3x3 pad=1 groups=2 } {}
b: conv 10 3x3 groups=2 bias=no
lrn size=3 k=1 alpha=0.5 beta=0.75
sum: add { conv 10 3x3 pad=1 groups=2 bias=no } {}
c: linear 7
out: concat { linear 5; tanh } { linear 3 }
d: linear 2
"""
    module = built(loaded(tmp_path, body), tmp_path).double()
    torch.manual_seed(3)
    x = torch.randn(3, 4, 7, 7, dtype=torch.float64, requires_grad=True)
    p = dict(module.named_parameters())

    def halves(name: str) -> tuple[Tensor, ...]:
        return torch.tensor_split(p[name], 2)

    def conv(xs: list[Tensor], path: str, bias: bool = True, pad: int = 0) -> list[Tensor]:
        weights = halves(f"{path}.weight")
        biases = halves(f"{path}.bias") if bias else (None, None)
        return [F.conv2d(h, w, b, padding=pad) for h, w, b in zip(xs, weights, biases, strict=True)]

    def lrn(a: Tensor) -> Tensor:
        squares = F.pad(a * a, (0, 0, 0, 0, 1, 1))
        total = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
        return a / (1 + 0.5 * total) ** 0.75

    h = conv([x, x], "a.conv", pad=1)
    one = conv(h, "mix.concat.1.conv")
    two = conv(h, "mix.concat.2.conv", pad=1)
    h = [torch.cat([F.relu(one[d]), two[d], h[d]], 1) for d in range(2)]
    h = [lrn(part) for part in conv(h, "b.conv", bias=False)]
    more = conv(h, "sum.add.1.conv", bias=False, pad=1)
    h = [more[d] + h[d] for d in range(2)]
    whole = torch.cat([part.flatten(1) for part in h], 1)
    c = F.linear(whole, p["c.linear.weight"], p["c.linear.bias"])
    five = F.linear(c, p["out.concat.1.linear.weight"], p["out.concat.1.linear.bias"]).tanh()
    three = F.linear(c, p["out.concat.2.linear.weight"], p["out.concat.2.linear.bias"])
    # Of five features the first device has three, of three it has two.
    held = torch.cat([five[:, :3], three[:, :2], five[:, 3:], three[:, 2:]], 1)
    expected = F.linear(held, p["d.linear.weight"], p["d.linear.bias"])

    y = module(x)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-13)
    inputs = [x, *p.values()]
    g = torch.randn_like(y)
    for ours, by_hand in zip(
        torch.autograd.grad(y, inputs, g), torch.autograd.grad(expected, inputs, g), strict=True
    ):
        torch.testing.assert_close(ours, by_hand, rtol=0, atol=1e-13)


def test_only_a_concat_of_divided_branches_has_towers(tmp_path: Path) -> None:
    body = """
input 4x8x8
devices 2
whole: concat {} { maxpool 3 stride=1 pad=1 }
mixed: concat {} { conv 4 1x1 }
sum:   add {} {}
soft:  linear 6
       softmax
       concat {} {}
"""
    text = loaded(tmp_path, body).pytorch()
    assert text.count("x = torch.cat([") == 2
    assert text.count("=Concat(") == 1
    assert "        concat=Concat(\n" in text[text.index("self.mixed") :]
    mixed = text[text.index("self.mixed") : text.index("self.sum")]
    assert text.count("towers=2,") == mixed.count("towers=2,") == 1


def test_batchnorm_trains_in_branches_and_iterations(tmp_path: Path) -> None:
    body = "input 3x4x4\nrepeat 2 { add { conv 3 3x3 pad=1; batchnorm } {} }\nlinear 2"
    module = built(loaded(tmp_path, body), tmp_path)
    y = module.train()(torch.randn(4, 3, 4, 4))
    y.sum().backward()
    assert all(p.grad is not None for p in module.parameters())
    assert module.get_buffer("repeat.repeat.2.add.1.batchnorm.num_batches_tracked").item() == 1


# --- parameters -------------------------------------------------------------------------------


def test_a_parameter_reaches_into_blocks_branches_and_repeats(tmp_path: Path) -> None:
    blocks = "block b(n, m=n) { add { conv n 1x1; conv m 1x1 } { conv m 3x3 pad=1 } }\n"
    arch = loaded(tmp_path, "input 3x4x4\nrepeat 2 { b k }\nlinear 2", "Net(k=4)", blocks=blocks)
    fixed = loaded(
        tmp_path,
        "input 3x4x4\nrepeat 2 { b k }\nglobalavgpool\nlinear 2",
        "Net(k=4)",
        blocks=blocks,
    )
    assert "def __init__(self) -> None:" in arch.pytorch()  # 4 · 4 · k inputs of the linear layer
    module = built(fixed, tmp_path, k=6)
    assert module.get_parameter("repeat.repeat.2.b.add.1.conv_2.weight").shape == (6, 6, 1, 1)
    assert module(torch.zeros(1, 3, 4, 4)).shape == (1, 2)


@pytest.mark.parametrize(
    "body",
    [
        "repeat n { linear n }",  # how many there are
        "repeat n {}\nlinear n",
        "linear n\ninit bias=n",  # what they begin with
        "linear n\nlinear (2*n)",
        "concat { linear n } { linear 2 }\nlinear 3",  # n + 2 inputs of the last
    ],
)
def test_a_parameter_that_changes_more_is_a_number(body: str, tmp_path: Path) -> None:
    arch = loaded(tmp_path, f"input 8\n{body}", "Net(n=2)")
    assert "def __init__(self) -> None:" in arch.pytorch()


# --- init -------------------------------------------------------------------------------------


def test_init_reaches_all_layers_of_a_stage(tmp_path: Path) -> None:
    body = """
input 3x4x4
a: concat { repeat 2 { conv 3 1x1; inner: conv 3 1x1 } } {}
fc1: add { linear 4 } { linear 4 }
fc10: linear 2
init bias=1
init fc1 bias=2
"""
    module = built(loaded(tmp_path, body), tmp_path)
    biases = {n: set(p.tolist()) for n, p in module.named_parameters() if n.endswith("bias")}
    assert biases == {
        "a.concat.1.repeat.1.conv.bias": {1.0},
        "a.concat.1.repeat.1.inner.conv.bias": {1.0},
        "a.concat.1.repeat.2.conv.bias": {1.0},
        "a.concat.1.repeat.2.inner.conv.bias": {1.0},
        "fc1.add.1.linear.bias": {2.0},
        "fc1.add.2.linear.bias": {2.0},
        "fc10.linear.bias": {1.0},
    }


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Add", "Concat", "repeat", "stage"])
def test_an_arch_and_its_parameter_may_be_called_like_a_helper(name: str, tmp_path: Path) -> None:
    many = "{} " * 9  # so many branches are inside of a helper
    body = f"input 3x4x4\nrepeat 2 {{ add {many} }}\nconcat {many}\nlinear {name}"
    arch = loaded(tmp_path, body, f"{name}({name}=3)")
    module = getattr(imported(arch.pytorch(), tmp_path), f"{name}_")(**{f"{name}_": 2})
    assert module(torch.ones(1, 3, 4, 4)).shape == (1, 2)


@pytest.mark.parametrize(
    "name", ["a_b", "net", "Net", "x", "list", "torch", "Add", "class", "_", "nn", "range"]
)
def test_a_block_may_be_called_anything(name: str, tmp_path: Path) -> None:
    """Like what Python, torch, the file or another block's class has; its parameters as well."""
    parameters = "range=3, self=4, add=4, stage=4, x=3, channels=4"
    layers = "linear range; linear self; linear add; linear stage; linear x; linear channels"
    blocks = f"block {name}({parameters}) {{ add {{ {layers} }} {{}} }}\n"
    blocks += f"block aB({parameters}) {{ {layers} }}\n"
    body = f"input 4\n{name}\n{name} 1 2 add=3 stage=5 x=6\naB\naB 1 2 3 5 6 7"
    arch = loaded(tmp_path, body, blocks=blocks)
    assert_equal_to_unrolled(built(arch, tmp_path), arch.analysis)


def test_a_module_before_a_layer_keeps_clear_of_inner_stages(tmp_path: Path) -> None:
    inner = "conv 2 2x2 stride=3 rounding=ceil; zeropad2d: relu; conv_zeropad2d: relu"
    arch = loaded(tmp_path, f"input 2x7x7\nrepeat 1 {{ {inner} }}")
    assert "conv_zeropad2d_=nn.ZeroPad2d(" in arch.pytorch()
    compare(arch, tmp_path)


# --- depth ------------------------------------------------------------------------------------


def nested(opening: str, closing: str, depth: int) -> str:
    return "input 2x4x4\n" + opening * depth + "conv 2 1x1" + closing * depth


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("add { ", " } {}"),
        ("a: add { ", " } {}"),
        ("repeat 1 { relu; a: ", " }"),
    ],
)
def test_a_deep_network_is_flat_on_the_page(opening: str, closing: str, tmp_path: Path) -> None:
    """As deep as the language goes, it also runs."""
    arch = loaded(tmp_path, nested(opening, closing, MAX_DEPTH), "Net")
    lines = arch.pytorch().splitlines()
    assert max(len(line) - len(line.lstrip()) for line in lines) <= 8 + 4 * 4
    module = built(arch, tmp_path)
    assert module(torch.zeros(2, 2, 4, 4)).shape == (2, 2, 4, 4)
