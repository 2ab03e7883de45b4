"""From what a command line names to compiled specs; what is wrong with either ends the program."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from archdsl import api, files
from archdsl.api import Arch, SpecError
from archdsl.cli.exits import FAILED, FOUND, exit_code, fail
from archdsl.cli.options import Color
from archdsl.cli.printing import print_findings
from archdsl.compiler import Compilation, compile_bytes, compile_file
from archdsl.diagnostics import Diagnostic, Findings, levels
from archdsl.diagnostics.levels import Levels
from archdsl.lower import scope
from archdsl.words.arithmetic import Quantity


def read_overrides(settings: list[str] | None, color: Color) -> dict[str, Quantity]:
    """The parameters of --set; ends the program where one is no name=number."""
    findings = Findings()
    pairs = [scope.override(text, findings) for text in settings or []]
    if findings:
        print_findings(findings, color, to_stderr=True)
        raise typer.Exit(FAILED)
    return dict(pair for pair in pairs if pair is not None)


def unknown_overrides(
    compiled: list[Compilation], overrides: dict[str, Quantity]
) -> list[Diagnostic]:
    """What is wrong with parameters of --set that no arch has."""
    archs = [arch for compilation in compiled for arch in compilation.archs]
    known = {name for arch in archs for name in arch.network.parameters}
    unknown = [name for name in overrides if name not in known] if archs else []
    return [scope.unknown_override(name, known) for name in unknown]


def named_files(specs: list[str]) -> list[str]:
    """The files that a command works on; ends the program where a folder has none."""
    try:
        return list(files.specs(specs))
    except FileNotFoundError as error:
        fail(str(error))


def read_stdin() -> bytes:
    if sys.stdin is None:
        fail("standard input is closed")
    return sys.stdin.buffer.read()


def compile_named(
    name: str, arch: str | None, overrides: dict[str, Quantity], chosen: Levels = levels.DEFAULT
) -> Compilation:
    """A file compiled; ends the program where it has no arch of the name that is asked for."""
    if name == files.STDIN:
        return compile_bytes(read_stdin(), "<stdin>", overrides, levels=chosen)
    compilation = compile_file(Path(name), overrides, arch, chosen)
    if arch is not None:
        try:
            api.require_arch(compilation, name, arch)
        except SpecError as error:
            fail(str(error))
    return compilation


def load(spec: str, settings: list[str] | None, color: Color) -> Arch:
    """The one network that a command works on; ends the program where there is none."""
    overrides = read_overrides(settings, color)
    path, name = files.target(spec)
    if Path(path).is_dir():
        fail(f"{path} is a folder: name one of its .arch files")
    compilation = compile_named(path, name, overrides)
    unknown = unknown_overrides([compilation], overrides)
    if unknown or (compilation.diagnostics and not compilation.archs):
        diagnostics = [*compilation.diagnostics, *unknown]
        print_findings(diagnostics, color, to_stderr=True)
        raise typer.Exit(exit_code(diagnostics))
    try:
        return api.select(compilation, path, name)
    except SpecError as error:
        fail(str(error))


def load_checked(spec: str, settings: list[str] | None, color: Color) -> Arch:
    """As `load`; ends the program where the network has errors."""
    arch = load(spec, settings, color)
    try:
        api.require_checked(arch)
    except SpecError:
        print_findings(arch.diagnostics, color, to_stderr=True)
        raise typer.Exit(FOUND) from None
    return arch
