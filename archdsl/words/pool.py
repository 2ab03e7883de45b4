"""Pooling."""

from pydantic import Field

from archdsl.diagnostics import catalogue
from archdsl.shape import (
    Argument,
    Call,
    Family,
    Misfit,
    Shape,
    Sliding,
    Window,
    call,
    product,
)
from archdsl.words.sliding import SQUARE_ZERO, SlidingOp, argument, require_map, slide, steps
from archdsl.words.word import Extent, Op, Padding, Rounding, Switch


class Pool(SlidingOp):
    """What the two sliding pools share. They overlap where the stride is less than the kernel."""

    look = Family.POOLING

    kernel: Extent = Field(description="height and width of the window")
    stride: Extent | None = Field(None, description="step of the window; without it, the kernel")
    pad: Padding = Field(SQUARE_ZERO, description="rows and columns added on each side")
    rounding: Rounding = Field("floor", description="of the output size")

    def axes(self, x: Shape) -> tuple[Sliding, Sliding]:
        axes = slide(x, self.kernel, self.stride or self.kernel, self.pad, self.rounding)
        if any(axis.pad > axis.kernel // 2 for axis in axes):
            raise Misfit(
                catalogue.BAD_WINDOW,
                "pad",
                f"{{layer}}'s padding {axes[0].pad}x{axes[1].pad} is more than half of its "
                f"{self.kernel} kernel, so a window could lie in padding alone",
                help=("pad by at most half of the kernel",),
            )
        return axes

    def _options(self, x: Shape) -> dict[str, Argument]:
        height, width = self.axes(x)
        options: dict[str, Argument] = {"kernel_size": argument(self.kernel)}
        if self.stride is not None:
            options["stride"] = argument(self.stride)
        if height.pad or width.pad:
            options["padding"] = argument(Window(height.pad, width.pad))
        if self.rounding == "ceil":
            options["ceil_mode"] = True
        return options

    @property
    def brief(self) -> str:
        return f"{self.word} {self.kernel.brief}{steps(self.stride, self.pad)}"


class MaxPool(Pool, word="maxpool"):
    """Max pooling: y = max of the window, in each channel.

    Padding is minus infinity. Windows overlap where the stride is less than the kernel: Krizhevsky
    et al. 2012, section 3.4.
    """

    prose = "Max pooling"
    example = """
    maxpool 2x2                    -> 3x32x32
    maxpool 3x3 stride=2 pad=1     -> 3x16x16   # windows that overlap
    """

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.MaxPool2d", **self._options(x)),)


class AvgPool(Pool, word="avgpool"):
    """Average pooling: y = mean of the window, in each channel.

    The mean is over the real values in the window. With count_pad=yes the padding counts as zeros,
    as PyTorch's count_include_pad=True.
    """

    prose = "Average pooling"
    example = """
    avgpool 2x2                                  -> 3x32x32
    avgpool 3x3 stride=2 pad=1 count_pad=yes     -> 3x16x16
    """

    count_pad: Switch = Field(False, description="whether padding counts in the mean")

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        options = self._options(x)
        if "padding" in options or "ceil_mode" in options:
            options["count_include_pad"] = self.count_pad
        return (call("nn.AvgPool2d", **options),)


class AdaptiveAvgPool(Op, word="adaptiveavgpool"):
    """Average pooling to a given output size.

    The windows are as even as possible: row i is the mean of rows floor(i·H/h) to
    ceil((i+1)·H/h) − 1, as in torch.nn.AdaptiveAvgPool2d.
    """

    look = Family.POOLING
    prose = "Average pooling"
    example = """
    conv 64 3x3 stride=2 pad=1     -> 64x32x32
    adaptiveavgpool 6              -> 64x6x6
    linear 10
    """

    size: Extent = Field(description="output height and width")

    def output(self, x: Shape) -> Shape:
        require_map(x)
        return Shape((x.channels, *self.size))

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.AdaptiveAvgPool2d", argument(self.size)),)

    @property
    def brief(self) -> str:
        return f"{self.word} {self.size.brief}"


class GlobalAvgPool(Op, word="globalavgpool"):
    """The mean of each channel: CxHxW to Cx1x1.

    Lin, Chen and Yan 2013, section 3.2.
    """

    look = Family.POOLING
    prose = "Average pooling"
    example = """
    conv 64 3x3 stride=2 pad=1     -> 64x32x32
    globalavgpool                  -> 64x1x1
    linear 10
    """

    def output(self, x: Shape) -> Shape:
        require_map(x)
        return Shape((x.channels, 1, 1))

    def workings(self, x: Shape) -> tuple[str, ...]:
        require_map(x)
        return (f"the mean of {product(*x.dims[1:])} numbers",)

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.AdaptiveAvgPool2d", 1),)
