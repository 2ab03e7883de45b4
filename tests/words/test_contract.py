"""Every layer's word against torch: what it says of an input is what its calls do with it."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archdsl.words  # noqa: F401  (fills the registry)
from archdsl.diagnostics import catalogue
from archdsl.shape import Call, Misfit, Shape, Window, call
from archdsl.words.conv import Conv
from archdsl.words.merge import Add, Join
from archdsl.words.pool import AdaptiveAvgPool, AvgPool, GlobalAvgPool, MaxPool
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Op
from tests.words.drawing import branches, shapes, words
from tests.words.oracle import Refused, build, layer, rows_lost, run

EXAMPLES = 250
WORDS = [cls for cls in Op.words.values() if issubclass(cls, Op)]
OPS = [cls for cls in WORDS if cls.blocks == (0, 0)]
JOINS = [cls for cls in WORDS if issubclass(cls, Join)]


def test_there_are_layers_to_compare() -> None:
    assert {"conv", "linear", "maxpool", "relu", "lrn", "batchnorm"} <= {cls.word for cls in OPS}
    assert {"concat", "add"} <= {cls.word for cls in JOINS}
    assert {*OPS, *JOINS} == set(WORDS)


@pytest.mark.parametrize("cls", OPS, ids=lambda cls: cls.word)
def test_a_layer_is_what_torch_makes_of_its_calls(cls: type[Op]) -> None:
    fitting = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(words(cls), shapes())
    def check(op: Op, x: Shape) -> None:
        nonlocal fitting
        fitting += compare(op, x)

    check()
    assert fitting >= EXAMPLES // 6, "too few of the layers drawn take their input to say much"


@pytest.mark.parametrize("cls", JOINS, ids=lambda cls: cls.word)
def test_a_join_is_what_torch_makes_of_its_branches(cls: type[Join]) -> None:
    fitting = 0

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(words(cls), shapes(), branches(), st.integers(1, 4))
    def check(op: Join, x: Shape, xs: list[Shape], towers: int) -> None:
        nonlocal fitting
        fitting += compare_join(op, x, xs, towers)

    check()
    assert EXAMPLES // 6 <= fitting <= EXAMPLES * 7 // 8


def compare_join(op: Join, x: Shape, xs: list[Shape], towers: int) -> bool:
    """Assert that a join and torch agree about branches; returns whether these fit together."""
    calls = op.torch(x, towers)
    try:
        output = op.output(*xs)
    except Misfit as misfit:
        assert misfit.rule is catalogue.JOIN_MISMATCH and "{layer}" in misfit.message
        try:
            stretched = run(calls, x, "cpu", xs)
        except Refused:
            return False
        # Where torch would repeat numbers to make the shapes alike, the language does not.
        assert isinstance(op, Add)
        assert any(given.dims != stretched.output for given in xs)
        return False
    outcome = run(calls, x, branches=xs)
    assert output.dims == outcome.output
    assert op.lossless(*xs) == output
    assert not outcome.weights and not op.weights(x)
    assert outcome.others == outcome.macs == op.macs(x) == 0
    return True


def compare(op: Op, x: Shape) -> bool:
    """Assert that a layer and torch agree about an input; returns whether the input fits."""
    try:
        output = op.output(x)
    except Misfit as misfit:
        assert "{layer}" in misfit.message
        assert misfit.field is None or misfit.field in type(op).arguments()
        if x.is_map and asks_for_impossible_same(op):
            assert misfit.rule is catalogue.BAD_WINDOW
        else:
            with pytest.raises(Refused):
                run(literally(op, x), x, "cpu")
        return False
    assert not asks_for_impossible_same(op)
    outcome = run(op.torch(x), x)
    assert output.dims == outcome.output
    assert op.weights(x) == outcome.weights
    assert outcome.others == 0
    assert op.macs(x) == outcome.macs
    assert bool(outcome.macs) == op.weighted
    compare_rounding(op, x, output)
    return True


def asks_for_impossible_same(op: Op) -> bool:
    """Whether pad=same is asked for where the language has none: a stride, or an even window.

    Torch has none for pooling and none with strides, and pads an even window unevenly.
    """
    if not isinstance(op, Conv | MaxPool | AvgPool) or op.pad != "same":
        return False
    stride = op.stride or op.kernel
    dilation = op.dilation if isinstance(op, Conv) else (1, 1)
    odd = all((k - 1) * d % 2 == 0 for k, d in zip(op.kernel, dilation, strict=True))
    return stride != (1, 1) or not odd


def literally(op: Op, x: Shape) -> tuple[Call, ...]:
    """A layer's arguments given to torch as they are, for inputs that the word refuses."""
    match op:
        case Conv(kernel=kernel, stride=stride, dilation=dilation):
            conv = call(
                "nn.Conv2d", x.channels, op.filters, kernel, stride, op.pad, dilation, op.groups
            )
            if op.rounding == "floor" or op.pad == "same" or not x.is_map:
                return (conv,)
            bottom, right = (
                -(size + 2 * p - d * (k - 1) - 1) % s
                for size, k, s, p, d in zip(
                    x.dims[1:], kernel, stride, op.pad, dilation, strict=True
                )
            )
            return call("nn.ZeroPad2d", (0, right, 0, bottom)), conv
        case MaxPool() | AvgPool():
            pool = "nn.MaxPool2d" if isinstance(op, MaxPool) else "nn.AvgPool2d"
            pad = Window(*(k // 2 for k in op.kernel)) if op.pad == "same" else op.pad
            ceil = op.rounding == "ceil"
            return (call(pool, op.kernel, op.stride or op.kernel, pad, ceil_mode=ceil),)
        case AdaptiveAvgPool():
            return (call("nn.AdaptiveAvgPool2d", op.size),)
        case GlobalAvgPool():
            return (call("nn.AdaptiveAvgPool2d", 1),)
        case _:
            return op.torch(x)


def compare_rounding(op: Op, x: Shape, output: Shape) -> None:
    """A concern is a row or a column less than there would be if nothing were lost."""
    concerns = list(op.concerns(x))
    lossless = op.lossless(x)
    if not isinstance(op, SlidingOp):
        assert not concerns
        assert lossless == output
        return
    losses = [
        0 if axis.ceil else rows_lost(axis.size, axis.kernel, axis.stride, axis.pad, axis.dilation)
        for axis in op.axes(x)
    ]
    missing = [more - less for more, less in zip(lossless.dims, output.dims, strict=True)]
    assert missing == [0, *(int(loss > 0) for loss in losses)]
    assert bool(concerns) == (any(losses) and "lossy_stride" not in op.allow)
    assert all(concern.rule is catalogue.LOSSY_STRIDE for concern in concerns)


@pytest.mark.parametrize(
    ("text", "x", "output", "weight", "macs"),
    [
        # By hand: the output's shape, the weight's, and the multiply–accumulates.
        # AlexNet's conv1; the same as printed, rounded down; and rounded up, as cuda-convnet does.
        ("conv 96 11 stride=4", "3x227x227", "96x55x55", "96x3x11x11", 105_415_200),
        ("conv 96 11 stride=4", "3x224x224", "96x54x54", "96x3x11x11", 101_616_768),
        ("conv 96 11 stride=4 rounding=ceil", "3x224x224", "96x55x55", "96x3x11x11", 105_415_200),
        # AlexNet's conv2; a depthwise convolution; a dilated one, whose window is 5x5.
        ("conv 256 5 pad=2 groups=2", "96x27x27", "256x27x27", "256x48x5x5", 223_948_800),
        ("conv 32 3 pad=1 groups=32 bias=no", "32x112x112", "32x112x112", "32x1x3x3", 3_612_672),
        ("conv 8 3 dilation=2", "4x9x9", "8x5x5", "8x4x3x3", 7_200),
        # A window of 5x5 again, and square neither as written nor in its padding.
        ("conv 8 5x3 pad=same dilation=1x2", "4x9x6", "8x9x6", "8x4x5x3", 25_920),
        # GoogLeNet's pool1; an average rounded up; a window in the far padding alone is dropped.
        ("maxpool 3 stride=2 rounding=ceil", "64x112x112", "64x56x56", "", 0),
        ("avgpool 3 stride=2 rounding=ceil", "4x6x7", "4x3x3", "", 0),
        ("maxpool 2 stride=3 pad=1 rounding=ceil", "1x4x4", "1x2x2", "", 0),
        # Rounded up, a window may reach beyond its input: half a step more than none is one.
        ("maxpool 3 stride=2 rounding=ceil", "8x2x2", "8x1x1", "", 0),
        ("conv 4 3 stride=2 rounding=ceil", "8x2x2", "4x1x1", "4x8x3x3", 288),
        # torchvision's pool before the classifier; more windows than rows.
        ("adaptiveavgpool 6", "256x13x9", "256x6x6", "", 0),
        ("adaptiveavgpool 7x2", "5x3x3", "5x7x2", "", 0),
        # AlexNet's fc6; the two kinds of batch normalisation; fewer maps than neighbours.
        ("linear 4096", "256x6x6", "4096", "4096x9216", 37_748_736),
        ("batchnorm", "100", "100", "100", 0),
        ("batchnorm", "6x5x4", "6x5x4", "6", 0),
        ("lrn size=5", "3x8x8", "3x8x8", "", 0),
    ],
)
def test_examples_by_hand(text: str, x: str, output: str, weight: str, macs: int) -> None:
    op, shape = layer(text), dims(x)
    assert compare(op, shape)
    assert op.output(shape) == dims(output)
    assert op.weights(shape).get("weight", ()) == dims(weight).dims
    assert op.macs(shape) == macs


def dims(text: str) -> Shape:
    """`96x55x55`, or nothing, as a shape."""
    return Shape(tuple(map(int, text.split("x") if text else ())))


def test_a_convolution_rounded_up_pads_the_far_edges() -> None:
    op = layer("conv 8 3 stride=2x3 rounding=ceil")
    assert [c.target for c in op.torch(Shape((4, 8, 7)))] == ["nn.ZeroPad2d", "nn.Conv2d"]
    pad, conv = map(build, op.torch(Shape((4, 8, 7))))
    x = torch.randn(2, 4, 8, 7, generator=torch.Generator().manual_seed(1))
    # Zeros far out at the bottom and on the right add windows at those edges only.
    ample = torch.zeros(2, 4, 9, 9)
    ample[:, :, :8, :7] = x
    torch.testing.assert_close(conv(pad(x)), conv(ample))
    assert conv(pad(x)).shape == (2, 8, 4, 3)


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(6, 4, 3, bias=False),
        nn.Conv2d(6, 12, 3, stride=2, padding=2, groups=3, bias=False),
        nn.Conv2d(6, 6, (2, 3), dilation=(3, 1), groups=6, bias=False),
        nn.Conv2d(6, 2, 2, stride=(1, 3), padding=(0, 1), dilation=2, groups=2, bias=False),
    ],
    ids=str,
)
def test_torch_counts_two_flops_per_multiply_accumulate(conv: nn.Conv2d) -> None:
    """With ones everywhere, padding included, each product adds one to the sum of the outputs."""
    nn.init.ones_(conv.weight)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        conv(torch.empty(1, 6, 9, 10))
    height, width = map(int, conv.padding)
    conv.padding = (0, 0)
    with torch.no_grad():
        products = conv(torch.ones(1, 6, 9 + 2 * height, 10 + 2 * width)).sum().item()
    assert counter.get_total_flops() == 2 * products
