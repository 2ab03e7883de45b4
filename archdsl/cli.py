"""The command line. Every command is a few lines over the API; only this file prints or exits."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

import archdsl
from archdsl import files, report
from archdsl.api import Arch, SpecError, require_checked, select
from archdsl.compiler import Compilation, compile_bytes, compile_file
from archdsl.diagnostics import Diagnostic, Findings, Severity
from archdsl.diagnostics import render as findings_view
from archdsl.lower import scope
from archdsl.styled import Line, plain, rich_text, visible
from archdsl.words.bind import Quantity

if TYPE_CHECKING:
    from rich.console import Console

OK, FOUND, FAILED = 0, 1, 2
"""Exit codes: no errors; errors found; the tool could not do its work."""


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


app = typer.Typer(
    name="archdsl",
    help="A small declarative language for convolutional networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Spec = Annotated[
    str,
    typer.Argument(metavar="SPEC", help="A .arch file, FILE.arch:Name, or - for standard input."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a parameter of the arch."),
]
Colored = Annotated[Color, typer.Option("--color", help="Colour the output.")]


def main() -> None:
    """The entry point. What the terminal's encoding lacks is escaped; a full disk is exit 2."""
    if sys.stdout is None or sys.stderr is None:
        sys.exit(FAILED)  # closed by whoever started this: there is nobody to tell
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
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


def _discard_output() -> None:
    """Point standard output to nowhere, so that closing it at exit cannot fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _version(shown: bool) -> None:
    if shown:
        print(f"archdsl {archdsl.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def check(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...", help=".arch files, folders of them, or - for standard input."
        ),
    ],
    format: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TEXT,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Prove shapes, parameters, costs and claims. Exit 0: no errors, 1: errors, 2: cannot work."""
    overrides = _overrides(settings)
    try:
        names = list(files.specs(specs))
    except FileNotFoundError as error:
        _fail(str(error))
    compiled = [_compile(name, overrides) for name in names]
    unknown = _unknown_overrides(compiled, overrides)
    diagnostics = [d for compilation in compiled for d in compilation.diagnostics] + unknown
    if format is Format.JSON:
        document = {
            "archs": [report.as_json(arch) for c in compiled for arch in c.archs],
            "diagnostics": [findings_view.as_json(d) for d in diagnostics],
        }
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print_checked(compiled, diagnostics, color)
    raise typer.Exit(_exit_code(diagnostics))


