"""Colour: --color goes before NO_COLOR, that before FORCE_COLOR, that before what is printed to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from archdsl.cli import printing
from archdsl.cli.options import Color
from tests.helpers import SPECS, network

ALEXNET, TYPO = str(SPECS / "alexnet.arch"), str(SPECS / "alexnet_224.arch")
ARCHDSL = [sys.executable, "-m", "archdsl"]
COLOR = "\x1b["
IN_A_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


def environment(**extra: str) -> dict[str, str]:
    own = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": "80", "LANG": "C.UTF-8"}
    return {**own, **extra}


def piped(*arguments: str, **extra: str) -> str:
    """What a command prints into a pipe, both of its streams."""
    done = subprocess.run(
        [*ARCHDSL, *arguments],
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout.decode()


def on_terminal(*arguments: str, **extra: str) -> str:
    """What a command prints on a terminal."""
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TERMINAL, *ARCHDSL, *arguments],
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("color", "extra", "in_pipe", "in_terminal"),
    [
        ("auto", {}, False, True),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": "0"}, False, False),  # any value: it is not a switch
        ("auto", {"NO_COLOR": ""}, False, True),  # an empty one counts as none
        ("auto", {"FORCE_COLOR": "1"}, True, True),
        ("auto", {"FORCE_COLOR": ""}, False, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ("auto", {"TERM": "dumb"}, False, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True, True),
        ("never", {"FORCE_COLOR": "1"}, False, False),
    ],
)
def test_who_decides(color: str, extra: dict[str, str], in_pipe: bool, in_terminal: bool) -> None:
    command = ["check", ALEXNET, "--color", color]
    assert (COLOR in piped(*command, **extra)) == in_pipe
    assert (COLOR in on_terminal(*command, **extra)) == in_terminal


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("specs") / "bad.arch"
    path.write_text(network("input 8\nlinear 4 +"), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "command",
    [
        "check BAD",
        "check BAD --format concise",
        "fmt BAD",
        "fmt BAD --diff",
        "render BAD -o BAD.dot",
        "emit BAD",
        "train BAD",
        f"diff BAD {ALEXNET}",
        f"diff {ALEXNET} {TYPO}",
        "words",
        "words conv",
        f"check {ALEXNET} --set 8",
        f"emit {ALEXNET} --set 8",
        f"diff {ALEXNET} {TYPO} --set 8",
    ],
)
def test_all_commands_obey(command: str, bad: str) -> None:
    arguments = command.replace("BAD", bad).split()
    assert COLOR in piped(*arguments, "--color", "always")
    plain = on_terminal(*arguments, "--color", "never")
    assert plain and COLOR not in plain


@pytest.mark.parametrize("format", ["json", "sarif", "github"])
def test_what_programs_read_is_never_coloured(format: str) -> None:
    assert COLOR not in on_terminal("check", TYPO, "--format", format)
    assert COLOR not in piped("check", TYPO, "--format", format, FORCE_COLOR="1")


@pytest.mark.parametrize(("color", "styled"), [(Color.ALWAYS, True), (Color.NEVER, False)])
def test_a_run_is_told_in_colour_or_without_any_style(color: Color, styled: bool) -> None:
    """`train` tells its progress through this; without colour there is no bold type either."""
    console = printing.console(color)
    with console.capture() as capture:
        console.print("loss", style="bold red")
    assert capture.get() == ("\x1b[1;31mloss\x1b[0m\n" if styled else "loss\n")
