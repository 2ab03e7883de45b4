"""Generated modules, imported and run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from archdsl import load
from archdsl.analysis import Analysis
from archdsl.api import Arch
from archdsl.network import Branches
from archdsl.words.merge import Concat
from tests.helpers import network


def imported(text: str, folder: Path) -> ModuleType:
    """The generated file, written and imported as any module is."""
    path = folder / "generated.py"
    path.write_text(text, encoding="utf-8")
    # Python takes bytecode for that of another text of the same length and second.
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
    specification = importlib.util.spec_from_file_location("generated", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def built(arch: Arch, folder: Path, **parameters: int) -> nn.Module:
    """An instance of the generated class."""
    network = getattr(imported(arch.pytorch(), folder), arch.name)(**parameters)
    assert isinstance(network, nn.Module)
    return network


def loaded(
    folder: Path, body: str, header: str = "Net", comment: str = "", blocks: str = ""
) -> Arch:
    """An arch of the given statements, from a file."""
    path = folder / "net.arch"
    path.write_text(blocks + comment + network(body, header), encoding="utf-8")
    return load(path)


def outputs(module: nn.Module, x: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """The shape, without the batch axis, that every submodule gives for `x`, by its path."""
    seen: dict[str, tuple[int, ...]] = {}
    for name, submodule in module.named_modules():

        def keep(_: nn.Module, __: object, y: torch.Tensor, name: str = name) -> None:
            assert name not in seen
            seen[name] = tuple(y.shape[1:])

        submodule.register_forward_hook(keep)
    module(x)
    return seen


def expected_outputs(analysis: Analysis) -> dict[str, tuple[int, ...]]:
    """The shape that every layer, repeat, use, branch, iteration and stage gives, by path.

    Joins are there where they are modules, and empty branches are not: what is written in a
    `forward` has no output that is seen.
    """
    network = analysis.network
    joins = [layer for layer in network.layers if isinstance(layer, Branches)]
    empty = {branch.path for join in joins for branch in join.branches if not branch.items}
    paths = {part.path for part in network.parts} | set(network.groups)
    paths -= empty | {join.path for join in joins if is_written(analysis, join)}
    flows = analysis.shapes.flows
    found = {}
    for path in paths:
        output = flows[path].output
        assert output is not None
        found[path] = output.dims
    return found


def is_written(analysis: Analysis, join: Branches) -> bool:
    """Whether a join is no module: one of few branches, which several devices do not divide."""
    split = analysis.places[join.path].split_input and analysis.network.devices > 1
    return len(join.branches) <= 8 and not (split and isinstance(join.op, Concat))


def expected_parameters(analysis: Analysis) -> dict[str, tuple[int, ...]]:
    """The shape of everything learned, by its path, as the words have it."""
    found = {}
    for layer in analysis.network.layers:
        x = analysis.flow(layer).input
        assert x is not None
        for name, dims in layer.op.weights(x).items():
            found[f"{layer.path}.{name}"] = dims
    return found
