"""The compiler: text to analysed networks, one function per phase."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archdsl.analysis import Analysis, analyse
from archdsl.analysis.lints import Linter
from archdsl.definitions import Definition, Module
from archdsl.diagnostics import Diagnostic, Edit, Findings, Label, Severity, catalogue
from archdsl.diagnostics.edits import edited
from archdsl.diagnostics.levels import DEFAULT, Levels
from archdsl.lower import Expander, lower
from archdsl.lower.consequences import mistakes
from archdsl.lower.files import Library
from archdsl.network import Network
from archdsl.reading import decoded, read, read_used
from archdsl.source import Source, Span
from archdsl.words.arithmetic import Quantity

if TYPE_CHECKING:
    from archdsl.analysis.repair import Effort


class Compilation(NamedTuple):
    """One file, compiled: its networks with all that is known of them, and all that is wrong."""

    module: Module | None
    """The file, and through it those that it uses; None if it could not be read."""
    archs: tuple[Analysis, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """No errors; there may be warnings."""
        return all(d.severity is not Severity.ERROR for d in self.diagnostics)


def compile_file(
    path: Path,
    overrides: Mapping[str, Quantity] | None = None,
    arch: str | None = None,
    levels: Levels = DEFAULT,
) -> Compilation:
    """Compile a file, or the one arch of it or of a file that it uses that is called `arch`.

    A file that cannot be read, or is no text, gives a fatal diagnostic.
    """
    source = read(path)
    if isinstance(source, Diagnostic):
        return Compilation(None, (), (source,))
    return compile_source(source, overrides, arch, levels)


def compile_bytes(
    data: bytes,
    name: str,
    overrides: Mapping[str, Quantity] | None = None,
    arch: str | None = None,
    levels: Levels = DEFAULT,
) -> Compilation:
    """Compile the bytes of a file that a user knows as `name`."""
    source = decoded(data, name)
    if isinstance(source, Diagnostic):
        return Compilation(None, (), (source,))
    return compile_source(source, overrides, arch, levels)


def compile_source(
    source: Source,
    overrides: Mapping[str, Quantity] | None = None,
    arch: str | None = None,
    levels: Levels = DEFAULT,
) -> Compilation:
    """Compile a text: read the files that it uses, lower its archs, analyse each, offer repairs.

    With `arch`, only that one, which may be of a file that it uses. `levels` say how findings count
    that are judgements.
    """
    with _collector_paused():
        return _compiled(source, overrides or {}, arch, levels)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the search for cycles in memory, of which a compiler makes none: it looks through
    all that is alive again and again, which takes a third of the time of a large spec."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            # What was made counts as old now: else all of it would be looked through at once.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _compiled(
    source: Source, overrides: Mapping[str, Quantity], arch: str | None, levels: Levels
) -> Compilation:
    findings = Findings()
    module = Library(read_used, findings).module(source)
    chosen = module.own.archs if arch is None else _only(module.visible.archs, arch)
    expander = Expander(findings)
    archs: list[Analysis] = []
    effort: Effort | None = None
    for definition in chosen.values():
        known = Findings(findings)
        network = lower(definition, overrides, expander)
        problems = Findings(findings[len(known) :])
        if network is not None:
            analysis = analyse(network, problems, levels)
            if problems:
                from archdsl.analysis.repair import Effort, with_repairs

                effort = effort or Effort()
                again = _rewriter(source, overrides, definition)
                problems = with_repairs(analysis, problems.once_each(), again, effort)
            archs.append(analysis)
        problems = problems.once_each().without(known)
        findings[len(known) :] = [_in_variant(problem, definition) for problem in problems]
    if not (module.own.archs or module.own.blocks or module.own.lets or findings):
        findings.append(_no_arch(source))
    if all(finding.rule.code >= "E3" for finding in findings):  # the network is the author's
        findings += _linted(archs, module, levels, whole=arch is None)
    return Compilation(module, tuple(archs), mistakes(findings, module).sorted())


def _linted(
    archs: Sequence[Analysis], module: Module, levels: Levels, whole: bool
) -> Iterator[Diagnostic]:
    """What the lints say of networks, and of the file if they are the `whole` of it."""
    linter = Linter(levels)
    for analysis in archs:
        for finding in linter.network(analysis):
            yield _in_variant(finding, analysis.network.definition)
    if whole:
        yield from linter.file(module)


def _rewriter(
    source: Source, overrides: Mapping[str, Quantity], arch: Definition
) -> Callable[[Sequence[Edit]], Network | None]:
    """Gives the network of an arch after edits of its text; None where the text has errors then."""

    def again(edits: Sequence[Edit]) -> Network | None:
        findings = Findings()
        text = Source(source.name, edited(source.text, edits))
        module = Library(read_used, findings).module(text)
        definition = module.visible.archs.get(arch.name.text)
        network = lower(definition, overrides, Expander(findings)) if definition else None
        return network if not findings else None

    return again


def _in_variant(finding: Diagnostic, arch: Definition) -> Diagnostic:
    """A finding about a variant that lies in its base, with the place of the variant."""
    if arch.base is None or finding.primary is None:
        return finding
    if arch.statement.span.holds(finding.primary.span):
        return finding
    return finding.beside((Label(arch.statement.head, f"in the variant {arch.name.text}"),))


def _only(archs: Mapping[str, Definition], name: str) -> dict[str, Definition]:
    return {name: archs[name]} if name in archs else {}


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
