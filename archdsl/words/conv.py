"""Convolution."""

from math import gcd
from typing import Self

from pydantic import Field

from archdsl.diagnostics import catalogue
from archdsl.shape import Argument, Call, Family, Misfit, Shape, Sliding, Window, call
from archdsl.words.sliding import SQUARE_ONE, SQUARE_ZERO, SlidingOp, argument, slide, steps
from archdsl.words.word import Count, Extent, Padding, Rounding, Switch


class Conv(SlidingOp, word="conv"):
    """2-d convolution: y[f] = b[f] + Σ_c w[f, c] ⋆ x[c].

    A cross-correlation, as in every framework. c runs over the channels of f's group: with
    groups=g, the channels and the filters are divided into g parts, and each filter reads the
    channels of its own part; Krizhevsky et al. 2012, section 3.2. Weights are Fx(C/g)xHxW.
    """

    look = Family.CONVOLUTION
    weighted = True
    example = """
    conv1: conv 64 7x7 stride=2 pad=3          -> 64x32x32
           relu
    conv2: conv 128 3x3 pad=same groups=2      -> 128x32x32
    """

    filters: Count = Field(description="output channels")
    kernel: Extent = Field(description="height and width of the window")
    stride: Extent = Field(SQUARE_ONE, description="step of the window")
    pad: Padding = Field(SQUARE_ZERO, description="zeros added on each side; same keeps the size")
    dilation: Extent = Field(SQUARE_ONE, description="distance between the window's points")
    groups: Count = Field(1, description="parts that do not read each other's channels")
    bias: Switch = Field(True, description="whether a learned number is added per filter")
    rounding: Rounding = Field(
        "floor", description="of the output size; ceil pads the far edge with zeros"
    )

    def axes(self, x: Shape) -> tuple[Sliding, Sliding]:
        return slide(x, self.kernel, self.stride, self.pad, self.rounding, self.dilation)

    def out_channels(self, x: Shape) -> int:
        return self.filters

    def output(self, x: Shape) -> Shape:
        shape = super().output(x)
        for count, what in ((x.channels, "input channels"), (self.filters, "filters")):
            if count % self.groups:
                raise Misfit(
                    catalogue.INDIVISIBLE,
                    "groups",
                    f"{{layer}} has {count} {what}, which {self.groups} groups do not divide",
                    help=(f"groups that divide both: {_divisors(x.channels, self.filters)}",),
                )
        return shape

    def weights(self, x: Shape) -> dict[str, tuple[int, ...]]:
        weight = (self.filters, x.channels // self.groups, *self.kernel)
        return {"weight": weight, "bias": (self.filters,)} if self.bias else {"weight": weight}

    def macs(self, x: Shape) -> int:
        per_output = x.channels // self.groups * self.kernel.height * self.kernel.width
        return self.output(x).size * per_output

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        height, width = self.axes(x)
        options: dict[str, Argument] = {"kernel_size": argument(self.kernel)}
        padding = Window(height.pad, width.pad)
        for name, value, default in (
            ("stride", self.stride, SQUARE_ONE),
            ("padding", padding, SQUARE_ZERO),
            ("dilation", self.dilation, SQUARE_ONE),
        ):
            if value != default:
                options[name] = argument(value)
        if self.groups != 1:
            options["groups"] = self.groups
        if not self.bias:
            options["bias"] = False
        conv = call("nn.Conv2d", x.channels, self.filters, **options)
        if height.far_pad or width.far_pad:
            # torch.nn.Conv2d only rounds down: whole windows at the far edge need the zeros there.
            return call("nn.ZeroPad2d", (0, width.far_pad, 0, height.far_pad)), conv
        return (conv,)

    @property
    def brief(self) -> str:
        dilation = "" if self.dilation == SQUARE_ONE else f" d{self.dilation.brief}"
        groups = "" if self.groups == 1 else f" g{self.groups}"
        step = steps(None if self.stride == SQUARE_ONE else self.stride, self.pad)
        return f"conv {self.filters} {self.kernel}{step}{dilation}{groups}"

    def reads_all(self) -> bool:
        return self.groups == 1

    def on_device(self, device: int, devices: int) -> Self:
        groups = self.groups // devices if self.groups > 1 else 1
        return self.model_copy(update={"filters": self.filters // devices, "groups": groups})

    def indivisible(self, devices: int) -> Misfit | None:
        if self.filters % devices:
            return Misfit(
                catalogue.INDIVISIBLE,
                "filters",
                f"{{layer}} has {self.filters} filters, which {devices} devices do not divide",
                help=(f"use a multiple of {devices}",),
            )
        if self.groups != 1 and self.groups % devices:
            return Misfit(
                catalogue.INDIVISIBLE,
                "groups",
                f"{{layer}} has {self.groups} groups, which {devices} devices do not divide",
                help=(f"groups are 1 or a multiple of the {devices} devices",),
            )
        return None


def _divisors(a: int, b: int) -> str:
    common = gcd(a, b)
    found = [str(n) for n in range(1, min(common, 64) + 1) if common % n == 0]
    return ", ".join(found)
