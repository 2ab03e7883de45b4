"""The text of layouts: reviewed goldens, clean code, helpers as they stand in runtime/."""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from archdsl import load
from archdsl.api import Arch
from archdsl.codegen.layout import Layout
from tests.codegen.divided import SPECS, arch_of, text_of
from tests.helpers import GOLDEN, ROOT, assert_golden
from tests.helpers import SPECS as FOLDER

DIVIDED = (Layout.TOWERS, Layout.RANKS)
NAMES = ("AlexNet", "Joins", "Four")
GOLDENS = GOLDEN / "layouts"


def arch(name: str, folder: Path) -> Arch:
    return load(FOLDER / "alexnet.arch") if name == "AlexNet" else arch_of(name, folder)


@pytest.mark.parametrize(("name", "layout"), list(product(NAMES, DIVIDED)))
def test_the_module_is_the_golden_one(name: str, layout: Layout, tmp_path: Path) -> None:
    text = text_of(arch(name, tmp_path), layout)
    assert_golden(GOLDENS / f"{name.lower()}_{layout.value}.py", text)


def test_goldens_pass_ruff_and_strict_mypy() -> None:
    modules = sorted(GOLDENS.glob("*.py"))
    assert {m.stem for m in modules} == {
        f"{n.lower()}_{x.value}" for n, x in product(NAMES, DIVIDED)
    }
    for command in (
        ["ruff", "check", "--isolated"],
        ["ruff", "format", "--isolated", "--check"],
        ["mypy", "--strict", "--config-file="],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command, *map(str, modules)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "layout"), list(product(SPECS, DIVIDED)))
def test_helpers_are_copied_as_they_stand(name: str, layout: Layout, tmp_path: Path) -> None:
    """What the module has of the layout's helpers, and nothing that it does not use."""
    text = text_of(arch(name, tmp_path), layout)
    runtime = (ROOT / "archdsl" / "runtime" / f"{layout.value}.py").read_text(encoding="utf-8")
    copied = 0
    for node in ast.parse(runtime).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and f" {node.name}(" in text:
            source = ast.get_source_segment(runtime, node)
            assert source is not None and source in text
            assert text.count(node.name) > 1, f"{node.name} is not used"
            copied += 1
    assert copied >= 5
