"""archdsl watch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from archdsl import api, files
from archdsl import watch as watching
from archdsl.api import SpecError
from archdsl.cli.exits import FAILED, complain, fail
from archdsl.cli.options import Color, Colored, Settings
from archdsl.cli.printing import print_findings, print_lines
from archdsl.cli.reading import compile_named, read_overrides, unknown_overrides
from archdsl.compiler import Compilation, compile_file
from archdsl.styled import Piece, line

CLEAR = "\x1b[2J\x1b[H"
"""Empties a terminal; what has scrolled out of it stays."""


def watch(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A .arch file, or FILE.arch:Name.")],
    page: Annotated[
        bool,
        typer.Option("--page", help="Serve the page to this machine; it follows the file."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="With --page: where; default: any free port."),
    ] = None,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Check a spec whenever it, or a file that it uses, is saved. Ctrl-C ends it."""
    path, arch = files.target(spec)
    if path == files.STDIN:
        fail("watch follows a file: standard input has no next version")
    if Path(path).is_dir():
        fail(f"{path} is a folder: name one of its .arch files")
    if port is not None and not page:
        fail("--port goes with --page")
    overrides = read_overrides(settings, color)
    first = compile_named(path, arch, overrides)
    if first.module is None:
        print_findings(first.diagnostics, color, to_stderr=True)
        raise typer.Exit(FAILED)

    def compiled() -> Compilation:
        found = compile_file(Path(path), overrides, arch)
        unknown = unknown_overrides([found], overrides)
        return found._replace(diagnostics=(*found.diagnostics, *unknown))

    with _page(path, port) if page else _no_page() as shown:
        for compilation in watching.compilations(Path(path), compiled):
            if sys.stdout.isatty():
                sys.stdout.write(CLEAR)
            moment = f"{datetime.now():%H:%M:%S}"
            print_lines(watching.told(compilation, path, moment), color)
            _tell_of_missing(compilation, path, arch)
            sys.stdout.flush()  # a pipe would keep it, and a picture takes its time
            if address := shown(compilation):
                print_lines([(), line(Piece("page  ", "dim"), Piece(address))], color)
                sys.stdout.flush()


def _tell_of_missing(compilation: Compilation, path: str, arch: str | None) -> None:
    """Say so where the one network that is followed is gone, as while it is renamed."""
    try:
        if arch is not None:
            api.require_arch(compilation, path, arch)
    except SpecError as error:
        complain(str(error))


@contextmanager
def _no_page() -> Iterator[Callable[[Compilation], str]]:
    yield lambda _: ""


@contextmanager
def _page(path: str, port: int | None) -> Iterator[Callable[[Compilation], str]]:
    """Serves the page of each compilation that is shown; gives its address."""
    from archdsl.diagram.page.live import LivePages
    from archdsl.diagram.page.server import Server, Site

    site = Site()
    pages = LivePages(path, site)
    try:
        server = Server(site, port or 0)
    except OSError as error:
        fail(f"port {port} cannot be had: {error.strerror or error}; take another --port")

    def shown(compilation: Compilation) -> str:
        pages.show(compilation)
        return server.address

    with server.running():
        yield shown