@app.command()
def render(
    spec: Spec,
    svg: Annotated[
        bool, typer.Option("--svg", help="Draw an SVG with Graphviz (default).")
    ] = False,
    dot: Annotated[
        bool, typer.Option("--dot", help="Write Graphviz's text; needs no dot.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to; default: NAME.svg here."),
    ] = None,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Draw the network: stages, shapes, devices and what crosses between them."""
    from archdsl.diagram.graph import graph
    from archdsl.diagram.layout import GraphvizMissing, LayoutFailed
    from archdsl.diagram.layout import svg as lay_out

    suffix = _suffix(svg, dot, output)
    arch = _load(spec, settings, color)
    path = output or Path(f"{_stem(spec, arch)}{suffix}")
    text = graph(arch.analysis)
    try:
        data = text.encode() if suffix == ".dot" else lay_out(text)
    except (GraphvizMissing, LayoutFailed) as error:
        _fail(str(error))
    _write(path, data, arch)
    print(path)
    _print_findings(arch.diagnostics, color, to_stderr=True)
    raise typer.Exit(_exit_code(arch.diagnostics))


@app.command()
def emit(
    spec: Spec,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to; default: standard output."),
    ] = None,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Write the network as a standalone PyTorch module."""
    arch = _load(spec, settings, color)
    _require_checked(arch, color)
    text = arch.pytorch()
    if output is None:
        print(text, end="")
    else:
        _write(output, text.encode(), arch)
        print(output)


@app.command()
def train(
    spec: Spec,
    data: Annotated[
        str | None,
        typer.Option(metavar="KIND[:DIR]", help="Instead of the recipe's: shapes, folder:DIR, …"),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.AUTO,
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=10**9, help="How many steps, instead of the recipe's length."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder; default: runs/NAME-N.")
    ] = None,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Train exactly the generated module, with the spec's recipe; keep everything in a folder."""
    from archdsl.words.recipe import data_from_text

    arch = _load(spec, settings, color)
    _require_checked(arch, color)
    source = data_from_text(data) if data is not None else None
    if data is not None and source is None:
        _fail(f"--data {data}: write shapes, folder:DIR, cifar10:DIR, cifar100:DIR or mnist:DIR")
    # OpenMP's threads spin while they wait; where another program takes a core, that halves the
    # speed. This must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        from archdsl import training
    except ModuleNotFoundError as error:
        _fail(
            f"training needs {error.name}: install it with  pip install 'archdsl[train]', "
            "or in a checkout  pip install '.[train]'"
        )
    console = _console(color)
    try:
        job = training.job(arch, source)
        training.train(job, run, device.value, steps, training.reporter(console))
    except training.TrainingError as error:
        _fail(str(error))
    except training.Interrupted as stopped:
        print(stopped, file=sys.stderr)
        raise typer.Exit(stopped.exit_code) from None


# --- reading ----------------------------------------------------------------------------------


def _overrides(settings: list[str] | None) -> dict[str, Quantity]:
    """The parameters of --set; ends the program where one is no name=number."""
    findings = Findings()
    pairs = [scope.override(text, findings) for text in settings or []]
    if findings:
        _print_findings(findings, Color.AUTO, to_stderr=True)
        raise typer.Exit(FAILED)
    return dict(pair for pair in pairs if pair is not None)


def _compile(name: str, overrides: dict[str, Quantity]) -> Compilation:
    if name == files.STDIN:
        if sys.stdin is None:
            _fail("standard input is closed")
        return compile_bytes(sys.stdin.buffer.read(), "<stdin>", overrides)
    return compile_file(Path(name), overrides)


def _unknown_overrides(
    compiled: list[Compilation], overrides: dict[str, Quantity]
) -> list[Diagnostic]:
    archs = [arch for compilation in compiled for arch in compilation.archs]
    known = {name for arch in archs for name in arch.network.parameters}
    unknown = [name for name in overrides if name not in known] if archs else []
    return [scope.unknown_override(name, known) for name in unknown]


def _load(spec: str, settings: list[str] | None, color: Color) -> Arch:
    """The one network that a command works on; ends the program where there is none."""
    overrides = _overrides(settings)
    path, separator, name = spec.rpartition(":")
    named = bool(separator) and path.endswith(".arch") and not Path(spec).exists()
    compilation = _compile(path if named else spec, overrides)
    unknown = _unknown_overrides([compilation], overrides)
    if unknown or not compilation.archs:
        diagnostics = [*compilation.diagnostics, *unknown]
        _print_findings(diagnostics, color, to_stderr=True)
        raise typer.Exit(_exit_code(diagnostics))
    try:
        return select(compilation, path if named else spec, name if named else None)
    except SpecError as error:
        _fail(str(error))


def _require_checked(arch: Arch, color: Color) -> None:
    try:
        require_checked(arch)
    except SpecError:
        _print_findings(arch.diagnostics, color, to_stderr=True)
        raise typer.Exit(FOUND) from None


# --- writing ----------------------------------------------------------------------------------


def _suffix(svg: bool, dot: bool, output: Path | None) -> str:
    if svg and dot:
        _fail("--svg and --dot: choose one")
    asked = ".dot" if dot else ".svg" if svg else None
    named = output.suffix if output is not None and not output.is_dir() else asked or ".svg"
    if named not in (".svg", ".dot") or asked not in (None, named):
        _fail(f"{output}: pictures are written as .svg or .dot, and --svg and --dot name them so")
    return named


def _stem(spec: str, arch: Arch) -> str:
    """What a picture is called: by its file, and by its arch where that was named."""
    if spec == files.STDIN:
        return arch.name
    stem = Path(arch.network.source.name).stem
    return f"{stem}-{arch.name}" if spec != arch.network.source.name else stem


def _write(path: Path, data: bytes, arch: Arch) -> None:
    spec = Path(arch.network.source.name)
    if spec.exists() and path.exists() and path.samefile(spec):
        _fail(f"{path} is the spec itself: choose another output file")
    try:
        files.write(path, data)
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror or error}")


def _exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    found = list(diagnostics)
    if any(d.rule.fatal for d in found):
        return FAILED
    return FOUND if any(d.severity is Severity.ERROR for d in found) else OK


def _fail(message: str) -> NoReturn:
    print(f"archdsl: {visible(message)}", file=sys.stderr)
    raise typer.Exit(FAILED)


def _print_checked(
    compiled: list[Compilation], diagnostics: list[Diagnostic], color: Color
) -> None:
    lines: list[Line] = []
    for analysis in (arch for compilation in compiled for arch in compilation.archs):
        lines += [*report.table(analysis), ()]
    for diagnostic in diagnostics:
        lines += [*findings_view.text(diagnostic), ()]
    if diagnostics:
        lines.append(findings_view.summary(diagnostics))
    _print(lines[:-1] if lines and not lines[-1] else lines, color)


def _print_findings(
    diagnostics: Iterable[Diagnostic], color: Color, to_stderr: bool = False
) -> None:
    for diagnostic in diagnostics:
        _print([*findings_view.text(diagnostic), ()], color, to_stderr)


def _print(lines: list[Line], color: Color, to_stderr: bool = False) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    if _colored(color, stream.isatty()):
        console = _console(color, to_stderr)
        for line in lines:
            console.print(rich_text(line), soft_wrap=True)
    else:
        for line in lines:
            print(plain(line), file=stream)


def _colored(color: Color, terminal: bool) -> bool:
    if color is Color.AUTO:
        return terminal and not os.environ.get("NO_COLOR")
    return color is Color.ALWAYS


def _console(color: Color, to_stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(
        stderr=to_stderr,
        highlight=False,
        force_terminal=True if color is Color.ALWAYS else None,
        no_color=True if color is Color.NEVER else None,
    )
