"""archdsl diff."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archdsl import diff as structural
from archdsl import files
from archdsl.api import Arch, SpecError, select
from archdsl.cli import options
from archdsl.cli.drawing import Themed, laid_out
from archdsl.cli.exits import FAILED, FOUND, OK, fail
from archdsl.cli.options import Color, Colored, Format, Printed
from archdsl.cli.printing import print_document, print_findings, print_lines
from archdsl.cli.reading import compile_named, read_overrides, unknown_overrides
from archdsl.cli.writing import write
from archdsl.diagram.palette import Theme
from archdsl.diff import view
from archdsl.words.arithmetic import Quantity


def diff(
    before: Annotated[
        str,
        typer.Argument(metavar="A", help="A .arch file, FILE.arch:Name, or - for standard input."),
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="What it became, given alike.")],
    format: Printed = Format.TEXT,
    svg: Annotated[
        bool, typer.Option("--svg", help="Draw both side by side, what changed marked.")
    ] = False,
    output: Annotated[
        Path | None, options.output("With --svg: where to; default: A-B.svg here.")
    ] = None,
    theme: Themed = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override a parameter, in each that has it."
        ),
    ] = None,
    color: Colored = Color.AUTO,
) -> None:
    """What changed from one network to another. Exit 0: nothing, 1: something, 2: cannot work."""
    _require_fitting(svg, output, theme, format)
    archs = _two(before, after, read_overrides(settings, color), color)
    _require_comparable({before: archs[0], after: archs[1]}, color)
    found = structural.difference(*(arch.analysis for arch in archs))
    errors = [sum(map(structural.unsettles, arch.diagnostics)) for arch in archs]
    if svg:
        path = output or Path(f"{archs[0].name}-{archs[1].name}.svg")
        write(path, _drawn(found, theme or Theme.LIGHT, (errors[0], errors[1])), *archs)
        print(path)
    elif format is Format.JSON:
        print_document(view.as_json(found, errors))
    else:
        unsound = dict(pair for pair in zip((before, after), errors, strict=True) if pair[1])
        print_lines(view.text(found, unsound), color)
    raise typer.Exit(FOUND if found.changes else OK)


def _require_fitting(svg: bool, output: Path | None, theme: Theme | None, format: Format) -> None:
    """Ends the program where options do not go together."""
    if not svg and (output is not None or theme is not None):
        fail("-o and --theme go with --svg")
    if svg and format is Format.JSON:
        fail("--svg and --format json: choose one")
    if output is not None and output.suffix.lower() != ".svg" and not output.is_dir():
        fail(f"{output}: the picture of a difference is written as .svg")


def _drawn(found: structural.Difference, theme: Theme, errors: tuple[int, int]) -> bytes:
    """The picture of what changed; ends the program where it cannot be drawn."""
    from archdsl.diagram.difference import difference

    text = difference(found, theme, errors)
    return laid_out(text, "svg", "without --svg, diff works without it")


def _two(before: str, after: str, overrides: dict[str, Quantity], color: Color) -> list[Arch]:
    """The networks to compare, each with the overrides that it has parameters for.

    Ends the program where one cannot be had.
    """
    if before == after == files.STDIN:
        fail("only one of the two can be standard input")
    targets = [files.target(spec) for spec in (before, after)]
    for path, _ in targets:
        if Path(path).is_dir():
            fail(f"{path} is a folder: diff compares two networks, FILE.arch or FILE.arch:Name")
    compiled = [compile_named(path, name, overrides) for path, name in targets]
    missing = [c for c in compiled if c.diagnostics and not c.archs]
    unknown = unknown_overrides(compiled, overrides) if not missing else []
    if missing or unknown:
        found = {d.place: d for compilation in missing for d in compilation.diagnostics}
        print_findings([*found.values(), *unknown], color, to_stderr=True)
        raise typer.Exit(FAILED)
    try:
        return [
            select(compilation, *target)
            for compilation, target in zip(compiled, targets, strict=True)
        ]
    except SpecError as error:
        fail(str(error))


def _require_comparable(archs: dict[str, Arch], color: Color) -> None:
    """Ends the program where one of the networks, by what was asked for, is not what its author
    means."""
    prevents = structural.prevents
    # What is wrong with a file of which both are is told once.
    found = {d.place: d for arch in archs.values() for d in arch.diagnostics if prevents(d)}
    if found:
        print_findings(found.values(), color, to_stderr=True)
        wrong = [spec for spec, arch in archs.items() if any(map(prevents, arch.diagnostics))]
        fail(f"cannot compare {' and '.join(wrong)}: edits or statements there have errors")
