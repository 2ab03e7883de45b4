"""The plan: what devices hold and exchange, by hand and by modules written for one device."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl import load
from archdsl.analysis.plan import Load, Plan
from archdsl.compiler import compile_bytes, compile_file
from tests.helpers import SPECS, analysed, compiled, network


def planned(body: str) -> Plan:
    plan = analysed(body).plan
    assert plan is not None
    return plan


def loads(body: str) -> list[Load]:
    """What each device has."""
    return [load for devices, load in planned(body).shares for _ in devices]


def exchanges(plan: Plan) -> list[tuple[list[str], str, str, int]]:
    return [
        ([layer.path for layer in readers], source, str(shape), received)
        for readers, source, shape, received in plan.exchanges
    ]


# --- AlexNet ----------------------------------------------------------------------------------


class Lrn(nn.Module):
    """Stands for a normalisation: numbers of the same shape."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


class Gather(nn.Module):
    """The channels of both devices where each has half; counts what this one lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.received = 0

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([x, x], dim=1)
        self.received = both[0].numel() - x[0].numel()
        return both


def column() -> nn.Sequential:
    """One of the two columns of figure 2 of Krizhevsky et al. 2012, with 1000 classes in all."""
    relu, gather = nn.ReLU, Gather

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2)

    return nn.Sequential(
        *(nn.Conv2d(3, 48, 11, 4), relu(), Lrn(), pool()),
        *(nn.Conv2d(48, 128, 5, padding=2), relu(), Lrn(), pool()),
        *(gather(), nn.Conv2d(256, 192, 3, padding=1), relu()),
        *(nn.Conv2d(192, 192, 3, padding=1), relu()),
        *(nn.Conv2d(192, 128, 3, padding=1), relu(), pool(), nn.Flatten()),
        *(gather(), nn.Linear(9216, 2048), relu(), nn.Dropout()),
        *(gather(), nn.Linear(4096, 2048), relu(), nn.Dropout()),
        *(gather(), nn.Linear(4096, 500)),
    )


def test_alexnet_is_two_columns_written_by_hand() -> None:
    plan = load(SPECS / "alexnet.arch").analysis.plan
    assert plan is not None
    outputs: list[int] = []

    def count(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if not isinstance(module, nn.Flatten | Gather):
            outputs.append(output[0].numel())

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        module = column()
        for layer in module:
            layer.register_forward_hook(count)
        module(torch.empty(1, 3, 227, 227))
    own = Load(
        params=sum(parameter.numel() for parameter in module.parameters()),
        macs=counter.get_total_flops() // 2,
        activations=3 * 227 * 227 + sum(outputs),
    )
    assert own.params == 60_965_224 // 2
    assert plan.shares == ((range(2), own),)
    assert plan.common == 0 and set(plan.imbalance.values()) == {0.0}
    received = [2 * layer.received for layer in module if isinstance(layer, Gather)]
    assert received == [43_264, 9_216, 4_096, 4_096]
    assert exchanges(plan) == [
        (["conv3.conv"], "conv2.maxpool", "256x13x13", 43_264),
        (["fc6.linear"], "conv5.maxpool", "256x6x6", 9_216),
        (["fc7.linear"], "fc6.dropout", "4096", 4_096),
        (["fc8.linear"], "fc7.dropout", "4096", 4_096),
    ]
    assert plan.received == 60_672
    assert (plan.batch, plan.in_bytes(plan.received)) == (128, 31_064_064)  # 4 · 128 · 60,672


# --- what devices hold ------------------------------------------------------------------------


def test_four_devices_and_four_groups() -> None:
    body = """
