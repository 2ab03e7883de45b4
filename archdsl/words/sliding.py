"""What convolution and pooling share: a window that slides over a CxHxW map."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from archdsl.diagnostics import catalogue
from archdsl.shape import Argument, Misfit, Shape, Sliding, Window
from archdsl.words.word import ALLOW, KEY_ONLY, Allowed, Op

SQUARE_ONE = Window(1, 1)
SQUARE_ZERO = Window(0, 0)


class SlidingOp(Op):
    """A layer whose output height and width follow from a window sliding over a CxHxW map."""

    allow: Allowed = Field((), description=ALLOW, json_schema_extra=KEY_ONLY)  # often a stride

    @abstractmethod
    def axes(self, x: Shape) -> tuple[Sliding, Sliding]:
        """The arithmetic along height and along width, for a CxHxW input. Raises Misfit."""

    def out_channels(self, x: Shape) -> int:
        return x.channels

    def output(self, x: Shape) -> Shape:
        height, width = self._fitting(x)
        return Shape((self.out_channels(x), height.output, width.output))

    def lossless(self, x: Shape) -> Shape:
        height, width = (a.rounded_up if a.unseen else a.output for a in self._fitting(x))
        return Shape((self.out_channels(x), height, width))

    def workings(self, x: Shape) -> tuple[str, ...]:
        height, width = self._fitting(x)
        if height == width:
            return height.workings
        named = (("height", height), ("width", width))
        return tuple(f"{name}: {step}" for name, axis in named for step in axis.workings)

    def concerns(self, x: Shape) -> Iterator[Misfit]:
        height, width = self.axes(x)
        if (height.unseen or width.unseen) and catalogue.LOSSY_STRIDE.argument not in self.allow:
            yield Misfit(
                catalogue.LOSSY_STRIDE,
                None,
                f"{{layer}} never sees the last {_lines(height.unseen, width.unseen)} "
                f"of its {height.size}x{width.size} input",
                notes=(
                    *(
                        f"{axis.formula}, which rounds down to {axis.output}"
                        for axis in dict.fromkeys((height, width))
                        if axis.unseen
                    ),
                    "the usual cause is a typo in a size; floor, ceil and padding conventions "
                    "also differ between frameworks",
                ),
            )

    def _fitting(self, x: Shape) -> tuple[Sliding, Sliding]:
        height, width = self.axes(x)
        if height.output < 1 or width.output < 1:
            raise Misfit(
                catalogue.WINDOW_TOO_LARGE,
                "kernel",
                f"{{layer}}'s {height.extent}x{width.extent} window is larger than its padded "
                f"{height.size + 2 * height.pad}x{width.size + 2 * width.pad} input",
                notes=tuple(
                    axis.formula for axis in dict.fromkeys((height, width)) if axis.output < 1
                ),
                help=("use a smaller kernel, more padding, or fewer strides before this layer",),
            )
        return height, width


def slide(
    x: Shape,
    kernel: Window,
    stride: Window,
    pad: Window | Literal["same"],
    rounding: str,
    dilation: Window = SQUARE_ONE,
) -> tuple[Sliding, Sliding]:
    """Both axes of a window over `x`. Raises Misfit for a vector and for an impossible `same`."""
    require_map(x)
    ceil = rounding == "ceil"
    padding = _same(kernel, stride, dilation) if isinstance(pad, str) else pad
    _, height, width = x.dims
    return (
        Sliding(height, kernel.height, stride.height, padding.height, dilation.height, ceil),
        Sliding(width, kernel.width, stride.width, padding.width, dilation.width, ceil),
    )


def require_map(x: Shape) -> None:
    """Raises Misfit if `x` is a vector."""
    if not x.is_map:
        raise Misfit(
            catalogue.WRONG_RANK,
            None,
            f"{{layer}} needs a CxHxW input and gets a vector of {x} features",
            help=("put it before the first linear or flatten layer",),
        )


def _same(kernel: Window, stride: Window, dilation: Window) -> Window:
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(s != 1 for s in stride) or any(extent % 2 == 0 for extent in extents):
        raise Misfit(
            catalogue.BAD_WINDOW,
            "pad",
            "{layer}'s pad=same keeps the size only with stride 1 and a window of odd size; "
            f"here the stride is {stride.brief} and the window {extents[0]}x{extents[1]}",
            help=("write the padding as a number",),
        )
    return Window(*((extent - 1) // 2 for extent in extents))


def _lines(rows: int, columns: int) -> str:
    parts = [
        noun if count == 1 else f"{count} {noun}s"
        for count, noun in ((rows, "row"), (columns, "column"))
        if count
    ]
    return " and ".join(parts)


def argument(window: Window) -> Argument:
    """A window as torch takes it: an int where it is square."""
    return window.height if window.height == window.width else (window.height, window.width)


def steps(stride: Window | None, pad: Window | Literal["same"]) -> str:
    """` /4 p2`: a stride and a padding as tables and pictures write them; trivial ones not."""
    step = f" /{stride.brief}" if stride else ""
    if pad == SQUARE_ZERO:
        return step
    return f"{step} same" if isinstance(pad, str) else f"{step} p{pad.brief}"
