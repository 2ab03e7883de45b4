"""The constructor calls of a network's layers, and which of their numbers are parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from archdsl.analysis import Analysis
from archdsl.codegen.initial import initial_values
from archdsl.shape import Argument, Call

KERNEL = "kernel_size"
"""Stands for that argument's value: a pool's stride, where it has none of its own."""

Symbols: TypeAlias = "dict[tuple[str, int, int], str]"
"""Which argument of which call of which layer (by path) is a parameter of `__init__`."""

NAMES: dict[str, tuple[str, ...]] = {
    "nn.Conv2d": ("in_channels", "out_channels"),
    "nn.Linear": ("in_features", "out_features"),
    "nn.BatchNorm1d": ("num_features",),
    "nn.BatchNorm2d": ("num_features",),
    "nn.PReLU": ("num_parameters",),
    "nn.Dropout": ("p",),
    "nn.AdaptiveAvgPool2d": ("output_size",),
    "nn.ZeroPad2d": ("padding",),
}
"""What torch calls the arguments that are written by position."""

INPUTS = frozenset(("in_channels", "in_features", "num_features", "num_parameters"))
"""Arguments that follow from what comes in."""

_WINDOW: dict[str, Argument] = {"stride": 1, "padding": 0, "dilation": 1}
_POOL: dict[str, Argument] = {"stride": KERNEL, "padding": 0, "ceil_mode": False}
_NORM: dict[str, Argument] = {"eps": 1e-05, "momentum": 0.1, "affine": True}
DEFAULTS: dict[str, dict[str, Argument]] = {
    "nn.Conv2d": {**_WINDOW, "groups": 1, "bias": True},
    "nn.Linear": {"bias": True},
    "nn.MaxPool2d": _POOL,
    "nn.AvgPool2d": {**_POOL, "count_include_pad": True},
    "nn.BatchNorm1d": _NORM,
    "nn.BatchNorm2d": _NORM,
    "nn.LeakyReLU": {"negative_slope": 0.01},
    "nn.ELU": {"alpha": 1.0},
    "LocalResponseNorm": {"towers": 1},
}
"""What torch and runtime/ take for arguments that a call leaves out, in the order of the words.

A number that one use of a block writes and another leaves out is the same argument in both.
"""


def calls(analysis: Analysis) -> dict[str, tuple[Call, ...]]:
    """The constructor calls of every layer, by path, computed on one device.

    LRN across channels keeps each device's channels apart, and a concat joins them in the order
    that they have on several devices.
    """
    found: dict[str, tuple[Call, ...]] = {}
    for layer in analysis.network.layers:
        x = analysis.flow(layer).input
        assert x is not None, "only networks that check are generated"
        split = analysis.places[layer.path].split_input
        found[layer.path] = layer.op.torch(x, analysis.network.devices if split else 1)
    return found


def symbols(name: str, analysis: Analysis, others: Sequence[Analysis]) -> Symbols:
    """Where a parameter stands in the calls as itself; nothing if it changes anything else.

    `others` are the network at other values of the parameter.
    """
    versions = [analysis, *others]
    skeleton = _skeleton(analysis)
    if any(_skeleton(version) != skeleton for version in others):
        return {}
    values = [version.network.parameters[name] for version in versions]
    all_calls = [calls(version) for version in versions]
    found: Symbols = {}
    for path in all_calls[0]:
        for index, same_call in enumerate(zip(*(c[path] for c in all_calls), strict=True)):
            listed = [arguments(call) for call in same_call]
            for position, same_argument in enumerate(zip(*listed, strict=True)):
                if [value for _, value in same_argument] == values:
                    found[path, index, position] = name
                elif len({(type(value), value) for _, value in same_argument}) > 1:
                    return {}
    return found


def free(analysis: Analysis, probes: Mapping[str, Sequence[Analysis]]) -> dict[str, Symbols]:
    """The parameters that can be arguments of `__init__`, whole numbers, with their places."""
    found = {name: symbols(name, analysis, others) for name, others in probes.items()}
    values = analysis.network.parameters
    return {n: places for n, places in found.items() if places and isinstance(values[n], int)}


def stem(call: Call) -> str:
    """The name of a module that stands before a layer's own: `flatten`, `zeropad2d`."""
    return call.target.removeprefix("nn.").lower()


def arguments(call: Call) -> list[tuple[str | None, Argument]]:
    """A call's arguments in order, each with its key if it has one."""
    return [*((None, value) for value in call.args), *call.kwargs]


def slots(call: Call) -> list[tuple[str | None, Argument]]:
    """A call's arguments, and those that it leaves out and torch has defaults for, in order."""
    given = dict(call.kwargs)
    defaults = DEFAULTS.get(call.target, {})
    keys = [*(key for key in given if key not in defaults), *defaults]
    return [
        *((None, value) for value in call.args),
        *((key, given[key] if key in given else _default(call, key)) for key in keys),
    ]


def _default(call: Call, key: str) -> Argument:
    default = DEFAULTS[call.target][key]
    return dict(call.kwargs)[KERNEL] if default == KERNEL else default


def _skeleton(analysis: Analysis) -> object:
    """All that the module is made of but its calls' numbers."""
    forms = {
        path: [(call.target, [key for key, _ in arguments(call)]) for call in made]
        for path, made in calls(analysis).items()
    }
    return set(analysis.network.groups), forms, initial_values(analysis.network)
