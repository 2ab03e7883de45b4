"""The constructor calls of a network's layers, and which of their numbers are parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from archdsl.analysis import Analysis
from archdsl.codegen.initial import initial_values
from archdsl.shape import Argument, Call

Symbols: TypeAlias = "dict[tuple[str, int, int], str]"
"""Which argument of which call of which layer (by path) is a parameter of `__init__`."""


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


def arguments(call: Call) -> list[tuple[str | None, Argument]]:
    """A call's arguments in order, each with its key if it has one."""
    return [*((None, value) for value in call.args), *call.kwargs]


def _skeleton(analysis: Analysis) -> object:
    """All that the module is made of but its calls' numbers."""
    forms = {
        path: [(call.target, [key for key, _ in arguments(call)]) for call in made]
        for path, made in calls(analysis).items()
    }
    return set(analysis.network.groups), forms, initial_values(analysis.network)
