"""One mistake, one error, at its place: every kind of slip at many places of the shipped specs.

A slip is made in the text of a spec that has no errors, one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from archdsl.compiler import compile_bytes
from archdsl.diagnostics import Diagnostic, Severity
from tests.helpers import ROOT, SPECS, compiled, network

LAYERS = "conv|linear|maxpool|avgpool|relu|tanh|lrn|dropout|batchnorm|globalavgpool|repeat"

SLIPS: dict[str, tuple[str, Callable[[re.Match[str]], str]]] = {
    "misspelt word": (
        rf"(?<=[ :{{;])({LAYERS}|expect|init|train|batch)(?= )",
        lambda m: f"{m[0]}q",
    ),
    "misspelt optimizer": (r"(?<=optimizer )\w+", lambda m: f"{m[0]}q"),
    "misspelt argument": (
        r"(?<= )(stride|pad|groups|alpha|beta|bias|lr|momentum|factor)=",
        lambda m: f"{m[1]}q=",
    ),
    "missing argument": (r"\b(conv (?:\w+|\(\S+\))) \d+x\d+", lambda m: m[1]),
    "missing value": (r"(?<=: |  )(linear|maxpool) \S+", lambda m: m[1]),
    "one argument too many": (r"(?<=: |  )(linear \S+)", lambda m: f"{m[1]} yes 7"),
    "text for a number": (
        r"(?<= )(stride|pad|groups|alpha|momentum)=[\w.-]+",
        lambda m: f'{m[1]}="x"',
    ),
    "fraction for a count": (r"\bconv (\w+) ", lambda m: "conv 1.5 "),
    "argument twice": (r"(?<= )((?:stride|pad|alpha)=[\w.-]+)", lambda m: f"{m[1]} {m[1]}"),
    "claimed channels": (r"-> (\d+)(?=x)", lambda m: f"-> {int(m[1]) + 1}"),
    "claimed height": (r"(-> \d+x)(\d+)(?=x)", lambda m: f"{m[1]}{int(m[2]) + 1}"),
    "claimed figure": (r"(expect .* )(\d[\d_]*)$", lambda m: f"{m[1]}{int(m[2]) + 1}"),
    "misspelt quantity": (r"(?<=expect )(params|macs)", lambda m: f"{m[1]}q"),
    "wrong filters": (r"(?<=: )conv (\d+)(?=.*->)", lambda m: f"conv {int(m[1]) + 4}"),
    "wrong pad": (r"(?<=: )(conv .*pad=)(\d)(?=.*->)", lambda m: f"{m[1]}{int(m[2]) + 1}"),
    "wrong stride": (r"(?<=: )(conv .*stride=)(\d)(?=.*->)", lambda m: f"{m[1]}{int(m[2]) + 1}"),
    "huge kernel": (r"(?<=: )(conv \d+) \d+x\d+", lambda m: f"{m[1]} 999x999"),
    "groups that divide nothing": (r"groups=(\d)", lambda m: "groups=5"),
    "misspelt parameter": (
        r"(?<=[ (])(classes|width|growth|squeeze)(?=[ )\n*])(?!=)",
        lambda m: f"{m[1]}q",
    ),
    "bad default": (r"(?<=[(,])(classes|size)=\d+", lambda m: f'{m[1]}="x"'),
    "bad let": (r"(?<=let )(\w+)=\d+", lambda m: f'{m[1]}="x"'),
    "label of a word": (
        r"^ *(layer\w*|pool\w*|head):",
        lambda m: m[0].replace(m[1], "conv"),
    ),
    "misspelt in a block's header": (
        r"(?<=[(, ])(width|stride|filters|pad)(?=[,=)])",
        lambda m: f"{m[1]}q",
    ),
    "no colon": (r"(?<=\w):", lambda m: " "),
    "no closing brace": (r"\}", lambda m: ""),
    "no opening brace": (r"\{(?=\s*$)", lambda m: ""),
    "no opening parenthesis": (r"(?<=\w)\(", lambda m: " "),
    "no closing parenthesis": (r"\)", lambda m: " "),
    "junk": (r"(?<=[^\s{}]) *$", lambda m: " @@"),
    "no key": (r"(?<=\w)=(?=\w)", lambda m: " = ="),
    "half an arrow": (r"->", lambda m: ">"),
}

FILES = [
    *("alexnet", "original", "small", "tanh", "ablations", "zoo/lenet5", "zoo/zfnet"),
    *("zoo/vgg16", "zoo/mobilenet_v1", "zoo/resnet18", "zoo/densenet121"),
]
"""Specs without errors: of every form; the large ones that add none are left out."""

ELSEWHERE = {
    "misspelt in a block's header": "the name is unknown where it is used",
    "no closing brace": "which block lacks its brace cannot be told: an opening one is blamed",
    "no opening brace": "the statement may take no block, and then a closing brace is left over",
    "groups that divide nothing": "a block's default fits or not where the block is used",
}
"""Slips that are reported at another place than theirs, and why."""


@dataclass(frozen=True)
class Slip:
    kind: str
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.kind} in {self.file}:{self.line}"


def errors(text: str, file: str) -> list[Diagnostic]:
    path = str((SPECS / f"{file}.arch").relative_to(ROOT))
    found = compile_bytes(text.encode(), path).diagnostics
    return [finding for finding in found if finding.severity is Severity.ERROR]


def slips(kind: str) -> Iterator[Slip]:
    """The texts with one slip of a kind. Those of blocks' headers are a kind of their own."""
    pattern, change = SLIPS[kind]
    for file in FILES:
        lines = (SPECS / f"{file}.arch").read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines):
            code = line.partition("#")[0].rstrip()
            if "misspelt" in kind and code.startswith("block") is not kind.endswith("header"):
                continue
            for match in re.finditer(pattern, code):
                wrong = code[: match.start()] + change(match) + code[match.end() :]
                changed = "\n".join([*lines[:number], wrong, *lines[number + 1 :]])
                yield Slip(kind, file, number + 1, changed)


