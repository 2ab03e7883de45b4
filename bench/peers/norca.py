"""n-orca on a chain of convolutions and relus, as in growth.py, through its own functions."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

from n_orca.parser import parse
from n_orca.verifier import verify

STACK = 512 * 2**20
"""Bytes: n-orca looks for cycles by recursion, a call to a layer."""


def chain(layers: int) -> str:
    """The network of growth.chain in n-orca's format."""
    names = ["x", *(f"{kind}{n}" for n in range(layers // 2) for kind in ("conv", "relu")), "y"]
    return "\n".join([*_head(), *_layers(names), *_flow(names), ""])


def _head() -> Iterator[str]:
    yield from ("# architecture Chain", "", "## tensors", "")
    yield from ("| Name | Shape | Dtype |", "|------|-------|-------|")
    yield from ("| x | (1, 8, 16, 16) | float32 |", "| y | (1, 8, 16, 16) | float32 |", "")


def _layers(names: list[str]) -> Iterator[str]:
    first, *inner, last = names
    yield f"## layer {first} [input]"
    for name in inner:
        yield f"## layer {name}"
        yield "- op: Conv2d(8, 8, 3, 1, 1)" if name.startswith("conv") else "- op: ReLU"
    yield f"## layer {last} [output]"


def _flow(names: list[str]) -> Iterator[str]:
    yield from ("", "## flow", "", "| Source | Target | Tensor |", "|--------|--------|--------|")
    for source, target in pairwise(names):
        yield f"| {source} | {target} | t |"


def seconds(text: str) -> float:
    """The time of parsing and verifying a text."""
    times: list[float] = []

    def run() -> None:
        began = time.perf_counter()
        (report,) = [verify(architecture) for architecture in parse(text)]
        times.append(time.perf_counter() - began)
        assert report.valid, report.errors

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(0)
    return times[0]
