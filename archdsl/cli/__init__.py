"""The command line. Every command is a few lines over the API; only this package prints or exits.

A command is a function, in a module of its own or of its family: see `commands`.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING

from archdsl.cli.commands import HOMES, application
from archdsl.cli.exits import FAILED

if TYPE_CHECKING:
    import typer

    app: typer.Typer


def __getattr__(name: str) -> object:
    """`app`, which has all commands: `main` loads no more than it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return application(*HOMES)


def asked() -> typer.Typer:
    """The one command that this process is asked for, loaded; all of them where it is none."""
    names = [name for name in sys.argv[1:2] if name in HOMES]
    return application(*(names or HOMES))


def main() -> None:
    """The entry point. What the terminal's encoding lacks is escaped; a full disk is exit 2."""
    if sys.stderr is None:
        sys.exit(FAILED)  # closed by whoever started this: there is nobody to tell
    if sys.stdout is None:
        print("archdsl: standard output is closed; > /dev/null leaves it open", file=sys.stderr)
        sys.exit(FAILED)
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        try:
            _run()
        finally:
            for stream in streams:
                stream.flush()
    except BrokenPipeError:
        _discard_output()
        sys.exit(FAILED)
    except OSError as error:
        _discard_output()
        place = error.filename or "the output"
        print(f"archdsl: {place}: {error.strerror or error}", file=sys.stderr)
        sys.exit(FAILED)


def _run() -> None:
    stdout = sys.stdout
    try:
        asked()()
    except SystemExit:
        if sys.stdout is not stdout:  # typer's way with a closed pipe; its 1 is our `errors found`
            sys.exit(FAILED)
        raise


def _discard_output() -> None:
    """Point standard output to nowhere, so that closing it at exit cannot fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
