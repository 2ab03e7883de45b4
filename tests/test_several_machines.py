"""docs/several_machines.md: its commands are ones that bash, torchrun and archdsl understand."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest
from torch.distributed.run import get_args_parser
from typer.testing import CliRunner

from archdsl.cli import app
from tests.helpers import ROOT

PAGE = (ROOT / "docs" / "several_machines.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_its_commands_are_understood(block: str) -> None:
    subprocess.run(["bash", "-n"], input=block, text=True, check=True)
    (line,) = [x for x in block.replace("\\\n", " ").splitlines() if "torchrun " in x]
    words = shlex.split(line.partition("torchrun ")[2])
    launched = get_args_parser().parse_args(words)
    assert (launched.module, launched.training_script) == (True, "archdsl")
    command, spec, *options = launched.training_script_args
    assert (command, spec) == ("train", "net.arch")
    told = CliRunner().invoke(app, ["train", "--help"]).output
    assert all(option in told for option in options if option.startswith("--"))


def test_there_are_blocks_and_every_option_it_names_is_one() -> None:
    assert len(BLOCKS) == PAGE.count("```") // 2 == 3
    told = CliRunner().invoke(app, ["train", "--help"], terminal_width=200).output
    torchruns = "\n".join(get_args_parser().format_help().split())
    prose = re.sub(r"^```sh\n.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`(--[a-z-]+)", prose))
    assert named
    for option in named:
        assert option in told or option in torchruns, option
