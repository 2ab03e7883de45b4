"""Edits of layers: of one argument of one layer, of many, or of a block's use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import gcd

from archdsl.analysis import Analysis
from archdsl.analysis.repair.candidate import (
    LITERAL,
    READING,
    Candidate,
    Change,
    Family,
    Rewrite,
    Value,
    argument,
    written_out,
)
from archdsl.diagnostics import Edit
from archdsl.network import Layer, Network, Use
from archdsl.shape import Misfit, Shape, Sliding, Window
from archdsl.source import Span
from archdsl.words.arithmetic import Quantity
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Op

NEAR = 4
"""Other kernels and strides are at most this much larger; so many multiples or divisors of a
number are tried."""

MAX_SMALL = 16
"""A larger number is no kernel, stride, padding or count of groups."""

_TORCHVISION = ("pad", Window(11, 11), Window(4, 4), Window(2, 2))
_REMARKS: dict[tuple[object, ...], str] = {
    _TORCHVISION: "as in torchvision's AlexNet",
    ("rounding", True, "ceil"): "as in cuda-convnet, on which AlexNet was trained",
    ("rounding", False, "ceil"): "as in Caffe, which rounds pooling up",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Numbers that would fit: what edits of channels aim at.

    `counts` are channels that are asked for, `steps` by how much there are too few, and `divisors`
    what has to divide them.
    """

    counts: frozenset[int] = frozenset()
    steps: frozenset[int] = frozenset()
    divisors: frozenset[int] = frozenset()


# --- one argument of one layer ----------------------------------------------------------------


def of_layer(
    analysis: Analysis, layer: Layer, fields: frozenset[str], wanted: Wanted
) -> Iterator[Family]:
    """Other values of those of a layer's arguments that are among `fields`."""
    network, x = analysis.network, analysis.flow(layer).input
    if x is None:
        return
    for field in type(layer.op).arguments():
        if field in fields and field in _VALUES:
            yield _values(network, layer, field, _VALUES[field](layer.op, x, network, wanted))
    if "kernel" in fields:
        yield _windows(network, layer, x)


def _values(network: Network, layer: Layer, field: str, values: Iterator[Value]) -> Family:
    for value in values:
        candidate = argument(
            network,
            [layer],
            field,
            value,
            _size(layer.op, field, value),
            _remark(layer.op, field, value),
        )
        if (
            candidate is not None
            and layer.op.model_copy(update={field: value}).contradiction() is None
        ):
            yield candidate


