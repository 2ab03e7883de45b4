"""The rules of the house: which way imports go, and what `check` leaves alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archdsl.cli.commands import HOMES
from tests.helpers import ROOT, SPECS

PACKAGE = ROOT / "archdsl"

ORDER = [
    {"source", "styled"},
    {"diagnostics"},
    {"shape", "syntax", "reading"},
    {"words"},
    {"definitions", "network"},
    {"lower"},
    {"analysis"},
    {"compiler", "report", "diff", "reference", "explain", "diagram", "codegen"},
    {"api", "files", "fix", "watch"},
    {"torch"},
    {"training"},
    {"cli"},
]
"""Each room may import its own level's and those above it in this list; runtime imports none."""

RANK = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_go_one_way() -> None:
    wrong = []
    for path in modules():
        own = room(path)
        if own in ("__init__", "runtime"):
            continue
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != "archdsl" or len(parts) < 2 or parts[1] not in RANK:
                continue
            if parts[1] != own and RANK[parts[1]] > RANK[own]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []
    assert {room(path) for path in modules()} - {"__init__", "runtime"} == set(RANK)


def test_runtime_imports_torch_and_the_standard_library_only() -> None:
    helpers = [path for path in modules() if room(path) == "runtime"]
    assert helpers
    for path in helpers:
        roots = {name.split(".")[0] for name in imported(path)}
        assert roots - set(sys.stdlib_module_names) <= {"torch"}


def test_only_the_command_line_prints_or_exits() -> None:
    said = {"print", "sys.exit", "SystemExit", "typer.Exit"}
    for path in modules():
        if room(path) != "cli":
            # Names, not text: a script that is written may print.
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            names = {ast.unparse(n) for n in nodes if isinstance(n, ast.Name | ast.Attribute)}
            assert not names & said, path


def test_no_word_is_asked_for_its_name_outside_words() -> None:
    pattern = re.compile(r"\.word(\.text)?\s*(==|!=|\bin\b)|\bmatch\b.*\.word\.text:")
    for path in modules():
        if room(path) != "words":
            found = pattern.findall(path.read_text(encoding="utf-8"))
            assert not found, (path, found)


def test_the_package_loads_what_is_asked_of_it() -> None:
    """So that the command line decides how the rest is loaded."""
    script = (
        "import sys, archdsl\n"
        "assert archdsl.__version__ and 'archdsl.api' not in sys.modules\n"
        "from archdsl import *\n"
        "assert load is archdsl.api.load and Network is archdsl.network.Network\n"
        "try: archdsl.nothing\n"
        "except AttributeError as error: assert 'nothing' in str(error)\n"
        "else: raise AssertionError"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["check"], ["check", "--format", "json"]])
def test_check_leaves_what_it_does_not_need(arguments: list[str]) -> None:
    script = (
        "import sys; from archdsl.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'graphviz', 'PIL', 'safetensors',"
        " 'fontTools', 'fpdf',"
        " 'rich', 'archdsl.training', 'archdsl.diagram', 'archdsl.syntax.format',"
        " 'archdsl.syntax.tabulate', 'archdsl.analysis.repair'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    command = [sys.executable, "-c", script, *arguments, str(SPECS / "alexnet.arch")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["words", "conv"], {"reference"}),
        (["train", "--help"], {"train"}),
        (["--help"], set(HOMES.values())),
        (["wrods"], set(HOMES.values())),
        ([], set(HOMES.values())),
    ],
)
def test_a_command_is_loaded_when_it_is_asked_for(arguments: list[str], loaded: set[str]) -> None:
    script = (
        "import sys; from archdsl.cli import commands, main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "homes = {f'archdsl.cli.{home}' for home in commands.HOMES.values()}\n"
        "print(*homes & set(sys.modules), file=sys.stderr)\n"
        "assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stderr.splitlines()[-1].split()) == {f"archdsl.cli.{home}" for home in loaded}


def test_pydantic_does_not_load_what_would_look_for_plugins() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "archdsl", "check"]
    done = subprocess.run(
        [*command, str(SPECS / "alexnet.arch")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "typer._adapters" in done.stderr  # which makes the validators of a command line
    assert "importlib.metadata" not in done.stderr, "see __main__"
