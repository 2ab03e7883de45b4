"""archdsl render."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archdsl import files
from archdsl.api import Arch
from archdsl.cli import options
from archdsl.cli.drawing import Themed, laid_out
from archdsl.cli.exits import complain, exit_code, fail
from archdsl.cli.options import Color, Colored, Settings, Spec
from archdsl.cli.printing import print_findings
from archdsl.cli.reading import load
from archdsl.cli.writing import write
from archdsl.diagram.layout import Format
from archdsl.diagram.palette import Theme
from archdsl.diagram.style import Fold, Rankdir, Style

DRAWN: dict[str, Format] = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
"""What Graphviz makes of the graph."""
DOT, HTML = ".dot", ".html"


class Kind(StrEnum):
    """What kind of picture is drawn."""

    GRAPH = "graph"
    FIGURE = "figure"


class Width(StrEnum):
    """How wide a figure is, by where it is to be printed."""

    COLUMN = "column"
    PAGE = "page"


def render(
    spec: Spec,
    svg: Annotated[bool, typer.Option("--svg", help="Write an SVG (default).")] = False,
    png: Annotated[
        bool, typer.Option("--png", help="Write a PNG, at twice a screen's resolution.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Write a PDF, fonts embedded.")] = False,
    dot: Annotated[
        bool, typer.Option("--dot", help="Write Graphviz's text; needs no dot.")
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Write a page: graph, table, spec, arithmetic.")
    ] = False,
    kind: Annotated[
        Kind,
        typer.Option(
            "--style", help="graph: stages as cards. figure: maps to scale, as papers draw them."
        ),
    ] = Kind.GRAPH,
    fold: Annotated[
        Fold | None,
        typer.Option(help="What is folded: all but stages; what comes often (default); nothing."),
    ] = None,
    rankdir: Annotated[
        Rankdir | None, typer.Option(help="Which way an image passes: down (default), or right.")
    ] = None,
    width: Annotated[
        Width | None, typer.Option(help="Of a figure: 88 mm, or 180 mm (default).")
    ] = None,
    theme: Themed = None,
    output: Annotated[Path | None, options.output("Where to; default: NAME.svg here.")] = None,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Draw the network: stages, shapes, devices and what crosses between them."""
    flags = {".svg": svg, ".png": png, ".pdf": pdf, DOT: dot, HTML: html}
    suffix = _suffix([suffix for suffix, asked in flags.items() if asked], list(flags), output)
    _require_fitting(kind, suffix, fold, rankdir, width, theme)
    arch = load(spec, settings, color)
    path = output or Path(f"{_stem(spec, arch)}{suffix}")
    if kind is Kind.FIGURE:
        data = _figure(arch, suffix, width or Width.PAGE, theme or Theme.LIGHT)
    else:
        chosen = Style(theme or Theme.LIGHT, fold or Fold.LAYER, rankdir or Rankdir.TB)
        data = _page(arch, chosen, path) if suffix == HTML else _graph(arch, chosen, suffix)
    write(path, data, arch)
    print(path)
    print_findings(arch.diagnostics, color, to_stderr=True)
    raise typer.Exit(exit_code(arch.diagnostics))


def _graph(arch: Arch, style: Style, suffix: str) -> bytes:
    from archdsl.diagram.graph import graph

    text = graph(arch.analysis, style, arch.diagnostics)
    if suffix == DOT:
        return text.encode()
    otherwise = (
        "--dot, which writes the DOT text, --html, with a note in place of the graph, and "
        "--style figure work without it"
    )
    return laid_out(text, DRAWN[suffix], otherwise)


def _figure(arch: Arch, suffix: str, width: Width, theme: Theme) -> bytes:
    from archdsl.diagram.figure.draw import figure
    from archdsl.diagram.figure.page import ONE_COLUMN, TWO_COLUMNS

    millimetres = ONE_COLUMN if width is Width.COLUMN else TWO_COLUMNS
    scene = figure(arch.analysis, arch.diagnostics, theme=theme, width=millimetres)
    if suffix == ".pdf":
        from archdsl.diagram.figure.pdf import pdf

        return pdf(scene)
    from archdsl.diagram.figure.svg import svg

    return svg(scene)


def _page(arch: Arch, style: Style, path: Path) -> bytes:
    from archdsl.diagram.page import draw, page

    drawn = draw(arch.analysis, arch.diagnostics, style)
    if drawn.note:
        complain(f"{path}: {drawn.note}")
    return page(arch.analysis, arch.diagnostics, drawn).encode()


def _suffix(asked: list[str], known: list[str], output: Path | None) -> str:
    """The kind of file to write; ends the program where that is not one of them."""
    flags = [f"--{suffix[1:]}" for suffix in asked]
    if len(asked) > 1:
        fail(f"{' and '.join(flags)}: choose one")
    if output is None or output.is_dir():
        return asked[0] if asked else ".svg"
    named = output.suffix.lower()
    if named not in known:
        fail(f"{output}: a picture's name ends in {', '.join(known)}")
    if asked and named != asked[0]:
        fail(f"{output} and {flags[0]}: leave one of the two away, or make them agree")
    return named


def _require_fitting(
    kind: Kind,
    suffix: str,
    fold: Fold | None,
    rankdir: Rankdir | None,
    width: Width | None,
    theme: Theme | None,
) -> None:
    """Ends the program where an option says nothing of this kind of picture."""
    if kind is Kind.FIGURE:
        if suffix not in (".svg", ".pdf"):
            fail(f"--style figure is written as .svg or .pdf, not as {suffix}")
        for name, value in (("--fold", fold), ("--rankdir", rankdir)):
            if value is not None:
                fail(f"{name} is of the graph: leave it away, or --style figure")
    elif width is not None:
        fail("--width is of the figure: add --style figure")
    if suffix == HTML and theme is not None:
        fail("--theme: a page has both themes, and takes that of who reads it")


def _stem(spec: str, arch: Arch) -> str:
    """What a picture is called: by its file, and by its arch where that was named."""
    if spec == files.STDIN:
        return arch.name
    stem = Path(arch.network.source.name).stem
    return f"{stem}-{arch.name}" if spec != arch.network.source.name else stem
