"""`check --fix`: edits made in files, and nothing else touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archdsl.cli import app
from tests.helpers import SPECS

PRINTED = (SPECS / "alexnet_224.arch").read_text(encoding="utf-8")

LOSSY = """\
arch Net {
  input 3x32x32   # small
  a: conv 8 5x5 stride=4   -> 8x8x8   # eight
  fc: linear 10
}
"""
"""(32 − 5) / 4 + 1 = 7.75: 8 at 33, at a padding of 1 (8.25), or rounded up."""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.arch"
    path.write_text(PRINTED, encoding="utf-8")
    return path


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_the_first_edit_is_made_the_others_are_named_and_the_rest_stays(spec: Path) -> None:
    done = check(spec, "--fix")
    assert spec.read_text(encoding="utf-8") == PRINTED.replace("input 3x224x224", "input 3x227x227")
    assert "made  input 3x227x227" in done.stderr
    assert "--fix --pick 2:  pad=2" in done.stderr
    assert "--fix --pick 3:  rounding=ceil" in done.stderr
    assert "lossy-stride" not in done.stdout
    assert done.exit_code == 1  # the caption's neurons are still wrong


@pytest.mark.parametrize(
    ("pick", "line"),
    [
        (2, "  conv1: conv 96 11x11 stride=4 pad=2         -> 96x55x55"),
        (3, "  conv1: conv 96 11x11 stride=4 rounding=ceil  -> 96x55x55"),
    ],
)
def test_another_edit_is_picked_and_claims_stay_in_their_column(
    spec: Path, pick: int, line: str
) -> None:
    check(spec, "--fix", "--pick", str(pick))
    before, after = PRINTED.splitlines(), spec.read_text(encoding="utf-8").splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [("  conv1: conv 96 11x11 stride=4               -> 96x55x55", line)]


def test_diff_shows_the_edit_and_writes_nothing(spec: Path) -> None:
    shown = check(spec, "--fix", "--diff")
    assert "-  input 3x224x224\n+  input 3x227x227\n" in shown.stdout
    assert spec.read_text(encoding="utf-8") == PRINTED
    assert shown.exit_code == 1
    clean = check(SPECS / "alexnet.arch", "--fix", "--diff")
    assert (clean.exit_code, clean.output) == (0, "")


def test_one_edit_is_made_and_the_next_error_is_told(tmp_path: Path) -> None:
    path = tmp_path / "two.arch"
    second = LOSSY.replace("arch Net", "arch Other").replace("3x32x32", "3x31x31")
    path.write_text(LOSSY + second, encoding="utf-8")  # 33 in both
    mended = LOSSY.replace("3x32x32", "3x33x33")
    done = check(path, "--fix")
    assert done.exit_code == 1 and "applies 1" in done.stdout
    assert path.read_text(encoding="utf-8") == mended + second
    assert check(path, "--fix").exit_code == 0
    assert path.read_text(encoding="utf-8") == mended + mended.replace("arch Net", "arch Other")
    assert check(path, "--fix").stderr == ""  # nothing is left to be done


def test_edits_of_several_errors_are_numbered_through(tmp_path: Path) -> None:
    path = tmp_path / "two.arch"
    path.write_text(LOSSY + LOSSY.replace("arch Net", "arch Other"), encoding="utf-8")
    printed = check(path).stdout
    assert printed.count(" 1  input 3x33x33") == 1
    number = next(
        line.split()[0] for line in reversed(printed.splitlines()) if "input 3x33x33" in line
    )
    check(path, "--fix", "--pick", number)
    first, second = path.read_text(encoding="utf-8").split("arch Other")
    assert "3x32x32" in first and "3x33x33" in second


def test_equally_likely_edits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tie.arch"
    # 16 − 1 − 1 is 14, not 13: one of the two, which are alike, takes three rows and not two.
    text = "arch Net {\n  input (8, 16, 16)\n  a: conv 8 2x2\n  b: conv 8 2x2 -> 8x13x13\n}\n"
    path.write_text(text, encoding="utf-8")
    done = check(path, "--fix")
    assert path.read_text(encoding="utf-8") == text
    assert "equally likely" in done.stderr and "--fix --pick" in done.stderr
    assert done.exit_code == 1


def test_line_ends_and_the_byte_order_mark_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "dos.arch"
    path.write_bytes(b"\xef\xbb\xbf" + LOSSY.replace("\n", "\r\n").encode())
    assert check(path, "--fix").exit_code == 0
    mended = LOSSY.replace("3x32x32", "3x33x33").replace("\n", "\r\n")
    assert path.read_bytes() == b"\xef\xbb\xbf" + mended.encode()


def test_a_variant_is_mended_in_itself_whatever_its_line_ends(tmp_path: Path) -> None:
    base = "arch Base {\n  input 3x33x33\n  a: conv 8 5x5 stride=4\n  fc: linear 10\n}\n"
    (tmp_path / "base.arch").write_text(base, encoding="utf-8")
    path = tmp_path / "variant.arch"
    text = 'use "base.arch"\narch V from Base {\n  set a dilation=2\n}\n'
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert check(path).exit_code == 0  # (33 − 9) / 4 + 1 = 7
    path.write_bytes(text.replace("dilation=2", "kernel=6").replace("\n", "\r\n").encode())
    assert check(path, "--fix").exit_code == 0
    assert (tmp_path / "base.arch").read_text(encoding="utf-8") == base
    lines = path.read_bytes().split(b"\r\n")
    assert lines[-1] == b"" and not any(b"\n" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--pick", "1"), "go with --fix"),
        (("--diff",), "go with --fix"),
        (("--fix", "--pick", "9"), "there is no edit 9: there are 3"),
    ],
)
def test_options_that_do_not_fit(spec: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = check(spec, *arguments)
    assert done.exit_code == 2 and complaint in done.stderr
    assert spec.read_text(encoding="utf-8") == PRINTED


def test_what_cannot_be_fixed_says_so(spec: Path) -> None:
    assert "name it" in check("-", "--fix").stderr
    two = check(spec, SPECS / "alexnet.arch", "--fix", "--pick", "1")
    assert two.exit_code == 2 and "2 are named" in two.stderr
    missing = check(spec.with_name("none.arch"), "--fix")
    assert missing.exit_code == 2 and "cannot read" in missing.stdout


def test_a_file_that_may_not_be_written_stays(spec: Path) -> None:
    spec.chmod(0o444)
    done = check(spec, "--fix")
    assert done.exit_code == 2 and "read-only" in done.stderr
    assert spec.read_text(encoding="utf-8") == PRINTED


def test_an_edit_of_a_used_file_is_not_made_there(tmp_path: Path) -> None:
    block = "block body() {\n  conv 8 5x5 stride=4\n}\n"
    (tmp_path / "blocks.arch").write_text(block, encoding="utf-8")
    path = tmp_path / "net.arch"
    text = 'use "blocks.arch"\narch Net(size=32) {\n  input (3, size, size)\n  a: body\n}\n'
    path.write_text(text, encoding="utf-8")
    done = check(path, "--fix")
    assert done.exit_code == 0 and "size=33" in path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    numbers = [line.split()[0] for line in check(path).stdout.splitlines() if "stride=3" in line]
    refused = check(path, "--fix", "--pick", numbers[0])
    assert refused.exit_code == 2 and "blocks.arch" in refused.stderr
    assert (tmp_path / "blocks.arch").read_text(encoding="utf-8") == block


def test_json_on_standard_output_stays_json(spec: Path) -> None:
    command = [sys.executable, "-m", "archdsl", "check", str(spec), "--fix", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.stdout.startswith("{") and "made  input" in done.stderr


def test_a_statement_more_in_a_variant_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "variants.arch"
    base = "arch Base {\n  input 3x33x33\n  a: conv 8 5x5 stride=4\n  fc: linear 10\n}\n"
    for end in ("\n}\n", "}\n", " }\n"):
        path.write_text(f"{base}arch V from Base {{\n  set a kernel=6{end}", encoding="utf-8")
        assert check(path, "--fix").exit_code == 0, path.read_text(encoding="utf-8")
