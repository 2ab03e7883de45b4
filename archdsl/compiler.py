"""The compiler: text to analysed networks, one function per phase."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EFBIG
from pathlib import Path

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
from archdsl.source import Source, Span
from archdsl.words.arithmetic import Quantity

_LONE_RETURN = re.compile(r"\r(?!\n)")

MAX_BYTES = 16 * 10**6
"""Of a spec. One of 10,000 layers takes about half a megabyte."""


@dataclass(frozen=True)
class Compilation:
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
    module = Library(_read_used, findings).module(source)
    chosen = module.own.archs if arch is None else _only(module.visible.archs, arch)
    expander = Expander(findings)
    archs: list[Analysis] = []
    for definition in chosen.values():
        known = Findings(findings)
        network = lower(definition, overrides, expander)
        problems = Findings(findings[len(known) :])
        if network is not None:
            analysis = analyse(network, problems, levels)
            if problems:
                from archdsl.analysis.repair import with_repairs

                again = _rewriter(source, overrides, definition)
                problems = with_repairs(analysis, problems.once_each(), again)
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
        module = Library(_read_used, findings).module(text)
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


def read(path: Path) -> Source | Diagnostic:
    """The text of a file, or why there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OSError(EFBIG, f"it is larger than {MAX_BYTES // 10**6} MB")
    except (OSError, ValueError) as error:
        return _unreadable(path, getattr(error, "strerror", None) or str(error))
    return decoded(data, str(path))


def _read_used(path: Path) -> Source | Diagnostic:
    """The text of a file that a text names: no pipe or device, which could keep us waiting."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            return _unreadable(path, "it is no regular file")
    except OSError as error:  # a name that is too long
        return _unreadable(path, error.strerror or str(error))
    return read(path)


def _unreadable(path: Path, reason: str) -> Diagnostic:
    return Diagnostic(
        catalogue.UNREADABLE_FILE,
        f"cannot read {path}: {reason}",
        None,
        str(path),
        help=("give the path of a .arch file, of a folder of them, or - for standard input",),
    )


def decoded(data: bytes, name: str) -> Source | Diagnostic:
    """The text of a file's bytes, or why they are none."""
    try:
        # A lone carriage return ended a line on old Macs; it is as long as what it becomes.
        return Source(name, _LONE_RETURN.sub("\n", data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        return Diagnostic(
            catalogue.NOT_TEXT,
            f"{name} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}",
            None,
            name,
            help=("save it as UTF-8, or check that it is the file you meant",),
        )


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


def probes(analysis: Analysis) -> dict[str, tuple[Analysis, ...]]:
    """The same arch at other values of each of its whole-number parameters, one at a time.

    Twice and three times the value, so that what divided still does; and one more and one less,
    where the network checks then, so that no multiple stands for all values. Defaults that are
    computed from the parameter follow it. A parameter at whose other values the network does not
    check is left out. Claims are dropped: they are of this network.
    """
    found = {}
    for name, value in analysis.network.parameters.items():
        if isinstance(value, int) and value > 0:
            others = [_probe(analysis, name, factor * value) for factor in (2, 3)]
            known = tuple(other for other in others if other is not None)
            if len(known) == len(others):
                beside = (_probe(analysis, name, near) for near in (value + 1, value - 1) if near)
                found[name] = (*known, *(other for other in beside if other is not None))
    return found


def _probe(analysis: Analysis, name: str, value: int) -> Analysis | None:
    findings = Findings()
    written = analysis.network
    overrides = {given: written.parameters[given] for given in written.overridden}
    expander = Expander(findings, claims=False)
    network = lower(written.definition, {**overrides, name: value}, expander)
    if network is None:
        return None
    probed = analyse(network.with_changes(expects=()), findings)
    return None if findings else probed
