"""What the tests of the pictures use: what DOT text says, and what dot makes of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

from archdsl.analysis import Analysis
from tests.helpers import SPECS, compiled

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not here")


def shipped(name: str) -> Analysis:
    return compiled((SPECS / f"{name}.arch").read_text(encoding="utf-8")).archs[0]


def labels(dot: str) -> dict[str, str]:
    """The text of every node's label, its pieces joined by spaces; the graph's own is ""."""
    found = {}
    for line in dot.splitlines():
        match = re.search(r"label=<(<TABLE.*</TABLE>)>\]", line)
        if match:
            name = re.match(r'\s*"([^"]+)" \[', line)
            pieces = ElementTree.fromstring(match[1]).itertext()
            found[name[1] if name else ""] = " ".join(" ".join(pieces).split())
    return found


def seen_edges(dot: str) -> dict[tuple[str, str], str]:
    """Every edge that is drawn, with its attributes."""
    drawn = dot.partition("edge [style=invis]")[0]
    pairs = re.findall(r'^  "([^"]+)" -> "([^"]+)" \[(.*)\]$', drawn, re.MULTILINE)
    return {(tail, head): attributes for tail, head, attributes in pairs}


def across(dot: str) -> set[tuple[str, str]]:
    """The edges from one column to another."""
    pairs = [pair for pair in seen_edges(dot) if not {"@input", "@output"} & set(pair)]
    return {(a, b) for a, b in pairs if a.partition("@")[2] != b.partition("@")[2]}


def svg_ids(dot: str) -> list[str]:
    """The ids in the SVG that dot makes of a text."""
    run = subprocess.run(["dot", "-Tsvg"], input=dot.encode(), capture_output=True, check=True)
    assert run.stderr == b""
    return [known for e in ElementTree.fromstring(run.stdout).iter() if (known := e.get("id"))]


def overlapping(places: dict[str, Any]) -> list[tuple[str, str]]:
    """The nodes that stand on each other, of what `laid_out` gives."""
    found = []
    for first, second in combinations(places, 2):
        x, y, width, height = places[first]
        x2, y2, width2, height2 = places[second]
        apart = abs(x - x2) >= (width + width2) / 2 or abs(y - y2) >= (height + height2) / 2
        if not apart:
            found.append((first, second))
    return found


def laid_out(dot: str) -> dict[str, Any]:
    """The graph as dot places it: centres and sizes in points, by node."""
    run = subprocess.run(["dot", "-Tjson"], input=dot.encode(), capture_output=True, check=True)
    assert run.stderr == b""
    places = {}
    for thing in json.loads(run.stdout)["objects"]:
        if "pos" not in thing:
            continue  # a row, which is no node
        x, y = map(float, thing["pos"].split(","))
        places[thing["name"]] = (x, y, 72 * float(thing["width"]), 72 * float(thing["height"]))
    return places


def exchanged(before: str, after: str, devices: Iterable[int] = (0, 1)) -> set[tuple[str, str]]:
    """The edges of what devices receive from each other: into the figure, and out of it."""
    into = {(f"{before}@{device}", f"{after}@exchange") for device in devices}
    return into | {(f"{after}@exchange", f"{after}@{device}") for device in devices}
