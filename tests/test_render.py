"""archdsl render and diff --svg: which picture is written, where to, and what cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from archdsl.cli import app
from archdsl.diagram.palette import PALETTES, Theme
from tests.helpers import SPECS

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")

ALEXNET = str(SPECS / "alexnet.arch")
SMALL, ORIGINAL = str(SPECS / "small.arch"), str(SPECS / "original.arch")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def drawn(*arguments: str) -> str:
    """The text of what is drawn of AlexNet with these options."""
    result = run("render", ALEXNET, *arguments)
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip()).read_text(encoding="utf-8")


@needs_dot
def test_render_writes_an_svg_here() -> None:
    svg = drawn()
    assert svg.lstrip().startswith("<?xml") and "AlexNet" in svg and "43,264" in svg
    assert [path.name for path in Path().iterdir()] == ["alexnet.svg"]


@pytest.mark.parametrize(
    ("options", "name", "begins"),
    [
        (("--png",), "alexnet.png", b"\x89PNG"),
        (("--pdf",), "alexnet.pdf", b"%PDF"),
        (("--html",), "alexnet.html", b"<!doctype html>"),
        (("-o", "a.PNG"), "a.PNG", b"\x89PNG"),
        (("--style", "figure", "-o", "a.pdf"), "a.pdf", b"%PDF"),
    ],
)
@needs_dot
def test_the_kind_of_file_is_the_one_asked_for(
    options: tuple[str, ...], name: str, begins: bytes
) -> None:
    result = run("render", ALEXNET, *options)
    assert (result.exit_code, result.stdout) == (0, f"{name}\n")
    assert Path(name).read_bytes().lower().startswith(begins.lower())


def test_what_needs_no_graphviz_works_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert drawn("--dot").startswith("digraph")
    assert "<svg" in drawn("--style", "figure")
    why = "There is no picture, since Graphviz's program dot is not installed"
    assert why in drawn("--html")
    (told,) = run("render", ALEXNET, "--html").stderr.splitlines()
    assert told.startswith(f"archdsl: alexnet.html: {why}")
    assert "apt-get install graphviz" in told
    for command in (("render", ALEXNET, "-o", "net.svg"), ("diff", ORIGINAL, SMALL, "--svg")):
        missing = run(*command)
        assert missing.exit_code == 2
        assert "apt-get install graphviz" in missing.stderr
    assert run("render", SMALL).stderr.endswith(
        "; --dot, which writes the DOT text, --html, with a note in place of the graph, and "
        "--style figure work without it\n"
    )
    assert sorted(path.name for path in Path().iterdir()) == [
        "alexnet.dot",
        "alexnet.html",
        "alexnet.svg",
    ]


def test_the_options_of_the_graph() -> None:
    assert "rankdir=TB" in drawn("--dot")
    assert "rankdir=LR" in drawn("--dot", "--rankdir", "LR")
    dark = PALETTES[Theme.DARK].paper
    assert dark not in drawn("--dot")
    assert dark in drawn("--dot", "--theme", "dark")
    resnet = str(SPECS / "zoo" / "resnet18.arch")
    layers = []
    for fold in ("stage", "layer", "none"):
        assert run("render", resnet, "--dot", "--fold", fold).exit_code == 0
        layers.append(Path("resnet18.dot").read_text(encoding="utf-8").count(">batchnorm<"))
    # Of its 20, `layer` draws the one that is in the block `unit`.
    assert layers == [0, 1, 20]


def test_the_options_of_the_figure() -> None:
    widths = {"column": 88, "page": 180}
    for width, millimetres in widths.items():
        root = ElementTree.fromstring(drawn("--style", "figure", "--width", width))
        assert root.get("width") == f"{millimetres * 72 / 25.4:.2f}pt"
    dark = PALETTES[Theme.DARK].paper
    assert dark not in drawn("--style", "figure")
    assert dark in drawn("--style", "figure", "--theme", "dark")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-o", "net.gif"), "a picture's name ends in .svg, .png, .pdf, .dot, .html"),
        (("-o", "net"), "a picture's name ends in .svg, .png, .pdf, .dot, .html"),
        (("--dot", "-o", "net.svg"), "net.svg and --dot: leave one of the two away"),
        (("--svg", "--dot"), "--svg and --dot: choose one"),
        (("--dot", "-o", "missing/net.dot"), "does not exist"),
        (("--dot", "-o", "."), "is a folder"),
        (("--style", "figure", "--png"), "--style figure is written as .svg or .pdf, not as .png"),
        (("--style", "figure", "--fold", "none"), "--fold is of the graph"),
        (("--style", "figure", "--rankdir", "LR"), "--rankdir is of the graph"),
        (("--width", "column"), "--width is of the figure: add --style figure"),
        (("--html", "--theme", "dark"), "a page has both themes"),
    ],
)
def test_render_where_it_cannot(arguments: tuple[str, ...], reason: str) -> None:
    result = run("render", ALEXNET, *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("options", [("--dot",), ("--style", "figure"), ("--html",)])
def test_render_draws_what_does_not_check_and_says_so(options: tuple[str, ...]) -> None:
    result = run("render", str(SPECS / "alexnet_224.arch"), *options)
    assert result.exit_code == 1
    (output,) = Path().iterdir()
    assert result.stdout == f"{output}\n"
    assert "lossy-stride" in result.stderr
    assert "never sees" in output.read_text(encoding="utf-8")


# --- diff --svg -------------------------------------------------------------------------------


@needs_dot
def test_a_difference_is_drawn() -> None:
    result = run("diff", ORIGINAL, SMALL, "--svg")
    assert (result.exit_code, result.stdout) == (1, "OriginalAlexNet-SmallAlexNet.svg\n")
    text = Path("OriginalAlexNet-SmallAlexNet.svg").read_text(encoding="utf-8")
    assert "4096 → 384 features" in " ".join(ElementTree.fromstring(text).itertext())
    assert run("diff", SMALL, SMALL, "--svg", "-o", "same.svg").exit_code == 0
    assert Path("same.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-o", "a.svg"), "-o and --theme go with --svg"),
        (("--theme", "dark"), "-o and --theme go with --svg"),
        (("--svg", "--format", "json"), "--svg and --format json: choose one"),
        (("--svg", "-o", "a.png"), "a.png: the picture of a difference is written as .svg"),
        (("--svg", "-o", "missing/a.svg"), "does not exist"),
        (("--svg", "-o", "."), "is a folder"),
    ],
)
@needs_dot
def test_a_difference_where_it_cannot_be_drawn(arguments: tuple[str, ...], reason: str) -> None:
    result = run("diff", ORIGINAL, SMALL, *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert list(Path().iterdir()) == []
