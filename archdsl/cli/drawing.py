"""What the commands that draw have in common."""

from __future__ import annotations

from typing import Annotated

import typer

from archdsl.cli.exits import fail
from archdsl.diagram.layout import Format, GraphvizMissing, LayoutFailed, picture
from archdsl.diagram.palette import Theme

Themed = Annotated[Theme | None, typer.Option("--theme", help="Its colours; default: light.")]


def laid_out(dot: str, format: Format, otherwise: str) -> bytes:
    """The picture of DOT text by Graphviz; ends the program where there is none.

    `otherwise` says what works where Graphviz is not installed.
    """
    try:
        return picture(dot, format)
    except GraphvizMissing as error:
        fail(f"{error}; {otherwise}")
    except LayoutFailed as error:
        fail(str(error))
