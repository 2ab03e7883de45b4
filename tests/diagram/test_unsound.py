"""Networks that do not check: drawn up to their errors, which are marked where they stand."""

from __future__ import annotations

import re
import subprocess
from itertools import product
from pathlib import Path

import pytest

from archdsl.compiler import Compilation, compile_file
from archdsl.diagnostics import Severity
from archdsl.diagram.graph import graph
from archdsl.diagram.palette import PALETTES, Theme
from archdsl.diagram.style import PLAIN, Fold, Rankdir, Style
from tests.diagram.helpers import labels, needs_dot
from tests.helpers import ROOT, compiled, network

CASES = sorted((ROOT / "tests" / "cases" / "invalid").glob("*.arch"))

LIGHT = PALETTES[Theme.LIGHT]


def drawn(result: Compilation, style: Style = PLAIN) -> str:
    """The last arch, with what is wrong with it."""
    return graph(result.archs[-1], style, result.diagnostics)


def case(name: str) -> Compilation:
    (path,) = [path for path in CASES if path.stem == name]
    return compile_file(path)


def marked(dot: str, node: str) -> list[str]:
    """The chips of a node that are outlined in red."""
    (line,) = [line for line in dot.splitlines() if line.startswith(f'  "{node}" [')]
    return re.findall(rf'<TD BORDER="1" COLOR="{LIGHT.wrong}"[^>]*><FONT[^>]*>([^<]*)', line)


# --- all of them ----------------------------------------------------------------------------------


@needs_dot
@pytest.mark.parametrize("fold", Fold)
def test_every_case_is_drawn(fold: Fold) -> None:
    """By one run of dot, which draws one graph after the other."""
    assert len(CASES) > 100
    style = Style(fold=fold, rankdir=Rankdir.LR if fold is Fold.STAGE else Rankdir.TB)
    texts = [
        graph(analysis, style, result.diagnostics)
        for result in map(compile_file, CASES)
        for analysis in result.archs
    ]
    run = subprocess.run(
        ["dot", "-Tdot"], input="".join(texts).encode(), capture_output=True, check=True
    )
    assert run.stderr == b""
    assert len(re.findall(rb"^digraph", run.stdout, re.MULTILINE)) == len(texts)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_with_an_error_is_seen_to_have_one(path: Path) -> None:
    """Not by an error in another arch, for which there may be no picture."""
    result = compile_file(path)
    errors = [
        d.primary.span for d in result.diagnostics if d.severity is Severity.ERROR and d.primary
    ]
    for analysis, fold in product(result.archs, Fold):
        dot = graph(analysis, Style(fold=fold), result.diagnostics)
        found = labels(dot)
        own = analysis.network.definition.statement.span
        is_outlined = '<TABLE BORDER="2"' in dot
        assert ("does not check" in found[""]) == is_outlined  # what the legend tells of
        if any(own.holds(place) for place in errors):
            assert "✗" in "".join(found.values())


# --- where they are said --------------------------------------------------------------------------


def test_a_layer_that_cannot_be_read_is_marked_and_what_comes_after_is_quiet() -> None:
    result = compiled(network("input 3x8x8\na: conv 4 1x1\nb: cnov 3\nc: relu\nd: linear 2"))
    dot = drawn(result)
    found = labels(dot)
    assert found["b@0"] == "b ? parameters cnov ? ? ✗ 'cnov' is no word of the language"
    assert marked(dot, "b@0") == ["cnov ?"]
    assert found["c@0"] == "c ? parameters relu ?"
    cards = {line.split('"')[1]: line for line in dot.splitlines() if line.endswith(">]")}
    assert f'COLOR="{LIGHT.muted}">relu<' in cards["c@0"]
    assert f'COLOR="{LIGHT.muted}"><B>c</B>' in cards["c@0"]
    fills = {tone.fill for tone in LIGHT.tones.values()}
    assert not any(fill in cards["c@0"] for fill in fills)
    assert found["d@0"] == "d ? parameters linear 2 2"  # whatever it gets
    assert any(fill in cards["d@0"] for fill in fills)
    assert marked(dot, "c@0") == marked(dot, "d@0") == []


def test_a_layer_that_cannot_be_read_is_marked_without_findings() -> None:
    result = compiled(network("input 3x8x8\nb: cnov 3"))
    assert marked(graph(result.archs[0]), "b@0") == ["cnov ?"]


def test_what_is_wrong_in_a_block_is_said_once_in_each_stage_that_uses_it() -> None:
    dot = drawn(case("E201_once_in_a_block_that_is_used_often"))
    found = labels(dot)
    assert found["a@0"].count("'rely' is no word") == 1
    assert found["b@0"].count("'rely' is no word") == 1
    assert marked(dot, "a@0") == ["fire 16"]
    assert marked(dot, "fire@block") == ["rely ?"]


def test_a_label_alone_stands_for_a_line_that_does_not_parse() -> None:
    found = labels(drawn(case("E101_two_broken_lines")))
    assert "✗ '3x3x' is neither a number, a name nor a value" in found["conv1@0"]
    assert "✗ line 7: '+' stands outside parentheses" in found[""]
    assert "3x3x" not in found[""]


def test_edits_that_cannot_be_made_are_said_above_what_they_leave() -> None:
    found = labels(drawn(case("E215_near_a_layer")))
    assert "✗ line 10: Net has no stage, layer or word 'conv1.rel'" in found[""]
    assert "✗ line 12: Net, as edited so far, has no stage" in found[""]


def test_errors_of_other_archs_are_not_said() -> None:
    text = network("input 3x8x8\na: relu\ntrain { bacth 3 }", "Wrong") + network(
        "input 3x8x8\na: relu", "Right"
    )
    result = compiled(text)
    assert not result.ok
    assert "✗" not in labels(graph(result.archs[1], findings=result.diagnostics))[""]
    assert "✗ line 4" in labels(graph(result.archs[0], findings=result.diagnostics))[""]


def test_errors_of_a_variants_base_are_said() -> None:
    base = network("input 3x8x8\na: relu\ntrain { bacth 3 }", "Base")
    result = compiled(base + "arch B from Base { remove a }\narch C from B { }")
    assert "✗ line 4" in labels(graph(result.archs[2], findings=result.diagnostics))[""]


def test_a_false_claim_of_the_network_is_said_above_it() -> None:
    heading = labels(drawn(compiled(network("input 3x8x8\na: conv 4 1x1\nexpect params 20"))))[""]
    assert "✗ claims params 20, has 16" in heading
    assert heading.endswith("convolution")  # no card is outlined


def test_warnings_are_no_errors() -> None:
    result = compile_file(
        ROOT / "tests" / "cases" / "invalid" / "W501_softmax_before_the_loss.arch"
    )
    assert result.diagnostics
    assert "✗" not in drawn(result)
    assert "does not check" not in drawn(result)


def test_what_is_too_large_is_said_where_it_stands() -> None:
    """Of this the analysis keeps no more than that the network stops there."""
    dot = drawn(case("E305_weights"))
    (node,) = [name for name, said in labels(dot).items() if name and "✗" in said]
    assert "weight" in labels(dot)[node]
    assert marked(dot, node) != []


def test_errors_of_a_file_that_is_used_are_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "blocks.arch").write_text("block b { relu }\nlet a=\n")
    net = tmp_path / "net.arch"
    net.write_text('use "blocks.arch"\n' + network("input 3x8x8\nx: b"))
    assert "✗ blocks.arch, line 2: " in labels(drawn(compile_file(net)))[""]
