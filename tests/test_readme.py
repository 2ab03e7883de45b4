"""What README and docs show is what the program prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archdsl.cli import app
from tests.helpers import ROOT, SPECS, assert_prints, commands

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def shown() -> Iterator[tuple[str, str]]:
    """Each `$ archdsl …` of README.md, but for training runs, with the output beneath it."""
    for block in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        yield from ((c, output) for c, output in commands(block) if not c.startswith("train"))


def test_readme_shows_the_commands() -> None:
    assert "check specs/alexnet_224.arch" in [command for command, _ in shown()]


@pytest.mark.parametrize(("command", "expected"), list(shown()))
def test_the_output_is_the_one_shown(
    command: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert_prints(command, expected)


def test_the_json_document_has_the_documented_fields_and_no_others() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`\"?(\w+)\"?`", text)) | set(re.findall(r'"(\w+)"', text))

    def keys(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    printed = (
        CliRunner()
        .invoke(app, ["check", str(SPECS / "alexnet_224.arch"), "--format", "json"])
        .stdout
    )
    assert set(keys(json.loads(printed))) <= documented


def test_the_repository_names_no_machine() -> None:
    """No absolute path of the machine that a file was written on."""
    home = str(Path.home())
    for path in ROOT.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        if path.suffix in {".py", ".md", ".toml", ".txt", ".arch", ".dot"} and not hidden:
            if "runs" in path.parts or "build" in path.parts:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            assert str(ROOT) not in text, path
            assert f"{home}/" not in text or home == "/", path