input 4x8x8
devices 4
a: conv 8 3x3 pad=1 bias=no
b: conv 16 3x3 pad=1 groups=4
batchnorm
prelu
c: conv 8 3x3 pad=1 groups=8
"""
    # a: 2 filters of 4x3x3. b: 4 filters of 2x3x3 and as many biases; 4 + 4 and 4 more.
    # c: 2 filters of 2x3x3 and biases. Each output of 2, 4, 4, 4 and 2 maps of 8x8.
    params = 2 * 36 + (4 * 18 + 4) + 8 + 4 + (2 * 18 + 2)
    macs = 64 * (2 * 36 + 4 * 18 + 2 * 18)
    activations = 4 * 64 + 64 * (2 + 4 + 4 + 4 + 2)
    plan = planned(body)
    assert plan.shares == ((range(4), Load(params, macs, activations)),)
    assert plan.exchanges == () and plan.received == 0


def test_the_first_devices_have_one_feature_more() -> None:
    body = "input 6\ndevices 4\na: linear 10\nrelu\nb: linear 3 bias=no"
    # 10 features are 3, 3, 2, 2, each with 6 weights and a bias; 3 are 1, 1, 1, 0, of 10 weights.
    rows = [(3, 1), (3, 1), (2, 1), (2, 0)]
    assert loads(body) == [Load(7 * a + 10 * b, 6 * a + 10 * b, 6 + 2 * a + b) for a, b in rows]
    plan = planned(body)
    assert [share.devices for share in plan.shares] == [range(2), range(2, 3), range(3, 4)]
    # The first has 31 of 100 parameters, 28 of 90 multiply–accumulates, 13 of 47 activations.
    assert plan.imbalance == pytest.approx(
        {"params": 4 * 31 / 100 - 1, "macs": 4 * 28 / 90 - 1, "activations": 4 * 13 / 47 - 1}
    )


def test_layers_that_hold_everything_are_on_every_device() -> None:
    body = """
input 4x8x8
devices 2
norm: batchnorm
      maxpool 2
a: linear 10
   softmax
   prelu
b: linear 4
"""
    # The batchnorm's 8 numbers and the prelu's 10; pooling gives 4x4x4.
    plan = planned(body)
    assert plan.common == 8 + 10
    params = 18 + 5 * 65 + 2 * 11
    activations = 2 * 256 + 64 + 5 + 10 + 10 + 2
    assert plan.shares == ((range(2), Load(params, 5 * 64 + 2 * 10, activations)),)
    whole = analysed(body).costs
    assert whole is not None and 2 * params - plan.common == whole.params


def test_what_a_concat_made_is_held_as_it_joined_it() -> None:
    body = """
input 8
devices 2
a: concat { linear 7 bias=no } { linear 5 bias=no } { linear 4 bias=no }
prelu
b: linear 2
"""
    # 4 + 3 + 2 features on the first device, 3 + 2 + 2 on the second; b has one on each.
    assert loads(body) == [
        Load(8 * n + n + 17, 8 * n + 16, 8 + n + n + n + 1) for n in (4 + 3 + 2, 3 + 2 + 2)
    ]


def test_each_device_adds_and_joins_its_own_part_of_what_is_whole() -> None:
    body = """
input 4x8x8
devices 2
a: add { conv 4 3x3 pad=1 groups=2 } {}
b: concat { conv 6 1x1 } { relu }
"""
    # a: 2 filters of 2x3x3; b: 3 of 4x1x1 and the 2 channels of the relu.
    params = 2 * 19 + 3 * 5
    macs = 64 * (2 * 18 + 3 * 4)
    activations = 256 + 64 * (2 + 2 + 3 + 2 + 5)
    assert planned(body).shares == ((range(2), Load(params, macs, activations)),)


ZOO = ["densenet121", "googlenet", "mobilenet_v1", "resnet50", "squeezenet1_1", "vgg16"]


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("name", ZOO)
def test_the_devices_have_all_of_a_network_that_they_divide(name: str, devices: int) -> None:
    """All figures of these networks, which begin with a convolution, but for the image."""
    whole = load(SPECS / "zoo" / f"{name}.arch")
    text = f'use "{name}.arch"\narch Divided from {whole.name} {{ devices {devices} }}\n'
    (analysis,) = compile_bytes(text.encode(), str(SPECS / "zoo" / "divided.arch")).archs
    plan, costs = analysis.plan, whole.costs
    assert plan is not None and costs is not None and analysis.costs is not None
    image = whole.network.input.size
    params, macs, activations = costs.params, costs.macs, costs.activations - image
    assert [figure % devices for figure in (params, macs, activations)] == [0, 0, 0]
    own = Load(params // devices, macs // devices, image + activations // devices)
    assert plan.shares == ((range(devices), own),)
    assert plan.received == analysis.costs.traffic > 0


def test_what_is_learned_lies_along_the_outputs_channels() -> None:
    """So a device has of each tensor the rows that make its channels."""
    for path in sorted((SPECS / "zoo").glob("*.arch")):
        for analysis in compile_file(path).archs:
            for layer in analysis.network.layers:
                x, output, _ = analysis.flow(layer)
                assert x is not None and output is not None
                firsts = {dims[0] for dims in layer.op.weights(x).values()}
                assert firsts <= {output.channels}, layer.path


# --- what they exchange -----------------------------------------------------------------------


def test_what_several_branches_read_is_one_exchange() -> None:
    body = """
