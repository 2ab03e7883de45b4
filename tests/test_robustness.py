"""Whatever the text: findings or a network, in every view, and never an exception."""

from __future__ import annotations

import random
import re

from archdsl import report
from archdsl.codegen.pytorch import module
from archdsl.compiler import compile_bytes, probes
from archdsl.diagnostics.render import as_json, text
from archdsl.diagram.graph import graph
from archdsl.styled import plain
from tests.helpers import ROOT, SPECS

TOKENS = [
    *"{ } ( ) -> = ; ~ # a: conv linear softmax lrn batchnorm prelu flatten 0 -1 1e99 1x1".split(),
    *"999999999 65536x65536 3x8x8 8 groups=3 dilation=3 stride=7 pad=same rounding=ceil".split(),
    *"(1/0) (2*classes) same classes é".split(),
    *('"', "\x00", "\t", "\r", "\u00a0", "\u202e", "\n"),
    *("devices 3", "input 8", "expect memory 3", 'use "x"', "block b(n) {", "arch B from"),
    *"concat { add { } repeat 0 repeat 99999 { set replace remove insert from with let".split(),
    *("insert after conv1 {", "replace relu with tanh", "set conv1 filters=3", "unit 3"),
]
PROGRAMS = 400


def mutated(draw: random.Random, program: bytes) -> bytes:
    for _ in range(draw.randint(1, 4)):
        words = [match.span() for match in re.finditer(rb"\S+", program)] or [(0, 0)]
        start, end = draw.choice(words)
        token = draw.choice(TOKENS).encode()
        match draw.randrange(4):
            case 0:
                program = program[:start] + token + program[end:]
            case 1:
                program = program[:start] + token + b" " + program[start:]
            case 2:
                program = program[:start] + program[start + draw.randint(1, 20) :]
            case _:
                program = program[:start] + bytes([draw.randrange(256)]) + program[start:]
    return program


def test_mutated_programs_end_in_findings_or_a_network() -> None:
    draw = random.Random(0)
    cases = ROOT / "tests" / "cases" / "invalid"
    small = ("small", "ablations", "tanh", "resnet18", "squeezenet1_1", "lenet5")
    shipped = [path for path in sorted(SPECS.rglob("*.arch")) if path.stem in small]
    wrong = sorted(cases.glob("*.arch"))
    checked = generated = 0
    for _ in range(PROGRAMS):
        path = draw.choice(draw.choice([shipped, wrong]))
        program = mutated(draw, path.read_bytes())
        result = compile_bytes(program, str(path))  # where it finds the files that it uses
        assert result.archs or result.diagnostics, program
        for diagnostic in result.diagnostics:
            assert all(plain(line).isprintable() for line in text(diagnostic)), program
            as_json(diagnostic)
        for analysis in result.archs:
            checked += 1
            assert all(plain(line) for line in report.table(analysis) if line)
            report.as_json(analysis)
            graph(analysis)
            if result.ok:
                generated += 1
                compile(module(analysis, probes(analysis)).text, "generated", "exec")
    assert checked > PROGRAMS // 4 and generated > 5  # else the mutations are too wild to mean much
