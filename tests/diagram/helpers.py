"""What the tests of the pictures use: what DOT text says, and what dot makes of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
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
    """The edges between two devices."""
    pairs = [pair for pair in seen_edges(dot) if not {"@input", "@output"} & set(pair)]
    return {(a, b) for a, b in pairs if a.partition("@")[2] != b.partition("@")[2]}


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
