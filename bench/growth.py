"""How the time of a check grows: 10,000 layers against 1,000, in one process.

For a chain, for repeats, for branches and for blocks: the ratio of the medians of several runs; 10
is linear growth. Run alone:  python bench/growth.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from archdsl.compiler import compile_bytes

SIZES = (1_000, 10_000)
RUNS = 7
LIMIT = 11.0
"""The ratio that growth may reach: linear, and a tenth more."""


def chain(layers: int) -> str:
    """A convolution and a relu to a stage."""
    stages = "\n".join(f"  s{n}: conv 8 3x3 pad=1\n  relu" for n in range(layers // 2))
    return f"arch Chain {{\n  input 8x16x16\n{stages}\n}}\n"


def repeats(layers: int) -> str:
    """Iterations of a convolution, a relu and a residual branch."""
    body = "conv 8 3x3 pad=1; relu; add { lrn } {}"
    return f"arch Repeats {{\n  input 8x16x16\n  repeat {layers // 4} {{ {body} }}\n}}\n"


def branches(layers: int) -> str:
    """A join of two branches, three layers in all, to a stage."""
    body = "concat { conv 4 1x1; relu } { conv 4 3x3 pad=1 }"
    stages = "\n".join(f"  s{n}: {body} -> 8x16x16" for n in range(layers // 4))
    return f"arch Branches {{\n  input 8x16x16\n{stages}\n}}\n"


def blocks(layers: int) -> str:
    """A block of four layers to a stage."""
    block = "block unit(n) { conv n 3x3 pad=1 bias=no; batchnorm; relu; lrn }\n"
    stages = "\n".join(f"  s{n}: unit 8" for n in range(layers // 4))
    return f"{block}arch Blocks {{\n  input 8x16x16\n{stages}\n}}\n"


KINDS: tuple[Callable[[int], str], ...] = (chain, repeats, branches, blocks)


def seconds(text: str, layers: int) -> float:
    """The time of checking a text that has this many layers."""
    data = text.encode()
    began = time.perf_counter()
    result = compile_bytes(data, "generated.arch")
    ended = time.perf_counter()
    assert result.ok and len(result.archs[0].network.layers) == layers
    return ended - began


def medians() -> Iterator[tuple[str, float, float]]:
    """For each kind of network: its name, and the time at the smaller and the larger size, s."""
    seconds(chain(100), 100)  # the first check also builds the parser and the words' validators
    for kind in KINDS:
        # In turns, so that what else the machine does falls on both.
        times = [[seconds(kind(size), size) for size in SIZES] for _ in range(RUNS)]
        few, many = (statistics.median(column) for column in zip(*times, strict=True))
        yield kind.__name__, few, many


def main() -> None:
    small, large = SIZES
    print(f"{'':10}{small:>10,}{large:>10,}   ratio")
    worst = 0.0
    for name, few, many in medians():
        worst = max(worst, many / few)
        print(f"{name:10}{few:9.3f}s{many:9.3f}s{many / few:8.1f}")
    if worst > LIMIT:
        raise SystemExit(f"growth is not linear: {worst:.1f} is more than {LIMIT:.0f}")


if __name__ == "__main__":
    main()
