"""What a word speaks in: shapes, windows, misfits, constructor calls and looks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import gcd, prod
from typing import NamedTuple, TypeAlias

from archdsl.diagnostics import Rule


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of one image's tensor: CxHxW, or F for a vector of features. No batch axis."""

    dims: tuple[int, ...]

    @property
    def is_map(self) -> bool:
        """Whether this is a CxHxW feature map rather than a vector."""
        return len(self.dims) == 3

    @property
    def channels(self) -> int:
        """C of CxHxW, or the features of a vector: the axis that devices and groups divide."""
        return self.dims[0]

    @property
    def axis(self) -> str:
        """What `channels` counts."""
        return "channels" if self.is_map else "features"

    @property
    def size(self) -> int:
        """How many numbers the tensor holds."""
        return prod(self.dims)

    @property
    def product(self) -> str:
        """The size to read: `256·6·6 = 9,216`, and `4,096` of a vector."""
        return product(*self.dims)

    def __str__(self) -> str:
        return "x".join(map(str, self.dims))


def product(*factors: int) -> str:
    """`256·6·6 = 9,216`; a single factor is its own product."""
    written = times(*factors)
    return f"{written} = {prod(factors):,}" if len(factors) > 1 else written


def times(*factors: int) -> str:
    """`256·6·6`."""
    return "·".join(f"{factor:,}" for factor in factors)


def even_part(size: int, part: int, parts: int) -> int:
    """How many of `size` channels a part has, which count from 0: the first ones one more."""
    return size // parts + (part < size % parts)


class Window(NamedTuple):
    """A kernel, stride, padding or dilation: HxW."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"

    @property
    def brief(self) -> str:
        """`3` for a square window, else `3x5`."""
        return str(self.height) if self.height == self.width else str(self)


class Misfit(Exception):
    """A word cannot take its input, or says something impossible of it.

    `field` names the argument to blame, or is None for the whole statement. The binder knows
    where that argument stands; the word need not.
    """

    def __init__(
        self,
        rule: Rule,
        field: str | None,
        message: str,
        *,
        label: str = "",
        notes: tuple[str, ...] = (),
        help: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.field = field
        self.message = message
        self.label = label
        self.notes = notes
        self.help = help


Argument: TypeAlias = "int | float | bool | str | Window | tuple[Argument, ...]"


class Call(NamedTuple):
    """A constructor call in generated code, as data: `nn.Conv2d(3, 96, kernel_size=11)`.

    `helper` names the file of runtime/ that defines the target where torch does not.
    """

    target: str
    args: tuple[Argument, ...] = ()
    kwargs: tuple[tuple[str, Argument], ...] = ()
    helper: str | None = None


def call(target: str, *args: Argument, **kwargs: Argument) -> Call:
    """A `Call`, written like the call that it stands for."""
    return Call(target, args, tuple(kwargs.items()))


def helper_call(helper: str, target: str, **kwargs: Argument) -> Call:
    """A call of what runtime/`helper`.py defines."""
    return Call(target, (), tuple(kwargs.items()), helper)


class Family(Enum):
    """What kind of layer a word is, for colours and legends."""

    CONVOLUTION = "convolution"
    POOLING = "pooling"
    ACTIVATION = "activation"
    NORMALISATION = "normalisation"
    DENSE = "dense"
    REGULARISATION = "regularisation"
    RESHAPING = "reshaping"
    JOINING = "joining"


class Sliding(NamedTuple):
    """A window slid along one axis of length `size`: the arithmetic of convolution and pooling.

    Output size = (size + 2·pad − extent) / stride + 1, rounded down, or up with `ceil`, where
    extent = dilation·(kernel − 1) + 1. A window that rounding up added is dropped if it would start
    in the far padding, as PyTorch's pooling does (aten/src/ATen/native/Pool.h,
    pooling_output_shape).
    """

    size: int
    kernel: int
    stride: int = 1
    pad: int = 0
    dilation: int = 1
    ceil: bool = False

    @property
    def extent(self) -> int:
        return self.dilation * (self.kernel - 1) + 1

    @property
    def span(self) -> int:
        """How far the window can move: padded size less the window's extent."""
        return self.size + 2 * self.pad - self.extent

    @property
    def output(self) -> int:
        if not self.ceil:
            return self.span // self.stride + 1
        count = -(-self.span // self.stride) + 1
        last = (count - 1) * self.stride
        return count - 1 if last > self.span and last >= self.size + self.pad else count

    @property
    def rounded_up(self) -> int:
        """The output size if nothing were lost."""
        return -(-self.span // self.stride) + 1

    @property
    def far_pad(self) -> int:
        """Zeros to add at the far edge so that every window of `output` is whole."""
        return max(0, (self.output - 1) * self.stride - self.span)

    @property
    def unseen(self) -> int:
        """Real rows (or columns) after the last one that a window visits, if rounding loses them.

        0 unless they outnumber the longest run that the layer would skip between windows on an
        endless input: a stride larger than the kernel skips on purpose.
        """
        if self.ceil or self.span % self.stride == 0:
            return 0
        rows = self.size - 1 - self._last_visited
        return rows if rows > self._longest_skip else 0

    @property
    def _last_visited(self) -> int:
        """The last real row that a window visits, −1 if none does.

        With dilation it is not always in the last window.
        """
        if self.dilation == 1:
            last = (self.output - 1) * self.stride + self.kernel - 1 - self.pad
            return max(min(last, self.size - 1), -1)
        visited = [-1]
        for point in range(self.kernel):
            offset = point * self.dilation - self.pad
            window = min(self.output - 1, (self.size - 1 - offset) // self.stride)
            if window >= 0:
                visited.append(window * self.stride + offset)
        return max(visited)

    @property
    def _longest_skip(self) -> int:
        if self.dilation == 1:
            return max(0, self.stride - self.kernel)
        # Rows are visited by their residue modulo the stride; find the longest gap between those.
        period = self.stride // gcd(self.dilation, self.stride)
        visited = sorted({j * self.dilation % self.stride for j in range(min(self.kernel, period))})
        after = [*visited[1:], visited[0] + self.stride]
        return max(b - a - 1 for a, b in zip(visited, after, strict=True))

    @property
    def formula(self) -> str:
        """`(224 + 2·2 − 11) / 4 + 1 = 55.25`, without what is not there."""
        pad = f" + 2·{self.pad}" if self.pad else ""
        top = f"({self.size}{pad} − {self.extent})"
        over = f" / {self.stride}" if self.stride > 1 else ""
        if self.output < 1:
            return f"{top} < 0"
        return f"{top}{over} + 1 = {_decimal(self.span, self.stride)}"

    @property
    def workings(self) -> tuple[str, ...]:
        """The formula with what goes before it, a dilated window's extent, and what rounding makes
        of it."""
        extent = f"{self.dilation}·({self.kernel} − 1) + 1 = {self.extent}, the window's extent"
        rounded = ""
        if self.span % self.stride:
            way = "up" if self.output == self.rounded_up else "down"
            rounded = f", which rounds {way} to {self.output}"
        return (*((extent,) if self.dilation > 1 else ()), self.formula + rounded)


def _decimal(span: int, stride: int) -> str:
    """span / stride + 1 with two decimals, or as many as tell it from a whole number."""
    value = Fraction(span, stride) + 1
    if value.denominator == 1:
        return str(value)
    digits = 2
    while int(value * 10**digits) % 10**digits == 0 and digits < 6:
        digits += 1
    return f"{float(value):.{digits}f}".rstrip("0")
