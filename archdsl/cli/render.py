"""archdsl render."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archdsl import files
from archdsl.api import Arch
from archdsl.cli import options
from archdsl.cli.exits import exit_code, fail
from archdsl.cli.options import Color, Colored, Settings, Spec
from archdsl.cli.printing import print_findings
from archdsl.cli.reading import load
from archdsl.cli.writing import write
from archdsl.diagram.graph import graph
from archdsl.diagram.layout import GraphvizMissing, LayoutFailed
from archdsl.diagram.layout import svg as lay_out


def render(
    spec: Spec,
    svg: Annotated[
        bool, typer.Option("--svg", help="Draw an SVG with Graphviz (default).")
    ] = False,
    dot: Annotated[
        bool, typer.Option("--dot", help="Write Graphviz's text; needs no dot.")
    ] = False,
    output: Annotated[Path | None, options.output("Where to; default: NAME.svg here.")] = None,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Draw the network: stages, shapes, devices and what crosses between them."""
    suffix = _suffix(svg, dot, output)
    arch = load(spec, settings, color)
    path = output or Path(f"{_stem(spec, arch)}{suffix}")
    text = graph(arch.analysis)
    try:
        data = text.encode() if suffix == ".dot" else lay_out(text)
    except (GraphvizMissing, LayoutFailed) as error:
        fail(str(error))
    write(path, data, arch)
    print(path)
    print_findings(arch.diagnostics, color, to_stderr=True)
    raise typer.Exit(exit_code(arch.diagnostics))


def _suffix(svg: bool, dot: bool, output: Path | None) -> str:
    if svg and dot:
        fail("--svg and --dot: choose one")
    asked = ".dot" if dot else ".svg" if svg else None
    named = output.suffix if output is not None and not output.is_dir() else asked or ".svg"
    if named not in (".svg", ".dot") or asked not in (None, named):
        fail(f"{output}: pictures are written as .svg or .dot, and --svg and --dot name them so")
    return named


def _stem(spec: str, arch: Arch) -> str:
    """What a picture is called: by its file, and by its arch where that was named."""
    if spec == files.STDIN:
        return arch.name
    stem = Path(arch.network.source.name).stem
    return f"{stem}-{arch.name}" if spec != arch.network.source.name else stem
