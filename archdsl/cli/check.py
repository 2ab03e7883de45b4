"""archdsl check."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

import archdsl
from archdsl import files, report
from archdsl.cli.exits import FAILED, exit_code, fail
from archdsl.cli.options import Color, Colored, Settings
from archdsl.cli.printing import print_document, print_lines
from archdsl.cli.reading import compile_named, named_files, read_overrides, unknown_overrides
from archdsl.compiler import Compilation
from archdsl.diagnostics import Diagnostic, levels, render
from archdsl.diagnostics.edits import first_numbers
from archdsl.diagnostics.levels import Levels
from archdsl.styled import Line


class CheckFormat(StrEnum):
    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def check(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help=".arch files, FILE.arch:Name, folders of files, or - for standard input.",
        ),
    ],
    format: Annotated[
        CheckFormat, typer.Option("--format", help="What to print.")
    ] = CheckFormat.TEXT,
    settings: Settings = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Make the first edit that is offered for an error.")
    ] = False,
    pick: Annotated[
        int | None,
        typer.Option("--pick", min=1, metavar="N", help="With --fix: make edit N instead."),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="With --fix: write nothing; print what would change.")
    ] = False,
    deny: Annotated[
        list[str] | None,
        typer.Option("--deny", metavar="RULE", help="Make it an error; warnings: all of them."),
    ] = None,
    warn: Annotated[
        list[str] | None, typer.Option("--warn", metavar="RULE", help="Make it a warning.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="RULE", help="Do not tell of it; explain lists rules."),
    ] = None,
    color: Colored = Color.AUTO,
) -> None:
    """Prove shapes, parameters, costs and claims. Exit 0: no errors, 1: errors, 2: cannot work."""
    overrides = read_overrides(settings, color)
    chosen = _levels(deny, warn, allow)
    names = named_files(specs)
    if fix or pick is not None or diff:
        from archdsl.cli import fix as fixing

        fixing.require_fixable(names, fix, pick)
        repairs = [fixing.fix(name, overrides, chosen, pick, diff) for name in names]
        if diff or FAILED in repairs:
            raise typer.Exit(max(repairs))
    compiled = [compile_named(*files.target(name), overrides, chosen) for name in names]
    unknown = unknown_overrides(compiled, overrides)
    # A file that others use as well is complained of once.
    found = {d.place: d for compilation in compiled for d in compilation.diagnostics}
    diagnostics = [*found.values(), *unknown]
    _print_found(format, compiled, diagnostics, color)
    raise typer.Exit(exit_code(diagnostics))


def _levels(deny: list[str] | None, warn: list[str] | None, allow: list[str] | None) -> Levels:
    """How findings count; ends the program where a rule is unknown or no matter of judgement."""
    try:
        return levels.chosen(deny or (), warn or (), allow or ())
    except levels.BadLevel as error:
        fail(str(error))


def _print_found(
    format: CheckFormat, compiled: list[Compilation], diagnostics: list[Diagnostic], color: Color
) -> None:
    match format:
        case CheckFormat.TEXT:
            _print_checked(compiled, diagnostics, color)
        case CheckFormat.CONCISE:
            lines = [render.concise(diagnostic) for diagnostic in diagnostics]
            print_lines([*lines, render.summary(diagnostics)] if lines else [], color)
        case CheckFormat.JSON:
            document = {
                "archs": [report.as_json(arch) for c in compiled for arch in c.archs],
                "diagnostics": [render.as_json(d) for d in diagnostics],
            }
            print_document(document)
        case CheckFormat.SARIF:
            from archdsl.diagnostics import sarif

            print_document(sarif.log(diagnostics, archdsl.__version__, exit_code(diagnostics)))
        case CheckFormat.GITHUB:
            from archdsl.diagnostics import github

            for diagnostic in diagnostics:
                print(github.command(diagnostic))


def _print_checked(
    compiled: list[Compilation], diagnostics: list[Diagnostic], color: Color
) -> None:
    lines: list[Line] = []
    for compilation in compiled:
        for analysis in compilation.archs:
            lines += [*report.table(analysis), ()]
        if compilation.module and not (compilation.archs or compilation.diagnostics):
            lines += [report.library(compilation.module), ()]
    numbers: dict[object, int] = {}  # of the first edit of each finding, as --pick takes them
    for compilation in compiled:
        for diagnostic, number in first_numbers(compilation.diagnostics):
            numbers.setdefault(diagnostic.place, number)
    numbered = [(diagnostic, numbers.get(diagnostic.place, 1)) for diagnostic in diagnostics]
    for diagnostic, number in numbered:
        lines += [*render.text(diagnostic, number), ()]
    if diagnostics:
        lines.append(render.summary(diagnostics))
        lines += render.pointers(numbered)
    print_lines(lines[:-1] if lines and not lines[-1] else lines, color)
