"""Broken `.arch` files: the repository's own, with a few mutations each."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests.helpers import ROOT

FOLDERS = ("specs", "tests", "examples", "docs")

NUMBERS = """
    0 -1 -0 1 2 3 7 00012 1_000 1__0 _1 1e15 1e400 1e-400 1e 1.5 .5 5. 0x10 0b1 1e+3 62.37M 1k
    1kk 9G 1000000000000000 999999999999999 123456789012345678901234567890
    1234567890123456789012345678901 65536x65536 1x1 0x0 3x8x8 3x0x8 1x1x1x1
    9999999x9999999x9999999 ١٢ ² ½ ５ 1×2 inf nan (1/0) (1/3) (0-1) (2*n)
    (99999999*99999999*99999999*99999999) ((((1)))) (1,2) () (3,n,n) ~60M ~0 <=1 >=1 <=-1
""".split()

WORDS = """
    { } ( ) -> = ; ~ # , . : " ' \\ / * + - <= >= × a: conv linear maxpool avgpool softmax lrn
    batchnorm prelu flatten identity concat add repeat input devices expect init train arch
    block let use from with set replace remove insert after before data augment optimizer sgd
    adam schedule step scale evaluate same yes no floor ceil classes conv1 conv2 fc6 relu
    conv1.relu stage_1 fire unit bottleneck params macs memory traffic neurons depth
    activations groups=3 groups=0 stride=7 stride=0 pad=same pad=99 dilation=3 rounding=ceil
    bias=no bias=1 allow=lossy_stride allow=x across=space affine=no __class__ __import__ None
    True lambda self exec eval {n} {0} {layer} %s \\n \\x00 $(id) `id` é Ａ
""".split()

STATEMENTS = """
    devices 3
    input 8
    input 3x8x8
    expect memory 3
    expect conv1 params ~3M
    use "x"
    use "../specs/original.arch"
    use "/dev/zero"
    use "/dev/stdin"
    use "/etc/passwd"
    use ""
    use "."
    block b(n) { conv n 1x1 }
    block c(n=2) { b n; c n }
    arch B from A { remove conv1 }
    arch B from B { }
    concat { } { conv 3 1x1 }
    add { relu } { }
    repeat 0 { relu }
    repeat 3 { conv 8 3x3 pad=1 }
    repeat 99999 { relu }
    repeat 1000 { repeat 1000 { relu } }
    repeat 99999 { }
    repeat 5000 { relu }
    repeat 300 { repeat 300 { zork } }
    insert after conv1 { x: relu }
    replace relu with tanh
    replace conv1 with { }
    set conv1 filters=3
    set optimizer lr=1e9
    remove relu
    init weights=normal(0, 0.01) bias=0
    train { batch 0; epochs 1000000000; data folder "/" }
    conv 1000000000 65536x65536
    adaptiveavgpool 65536x65536
    linear 1000000000
    let w=(1/3)
""".strip().splitlines()

CHARACTERS = [
    *("\x00", "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x1f", "\x7f", "\x85", "\u00a0"),
    *("\u00ad", "\u0301", "\u200b", "\u200f", "\u2028", "\u2029", "\u202e", "\u2066", "\ufeff"),
    *("\uffff", "\U0001f600", "\U000e0001", "\t", "\r", "\r\n", "\n", "\n\n\n", ";;", "\\\n"),
]
BYTES = [b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
BYTES += [b"\xef\xbb\xbf", b"\x80", b"\xe2\x82"]


@cache
def corpus() -> tuple[Path, ...]:
    """Every `.arch` file of the repository, from its root."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.arch")]
    return tuple(sorted(path.relative_to(ROOT) for path in found))


def broken(draw: random.Random) -> tuple[Path, bytes]:
    """The path of a file of the corpus, and its bytes after a few mutations."""
    # As often one of the shipped ones as one that is wrong already, of which there are more.
    path = draw.choice(draw.choice([corpus(), [p for p in corpus() if "invalid" not in p.parts]]))
    data = (ROOT / path).read_bytes()
    for _ in range(draw.choice([1, 1, 2, 3, 5, 12])):
        data = draw.choice(MUTATIONS)(draw, data)
    return path, data


def _place(draw: random.Random, data: bytes) -> int:
    return draw.randint(0, len(data))


def _with(data: bytes, start: int, end: int, new: bytes) -> bytes:
    return data[:start] + new + data[end:]


def _token(draw: random.Random, data: bytes) -> tuple[int, int]:
    found = [match.span() for match in re.finditer(rb"[\w.]+|[^\w\s]+", data)]
    return draw.choice(found or [(0, 0)])


def _number(draw: random.Random, data: bytes) -> tuple[int, int]:
    found = [match.span() for match in re.finditer(rb"\d[\w.]*", data)]
    return draw.choice(found or [(0, 0)])


def _statement(draw: random.Random, data: bytes) -> tuple[int, int]:
    found = [match.span() for match in re.finditer(rb"[^\n;]+[\n;]?", data)]
    return draw.choice(found or [(0, 0)])


def change_byte(draw: random.Random, data: bytes) -> bytes:
    at = _place(draw, data)
    return _with(data, at, at + draw.randint(0, 2), bytes([draw.randrange(256)]))


