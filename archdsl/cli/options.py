"""The arguments and options that commands have in common."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


Spec = Annotated[
    str,
    typer.Argument(metavar="SPEC", help="A .arch file, FILE.arch:Name, or - for standard input."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a parameter of the arch."),
]
Printed = Annotated[Format, typer.Option("--format", help="What to print.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Colored = Annotated[Color, typer.Option("--color", help="Colour the output.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/small-1.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or one like cuda:1.")]


def output(help: str) -> Any:
    """-o FILE, of an annotation."""
    return typer.Option("-o", "--output", metavar="FILE", help=help)
