"""What torch makes of a network, told without archdsl: each layer written for torch by hand.

The tree of `networks` is walked with nothing of the compiler: blocks and repeats are expanded
here, layers are torch's modules, and figures are read off their tensors. What the language forbids
though torch does not is told from LANGUAGE.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import ceil, prod
from typing import Any, NamedTuple, TypeAlias

import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional

from archdsl.words.word import Op
from tests.soak.networks import Body, Item, Joined, Net, Repeated, Single, Used
from tests.words.oracle import rows_lost

Dims: TypeAlias = tuple[int, ...]

BATCH = 2

MAX_NUMBERS = 10**12
"""In a tensor: where the language ends and torch goes on."""

SMALL = 10**6
"""Numbers in tensors that are really computed. Torch checks less of those that only have shapes."""


class Made(NamedTuple):
    """What a layer makes of its input."""

    output: Dims
    weights: dict[str, Dims]
    macs: int
    lossy: bool = False
    """Rounding down loses rows or columns, which the language allows only if it is told."""
    undivided: bool = False
    """The devices do not divide its filters or groups."""
    meeting: bool = False
    """Branches meet of which the devices may not hold the parts that they join."""

    @property
    def figures(self) -> tuple[Dims, dict[str, Dims], int]:
        return self.output, self.weights, self.macs


class Refused(NamedTuple):
    """A layer cannot take its input."""

    reason: str


Result: TypeAlias = "Made | Refused | None"
"""Of one layer; None where its input is not known."""


@dataclass
class Walk:
    """A part of a network, walked. The results are those of its layers, joins after branches."""

    results: list[Result] = field(default_factory=list)
    ops: list[Op | None] = field(default_factory=list)
    output: Dims | None = None
    depth: int = 0

    @property
    def made(self) -> list[Made]:
        return [result for result in self.results if isinstance(result, Made)]

    @property
    def refusals(self) -> list[Refused]:
        return [result for result in self.results if isinstance(result, Refused)]

    @property
    def lossy(self) -> bool:
        return any(made.lossy for made in self.made)

    @property
    def undivided(self) -> bool:
        return any(made.undivided for made in self.made)

    @property
    def meeting(self) -> bool:
        return any(made.meeting for made in self.made)

    @property
    def sound(self) -> bool:
        """Nothing is wrong with it."""
        return len(self.made) == len(self.results) and not (self.lossy or self.undivided)


def walked(net: Net, parameter: int | None) -> Walk:
    """The whole network, its parameter filled in."""
    return through(net.body, net.input, parameter, net.devices)


def through(body: Body, x: Dims | None, parameter: int | None, devices: int) -> Walk:
    """What a part of a network makes of an input."""
    walk = Walk(output=x)
    for item in body:
        _item(walk, item, parameter, devices)
    return walk


def _item(walk: Walk, item: Item, parameter: int | None, devices: int) -> None:
    x = walk.output
    match item:
        case Single():
            try:
                op = item.bound(parameter)
            except ValidationError:
                _add(walk, None, Refused("the parameter's value is no legal argument"))
            else:
                _add(walk, op, None if x is None else layer(op, x, devices))
                if x is None and op.word == "linear":
                    values: Any = op
                    walk.output = (values.features,)  # whatever it is given
                walk.depth += op.word in ("conv", "linear")
        case Joined():
            parts = [through(branch, x, parameter, devices) for branch in item.branches]
            for part in parts:
                walk.results += part.results
                walk.ops += part.ops
            ends = [part.output for part in parts if part.output is not None]
            made = joined(item.op, ends, devices) if len(ends) == len(parts) else None
            _add(walk, item.op, None if x is None and isinstance(made, Made) else made)
            if isinstance(made, Made):
                walk.output = made.output  # of branches that are known though their input is not
            walk.depth += max(part.depth for part in parts)
        case Repeated():
            for _ in range(item.count):
                _append(walk, through(item.body, walk.output, parameter, devices))
        case Used():
            _append(walk, through(item.block.body, x, item.parameter(parameter), devices))


def _add(walk: Walk, op: Op | None, result: Result) -> None:
    walk.ops.append(op)
    walk.results.append(result)
    walk.output = result.output if isinstance(result, Made) else None


def _append(walk: Walk, part: Walk) -> None:
    walk.results += part.results
    walk.ops += part.ops
    walk.output = part.output
    walk.depth += part.depth


def joined(op: Op, ends: Sequence[Dims], devices: int) -> Made | Refused:
    """What a join makes of its branches' outputs."""
    tensors = [torch.empty(BATCH, *end, device="meta") for end in ends]
    try:
        y = torch.cat(tensors, dim=1) if op.word == "concat" else sum(tensors)
    except (RuntimeError, IndexError) as error:
        return Refused(str(error))
    assert isinstance(y, Tensor)
    output = tuple(y.shape[1:])
    if op.word == "add" and any(end != output for end in ends):
        return Refused("numbers would be repeated to make the branches alike")
    return _limited(Made(output, {}, 0, meeting=any(end[0] % devices for end in ends)))


