"""Random programs: what the generated module is, against what the checker says of the network."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import torch
from hypothesis import HealthCheck, Phase, given, settings

import archdsl
from archdsl.api import Arch
from tests.codegen.generated import expected_outputs, expected_parameters, imported, outputs
from tests.codegen.programs import PARAMETER, RESERVED, programs


def in_module(path: str) -> str:
    """A path of the language as one of the module: LANGUAGE.md, Stages and names."""
    names = path.split(".")
    return ".".join(f"{name}_" if name in RESERVED else name for name in names)


def test_a_module_is_what_the_checker_says(tmp_path: Path) -> None:
    spec, texts = tmp_path / "net.arch", tmp_path / "texts"
    texts.mkdir()
    seen: set[str] = set()
    parameters = 0

    @settings(
        max_examples=300,
        deadline=None,
        derandomize=True,
        database=None,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(programs())
    def check(text: str) -> None:
        nonlocal parameters
        spec.write_text(text, encoding="utf-8")
        arch = archdsl.load(spec)
        assert arch.check().ok, (text, str(arch.check()))
        generated = arch.pytorch()
        (texts / f"net_{len(seen)}.py").write_text(generated, encoding="utf-8")
        seen.add(text)
        cls = imported(generated, tmp_path).Net
        with torch.device("meta"):
            compare(cls(), arch)
            if PARAMETER in inspect.signature(cls).parameters:
                parameters += 1
                compare(cls(8), archdsl.load(spec, parameters={PARAMETER: 8}))

    check()
    everything = "".join(seen)
    for drawn in ("concat {", "add {", "repeat 0 {", "repeat 3 {", "} {}", "half", "devices 2"):
        assert drawn in everything
    assert parameters > 10
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", str(texts)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def compare(module: torch.nn.Module, arch: Arch) -> None:
    """Assert that a module gives the shapes and learns the numbers of a network, by path."""
    analysis = arch.analysis
    input, output = analysis.network.input, analysis.output
    assert output is not None
    shapes = {in_module(path): dims for path, dims in expected_outputs(analysis).items()}
    seen = outputs(module, torch.empty(3, *input.dims))
    assert {path: dims for path, dims in seen.items() if path in shapes} == shapes
    # Modules that torch needs before a layer's own have no path in the language.
    branches = {in_module(path) for path in analysis.network.groups}
    assert all(not path or path.endswith("flatten") for path in seen.keys() - shapes - branches)
    assert seen[""] == output.dims
    learned = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert learned == {
        in_module(path): dims for path, dims in expected_parameters(analysis).items()
    }
    assert sum(p.numel() for p in module.parameters()) == arch.params
