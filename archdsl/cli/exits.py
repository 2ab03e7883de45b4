"""How a command ends: its exit code, and what it says where it gives up."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NoReturn

import typer

from archdsl.diagnostics import Diagnostic, Severity
from archdsl.styled import visible

OK, FOUND, FAILED = 0, 1, 2
"""Exit codes: no errors; errors found; the tool could not do its work."""


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    found = list(diagnostics)
    if any(d.rule.fatal for d in found):
        return FAILED
    return FOUND if any(d.severity is Severity.ERROR for d in found) else OK


def complain(message: str) -> None:
    print(f"archdsl: {visible(message)}", file=sys.stderr)


def fail(message: str) -> NoReturn:
    complain(message)
    raise typer.Exit(FAILED)
