"""Whether two layers are of one kind, and do the same where they are not."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from archdsl.torch.trace import Run, is_torchs

_Kinds = tuple[type[nn.Module], ...]

_ALSO: dict[type[nn.Module], _Kinds] = {nn.BatchNorm2d: (nn.SyncBatchNorm,)}
"""Kinds that do what another does and are not derived from it."""

_MEANS: _Kinds = (nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_LARGEST: _Kinds = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)


def is_kind(here: Run, there: Run) -> bool:
    """Whether the layer `here` is of the kind of that `there`."""
    kind = type(there.layer)
    return isinstance(here.layer, (kind, *_ALSO.get(kind, ())))


def other_kind(here: Run, there: Run) -> bool:
    """Whether two layers are torch's own and of kinds that do not do the same.

    A class of the user's own may do what any of torch's does.
    """
    if is_kind(here, there) or not (is_torchs(here.layer) and is_torchs(there.layer)):
        return False
    pooled = _pooled(here)
    return pooled is None or pooled != _pooled(there)


class _Pooled(NamedTuple):
    """Means or maxima of windows side by side, of which rows and columns are full."""

    largest: bool
    windows: tuple[int, ...]
    """Rows and columns of windows: the output's."""


def _pooled(run: Run) -> _Pooled | None:
    """A pooling as one whose windows cover its input once, where it is such a one: then
    AvgPool2d and AdaptiveAvgPool2d give the same numbers."""
    layer = run.layer
    if run.input is None or run.output is None or not isinstance(layer, (*_MEANS, *_LARGEST)):
        return None
    space, windows = run.input[2:], run.output[2:]
    if isinstance(layer, nn.AvgPool2d | nn.MaxPool2d):
        kernel = _pair(layer.kernel_size)
        covered = tuple(k * n for k, n in zip(kernel, windows, strict=True)) == space
        whole = covered and _pair(layer.padding) == (0, 0)
    else:
        whole = all(rows % n == 0 for rows, n in zip(space, windows, strict=True))
    return _Pooled(isinstance(layer, _LARGEST), windows) if whole else None


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
