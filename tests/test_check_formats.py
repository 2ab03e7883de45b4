"""`check --format`: every format has all findings of all files, and exits alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from archdsl.cli import app, reading
from archdsl.cli.check import CheckFormat
from archdsl.compiler import Compilation, compile_file
from archdsl.diagnostics import Severity
from tests.helpers import SPECS, network

FORMATS = [format.value for format in CheckFormat]


def check(format: str, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["check", "--format", format, *arguments], input=stdin)


CODES: dict[str, Callable[[str], list[str]]] = {
    "text": lambda out: re.findall(r"^\w+\[(\w+) [\w-]+\]: ", out, re.MULTILINE),
    "concise": lambda out: re.findall(r": \w+\[(\w+) [\w-]+\] ", out),
    "json": lambda out: [d["code"] for d in json.loads(out)["diagnostics"]],
    "sarif": lambda out: [r["ruleId"] for r in json.loads(out)["runs"][0]["results"]],
    "github": lambda out: re.findall(r"^::\w+ .*title=(\w+) ", out, re.MULTILINE),
}
"""The codes of what is found, read off the output of each format."""


def test_every_format_is_read_here() -> None:
    assert list(CODES) == FORMATS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.arch").write_text(network("input 8\nlinear"), encoding="utf-8")
    (tmp_path / "b.arch").write_text(network("input 8\nlinear 4"), encoding="utf-8")
    text = network("input 3x8x8\nconv 8 3x3 strid=2\nrelu +")
    (tmp_path / "deep" / "c.arch").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("format", FORMATS)
def test_all_findings_of_all_files_and_of_standard_input(format: str, folder: Path) -> None:
    result = check(format, str(folder), "-", stdin=network("input 8\nrely"))
    assert result.exit_code == 1
    assert CODES[format](result.stdout) == ["E205", "E202", "E101", "E201"]
    assert "%3Cstdin%3E" in result.stdout or "<stdin>" in result.stdout


@pytest.mark.parametrize("format", FORMATS)
def test_exit_codes(format: str, folder: Path) -> None:
    bad, good = str(folder / "a.arch"), str(folder / "b.arch")
    assert check(format, good).exit_code == 0
    assert check(format, bad).exit_code == 1
    missing = check(format, good, str(folder / "missing.arch"), bad)
    assert missing.exit_code == 2
    assert CODES[format](missing.stdout) == ["E001", "E205"]


@pytest.mark.parametrize("format", FORMATS)
def test_warnings_alone_are_no_failure(
    format: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def milder(*arguments: Any) -> Compilation:
        compiled = compile_file(*arguments)
        warnings = (d._replace(level=Severity.WARNING) for d in compiled.diagnostics)
        return compiled._replace(diagnostics=tuple(warnings))

    monkeypatch.setattr(reading, "compile_file", milder)
    result = check(format, str(folder / "a.arch"))
    assert result.exit_code == 0
    assert CODES[format](result.stdout) == ["E205"]
    assert "warning" in result.stdout


def test_concise_is_a_line_for_each_and_the_summary(folder: Path) -> None:
    lines = check("concise", str(folder)).stdout.splitlines()
    assert lines == [
        f"{folder}/a.arch:3:3: error[E205 missing-argument] linear needs features",
        f"{folder}/deep/c.arch:3:14: error[E202 unknown-argument] conv has no argument 'strid'",
        f"{folder}/deep/c.arch:4:8: error[E101 syntax] '+' stands outside parentheses",
        "3 errors",
    ]
    assert check("concise", str(folder / "b.arch")).stdout == ""


def test_github_prints_commands_alone(folder: Path) -> None:
    lines = check("github", str(folder)).stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("::error file=") for line in lines)
    assert check("github", str(folder / "b.arch")).stdout == ""


def test_sarif_gives_the_exit_code(folder: Path) -> None:
    for name, code in (("a.arch", 1), ("b.arch", 0), ("missing.arch", 2)):
        (run,) = json.loads(check("sarif", str(folder / name)).stdout)["runs"]
        assert run["invocations"][0]["exitCode"] == code


def test_json_has_the_secondary_labels() -> None:
    (lossy, _) = json.loads(check("json", str(SPECS / "alexnet_224.arch")).stdout)["diagnostics"]
    lines = (SPECS / "alexnet_224.arch").read_text(encoding="utf-8").splitlines()
    marked = {
        label["text"]: lines[label["line"] - 1][label["column"] - 1 : label["end_column"] - 1]
        for label in lossy["secondary"]
    }
    assert marked == {"224 high and wide": "3x224x224", "claims 55": "96x55x55"}
    assert {label["file"] for label in lossy["secondary"]} == {str(SPECS / "alexnet_224.arch")}


@pytest.mark.parametrize("format", ["json", "sarif", "github"])
def test_formats_for_programs_hold_no_escape_codes(format: str, tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(network("input 8 \x1b[31m \x9b31m\nlinear 畳"), encoding="utf-8")
    result = check(format, str(path), "--color", "always")
    assert result.exit_code == 1
    assert not set("\x1b\x9b") & set(result.stdout)


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_documents_are_json_whatever_the_locale(format: str, tmp_path: Path) -> None:
    path = tmp_path / "畳.arch"
    path.write_text(network("input 8\nlinear 畳"), encoding="utf-8")
    command = [sys.executable, "-m", "archdsl", "check", "--format", format, str(path)]
    printed = {
        subprocess.run(
            command,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=False,
        ).stdout
        for encoding in ("ascii", "latin-1", "utf-8")
    }
    assert Counter(map(bool, printed)) == {True: 1}
    assert json.loads(printed.pop())


def test_other_commands_have_text_and_json_alone() -> None:
    for command in (["words"], ["diff", "a.arch", "b.arch"]):
        result = CliRunner().invoke(app, [*command, "--format", "sarif"])
        assert result.exit_code == 2
        assert "github" not in result.output
