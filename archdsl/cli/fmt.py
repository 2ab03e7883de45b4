"""archdsl fmt."""

from __future__ import annotations

from codecs import BOM_UTF8
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from archdsl import files
from archdsl.cli.exits import FOUND, OK, exit_code
from archdsl.cli.options import Color, Colored
from archdsl.cli.printing import print_exactly, print_findings
from archdsl.cli.reading import named_files, read_stdin
from archdsl.cli.writing import patch, rewrite
from archdsl.diagnostics import Diagnostic, Findings
from archdsl.reading import decoded, read
from archdsl.source import Source
from archdsl.syntax.format import Style, formatted
from archdsl.words.recipe import Setting
from archdsl.words.word import Word


def fmt(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help=".arch files, folders of them, or - for standard input to standard output.",
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; list what would change, and exit 1.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; print what would change.")
    ] = False,
    color: Colored = Color.AUTO,
) -> None:
    """Give specs the one layout. Exit 0: done, 1: errors, or changes of --check, 2: cannot work."""
    names = named_files(specs)
    raise typer.Exit(max(_format(name, check, diff, color) for name in names))


def _format(name: str, check: bool, diff: bool, color: Color) -> int:
    """Format one file, or show what would change in it; what `fmt` exits with for it."""
    source, marked = _read(name)
    findings = Findings([source] if isinstance(source, Diagnostic) else [])
    text = formatted(source, _style(), findings) if isinstance(source, Source) else None
    if text is None or isinstance(source, Diagnostic):
        print_findings(findings, color, to_stderr=True)
        return exit_code(findings)
    before = f"\ufeff{source.text}" if marked else source.text
    changed = text != before
    if diff:
        print_exactly(patch(source.name, before, text))
    elif check and changed:
        print(source.name)
    elif name == files.STDIN and not check:
        print_exactly(text)
    elif changed and (failed := rewrite(source.name, text.encode())):
        return failed
    elif changed:
        print(source.name)
    return FOUND if check and changed else OK


def _read(name: str) -> tuple[Source | Diagnostic, bool]:
    """A spec, and whether it begins with a byte order mark, which is no part of its text."""
    if name == files.STDIN:
        data = read_stdin()
        return decoded(data, "<stdin>"), data.startswith(BOM_UTF8)
    path = Path(name)
    source = read(path)
    if isinstance(source, Diagnostic) or not path.is_file():
        return source, False
    with path.open("rb") as file:
        return source, file.read(len(BOM_UTF8)) == BOM_UTF8


@cache
def _style() -> Style:
    """What the formatter takes from the words. One it does not know is a block's: a layer."""
    families = [family for family in Word.__subclasses__() if family.home]
    words = [cls for family in families for cls in family.words.values()]
    return Style(
        unlabelled=frozenset(cls.word for cls in words if not cls.labelled),
        tabular=frozenset(Setting.words),
    )