def places(finding: Diagnostic) -> set[int]:
    labels = [label for label in (finding.primary, *finding.secondary) if label is not None]
    return {label.span.line for label in labels}


@pytest.fixture(autouse=True)
def at_the_root_without_repairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repairs add no finding, and take most of the time."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(
        "archdsl.analysis.repair.with_repairs", lambda analysis, findings, *again: findings
    )


@pytest.mark.parametrize("kind", SLIPS)
def test_one_mistake_is_one_error_at_its_place(kind: str) -> None:
    wrong = {}
    made = 0
    for slip in slips(kind):
        made += 1
        found = errors(slip.text, slip.file)
        at_fault = kind in ELSEWHERE or any(slip.line in places(finding) for finding in found)
        if len(found) != 1 or not at_fault:
            wrong[str(slip)] = [(finding.rule.code, finding.message) for finding in found]
    assert made, "the pattern matches nothing"
    assert not wrong


def test_specs_without_a_slip_have_no_errors() -> None:
    for file in FILES:
        assert not errors((SPECS / f"{file}.arch").read_text(encoding="utf-8"), file)


TWO = """
input 3x32x32
a: conv 8 3x3 pad=1           -> 8x32x32
   relu
   maxpool 2x2                -> 8x16x16
b: conv 16 3x3 pad=1          -> 16x16x16
   relu
c: linear 10
expect b weights 1_152
"""

FIRST = [
    ("conv 8", "convv 8"),
    ("8 3x3 pad=1  ", "8 3x3 pad=2  "),
    ("-> 8x32x32", "-> 8x33x32"),
    ("conv 8 3x3", "conv 8"),
    ("conv 8 3x3", "conv 8 99x99"),
    ("conv 8 3x3", "conv 8 3x3 @@"),
    ("maxpool 2x2 ", "maxpool 2x2 strid=2 "),
]
SECOND = [
    ("16 3x3 pad=1  ", "16 3x3 pad=-1 "),
    ("-> 16x16x16", "-> 16x16x17"),
    ("conv 16 3x3 pad=1", "conv 16 99x99 "),
    ("linear 10", "linar 10"),
    ("conv 16 3x3", "conv 16 3x3 @@"),
    ("b weights 1_152", "b weights 1_153"),
]


@pytest.mark.parametrize("first", FIRST, ids=lambda change: change[1])
@pytest.mark.parametrize("second", SECOND, ids=lambda change: change[1])
def test_two_mistakes_are_two_errors(first: tuple[str, str], second: tuple[str, str]) -> None:
    text = TWO
    lines = []
    for right, wrong in (first, second):
        assert text.count(right) == 1
        lines.append(text[: text.index(right)].count("\n") + 1)
        text = text.replace(right, wrong)
    found = compiled(network(text)).diagnostics
    # `network` puts a line of its own above, for the empty one that begins the text.
    assert [finding.primary.span.line for finding in found if finding.primary] == lines


def test_a_brace_that_is_missing_hides_no_misspelt_word() -> None:
    text = network("input 3x8x8\na: convv 4 3x3\nb: zzz 7").rstrip().removesuffix("}")
    codes = [finding.rule.code for finding in compiled(text).diagnostics]
    assert codes == ["E101", "E201", "E201"]


def test_an_unknown_name_is_one_error_with_all_its_places() -> None:
    text = "input 3x8x8\n" + "\n".join(f"s{n}: zzz 7" for n in range(9))
    (finding,) = compiled(network(text)).diagnostics
    assert [label.span.line for label in finding.secondary] == [4, 5, 6, 7, 8, 9]
    assert finding.notes == ("and in 2 more places",)
