"""The table that `check` prints, and its JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archdsl import load, report
from archdsl.compiler import compile_bytes, compile_file
from archdsl.report import short
from archdsl.styled import plain
from tests.helpers import GOLDEN, ROOT, SPECS, assert_golden, compiled, network

COMPOSED = ["zoo/googlenet", "zoo/resnet50", "zoo/densenet121"]
"""With blocks, branches and repeats, some in a file of their own."""


def table(name: str) -> str:
    """As from the repository's root: the title's spacing depends on the file's path."""
    path = SPECS / f"{name}.arch"
    (analysis,) = compile_bytes(path.read_bytes(), str(path.relative_to(ROOT))).archs
    return "\n".join(plain(line) for line in report.table(analysis)) + "\n"


@pytest.mark.parametrize("name", ["alexnet", "alexnet_224", "small", *COMPOSED])
def test_the_table_is_the_golden_one(name: str) -> None:
    assert_golden(GOLDEN / "report" / f"{name}.txt", table(name))


@pytest.mark.parametrize("name", ["alexnet", "small", *COMPOSED])
def test_columns_sum_to_the_totals(name: str) -> None:
    figures = r" ([\d,]+)  +([\d.]+)(?: ([kMG]))? +([\d,]+)$"
    rows = re.findall(figures, table(name), re.MULTILINE)
    arch = load(SPECS / f"{name}.arch")
    assert len(rows) == len(arch.network.stages)
    assert sum(int(row[0].replace(",", "")) for row in rows) == arch.params
    units = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
    macs = sum(float(row[1]) * units[row[2]] for row in rows)
    rounding = sum(0.05 * units[row[2]] for row in rows)
    assert macs == pytest.approx(arch.macs, abs=rounding)
    outputs = sum(int(row[3].replace(",", "")) for row in rows)
    assert outputs + arch.network.input.size == arch.activations


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.arch")), ids=lambda path: path.stem)
def test_it_fits_80_columns(path: Path) -> None:
    for analysis in compile_file(path).archs:
        lines = [plain(line) for line in report.table(analysis)]
        assert max(map(len, lines[2:])) <= 80  # the title has the file's path


def test_a_claim_in_a_block_is_one_line_and_counts_as_often_as_it_is_used() -> None:
    text = "block unit(n) { conv n 1x1 -> (n, 8, 8); relu -> 4x8x8 }\n" + network(
        "input 3x8x8\na: unit 4\nb: unit 4\nrepeat 2 { unit 5 }"
    )
    lines = [plain(line) for line in report.table(compiled(text).archs[0])]
    assert [" ".join(line.split()) for line in lines if "->" in line] == [
        "✓ a.unit.conv -> 4x8x8 and 3 more like it",
        "✓ a.unit.relu -> 4x8x8 and 1 more like it",
        "✗ b.repeat.1.unit.relu -> 4x8x8 5x8x8 and 1 more like it",
    ]
    assert lines[-1] == "  6 claims hold, 2 claims are wrong"


def test_a_file_of_blocks_says_so() -> None:
    module = compiled("let n=1 m=2\nblock unit { relu }\n").module
    assert module is not None
    assert plain(report.library(module)) == (
        "spec.arch  no network, but 1 block and 2 lets for other files to use"
    )


def test_what_is_unknown_is_a_question_mark() -> None:
    result = compiled(network("input 3x8x8\na: conv 4 3x3\nb: conv 4 30x30\nc: linear 10"))
    lines = [plain(line) for line in report.table(result.archs[0])]
    known, *unknown = [line.split() for line in lines[3:6]]
    assert "4x6x6" in known and "112" in known
    assert all(line[-4:] == ["?"] * 4 for line in unknown)
    assert any("totals are unknown" in line for line in lines)


def test_json_has_the_documented_fields() -> None:
    (analysis,) = compile_file(SPECS / "alexnet.arch").archs
    document = report.as_json(analysis)
    assert {key: document[key] for key in ("name", "params", "weights", "macs", "activations")} == {
        "name": "AlexNet",
        "params": 60_965_224,
        "weights": 60_954_656,
        "macs": 724_406_816,
        "activations": 2_079_811,
    }
    conv1 = document["stages"][0]
    assert (conv1["name"], conv1["output"], conv1["params"]) == ("conv1", [96, 27, 27], 34_944)
    assert conv1["layers"][0] == {
        "name": "conv1.conv",
        "word": "conv",
        "output": [96, 55, 55],
        "params": 34_944,
        "macs": 105_415_200,
    }
    assert document["stages"][-1]["output"] == [1000]
    assert document["claims"][0] == {
        "text": "conv1 -> 96x55x55",
        "holds": True,
        "claimed": "96x55x55",
        "actual": "96x55x55",
        "line": 6,
    }
    assert document["claims"][9]["text"] == "params ~60M"
    assert document["claims"][9]["actual"] == 60_965_224


def test_json_of_what_is_unknown_is_null() -> None:
    result = compiled(network("input 3x8x8\nb: conv 4 30x30\nexpect params 3"))
    document = report.as_json(result.archs[0])
    assert document["params"] is None and document["macs"] is None
    assert document["stages"][0]["output"] is None
    assert document["stages"][0]["layers"][0]["params"] is None
    assert document["claims"][0]["holds"] is None and document["claims"][0]["actual"] is None


def test_short_figures() -> None:
    figures = [0, 999, 1_000, 724_406_816, 1_135_256_096, 2 * 10**12]
    assert [short(n) for n in figures] == ["0", "999", "1.0 k", "724.4 M", "1.14 G", "2.00 T"]