def _windows(network: Network, layer: Layer, x: Shape) -> Family:
    """Other kernels with the padding that keeps the output's size, or with the stride that follows
    from the kernel where none is written."""
    height = _height(layer.op, x)
    if height is None:
        return
    for kernel in _kernels(layer.op, x, network, Wanted()):
        grown = kernel.height - height.kernel
        other = argument(network, [layer], "kernel", kernel, _size(layer.op, "kernel", kernel))
        kept: Candidate | None = None
        if getattr(layer.op, "stride", kernel) is None:
            stride = Window(height.stride, height.stride)
            kept = argument(network, [layer], "stride", stride, 0.0)
        elif grown % 2 == 0 and height.pad + grown // 2 >= 0:
            pad = Window(height.pad + grown // 2, height.pad + grown // 2)
            kept = argument(network, [layer], "pad", pad, 0.0)
        if other is not None and kept is not None:
            yield other.beside(kept)


def _paddings(op: Op, x: Shape, network: Network, wanted: Wanted) -> Iterator[Value]:
    height = _height(op, x)
    if height is not None:
        yield from _square(range(height.extent // 2 + 1), height.pad)


def _height(op: Op, x: Shape) -> Sliding | None:
    """How a window slides along the height; None where none does."""
    if not isinstance(op, SlidingOp):
        return None
    try:
        height, _ = op.axes(x)
    except Misfit:
        return None
    return height


def _kernels(op: Op, x: Shape, network: Network, wanted: Wanted) -> Iterator[Window]:
    """Square windows; an odd one of a convolution stays odd, since it has a centre."""
    kernel = getattr(op, "kernel", None)
    if isinstance(kernel, Window) and kernel.height == kernel.width:
        yield from _square(_kernel_sizes(kernel.height, op.weighted), kernel.height)


def _kernel_sizes(now: int, keeps_parity: bool) -> Iterator[int]:
    step = 2 if keeps_parity and now % 2 else 1
    near = range(max(1, now - NEAR), now + NEAR + 1)
    return (size for size in near if (size - now) % step == 0)


def _strides(op: Op, x: Shape, network: Network, wanted: Wanted) -> Iterator[Value]:
    stride = getattr(op, "stride", None) or getattr(op, "kernel", None)
    if isinstance(stride, Window) and stride.height == stride.width:
        yield from _square(range(1, stride.height + NEAR), stride.height)


def _square(sizes: Iterator[int] | range, now: int) -> Iterator[Window]:
    for size in sorted(sizes, key=lambda size: abs(size - now)):
        if size != now:
            yield Window(size, size)


def _roundings(op: Op, x: Shape, network: Network, wanted: Wanted) -> Iterator[Value]:
    yield "floor" if getattr(op, "rounding", "") == "ceil" else "ceil"


def _biases(op: Op, x: Shape, network: Network, wanted: Wanted) -> Iterator[Value]:
    yield not getattr(op, "bias", True)


def _groups(op: Op, x: Shape, network: Network, wanted: Wanted) -> Iterator[Value]:
    now, filters = getattr(op, "groups", 1), getattr(op, "filters", 1)
    both = gcd(x.channels, filters)
    fitting = [n for n in range(1, min(both, 2 * now + NEAR) + 1) if both % n == 0 and n != now]
    near = sorted(fitting, key=lambda n: abs(n - now))[:NEAR]
    yield from dict.fromkeys([*near, *(n for n in (1, network.devices) if n in fitting)])


def _counts(field: str) -> Callable[[Op, Shape, Network, Wanted], Iterator[Value]]:
    """Numbers of filters or features."""

    def values(op: Op, x: Shape, network: Network, wanted: Wanted) -> Iterator[Value]:
        now: int = getattr(op, field)
        divisors = {*wanted.divisors, getattr(op, "groups", 1)} - {1}
        found = {
            *wanted.counts,
            *(now + step for step in wanted.steps),
            *(now // n * n for n in divisors),
            *(-(-now // n) * n for n in divisors),
        }
        yield from sorted((n for n in found if n > 0 and n != now), key=lambda n: abs(n - now))

    return values


_VALUES: dict[str, Callable[[Op, Shape, Network, Wanted], Iterator[Value]]] = {
    "pad": _paddings,
    "kernel": _kernels,
    "stride": _strides,
    "rounding": _roundings,
    "bias": _biases,
    "groups": _groups,
    "filters": _counts("filters"),
    "features": _counts("features"),
}


def count_of(network: Network, layer: Layer, field: str, value: int) -> Candidate | None:
    """Another number of filters or features of a layer."""
    return argument(network, [layer], field, value, _size(layer.op, field, value))


OF_SPACE = frozenset(("pad", "kernel", "stride", "rounding"))
"""Arguments that heights and widths follow from."""

OF_CHANNELS = frozenset(("groups", "filters", "features"))
"""Arguments that channels follow from, or that must divide them."""

OF_FIGURES = frozenset(_VALUES)
"""Arguments that params and macs follow from."""


def _size(op: Op, field: str, value: Value) -> float:
    """How large a change of an argument is, from 0 to 1; a switch that is turned counts 1."""
    now = getattr(op, field)
    if field == "stride" and now is None:
        now = getattr(op, "kernel", None)
    if isinstance(now, Window) and isinstance(value, Window):
        kernel = getattr(op, "kernel", now)
        reference = max(kernel) if field == "pad" else max(*now, *value)
        return max(abs(a - b) for a, b in zip(now, value, strict=True)) / max(reference, 1)
    if type(now) is int and type(value) is int:
        return abs(now - value) / max(now, value)
    return 1.0


def _remark(op: Op, field: str, value: Value) -> str:
    """Where the change is what a known network or framework does."""
    kernel, stride = getattr(op, "kernel", None), getattr(op, "stride", None)
    return _REMARKS.get((field, kernel, stride, value)) or _REMARKS.get(
        (field, op.weighted, value), ""
    )


# --- arguments of a block's use ----------------------------------------------------------------


def of_use(use: Use, again: Rewrite, wanted: Wanted) -> Iterator[Family]:
    """Other values of the arguments that a block is used with, written out or left out."""
    for name, value in use.parameters.items():
        place = use.arguments.get(name)
        if place is None or LITERAL.fullmatch(place.text):
            yield _argument_values(use, name, value, place, again, wanted)


def _argument_values(
    use: Use, name: str, now: Quantity, place: Span | None, again: Rewrite, wanted: Wanted
) -> Family:
    for value in _near(now, wanted):
        text = written_out(value)
        keyed = f"{name}={text}"
        end = Span(use.head.source, use.head.end, use.head.end)
        if place is None:
            edit = Edit(end, f" {keyed}")
        else:
            edit = Edit(place, keyed if "=" in place.text else text)
        yield Candidate(
            title=keyed,
            edits=(edit,),
            change=_rewritten(again, edit),
            about=(name, use.head),
            added=place is None,
            size=_distance(now, value),
            subject=f"line {use.head.line}:",
            head=use.head,
            cost=READING,
        )


def _near(now: Quantity, wanted: Wanted) -> Iterator[int | Window]:
    """Values near to one that is a size, a step or a padding; for a larger one, those wanted."""
    if isinstance(now, int):
        counts = (*wanted.counts, *(now + step for step in wanted.steps))
        found = range(now + NEAR + 1) if now <= MAX_SMALL else counts
        yield from sorted({n for n in found if n >= 0 and n != now}, key=lambda n: abs(n - now))
    elif isinstance(now, tuple) and len(set(now)) == 1 and isinstance(now[0], int):
        yield from _square(_kernel_sizes(now[0], keeps_parity=True), now[0])


def _distance(now: Quantity, value: int | Window) -> float:
    a = now[0] if isinstance(now, tuple) else now
    b = value.height if isinstance(value, Window) else value
    return abs(a - b) / max(a, b)


def _rewritten(again: Rewrite, edit: Edit) -> Change:
    return lambda network: again([edit])


# --- one argument of many layers --------------------------------------------------------------


def of_many(network: Network, statements: list[Layer], fields: frozenset[str]) -> Iterator[Family]:
    """An argument changed on every layer that shares its value."""
    for field in ("groups", "bias", "rounding", "pad"):
        if field not in fields:
            continue
        sharing: dict[tuple[object, ...], list[Layer]] = {}
        for layer in statements:
            if field in type(layer.op).arguments():
                kernel = getattr(layer.op, "kernel", None) if field == "pad" else None
                key = type(layer.op), kernel, getattr(layer.op, field)
                sharing.setdefault(key, []).append(layer)
        for layers in sharing.values():
            if len(layers) > 1:
                yield _shared(network, layers, field)


def _shared(network: Network, layers: list[Layer], field: str) -> Family:
    op = layers[0].op
    now = getattr(op, field)
    values: list[Value] = []
    match now:
        case bool():
            values = [not now]
        case int():
            values = [n for n in (1, network.devices) if n != now]
        case "floor" | "ceil":
            values = ["ceil" if now == "floor" else "floor"]
        case Window():
            kernel = getattr(op, "kernel", now)
            half = Window(kernel.height // 2, kernel.width // 2)
            values = [half if now != half else Window(0, 0)]
    for value in dict.fromkeys(values):
        remark = _remark(op, field, value)
        candidate = argument(network, layers, field, value, _size(op, field, value), remark)
        if candidate is not None and value != now:
            yield candidate
