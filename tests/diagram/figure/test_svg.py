"""The figure as SVG: well-formed, self-contained, and the same bytes each time."""

from __future__ import annotations

import re
import subprocess
import sys

from archdsl.diagram.figure.draw import figure
from archdsl.diagram.figure.scene import Disc, Line, Point, Polygon, Scene, Stroke, Text
from archdsl.diagram.figure.svg import svg
from tests.diagram.figure.helpers import SVG, parsed, scene, shipped
from tests.helpers import ROOT, compiled, network

HOSTILE = "</title><script>alert(1)</script> & \" ' \u202e ]]> 日本 \ufffe"


def simple(*marks: Polygon | Line | Disc | Text) -> Scene:
    return Scene(100, 50, "#ffffff", marks, "Net", "a network")


def test_it_says_what_it_shows() -> None:
    root = parsed(scene(shipped("alexnet")))
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    assert root.attrib["width"] == "510.24pt"  # 180 mm
    assert root.attrib["viewBox"].split()[:3] == ["0", "0", "510.24"]
    title, description = root[0], root[1]
    assert (title.tag, title.text) == (f"{SVG}title", "AlexNet")
    assert description.tag == f"{SVG}desc"
    assert description.text and "60,965,224 parameters" in description.text


def test_it_needs_nothing_from_elsewhere() -> None:
    root = parsed(scene(shipped("alexnet")))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "desc", "rect", "polygon", "line", "circle", "path"}
    names = {name for element in root.iter() for name in element.attrib}
    assert not names & {"id", "href", "style", "class", "font-family"}
    assert "url(" not in svg(scene(shipped("alexnet"))).decode()


def test_marks_are_written_as_they_are() -> None:
    square = Polygon(
        (Point(1, 2), Point(3, 2), Point(3, 4.5)), "#abcdef", Stroke("#000000", 0.5, 1.5)
    )
    text = svg(
        simple(
            square,
            Line(Point(0, 0), Point(10, 5), Stroke("#123456", 1)),
            Disc(Point(5, 6), 0.75, "#654321"),
        )
    ).decode()
    assert (
        '<polygon points="1,2 3,2 3,4.5" fill="#abcdef" stroke="#000000" stroke-width="0.5" '
        'stroke-dasharray="1.5"/>' in text
    )
    assert '<line x1="0" y1="0" x2="10" y2="5" stroke="#123456" stroke-width="1"/>' in text
    assert '<circle cx="5" cy="6" r="0.75" fill="#654321"/>' in text


def test_text_is_outlined_where_it_stands() -> None:
    (path,) = parsed(simple(Text(Point(10, 20), "I", 10, "#000000"))).iter(f"{SVG}path")
    assert path.attrib["transform"] == "translate(10 20) scale(0.01 -0.01)"
    numbers = [int(number) for number in re.findall(r"-?\d+", path.attrib["d"])]
    assert 680 <= max(numbers) <= 700  # Fira Sans has capitals of 689 units
    assert min(numbers) == 0


def test_any_text_is_escaped() -> None:
    text = Text(Point(0, 20), HOSTILE, 7, "#000000")
    root = parsed(Scene(100, 50, "#ffffff", (text,), HOSTILE, HOSTILE))
    said = HOSTILE.replace("\ufffe", "\ufffd")
    assert root[0].text == root[1].text == said
    (path,) = root.iter(f"{SVG}path")
    assert path.attrib["aria-label"] == said
    assert path.attrib["d"]


def test_any_comment_above_a_network_is_escaped() -> None:
    text = f"# {HOSTILE}\n" + network("input 3x9x9\nconv 8 3x3")
    root = parsed(scene(compiled(text)))
    assert root[1].text and "</title><script>alert(1)</script> & \" '" in root[1].text


def test_the_same_network_gives_the_same_bytes() -> None:
    script = (
        "import sys, hashlib; from archdsl.compiler import compile_file; from pathlib import Path\n"
        "from archdsl.diagram.figure.draw import figure\n"
        "from archdsl.diagram.figure.svg import svg\n"
        "analysis = compile_file(Path('specs/zoo/googlenet.arch')).archs[0]\n"
        "print(hashlib.sha256(svg(figure(analysis))).hexdigest())\n"
        "assert 'fpdf' not in sys.modules and 'torch' not in sys.modules"
    )
    sums = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(sums) == 1


def test_the_theme_is_behind_everything() -> None:
    picture = figure(shipped("small").archs[0])
    rect = next(parsed(picture).iter(f"{SVG}rect"))
    assert (rect.attrib["fill"], rect.attrib["width"]) == ("#ffffff", "510.24")