@lru_cache(maxsize=100_000)
def layer(op: Op, x: Dims, devices: int) -> Made | Refused:
    """What torch's module for a layer makes of an input."""
    if len(x) == 3 and (reason := _forbidden(op)):
        return Refused(reason)
    device = "cpu" if _numbers(op, x) < SMALL else "meta"
    try:
        with torch.device(device), torch.no_grad():
            y, module = _run(op, x)
    except (RuntimeError, ValueError, IndexError) as error:
        return Refused(str(error))
    if y.ndim == 0 or y.shape[0] != BATCH:
        return Refused("the batch's axis was taken for the images'")
    output = tuple(y.shape[1:])
    return _limited(
        Made(
            output,
            {name: tuple(parameter.shape) for name, parameter in module.named_parameters()},
            _macs(module, output),
            lossy=_is_lossy(op, x),
            undivided=devices > 1 and not _is_divided(op, devices),
        )
    )


def _limited(made: Made) -> Made | Refused:
    sizes = [prod(made.output), *(prod(dims) for dims in made.weights.values())]
    return Refused("too large for the language") if max(sizes) > MAX_NUMBERS else made


def _numbers(op: Op, x: Dims) -> int:
    """At least as many numbers as computing the layer takes."""
    values: Any = op
    outputs = getattr(values, "filters", getattr(values, "features", x[0]))
    kernel, pad = (getattr(values, name, (1, 1)) for name in ("kernel", "pad"))
    size = getattr(values, "size", 1)
    padded = [n + 2 * p for n, p in zip(x[1:], pad if pad != "same" else kernel, strict=False)]
    grown = prod(size) if isinstance(size, tuple) else 1
    return max(x[0], outputs) * prod(padded or x) * prod(kernel) * grown


def _run(op: Op, x: Dims) -> tuple[Tensor, nn.Module]:
    """The output for a batch, and the module that makes it, with the parameters."""
    values: Any = op
    batch = torch.empty(BATCH, *x)
    make = MODULES.get(op.word)
    match op.word:
        case "conv":
            return _convolved(values, batch)
        case "linear":
            flat = batch.flatten(1)
            module: nn.Module = nn.Linear(flat.shape[1], values.features, bias=values.bias)
            return module(flat), module
        case "batchnorm":
            norm = nn.BatchNorm2d if len(x) == 3 else nn.BatchNorm1d
            module = norm(x[0], values.eps, values.momentum, values.affine)
        case _:
            assert make is not None, f"how torch does {op.word} belongs into MODULES"
            module = make(values, x)
    return module.eval()(batch), module


def _convolved(op: Any, batch: Tensor) -> tuple[Tensor, nn.Module]:
    """torch.nn.Conv2d, after zeros at the far edges where the output size is rounded up."""
    module = nn.Conv2d(
        batch.shape[1], op.filters, op.kernel, op.stride, op.pad, op.dilation, op.groups, op.bias
    )
    if op.rounding == "ceil" and op.pad != "same" and batch.ndim == 4:
        axes = zip(batch.shape[2:], op.kernel, op.stride, op.pad, op.dilation, strict=True)
        bottom, right = (_far_zeros(*axis) for axis in axes)
        batch = functional.pad(batch, (0, right, 0, bottom))
    return module(batch), module


