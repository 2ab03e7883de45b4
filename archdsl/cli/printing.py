"""What commands print, in colour or without, and in JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from archdsl.cli.options import Color
from archdsl.diagnostics import Diagnostic, render
from archdsl.styled import Line, plain, rich_text

if TYPE_CHECKING:
    from rich.console import Console


def print_document(document: dict[str, Any]) -> None:
    """Print JSON, in ASCII: the same for programs whatever the terminal's encoding, and nothing
    that a terminal obeys."""
    import json

    print(json.dumps(document, indent=2))


def print_findings(
    diagnostics: Iterable[Diagnostic], color: Color, to_stderr: bool = False
) -> None:
    for diagnostic in diagnostics:
        print_lines([*render.text(diagnostic), ()], color, to_stderr)


def print_lines(lines: Iterable[Line], color: Color, to_stderr: bool = False) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    if _colored(color, stream.isatty()):
        styled = console(color, to_stderr)
        for line in lines:
            styled.print(rich_text(line), soft_wrap=True)
    else:
        for line in lines:
            print(plain(line), file=stream)


def print_exactly(text: str) -> None:
    """Print a spec, or a part of it, in its own encoding whatever that of the terminal is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())


def console(color: Color, to_stderr: bool = False) -> Console:
    from rich.console import Console

    class Frank(Console):
        """It lets who prints know of a closed pipe, where rich ends the program."""

        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704  # rich calls this where it has caught it

    terminal = (sys.stderr if to_stderr else sys.stdout).isatty()
    colored = _colored(color, terminal)
    return Frank(
        stderr=to_stderr,
        highlight=False,
        force_terminal=terminal,
        no_color=not colored,
        color_system="standard" if colored else None,
    )


def _colored(color: Color, terminal: bool) -> bool:
    """Whether to colour: --color goes before NO_COLOR, that before FORCE_COLOR, that before what
    is printed to. An empty variable counts as none, as no-color.org and force-color.org say; so
    does FORCE_COLOR=0."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") not in ("", "0") or (
        terminal and os.environ.get("TERM") != "dumb"
    )
