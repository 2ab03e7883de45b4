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
from archdsl.codegen.constructor import FIELDS
from archdsl.runtime.local_response_norm import LocalResponseNorm
from archdsl.words.word import Op
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
let two = 2
block twice(n) { conv (n*two) 1x1; conv (n - two) 1x1 }
block dropped(rate) { dropout (rate/2) }
block odd(filters, kernel=3) { conv filters kernel pad=((kernel - 1)/2) bias=no; batchnorm }
block half(n) { conv (n/2) 1x1; batchnorm; odd n }
block chain(w, n) { repeat n { conv w 1x1; relu } }
block grown(w, n) { repeat (n + 1) { conv w 1x1; relu } }
block less(w, n) { repeat (n - 1) { conv w 1x1; relu } }
block layer(w, n) { odd w; repeat (n - 1) { odd w } }
block dense(w, n) { repeat n { concat {} { conv w 1x1 } } }
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
        # What the author wrote as arithmetic, and what follows from it.
        ("odd 4\nodd 4 1", "def odd(channels: int, kernel: int = 3) -> nn.Sequential:"),
        ("odd 4\nodd 8 1", "padding=(kernel - 1) // 2"),
        ("half 4\nhalf 8", "batchnorm=nn.BatchNorm2d(n // 2)"),
        ("half 4\nhalf 8", "odd=odd(n // 2, n)"),
        ("twice 4\ntwice 8", "nn.Conv2d(n * 2, n - 2, kernel_size=1)"),
        ("dropped 0.5\ndropped 0.25", "dropped_2=dropped(p=0.125)"),
        # One repetition or several: the loop is the same.
        ("layer 4 2\nlayer 8 3\nlayer 4 4", "stage(odd=odd(w, w)) for _ in range(n - 1)"),
        ("chain 4 1\nchain 8 3\nchain 6 2", "for in_channels in [channels] + [w] * (n - 1)"),
        ("grown 4 0\ngrown 8 2\ngrown 6 1", "for in_channels in [channels] + [w] * n"),
        ("less 4 2\nless 8 4\nless 6 3", "for in_channels in [channels] + [w] * (n - 2)"),
        ("chain 4 1\nchain 8 1", "repeat(\n            ["),
        ("chain 3 1\nchain 4 0", "chain_2=stage(repeat=nn.Identity())"),
        ("dense 4 1\ndense 8 2\ndense 2 2", "for in_channels in (channels, w + channels)"),
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


def test_a_formula_that_a_variant_changes_in_one_use_is_a_parameter(tmp_path: Path) -> None:
    spec = tmp_path / "net.arch"
    base = "arch Net { input 3x8x8; a: odd 4; b: odd 4 1; c: odd 6 5 }\n"
    spec.write_text(f"{BLOCKS}{base}arch Wide from Net {{ set a.odd.conv pad=2 }}\n")
    arch = archdsl.load(spec, arch="Wide")
    assert "odd=odd(3, 4, padding=2)" in arch.pytorch()
    assert_equal_to_unrolled(emitted(arch, tmp_path), arch.analysis, train=True)
    base_text = archdsl.load(spec, arch="Net").pytorch()
    assert "padding=(kernel - 1) // 2" in base_text


def test_the_fields_that_formulas_are_of_are_arguments_of_words() -> None:
    known = {name for cls in Op.words.values() for name in cls.arguments()}
    assert set(FIELDS.values()) <= known
    torchs = {name for names in (*NAMES.values(), *DEFAULTS.values()) for name in names}
    assert set(FIELDS) <= torchs | {KERNEL}
