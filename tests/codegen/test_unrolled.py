"""Classes, functions and loops against the same network unrolled, layer by layer."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from torch import nn

import archdsl
from archdsl.api import Arch
from archdsl.codegen.calls import DEFAULTS, KERNEL, NAMES
from archdsl.runtime.local_response_norm import LocalResponseNorm
from tests.codegen.generated import built, loaded
from tests.codegen.programs import programs
from tests.codegen.specs import SOUND, arch_of
from tests.codegen.unrolled import assert_equal_to_unrolled


def emitted(arch: Arch, folder: Path) -> nn.Module:
    """The module, without memory for initial weights that are not looked at."""
    with torch.device("meta"):
        return built(arch, folder).to_empty(device="cpu")


@pytest.mark.parametrize("name", SOUND)
def test_a_spec_computes_what_it_does_unrolled(name: str, tmp_path: Path) -> None:
    arch = arch_of(name)
    assert_equal_to_unrolled(emitted(arch, tmp_path), arch.analysis, batch=1)


def test_programs_compute_what_they_do_unrolled(tmp_path: Path) -> None:
    spec = tmp_path / "net.arch"
    seen: list[str] = []

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
        spec.write_text(text, encoding="utf-8")
        arch = archdsl.load(spec)
        seen.append(arch.pytorch())
        assert_equal_to_unrolled(emitted(arch, tmp_path), arch.analysis, batch=3, train=True)

    check()
    for written in ("def b0(", "class B0(", "for _ in range(", "for channels in", "torch.cat(["):
        assert any(written in text for text in seen), written


def test_defaults_are_torchs() -> None:
    for target, defaults in DEFAULTS.items():
        torchs = target.startswith("nn.")
        cls = getattr(nn, target.removeprefix("nn.")) if torchs else LocalResponseNorm
        parameters = inspect.signature(cls).parameters
        for name, default in defaults.items():
            expected = None if default == KERNEL else default
            assert parameters[name].default == expected, (target, name)
    for target, positional in NAMES.items():
        parameters = inspect.signature(getattr(nn, target.removeprefix("nn."))).parameters
        assert tuple(parameters)[: len(positional)] == positional, target


BLOCKS = """
block unit(filters, kernel, stride=1, pad=0) {
  conv filters kernel stride=stride pad=pad bias=no
  batchnorm
}
block mixed(a, b) { concat { conv a 1x1 } { conv b 3x3 pad=1 } {}; conv (a+b) 1x1; relu }
"""


@pytest.mark.parametrize(
    ("body", "written"),
    [
        # Windows that are no squares, beside some that are.
        ("unit 4 3x5 pad=1x2\nunit 4 3x3 pad=1\nunit 8 1", "kernel: int | tuple[int, int]"),
        # The same channels or others: what is common to all uses is a number.
        ("unit 4 3x3\nunit 4 3x3", "def unit(channels: int) -> nn.Sequential:"),
        # Sums of what the block is given.
        ("mixed 2 3\nmixed 4 6\nmixed 3 3", "nn.Conv2d(a + b + channels, a + b,"),
        # Iterations that differ, in one number and in two.
        ("repeat 4 { concat {} { conv 2 1x1 } }", "for channels in range(3, 11, 2)"),
        ("repeat 3 { conv 4 1x1; relu }", "for channels in (3, 4, 4)"),
        ("repeat 9 { conv 4 1x1; relu }", "for channels in [3] + [4] * 8"),
        ("repeat 2 { repeat 3 { conv 4 1x1; relu } }", "for in_channels in (channels, 4, 4)"),
        ("repeat 3 { maxpool 2x2 stride=1 }", "for _ in range(3)"),
        ("repeat 1 { conv 4 1x1 }", "repeat(\n                ["),
        ("repeat 0 { conv 4 1x1 }\nconv 2 1x1", "nn.Identity()"),
        # More branches than a person writes out.
        ("add" + " { conv 3 1x1 }" * 9, "add=Add("),
        ("add {} {} {}", "x = x + x + x"),
    ],
)
def test_small_networks(body: str, written: str, tmp_path: Path) -> None:
    arch = loaded(tmp_path, f"input 3x8x8\n{body}", blocks=BLOCKS)
    assert written in arch.pytorch()
    assert_equal_to_unrolled(emitted(arch, tmp_path), arch.analysis, train=True)
