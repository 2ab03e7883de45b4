"""ONNX files, against the module that they came from."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from archdsl import load
from archdsl.cli import app
from archdsl.codegen.onnx import BATCH, INPUT, OPSET, OUTPUT, CannotExport, exported
from archdsl.torch import build
from tests.helpers import SPECS, network

TOLERANCE = 1e-5
"""Of the largest output: both compute in float32, and add in another order."""


def spec(folder: Path, text: str) -> Path:
    path = folder / "net.arch"
    path.write_text(text, encoding="utf-8")
    return path


def assert_same(module: nn.Module, data: bytes, shape: tuple[int, ...]) -> None:
    """onnxruntime gives what the module does, for batches of 1 and of 3."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    module.eval()
    for count in (1, 3):
        images = torch.randn(count, *shape)
        with torch.no_grad():
            expected = module(images).numpy()
        (given,) = session.run([OUTPUT], {INPUT: images.numpy()})
        assert given.shape == expected.shape
        assert np.abs(given - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("name", ["small", "alexnet", "torchvision", "zoo/squeezenet1_1"])
def test_onnxruntime_computes_what_the_module_does(name: str, tmp_path: Path) -> None:
    path = SPECS / f"{name}.arch"
    arch = load(path)
    if arch.network.stage("fc6"):  # the rest as it is: most numbers are here
        edits = "set fc6.linear features=64\nset fc7.linear features=64"
        text = f'use "{path}"\narch Variant from {arch.name} {{\n{edits}\n}}'
        arch = load(spec(tmp_path, text))
    torch.manual_seed(0)
    module = build(arch)
    # Initial weights leave outputs that are all alike.
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    assert_same(module, exported(module, arch.analysis), arch.network.input.dims)


def test_a_network_of_every_layer(tmp_path: Path) -> None:
    body = """
input 4x16x16
devices 2
conv 8 3x3 stride=2 rounding=ceil; batchnorm; prelu; lrn; lrn across=space size=3
mix: add { conv 8 1x1; gelu } {
       concat { conv 4 1x1; silu } { avgpool 3x3 stride=1 pad=1; conv 4 1x1 }
     } {}
     leakyrelu; elu; dropout; maxpool 3x3 stride=2 rounding=ceil
     adaptiveavgpool 3; linear 8; batchnorm; tanh
out: linear 5; sigmoid; softmax allow=final_activation
"""
    arch = load(spec(tmp_path, network(body)))
    module = build(arch)
    for buffer in ("conv.batchnorm.running_mean", "conv.batchnorm.running_var"):
        nn.init.uniform_(module.get_buffer(buffer), 0.5, 2)
    assert_same(module, exported(module, arch.analysis), (4, 16, 16))


def test_what_the_file_says(tmp_path: Path) -> None:
    text = "# A tiny network.\n" + network("input 3x8x8\nlrn\nlinear classes", "Tiny(classes=4)")
    arch = load(spec(tmp_path, text), parameters={"classes": 7})
    data = exported(build(arch), arch.analysis)
    for place in (tmp_path, Path(torch.__file__).parent, Path(sys.prefix)):
        assert str(place).encode() not in data, "nothing of the machine"
    model = onnx.load_from_string(data)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", OPSET)]
    assert (model.graph.name, model.doc_string) == ("Tiny", "A tiny network.")
    told = {each.key: each.value for each in model.metadata_props}
    assert told == {"spec": "net.arch", "arch": "Tiny", "parameter classes": "7"}
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {INPUT: [BATCH, 3, 8, 8], OUTPUT: [BATCH, 7]}
    assert [node.op_type for node in model.graph.node].count("LRN") == 1
    names = {each.name for each in model.graph.initializer}
    assert {"lrn.linear.weight", "lrn.linear.bias"} <= names


def test_the_module_and_the_process_stay_as_they_are(tmp_path: Path) -> None:
    arch = load(spec(tmp_path, network("input 3x8x8\nlrn\nlinear 4")))
    module = build(arch)
    level = logging.getLogger("torch.onnx").level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exported(module, arch.analysis)
    assert module.training and "LocalResponseNorm" in str(module)
    assert logging.getLogger("torch.onnx").level == level


def test_more_weights_than_a_file_holds(tmp_path: Path) -> None:
    arch = load(spec(tmp_path, network("input 30_000\nlinear 20_000")))
    with torch.device("meta"):
        module = build(arch)
    with pytest.raises(CannotExport, match="Net has 2,400,080,000 bytes of weights"):
        exported(module, arch.analysis)


# --- the command ------------------------------------------------------------------------------


def test_emit_onnx(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = spec(tmp_path, network("input 3x8x8\nconv 4 3x3\nlinear classes", "Tiny(classes=4)"))
    target = tmp_path / "tiny.onnx"
    command = ["emit", str(path), "--onnx", str(target), "--set", "classes=3"]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.output) == (0, f"{target}\n")
    assert capfd.readouterr() == ("", "")  # what the exporter would tell
    first = target.read_bytes()
    assert onnx.load_from_string(first).graph.output[0].type.tensor_type.shape.dim[1].dim_value == 3
    assert CliRunner().invoke(app, command).exit_code == 0
    assert target.read_bytes() == first, "initial weights are drawn from one seed"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["net.arch", "tiny.onnx"]


def test_emit_onnx_with_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spec(tmp_path, network("input 8\nlinear 2"))
    target = tmp_path / "none" / "net.onnx"
    done = CliRunner().invoke(app, ["emit", str(path), "--onnx", str(target)])
    assert done.exit_code == 2 and "does not exist" in done.stderr
    done = CliRunner().invoke(app, ["emit", str(path), "--onnx", str(path)])
    assert done.exit_code == 2 and "is the spec itself" in done.stderr
    wrong = str(SPECS / "alexnet_224.arch")
    done = CliRunner().invoke(app, ["emit", wrong, "--onnx", str(tmp_path / "net.onnx")])
    assert done.exit_code == 1 and "lossy-stride" in done.stderr
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "archdsl.codegen.onnx")
    done = CliRunner().invoke(app, ["emit", str(path), "--onnx", str(tmp_path / "net.onnx")])
    assert done.exit_code == 2
    assert "emit --onnx needs onnx: install it with  pip install 'archdsl[onnx]'" in done.stderr
    assert not (tmp_path / "net.onnx").exists()
