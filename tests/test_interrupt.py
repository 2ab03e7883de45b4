"""Ctrl-C ends a command with exit code 130 and one line, whenever it comes; see __main__.py."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT, network

SAID = "archdsl: interrupted\n"

AT_AN_EVENT = """\
import os, signal, sys

def hear(event, arguments):
    for moment, what in moments:
        names = [f"/{each}" for each in arguments[:2]]
        if event == moment and any(name.endswith(f"/{what}") for name in names):
            signal.raise_signal(signal.SIGINT)

moments = [moment.split() for moment in os.environ["MOMENTS"].split(",")]
sys.addaudithook(hear)
"""
"""A Ctrl-C at the events of MOMENTS, each with the end of what it is of.

They are those of https://docs.python.org/3/library/audit_events.html.
"""

IN_A_CALLBACK = """\
import signal, sys

def profile(frame, event, argument):
    where = frame.f_code.co_filename, frame.f_code.co_name
    if where == ("<frozen importlib._bootstrap>", "cb") and "typer" in sys.modules:
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)

sys.setprofile(profile)
"""
"""A Ctrl-C where Python's import tidies up, and an exception would be printed and forgotten."""

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with specs."""
    for name in ("a.arch", "b.arch"):
        (tmp_path / name).write_text(network("input   8\nlinear 2"), encoding="utf-8")
    return tmp_path


def run(
    folder: Path, command: str, moments: str, site: str = AT_AN_EVENT, shell: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command, run in the folder, that gets a Ctrl-C at these moments."""
    customized = folder / "site"
    customized.mkdir()
    (customized / "sitecustomize.py").write_text(site, encoding="utf-8")
    path = os.pathsep.join([str(customized), str(ROOT)])
    return subprocess.run(
        ["sh", "-c", f'{shell} exec "$0" -m archdsl {command}', sys.executable],
        env={**os.environ, "PYTHONPATH": path, "MOMENTS": moments},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_interrupted(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (130, SAID)


@pytest.mark.parametrize(
    "module", ["typer.main", "archdsl.words", "archdsl.cli", "archdsl.cli.reading"]
)
def test_while_the_command_is_loaded(folder: Path, module: str) -> None:
    assert_interrupted(run(folder, "check a.arch", f"import {module}"))


def test_where_an_exception_would_be_forgotten(folder: Path) -> None:
    assert_interrupted(run(folder, "check a.arch", "", IN_A_CALLBACK))


@pytest.mark.parametrize(
    ("command", "moment"),
    [
        ("check a.arch", "open a.arch"),
        ("check a.arch --color always", "import rich.console"),
        ("render a.arch --dot", "open a.arch"),
        pytest.param("render a.arch", "subprocess.Popen dot", marks=needs_dot),
        ("emit a.arch", "open a.arch"),
        ("train a.arch", "open a.arch"),
        ("diff a.arch b.arch", "open b.arch"),
    ],
)
def test_while_it_works(folder: Path, command: str, moment: str) -> None:
    before = set(folder.iterdir())
    done = run(folder, command, moment)
    assert_interrupted(done)
    assert done.stdout == ""
    assert set(folder.iterdir()) - before == {folder / "site"}


@pytest.mark.parametrize("command", ["train a.arch", "compare runs/a-1", "evaluate runs/a-1"])
def test_while_torch_is_loaded(folder: Path, command: str) -> None:
    assert_interrupted(run(folder, command, "import torch.nn"))
    assert not (folder / "runs").exists()


def test_while_runs_are_compared(folder: Path) -> None:
    run_of = folder / "runs" / "a-1"
    run_of.mkdir(parents=True)
    (run_of / "config.json").write_text("{}", encoding="utf-8")
    assert_interrupted(run(folder, "compare runs/a-1", "open config.json"))
    assert not (folder / "compare.png").exists()


def test_what_was_told_is_told(folder: Path) -> None:
    done = run(folder, "fmt a.arch b.arch", "open b.arch")
    assert_interrupted(done)
    assert done.stdout == "a.arch\n"


def test_what_is_half_written_is_taken_back(folder: Path) -> None:
    (folder / "net.py").write_text("mine", encoding="utf-8")
    before = set(folder.iterdir())
    assert_interrupted(run(folder, "emit a.arch -o net.py", "os.rename net.py"))
    assert set(folder.iterdir()) - before == {folder / "site"}
    assert (folder / "net.py").read_text(encoding="utf-8") == "mine"


def test_a_second_one_waits_for_nothing(folder: Path) -> None:
    """Not even for what the first one takes back: here, a temporary file."""
    done = run(folder, "emit a.arch -o net.py", "os.rename net.py,os.remove -1")  # any file's
    assert (done.returncode, done.stderr) == (-signal.SIGINT, SAID)


def test_where_it_is_ignored_it_goes_on_being_so(folder: Path) -> None:
    """As in what a script starts in the background."""
    done = run(folder, "check a.arch", "import typer,open a.arch", shell="trap '' INT;")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Net")