def insert_bytes(draw: random.Random, data: bytes) -> bytes:
    at = _place(draw, data)
    return _with(data, at, at, draw.choice(BYTES))


def insert_character(draw: random.Random, data: bytes) -> bytes:
    at = draw.choice([_place(draw, data), *_token(draw, data)])
    return _with(data, at, at, draw.choice(CHARACTERS).encode())


def cut_out(draw: random.Random, data: bytes) -> bytes:
    at = _place(draw, data)
    return _with(data, at, at + draw.choice([1, 5, 20, 100, 10**6]), b"")


def copy_elsewhere(draw: random.Random, data: bytes) -> bytes:
    start, at = _place(draw, data), _place(draw, data)
    return _with(data, at, at, data[start : start + draw.randint(1, 200)])


def change_token(draw: random.Random, data: bytes) -> bytes:
    return _with(data, *_token(draw, data), draw.choice(WORDS + NUMBERS).encode())


def swap_tokens(draw: random.Random, data: bytes) -> bytes:
    (a, b), (c, d) = sorted([_token(draw, data), _token(draw, data)])
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def insert_token(draw: random.Random, data: bytes) -> bytes:
    at, _ = _token(draw, data)
    return _with(data, at, at, draw.choice(WORDS + NUMBERS).encode() + b" ")


def change_number(draw: random.Random, data: bytes) -> bytes:
    return _with(data, *_number(draw, data), draw.choice(NUMBERS).encode())


def nudge_number(draw: random.Random, data: bytes) -> bytes:
    """A number near the one written, so that the file still binds and its shapes do not fit."""
    start, end = _number(draw, data)
    text = data[start:end]
    if not text.isdigit() or len(text) > 9:
        return data
    value = max(0, draw.choice([int(text) + draw.randint(-3, 3), int(text) * 2, int(text) // 2]))
    return _with(data, start, end, str(value).encode())


def delete_statement(draw: random.Random, data: bytes) -> bytes:
    return _with(data, *_statement(draw, data), b"")


def repeat_statement(draw: random.Random, data: bytes) -> bytes:
    start, end = _statement(draw, data)
    return _with(data, end, end, data[start:end] * draw.choice([1, 1, 1, 2, 50, 400]))


def swap_statements(draw: random.Random, data: bytes) -> bytes:
    (a, b), (c, d) = sorted([_statement(draw, data), _statement(draw, data)])
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def insert_statement(draw: random.Random, data: bytes) -> bytes:
    at, _ = _statement(draw, data)
    return _with(data, at, at, draw.choice(STATEMENTS).strip().encode() + b"\n")


def splice(draw: random.Random, data: bytes) -> bytes:
    """Some lines of another file."""
    lines = (ROOT / draw.choice(corpus())).read_bytes().splitlines(keepends=True)
    start = draw.randint(0, len(lines))
    at, _ = _statement(draw, data)
    return _with(data, at, at, b"".join(lines[start : start + draw.randint(1, 12)]))


def append_file(draw: random.Random, data: bytes) -> bytes:
    return data + b"\n" + (ROOT / draw.choice(corpus())).read_bytes()


def nest(draw: random.Random, data: bytes) -> bytes:
    """Brackets inside one another, closed or not."""
    opening, closing = draw.choice(
        [("(", ")"), ("{", "}"), ("add { ", " } {}"), ("repeat 2 { ", " }"), ("concat {} { ", " }")]
    )
    depth = draw.choice([1, 5, 20, 61, 99, 101, 3000])
    inner = draw.choice(["1", "relu", "", "conv 8 3x3 pad=1"])
    text = opening * depth + inner + closing * draw.choice([depth, depth, depth - 1, 0])
    at = draw.choice([_statement(draw, data), _token(draw, data)])[0]
    return _with(data, at, at, text.encode() + b"\n")


def grow_name(draw: random.Random, data: bytes) -> bytes:
    """A token so many times over: a huge name, or a huge number."""
    start, end = _token(draw, data)
    return _with(data, end, end, data[start:end] * draw.choice([2, 30, 1000, 20_000]))


def change_line_ends(draw: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", draw.choice([b"\r\n", b"\r", b"\n\n", b";", b" ", b"\x0c"]))


def recode(draw: random.Random, data: bytes) -> bytes:
    """Another encoding, or a mark before the text."""
    text = data.decode("utf-8", "replace")
    return text.encode(draw.choice(["utf-16", "utf-8-sig", "latin-1", "utf-32"]), "replace")


def lengthen_line(draw: random.Random, data: bytes) -> bytes:
    at = _place(draw, data)
    return _with(data, at, at, draw.choice([b" ", b"\t", b"x", b"# ", b"1,"]) * 5000)


MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [
    *[change_byte, insert_bytes, insert_character, cut_out, copy_elsewhere],
    *[change_token, swap_tokens, insert_token, change_number, nudge_number] * 3,
    *[delete_statement, repeat_statement, swap_statements, insert_statement, splice] * 2,
    *[append_file, nest, grow_name, change_line_ends, recode, lengthen_line],
]
