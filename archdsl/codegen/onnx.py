"""A network as ONNX: the emitted module through PyTorch's exporter, and checked.

Needs the extra `onnx`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import PurePath
from typing import Any, cast

import onnx
import torch
from onnx import ModelProto
from torch import Tensor, nn

from archdsl.analysis import Analysis

OPSET = 20
"""The version of ONNX's operators: that of ONNX 1.15, of 2023."""

INPUT, OUTPUT, BATCH = "input", "output", "batch"
"""Names of the input NxCxHxW, of the output, and of the axis N of both, which may be any number."""

MAX_BYTES = 2**31 - 2**20
"""One protocol buffer holds 2 GiB; what is no weight takes less than a MiB."""


class CannotExport(Exception):
    """A network that cannot be one ONNX file: the message says why."""


def exported(network: nn.Module, analysis: Analysis) -> bytes:
    """The ONNX file of a network that was emitted for a spec, with the weights that it has.

    It computes what the module does in evaluation mode. LRN becomes ONNX's own operator, which is
    far faster than what PyTorch's exporter makes of its formula.

    Raises CannotExport.
    """
    _require_room(network, analysis)
    model = _named(_converted(network, analysis), analysis)
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise CannotExport(
            f"what PyTorch exported of {analysis.network.name} is no valid ONNX: {error}"
        ) from error
    return bytes(model.SerializeToString(deterministic=True))


def _require_room(network: nn.Module, analysis: Analysis) -> None:
    size = sum(tensor.nbytes for tensor in network.state_dict().values())
    if size > MAX_BYTES:
        raise CannotExport(
            f"{analysis.network.name} has {size:,} bytes of weights, and one ONNX file holds "
            f"{MAX_BYTES:,}: make its largest layers smaller"
        )


def _converted(network: nn.Module, analysis: Analysis) -> ModelProto:
    copy = _with_own_operators(network).cpu().eval()
    # 2 images: of an axis that is 1, PyTorch would take it that it always is.
    images = torch.zeros(2, *analysis.network.input.dims)
    with _quiet():
        program = torch.onnx.export(
            copy,
            (images,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim(BATCH)},),
        )
    assert program is not None, "the exporter gives a program unless it writes a file itself"
    return program.model_proto


def _named(model: ModelProto, analysis: Analysis) -> ModelProto:
    """The model with what it is and where it came from, and nothing of the machine."""
    network = analysis.network
    told = {"spec": PurePath(network.source.name).name, "arch": network.name}
    told |= {f"parameter {name}": str(value) for name, value in network.parameters.items()}
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]  # of a node: the line of which file on this machine made it
    onnx.helper.set_model_props(model, told)
    model.graph.name = network.name
    model.doc_string = network.title
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells of itself: of torchvision, of its own old calls."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


# --- what ONNX has an operator for --------------------------------------------------------------


class _Lrn(nn.Module):
    """runtime/local_response_norm.py as ONNX's LRN, which divides alpha by the size."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.towers = cast(int, norm.towers)
        self.attributes: dict[str, Any] = {
            "size": cast(int, norm.size),
            "bias": cast(float, norm.k),
            "alpha": cast(float, norm.alpha) * cast(int, norm.size),
            "beta": cast(float, norm.beta),
        }

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        towers = x.reshape(n * self.towers, c // self.towers, h, w)
        y = torch.onnx.ops.symbolic(
            "LRN", (towers,), self.attributes, dtype=x.dtype, shape=towers.shape, version=13
        )
        return y.reshape(x.shape)


_OPERATORS = {"LocalResponseNorm": _Lrn}
"""By the class in the emitted file, the module that the exporter sees in its place."""


def _with_own_operators(network: nn.Module) -> nn.Module:
    """A copy with the modules of ONNX's own operators."""
    copy = deepcopy(network)
    for path, module in list(copy.named_modules()):
        if (own := _OPERATORS.get(type(module).__name__)) is not None:
            copy.set_submodule(path, own(module))
    return copy
