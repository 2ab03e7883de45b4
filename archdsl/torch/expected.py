"""What a spec's network does with an image, layer by layer, in the terms of torch."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import cast

import torch
from torch import nn

from archdsl.analysis import Analysis
from archdsl.codegen.calls import calls
from archdsl.network import Branches, Layer
from archdsl.shape import Call
from archdsl.torch.trace import BATCH, Run


def expected(analysis: Analysis) -> dict[str, Run]:
    """By path, the layers that learn something or change the shape, each as torch runs it.

    A linear layer's input is flat, as torch's takes it. Joins are left out, which leave no module
    where a person writes them.
    """
    made = calls(analysis)
    return {
        layer.path: found
        for layer in analysis.network.layers
        if not isinstance(layer, Branches)
        for found in _layer(analysis, layer, made[layer.path])
    }


def _layer(analysis: Analysis, layer: Layer, made: tuple[Call, ...]) -> Iterator[Run]:
    flow = analysis.flow(layer)
    assert flow.input is not None and flow.output is not None, "only what is known is compared"
    with torch.device("meta"):
        *before, last = map(constructed, made)
        x = torch.empty(BATCH, *flow.input.dims)
        for module in before:
            x = module(x)
    learned = sum(parameter.numel() for parameter in last.parameters())
    shapes = tuple(x.shape), (BATCH, *flow.output.dims)
    found = Run(layer.path, layer.title, last, *shapes, learned, fresh=learned)
    if learned or found.changes_shape:
        yield found


def constructed(call: Call) -> nn.Module:
    """What a generated call makes."""
    home = import_module(f"archdsl.runtime.{call.helper}") if call.helper else nn
    made = getattr(home, call.target.removeprefix("nn."))
    return cast(nn.Module, made(*call.args, **dict(call.kwargs)))
