"""Dropout and local response norms, which change no shape: held against the spec's where it is
plain which is which."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import NamedTuple

from torch import nn

from archdsl.analysis import Analysis
from archdsl.codegen.calls import calls
from archdsl.network import Branches, Layer
from archdsl.torch.expected import constructed
from archdsl.torch.trace import Run, Trace

KINDS: dict[str, type[nn.Module]] = {
    "nn.Dropout": nn.Dropout,
    "LocalResponseNorm": nn.LocalResponseNorm,
}
"""By what is emitted, what a person writes for it."""


class Quiet(NamedTuple):
    """A layer of the spec and the module's, and the arguments that differ: `p=0.4`, here and
    there."""

    layer: Layer
    run: Run
    other: tuple[tuple[str, str], ...]


def quiet(analysis: Analysis, trace: Trace) -> Iterator[Quiet]:
    """The layers of which the module has as many as the spec, all outside of joins: the first is
    the first. Functions of `forward` leave none, and other numbers of them tell no pairs."""
    inside = {
        layer.path
        for join in analysis.network.layers
        if isinstance(join, Branches)
        for branch in join.branches
        for layer in branch.layers
    }
    made = calls(analysis)
    for target, kind in KINDS.items():
        there = [
            (layer, constructed(made[layer.path][-1]))
            for layer in analysis.network.layers
            if not isinstance(layer, Branches) and made[layer.path][-1].target == target
        ]
        here = [run for run in trace.runs if isinstance(run.layer, kind)]
        apart = any(layer.path in inside or _in_towers(each) for layer, each in there)
        if len(here) == len(there) and not apart:
            for (layer, each), run in zip(there, here, strict=True):
                yield Quiet(layer, run, tuple(_differing(run.layer, each)))


def _in_towers(module: nn.Module) -> bool:
    """Whether a norm is one over each device's channels, which nn's cannot be."""
    return getattr(module, "towers", 1) > 1


def _differing(here: nn.Module, there: nn.Module) -> Iterator[tuple[str, str]]:
    mine = _arguments(here)
    for name, value in _arguments(there).items():
        if not isclose(mine[name], value):
            terms = ", as torch divides it by the size" if name == "alpha" else ""
            yield f"{name}={mine[name]:g}", f"{name}={value:g}{terms}"


def _arguments(module: nn.Module) -> dict[str, float]:
    """As nn's class has them: alpha of a local response norm is divided by the size there, and
    is not in the paper."""
    if isinstance(module, nn.Dropout):
        return {"p": module.p}
    own = isinstance(module, nn.LocalResponseNorm)
    found = {name: getattr(module, name) for name in ("size", "k", "beta", "alpha")}
    return found if own else {**found, "alpha": found["alpha"] * found["size"]}
