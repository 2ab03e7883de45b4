"""The network as a tree of torch's modules, built layer by layer: what an emitted module must be.

Nothing is shared and nothing is a parameter: every use of a block and every iteration is there as
the network has it, under the names that a checkpoint has.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import torch
from torch import nn

from archdsl.analysis import Analysis
from archdsl.codegen import names
from archdsl.codegen.calls import calls
from archdsl.network import Branches, Group, Layer, Repeat, Use
from archdsl.runtime import add, concat, local_response_norm, spatial_response_norm
from archdsl.shape import Call

RUNTIME = {
    "Add": add.Add,
    "Concat": concat.Concat,
    "LocalResponseNorm": local_response_norm.LocalResponseNorm,
    "SpatialResponseNorm": spatial_response_norm.SpatialResponseNorm,
}


def unrolled(analysis: Analysis) -> nn.Module:
    """The whole network, its stages by name."""
    made = calls(analysis)
    stages = analysis.network.stages
    attributes = names.attributes(stage.name for stage in stages)
    return _chained((attributes[stage.name], _group(stage, made)) for stage in stages)


def _group(group: Group, made: dict[str, tuple[Call, ...]]) -> nn.Module:
    return _chained(_parts(group, made))


def _parts(group: Group, made: dict[str, tuple[Call, ...]]) -> Iterator[tuple[str, nn.Module]]:
    attributes = names.attributes(item.name for item in group.items)
    for item in group.items:
        name = attributes[item.name]
        match item:
            case Branches():
                (call,) = made[item.path]
                yield name, _module(call, *(_group(branch, made) for branch in item.branches))
            case Layer():
                *before, last = made[item.path]
                for number, call in enumerate(before):
                    yield f"{name} {number}", _module(call)  # it has no weights
                yield name, _module(last)
            case Repeat():
                bodies = enumerate(item.iterations, 1)
                yield name, _chained((str(n), _group(body, made)) for n, body in bodies)
            case Use():
                yield name, _group(item.body, made)
            case _:
                yield name, _group(item, made)


def _chained(parts: Iterator[tuple[str, nn.Module]]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(parts))


def _module(call: Call, *inside: nn.Module) -> nn.Module:
    if call.target in RUNTIME:
        cls = RUNTIME[call.target]
    else:
        cls = getattr(nn, call.target.removeprefix("nn."))
    module = cls(*inside, *call.args, **dict(call.kwargs))
    assert isinstance(module, nn.Module)
    return module


def assert_equal_to_unrolled(
    module: nn.Module, analysis: Analysis, batch: int = 2, train: bool = False
) -> None:
    """A module has the same weights, under the same names, and computes the same numbers.

    `train` takes the means of the batch and dropout, which is drawn in the order of the layers, and
    compares the gradients as well.
    """
    with torch.device("meta"):
        expected = unrolled(analysis)
    state = module.double().state_dict()
    for tensor in state.values():
        if tensor.is_floating_point():
            tensor.normal_(0.2, 0.2).abs_()  # running variances are positive
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.state_dict().items()}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == shapes
    assert list(state) == list(shapes)
    expected.load_state_dict(state, assign=True)
    x = torch.randn(batch, *analysis.network.input.dims, dtype=torch.float64)
    results = []
    for network in (module, expected):
        network.train(train)
        torch.manual_seed(1)
        with torch.set_grad_enabled(train):
            results.append([network(x)])
        parameters = [p.requires_grad_() for p in network.parameters()]
        if train and parameters:
            gradients = torch.autograd.grad(results[-1][0].sum(), parameters, allow_unused=True)
            results[-1] += [g for g in gradients if g is not None]
    (ours, *our_gradients), (theirs, *their_gradients) = results
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)
    for a, b in zip(our_gradients, their_gradients, strict=True):  # summed up in another order
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)
