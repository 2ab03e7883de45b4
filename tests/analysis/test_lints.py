"""Lints: what they find, where, with which edit, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.analysis.lints import LINTS
from archdsl.compiler import compile_bytes, compile_file
from archdsl.diagnostics import Diagnostic, catalogue
from archdsl.diagnostics.edits import edited
from tests.helpers import ROOT, network

SPECS = sorted((ROOT / "specs").rglob("*.arch"))


def found(text: str) -> tuple[Diagnostic, ...]:
    return compile_bytes(text.encode(), "net.arch").diagnostics


def codes(body: str, blocks: str = "") -> list[str]:
    return [d.rule.code for d in found(blocks + network(body))]


def repaired(text: str) -> str:
    """A text with the one fix of its one finding made."""
    (finding,) = found(text)
    (fix,) = finding.fixes
    return edited(text, fix.edits)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_none_fires_on_the_specs(path: Path) -> None:
    assert [d.message for d in compile_file(path).diagnostics if d.rule.code >= "W"] == []


def test_the_registry_is_in_the_order_of_the_codes() -> None:
    names = [lint.__name__.replace("_", "-") for lint in LINTS]
    lints = [rule.name for rule in catalogue.RULES if rule.code >= "W"]
    assert names == lints[: len(names)]


# --- what is found ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # Without a recipe the network may be trained elsewhere, but hardly without softmax.
        ("input 8\nlinear 10\nsoftmax", ["W501"]),
        ("input 8\nlinear 10\nsigmoid", []),
        ("input 8\nlinear 10\nsigmoid\ntrain {}", ["W501"]),
        ("input 8\nlinear 10\nsoftmax\ntrain {}", ["W501"]),
        ("input 8\nlinear 10\nsoftmax\nidentity\ntrain {}", ["W501"]),
        ("input 8\nlinear 10\nsoftmax\nlinear 10\ntrain {}", []),
        ("input 8\nsoftmax allow=final_activation\ntrain {}", []),
        # Between two activations: what keeps the numbers.
        ("input 3x9x9\nrelu\ndropout 0.5\nflatten\nidentity\ntanh", ["W502"]),
        ("input 3x9x9\nrelu\nmaxpool 3\nrelu", []),
        ("input 3x9x9\nrelu\nbatchnorm\nrelu", []),
        ("input 3x9x9\nrelu\nadd { relu; conv 3 1x1 } {}\nrelu", ["W502"]),
        ("input 3x9x9\nrelu\nconcat {} { tanh }\nsigmoid", ["W502", "W502"]),
        ("input 3x9x9\nconcat { relu } { conv 3 1x1 }\nrelu", []),
        ("input 3x9x9\nadd { relu } { relu }\nrelu", []),
        ("input 3x9x9\nrelu\nrelu allow=two_activations\nrelu", ["W502"]),
        # Dropout, then a batchnorm of the same branch with no other normalisation between.
        ("input 3x9x9\ndropout 0.5\nbatchnorm", ["W503"]),
        ("input 3x9x9\ndropout 0.5\nconv 8 3x3\nmaxpool 7 stride=1\nbatchnorm affine=no", ["W503"]),
        ("input 3x9x9\ndropout 0.5\nlrn\nbatchnorm", []),
        ("input 3x9x9\nadd { dropout 0.5 } {}\nbatchnorm", []),
        ("input 3x9x9\nbatchnorm\nrelu\ndropout 0.5", []),
        ("input 3x9x9\ndropout 0.5\nconcat { batchnorm } { batchnorm }", ["W503"]),
        ("input 3x9x9\ndropout 0.5 allow=dropout_before_batchnorm\nbatchnorm", []),
        # A bias that only batchnorms read.
        ("input 3x9x9\nconv 8 3x3\nbatchnorm", ["W504"]),
        ("input 3x9x9\nconv 8 3x3 bias=no\nbatchnorm", []),
        ("input 3x9x9\nconv 8 3x3\nmaxpool 7\nbatchnorm", []),
        ("input 3x9x9\nconv 8 3x3\nconcat { batchnorm } {}", []),
        ("input 3x9x9\nconv 8 3x3\nconcat { batchnorm } { batchnorm }", ["W504"]),
        ("input 3x9x9\nconv 8 3x3 allow=bias_before_batchnorm\nbatchnorm", []),
        # Two equal sizes of a picture, then its channels.
        ("input 28x28x1\nlinear 8", ["W505"]),
        ("input 32x32x4\nlinear 8", ["W505"]),
        ("input 64x100x1\nlinear 8", []),
        ("input 3x3x3\nlinear 8", []),
        ("input 32x32x32\nlinear 8", []),
    ],
)  # fmt: skip
def test_what_they_find(body: str, expected: list[str]) -> None:
    assert [code for code in codes(body) if code >= "W"] == expected


def test_a_finding_shows_both_places() -> None:
    (finding,) = found(network("input 8\na: relu\nb: tanh"))
    assert finding.primary is not None and finding.primary.span.text == "tanh"
    assert [label.span.text for label in finding.secondary] == ["relu"]


def test_a_block_that_is_used_often_is_told_once() -> None:
    (finding,) = found(
        "block unit { conv 8 3x3 pad=1; batchnorm; relu }\n"
        "arch A { input 8x9x9; repeat 3 { unit } }\n"
        "arch B from A { set repeat count=2 }\n"
    )
    assert finding.rule is catalogue.BIAS_BEFORE_BATCHNORM
    assert finding.notes == ("the same 2 times more, where this is used or repeated",)


def test_where_a_statement_is_wrong_nothing_is_said_of_the_rest() -> None:
    assert codes("input 8\nrelu\nrelu\nlinaer 10") == ["E201"]
    assert codes("input 8\nrelu\nrelu -> 9") == ["W502", "E401"]


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("let a=2 b=(2*a)\narch N { input 8; linear b }", []),
        ("let a=2 _b=3\narch N { input 8; linear 3 }", ["a"]),
        ("let a=2  # linear a\narch N { input 8; a: linear 3 }", ["a"]),
        ("let a=2\nblock unit(b) { linear 3 }", []),  # for other files to use
        ("block unit(b, c=1) { linear c }\narch N { input 8; unit 3 }", ["b"]),
        ("arch N(n=3) { input 8; linear 4 }\narch M from N { set linear features=n }", []),
        ("arch N(n=3, size=(2*n)) { input (1, size, size); linear 4 }", []),
        ("block unit { relu }\narch N { input 8; linear 3 }", ["unit"]),
        ("block unit { relu }\narch N { input 8; tanh }\narch M from N "
         "{ replace tanh with unit }", []),
    ],
)  # fmt: skip
def test_unused_names(text: str, unused: list[str]) -> None:
    findings = [d for d in found(text) if d.rule is catalogue.UNUSED_NAME]
    assert [d.primary.span.text for d in findings if d.primary] == unused


def test_one_arch_of_a_file_is_not_the_whole_of_it() -> None:
    text = "let a=2\narch N { input 8; linear 3 }\narch M { input 8; linear a }"
    assert compile_bytes(text.encode(), "net.arch", arch="N").diagnostics == ()


# --- allow ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ("input 8x9x9\nmaxpool 2 allow=lossy_stride", []),
        (
            "input 8x8x8\nmaxpool 2 allow=lossy_stride",
            ["maxpool.maxpool allows lossy_stride, and there is none"],
        ),
        (
            "input 8x9x9\nmaxpool 2 allow=(lossy_stride, two_activations)",
            ["maxpool.maxpool allows two_activations, and there is none"],
        ),
        ("input 8x9x9\nrepeat 2 { maxpool 2 allow=lossy_stride }", []),  # the first of them
    ],
)
def test_an_allow_that_allows_nothing(body: str, messages: list[str]) -> None:
    assert [d.message for d in found(network(body))] == messages


def test_an_allow_that_another_network_needs_is_needed() -> None:
    text = "arch A { input 8x8x8; p: maxpool 2 allow=lossy_stride }\n"
    assert len(found(text)) == 1
    assert found(text + "arch B from A { input 8x9x9 }\n") == ()


def test_an_allow_is_not_judged_at_other_values() -> None:
    text = "arch A(n=9) { input (8, n, n); maxpool 2 allow=lossy_stride }\n"
    assert compile_bytes(text.encode(), "net.arch", {"n": 8}).diagnostics == ()


# --- edits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("input 32x32x3\n  conv 8 3x3 pad=1", "input 3x32x32\n  conv 8 3x3 pad=1"),
        ("input 8\n  relu\n  relu\n  linear 8", "input 8\n  relu\n  linear 8"),
        ("input 8\n  relu; relu; linear 8", "input 8\n  relu; linear 8"),
        ("input 8\n  relu\n  add { relu; linear 8 } {}", "input 8\n  relu\n  add { linear 8 } {}"),
        ("input 8\n  linear 8 -> 8\n  batchnorm", "input 8\n  linear 8 bias=no -> 8\n  batchnorm"),
        ("input 8\n  linear 8 yes\n  batchnorm", "input 8\n  linear 8 no\n  batchnorm"),
        ("input 8\n  linear 8 bias=yes\n  batchnorm", "input 8\n  linear 8 bias=no\n  batchnorm"),
        ("input 8x8x8\n  maxpool 2 allow=lossy_stride", "input 8x8x8\n  maxpool 2"),
    ],
)  # fmt: skip
def test_an_edit_that_is_certain_is_offered(before: str, after: str) -> None:
    """Also where lines end as on Windows, and where the file ends without a line's end."""
    text = f"arch N {{\n  {before}\n}}\n"
    assert repaired(text) == f"arch N {{\n  {after}\n}}\n"
    assert found(repaired(text)) == ()
    assert repaired(text.replace("\n", "\r\n")) == repaired(text).replace("\n", "\r\n")
    assert f"{repaired(text.rstrip())}\n" == repaired(text)


@pytest.mark.parametrize(
    "text",
    [
        network("input 8\nrelu\na: relu\nlinear 8"),  # the label would go
        network("input 8\nrelu\nrelu -> 8"),  # the claim
        network("input 8\nrelu\nrelu  # as in the paper\nlinear 8"),  # the comment
        network("input 8\nrelu\ntanh"),  # which of the two?
        "let n=8\n" + network("input (n, n, 3)\nlinear 8"),
        "block act { relu; linear 8 }\n" + network("input 8\nact\nrelu\nact"),  # one use of two
    ],
)
def test_one_that_is_not_is_left_to_the_author(text: str) -> None:
    (finding,) = found(text)
    assert finding.fixes == ()