input 4x8x8
devices 2
a: conv 8 3x3 pad=1
b: concat { conv 4 1x1 } { identity; conv 4 1x1; relu; conv 6 1x1 } { conv 2 1x1 groups=2 } {}
c: concat { conv 2 1x1 } { softmax }
"""
    assert exchanges(planned(body)) == [
        (["b.concat.1.conv", "b.concat.2.conv"], "a.conv", "8x8x8", 512),
        (["b.concat.2.conv_2"], "b.concat.2.relu", "4x8x8", 256),
        (["c.concat.1.conv", "c.concat.2.softmax"], "b.concat", "20x8x8", 1280),
    ]


def test_exchanges_in_blocks_and_repeats() -> None:
    text = "block unit(n) { one: conv n 1x1 groups=4; two: conv n 1x1 }\n" + network(
        "input 4x8x8\ndevices 4\na: repeat 2 { unit 8 }\nb: flatten\nlinear 5"
    )
    (analysis,) = compiled(text).archs
    assert analysis.plan is not None
    first, second = "a.repeat.1.unit", "a.repeat.2.unit"
    # Each of four devices lacks three quarters of 8x8x8.
    assert exchanges(analysis.plan) == [
        ([f"{first}.two.conv"], f"{first}.one.conv", "8x8x8", 1536),
        ([f"{second}.two.conv"], f"{second}.one.conv", "8x8x8", 1536),
        (["b.linear"], f"{second}.two.conv", "512", 1536),
    ]


@pytest.mark.parametrize(
    ("body", "returns"),
    [
        ("a: conv 4 3x3\nb: conv 4 3x3", True),
        ("a: conv 4 3x3\nb: concat { linear 4 } { softmax; flatten }", True),
        # Every device has the gradient of all of these.
        ("a: linear 4\nsoftmax", False),
        # What they learn in common has a gradient of which each has a part.
        ("batchnorm\na: conv 4 3x3\nb: conv 4 3x3", False),
    ],
)
def test_whether_training_sends_as_much_back(body: str, returns: bool) -> None:
    assert planned(f"input 4x8x8\ndevices 2\n{body}").returns is returns


def test_bytes_are_those_of_the_recipes_batch() -> None:
    body = "input 4x8x8\ndevices 2\na: conv 4 3x3\nb: conv 4 3x3\n"
    for recipe, batch in [("", 128), ("train { epochs 1 }", 128), ("train { batch 32 }", 32)]:
        plan = planned(body + recipe)
        assert (plan.batch, plan.in_bytes(plan.received)) == (batch, 4 * batch * 4 * 36)


def test_there_is_no_plan_for_one_device_and_of_what_is_not_known() -> None:
    one = "input 4x8x8\na: conv 4 3x3"
    misfit = "input 4x8x8\ndevices 2\na: conv 4 3x3\nb: conv 4 9x9"
    indivisible = "input 4x8x8\ndevices 2\na: conv 4 3x3\nb: conv 5 3x3"
    for body in (one, misfit, indivisible):
        assert compiled(network(body)).archs[0].plan is None