def _far_zeros(size: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Zeros that the windows of an output size rounded up reach beyond the padding.

    LANGUAGE.md, Rounding. A window that rounding up adds is dropped where it would start in the far
    padding.
    """
    extent = dilation * (kernel - 1) + 1
    exact = Fraction(size + 2 * pad - extent, stride) + 1
    count = ceil(exact)
    if count > exact and (count - 1) * stride - pad >= size:
        count -= 1
    return max(0, (count - 1) * stride + extent - size - 2 * pad)


def _pool(op: Any, make: Callable[..., nn.Module], **options: Any) -> nn.Module:
    pad = tuple(k // 2 for k in op.kernel) if op.pad == "same" else op.pad
    return make(op.kernel, op.stride, pad, ceil_mode=op.rounding == "ceil", **options)


def _response_norm(op: Any) -> nn.Module:
    """Its sums: over channels, or over the square around each place."""
    if op.across == "channels":
        return nn.LocalResponseNorm(op.size, op.alpha * op.size, op.beta, op.k)
    return nn.AvgPool2d(op.size, 1, op.size // 2)


MODULES: dict[str, Callable[[Any, Dims], nn.Module]] = {
    "maxpool": lambda op, x: _pool(op, nn.MaxPool2d),
    "avgpool": lambda op, x: _pool(op, nn.AvgPool2d, count_include_pad=op.count_pad),
    "adaptiveavgpool": lambda op, x: nn.AdaptiveAvgPool2d(op.size),
    "globalavgpool": lambda op, x: nn.AdaptiveAvgPool2d(1),
    "lrn": lambda op, x: _response_norm(op),
    "relu": lambda op, x: nn.ReLU(),
    "tanh": lambda op, x: nn.Tanh(),
    "sigmoid": lambda op, x: nn.Sigmoid(),
    "gelu": lambda op, x: nn.GELU(),
    "silu": lambda op, x: nn.SiLU(),
    "softmax": lambda op, x: nn.Softmax(dim=1),
    "leakyrelu": lambda op, x: nn.LeakyReLU(op.slope),
    "elu": lambda op, x: nn.ELU(op.alpha),
    "prelu": lambda op, x: nn.PReLU(x[0]),
    "dropout": lambda op, x: nn.Dropout(op.rate),
    "flatten": lambda op, x: nn.Flatten(),
    "identity": lambda op, x: nn.Identity(),
}


def _macs(module: nn.Module, output: Dims) -> int:
    """Each output is the sum of as many products as a filter, or a row, has weights."""
    if not isinstance(module, nn.Conv2d | nn.Linear):
        return 0
    return prod(output) * (module.weight.numel() // module.weight.shape[0])


# --- what the language forbids and torch does not ---------------------------------------------


def _forbidden(op: Op) -> str | None:
    """LANGUAGE.md: `pad=same` keeps the size (stride 1, odd extent)."""
    values: Any = op
    if getattr(values, "pad", None) != "same":
        return None
    stride = values.stride or values.kernel
    dilation = getattr(values, "dilation", (1, 1))
    odd = all((k - 1) * d % 2 == 0 for k, d in zip(values.kernel, dilation, strict=True))
    return None if tuple(stride) == (1, 1) and odd else "pad=same cannot keep the size"


def _is_lossy(op: Op, x: Dims) -> bool:
    values: Any = op
    if op.word not in ("conv", "maxpool", "avgpool"):
        return False
    if values.rounding == "ceil" or values.pad == "same" or "lossy_stride" in values.allow:
        return False
    stride = values.stride or values.kernel
    dilation = getattr(values, "dilation", (1, 1))
    axes = zip(x[1:], values.kernel, stride, values.pad, dilation, strict=True)
    return any(rows_lost(*axis) for axis in axes)


def _is_divided(op: Op, devices: int) -> bool:
    """LANGUAGE.md, Devices: conv channels divide by the devices, and groups too, unless 1."""
    values: Any = op
    if op.word != "conv":
        return True
    groups = values.groups == 1 or values.groups % devices == 0
    return bool(values.filters % devices == 0 and groups)
