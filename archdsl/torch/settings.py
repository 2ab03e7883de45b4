"""What a module was constructed with, as far as it tells, in the one form that compares."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache

from torch import Tensor, nn

FROM_INPUT = frozenset({"in_channels", "in_features", "num_features"})
"""What follows from the layer before, and is told there if it differs."""

NOT_TOLD = frozenset({"device", "dtype", "inplace", "return_indices", "args", "kwargs"})
"""What changes no number that the layer gives."""


def settings(module: nn.Module, kind: type[nn.Module]) -> dict[str, object]:
    """The arguments of a constructor of `kind`, by name, as the module keeps them."""
    return {
        name: _comparable(name, getattr(module, name), module)
        for name in _arguments(kind)  # type: ignore[arg-type]  # mypy doubts that classes have hashes
        if hasattr(module, name)
    }


@cache
def _arguments(kind: type[nn.Module]) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(kind).parameters if name not in NOT_TOLD)


def differing(
    here: dict[str, object], there: dict[str, object]
) -> Iterator[tuple[str, object, object]]:
    """Settings that two modules of one kind have with other values."""
    for name, value in there.items():
        if name in here and here[name] != value:
            yield name, here[name], value


def text(value: object) -> str:
    """`3`, `3x5` of a tuple, `yes` of a switch."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "x".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def _comparable(name: str, value: object, module: nn.Module) -> object:
    """`3` for `(3, 3)`, a padding as numbers, and whether there is a bias."""
    if name == "bias":
        return isinstance(value, Tensor)
    if name == "padding" and isinstance(value, str) and isinstance(module, nn.Conv2d):
        value = tuple(_padding(value, module))
    if isinstance(value, tuple) and len(set(value)) == 1:
        return value[0]
    return value


def _padding(word: str, conv: nn.Conv2d) -> Iterator[float]:
    """What `padding="same"` and `"valid"` add on each side: half a row where one side has more."""
    for kernel, dilation in zip(conv.kernel_size, conv.dilation, strict=True):
        added = dilation * (kernel - 1)
        yield 0 if word == "valid" else added // 2 if added % 2 == 0 else added / 2
