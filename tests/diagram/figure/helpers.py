"""What the tests of the figure use: scenes of specs, and what a parser finds in their SVG."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree import ElementTree

from archdsl.analysis import Analysis
from archdsl.compiler import Compilation, compile_file
from archdsl.diagram.faults import Faults
from archdsl.diagram.figure.draw import figure
from archdsl.diagram.figure.maps import Fold, Map
from archdsl.diagram.figure.reading import maps
from archdsl.diagram.figure.scene import Box, Scene
from archdsl.diagram.figure.svg import svg
from tests.helpers import SPECS

SVG = "{http://www.w3.org/2000/svg}"


def shipped(name: str) -> Compilation:
    """A spec of specs/, by its path there without .arch."""
    return compile_file(SPECS / f"{name}.arch")


def scene(compilation: Compilation, width: float = 180.0) -> Scene:
    return figure(compilation.archs[0], compilation.diagnostics, width=width)


def read(analysis: Analysis, fold: Fold = Fold.REPEATS) -> list[Map]:
    return maps(analysis, Faults(analysis), fold)


def parsed(scene: Scene) -> ElementTree.Element:
    return ElementTree.fromstring(svg(scene))


class Written(NamedTuple):
    """A text of an SVG, the box around its outlines' points, and its size in points."""

    text: str
    box: Box
    size: float


def written(scene: Scene) -> list[Written]:
    """The texts of a scene, as they stand in its SVG."""
    return [_written(path) for path in parsed(scene).iter(f"{SVG}path")]


def _written(path: ElementTree.Element) -> Written:
    placed = re.fullmatch(r"translate\((\S+) (\S+)\) scale\((\S+) -\3\)", path.attrib["transform"])
    assert placed is not None
    x, y, scale = map(float, placed.groups())
    across, up = _points(path.attrib["d"])
    box = Box(
        x + scale * min(across), y - scale * max(up), x + scale * max(across), y - scale * min(up)
    )
    return Written(path.attrib["aria-label"], box, 1000 * scale)


def _points(data: str) -> tuple[list[float], list[float]]:
    """The coordinates in path data, of which every command is absolute."""
    across: list[float] = []
    up: list[float] = []
    for command, numbers in re.findall(r"([MLHVQCZ])([^MLHVQCZ]*)", data):
        found = [float(number) for number in re.findall(r"-?[0-9.]+", numbers)]
        if command == "H":
            across += found
        elif command == "V":
            up += found
        else:
            across += found[::2]
            up += found[1::2]
    return across, up
