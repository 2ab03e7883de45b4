"""The compiler: text to analysed networks, one function per phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from errno import EFBIG
from pathlib import Path

from archdsl.analysis import Analysis, analyse
from archdsl.analysis.repair import with_repairs
from archdsl.diagnostics import Diagnostic, Findings, Label, Severity, at, catalogue
from archdsl.lower.expand import lower
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.words.bind import Quantity, check_form, find
from archdsl.words.declaration import TopLevel

MAX_BYTES = 16 * 10**6
"""Of a spec. One of 10,000 layers takes about half a megabyte."""


@dataclass(frozen=True)
class Compilation:
    """One file, compiled: its networks with all that is known of them, and all that is wrong."""

    source: Source | None
    archs: tuple[Analysis, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """No errors; there may be warnings."""
        return all(d.severity is not Severity.ERROR for d in self.diagnostics)


def compile_file(path: Path, overrides: Mapping[str, Quantity] | None = None) -> Compilation:
    """Compile a file. One that cannot be read, or is no text, gives a fatal diagnostic."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OSError(EFBIG, f"it is larger than {MAX_BYTES // 10**6} MB")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = Diagnostic(
            catalogue.UNREADABLE_FILE,
            f"cannot read {path}: {reason}",
            None,
            str(path),
            help=("give the path of a .arch file, of a folder of them, or - for standard input",),
        )
        return Compilation(None, (), (problem,))
    return compile_bytes(data, str(path), overrides)


def compile_bytes(
    data: bytes, name: str, overrides: Mapping[str, Quantity] | None = None
) -> Compilation:
    """Compile the bytes of a file that a user knows as `name`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Diagnostic(
            catalogue.NOT_TEXT,
            f"{name} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}",
            None,
            name,
            help=("save it as UTF-8, or check that it is the file you meant",),
        )
        return Compilation(None, (), (problem,))
    return compile_source(Source(name, text), overrides)


def compile_source(source: Source, overrides: Mapping[str, Quantity] | None = None) -> Compilation:
    """Compile a text: parse, lower every arch of it, analyse each, and offer repairs."""
    findings = Findings()
    file = parse(source, findings)
    archs: list[Analysis] = []
    names: dict[str, Span] = {}
    for statement in _arch_statements(file, findings):
        network = lower(statement, overrides or {}, findings)
        if network is None:
            continue
        if network.name in names:
            findings.append(
                at(
                    catalogue.REPEATED,
                    statement.head,
                    f"two archs of this file are called {network.name}",
                    secondary=(Label(names[network.name], "the first one"),),
                    help=("give one of them another name",),
                )
            )
            continue
        names[network.name] = statement.head
        problems = Findings()
        analysis = analyse(network, problems)
        findings += with_repairs(analysis, problems)
        archs.append(analysis)
    if not archs and not findings:
        findings.append(_no_arch(source))
    return Compilation(source, tuple(archs), findings.sorted())


def _arch_statements(file: tree.File, findings: Findings) -> list[tree.Statement]:
    archs = []
    for statement in file.statements:
        if not statement.word.text:
            continue  # did not parse, and is reported
        cls = find(statement.word, (TopLevel,), findings)
        if cls is not None and check_form(statement, cls, findings):
            archs.append(statement)
    return archs


def _no_arch(source: Source) -> Diagnostic:
    message = (
        f"{source.name} defines no network" if source.text.strip() else (f"{source.name} is empty")
    )
    return Diagnostic(
        catalogue.NO_ARCH,
        message,
        Label(Span(source, 0, 0)),
        source.name,
        help=("a network is written  arch Name { input 3x227x227 … }",),
    )


def probes(analysis: Analysis) -> dict[str, tuple[Analysis, ...]]:
    """The same arch at other values of each of its whole-number parameters, one at a time.

    Twice and three times the value, so that what divided still does. Defaults that are computed
    from the parameter follow it. A parameter at whose other values the network does not check is
    left out. Claims are dropped: they are of this network.
    """
    found = {}
    for name, value in analysis.network.parameters.items():
        if isinstance(value, int) and value > 0:
            others = [_probe(analysis, name, factor * value) for factor in (2, 3)]
            known = tuple(other for other in others if other is not None)
            if len(known) == len(others):
                found[name] = known
    return found


def _probe(analysis: Analysis, name: str, value: int) -> Analysis | None:
    findings = Findings()
    written = analysis.network
    overrides = {given: written.parameters[given] for given in written.overridden}
    network = lower(written.statement, {**overrides, name: value}, findings)
    if network is None:
        return None
    probed = analyse(network.without_claims(), findings)
    return None if findings else probed
