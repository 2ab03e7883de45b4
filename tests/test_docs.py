"""What docs/tour.md shows: its files are written, its commands run, its figures compared.

A block ```arch is a whole file. Its name is the last `NAME.arch` that the text before it mentions
after the block before. A block ```console shows commands, which are run in a folder with the
files shown so far, and their output, where a line `…` is any number of lines. There are no other
blocks, and a name that stands twice is an error, so nothing on the page goes untested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import archdsl
from archdsl import compiler, reading
from archdsl.analysis import shapes
from archdsl.lower import expand, files, read
from archdsl.syntax import parse
from archdsl.words import arithmetic, declaration, merge, repeat, word
from tests.helpers import ROOT, assert_prints, commands

DOCS = ROOT / "docs"
TOUR = (DOCS / "tour.md").read_text(encoding="utf-8")

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`(\w+\.arch)`")
LINK = re.compile(r"\]\(([^)#]+)\)")
ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)

UNTIDY = "messy.arch"
"""What the tour lets the formatter mend."""


class Step(NamedTuple):
    """A command, what the tour shows of its output, and the files that it has shown before."""

    command: str
    output: str
    files: dict[str, str]


def steps() -> Iterator[Step]:
    shown: dict[str, str] = {}
    read = 0
    for block in BLOCK.finditer(TOUR):
        kind, text = block.groups()
        if kind == "arch":
            name = NAME.findall(TOUR[read : block.start()])[-1]
            assert name not in shown, f"{name} is shown twice"
            shown[name] = text
        else:
            assert kind == "console", f"nothing tests a block of {kind}"
            for command, output in commands(text):
                yield Step(command, output, dict(shown))
        read = block.end()


STEPS = list(steps())
FILES = STEPS[-1].files


def section(title: str) -> str:
    """The text under a heading."""
    _, _, text = TOUR.partition(f"\n## {title}\n")
    assert text, f"the tour has no section {title}"
    return text.partition("\n## ")[0]


def table(title: str) -> list[list[str]]:
    """The rows of the table in a section, but for its head."""
    return [row.split(" | ") for row in ROW.findall(section(title))[1:]]


def write(folder: Path, shown: dict[str, str]) -> None:
    for name, text in shown.items():
        (folder / name).write_text(text, encoding="utf-8")


# --- blocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS, ids=[step.command for step in STEPS])
def test_each_command_prints_what_is_shown(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, step.files)
    monkeypatch.chdir(tmp_path)
    result = assert_prints(step.command, step.output)
    found = "error[" in result.output or step.command.startswith("diff")
    assert result.exit_code == int(found), "1 where there are errors or differences"


def test_there_are_as_many_blocks_as_are_tested() -> None:
    assert TOUR.count("```") == 2 * len(BLOCK.findall(TOUR))
    assert len(FILES) >= 15
    assert len(STEPS) >= 16
    assert sum("error[" in step.output for step in STEPS) >= 5
    shown = {step.command.split()[0] for step in STEPS}
    assert shown >= {"check", "words", "diff", "train", "fmt", "emit"}


def test_every_file_is_checked_or_used() -> None:
    run = " ".join(step.command for step in STEPS)
    used = {name for text in FILES.values() for name in re.findall(r'^use "(.*)"', text, re.M)}
    assert {name for name in FILES if name not in run} <= used


@pytest.mark.parametrize("name", sorted(FILES))
def test_only_the_files_whose_errors_are_shown_have_errors(name: str, tmp_path: Path) -> None:
    wrong = [step.command for step in STEPS if "error[" in step.output]
    write(tmp_path, FILES)
    assert compiler.compile_file(tmp_path / name).ok == (f"check {name}" not in wrong)


@pytest.mark.parametrize("name", sorted(FILES.keys() - {UNTIDY}))
def test_every_file_has_the_layout_of_fmt(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {name: FILES[name]})
    monkeypatch.chdir(tmp_path)
    assert_prints(f"fmt --check {name}", "")


# --- text -------------------------------------------------------------------------------------


def test_the_names_in_the_table_are_those_of_the_network(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    analysis = archdsl.load(tmp_path / "inception.arch").analysis
    rows = table("Blocks")
    assert len(rows) >= 5
    for path, output, params, _ in rows:
        name = path.strip("`")
        costs = analysis.parts[name]
        assert costs is not None
        assert (str(analysis.shapes.flows[name].output), f"{costs.params:,}") == (output, params)


@pytest.mark.parametrize("document", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert "://" in target or (DOCS / target).exists(), target


# --- limits -----------------------------------------------------------------------------------

LIMITS = {
    "bytes of a file": "MAX_BYTES",
    "words, numbers and signs of a file": "MAX_TOKENS",
    "layers, uses of blocks and iterations, in all networks of a file": "MAX_PARTS",
    "the same of networks that are too large, before the rest of a file's are not begun": (
        "MAX_WASTED"
    ),
    "variants, one of the other": "MAX_VARIANTS",
    "layers that the edits of a file's variants look through, in all": "MAX_SEARCHED",
    "iterations of one repeat": "MAX_REPEATS",
    "branches of one join": "MAX_BRANCHES",
    "blocks, branches and repeats inside one another, blocks written out": "MAX_DEPTH",
    "braces and parentheses inside one another, in the text": "MAX_NESTING",
    "files that use each other, one the next": "MAX_CHAIN",
    "devices": "MAX_DEVICES",
    "filters, features or groups": "MAX_COUNT",
    "a kernel, stride, padding or dilation, down or across": "MAX_WINDOW",
    "numbers in one tensor": "MAX_NUMBERS",
    "what arithmetic comes to, below": "MAX_FIGURE",
    "digits of a number before its point": "MAX_EXPONENT",
    "digits of a number in all": "MAX_DIGITS",
    "lines that are no statements, before the rest of a file is left unread": "MAX_FINDINGS",
}
"""The constant behind each row of the table."""

OF_MESSAGES = {"MAX_LISTED", "MAX_USES"}
"""How much a message names of what it is about; these limit no network."""

MODULES = (
    arithmetic,
    reading,
    declaration,
    expand,
    files,
    merge,
    parse,
    read,
    repeat,
    shapes,
    word,
)


def test_the_limits_are_the_constants() -> None:
    constants = {
        name: value
        for module in MODULES
        for name, value in vars(module).items()
        if name.startswith("MAX_")
    }
    assert constants.keys() == {*LIMITS.values(), *OF_MESSAGES}
    stated = dict(table("What is too large"))
    assert stated == {what: f"{constants[name]:,}" for what, name in LIMITS.items()}
