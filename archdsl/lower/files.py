"""Files: what each defines, and what it sees of those that it uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from archdsl.definitions import Definition, Let, Module
from archdsl.diagnostics import Diagnostic, Findings, Label, Rule, at, catalogue
from archdsl.diagnostics.suggest import nearest
from archdsl.lower.blocks import check_blocks
from archdsl.lower.scope import reserved
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.words.arithmetic import UNKNOWN, Unfit, number
from archdsl.words.bind import bind_as, check_form, find
from archdsl.words.declaration import Arch, Block, TopLevel, Use
from archdsl.words.declaration import Let as LetWord

Reader: TypeAlias = Callable[[Path], Source | Diagnostic]
"""How a file is read: its text, or why there is none."""

MAX_CHAIN = 50
"""Files that use each other, one the next."""

T = TypeVar("T", Definition, Let)

_LET = "write  let width=64"


class Library:
    """The files of one compilation, each read once."""

    def __init__(self, read: Reader, findings: Findings) -> None:
        self.read = read
        self.findings = findings
        self.modules: dict[Path, Module | None] = {}
        """By real path; None for one that cannot be read."""
        self.open: list[tuple[Path, str]] = []
        """The files that are being read, each using the next: where a cycle shows."""

    def module(self, source: Source) -> Module:
        """What a text defines, and the files that it uses with it."""
        path = Path(os.path.realpath(source.name))
        module = Module(source)
        self.modules[path] = module
        self.open.append((path, source.name))
        statements = self._statements(parse(source, self.findings))
        used = [self._used(module, statement) for statement, cls in statements if cls is Use]
        module.uses = tuple(other for other in used if other is not None)
        module.incomplete = None in used
        for statement, cls in statements:
            if cls is Arch:
                self._define(module, cls, statement, module.own.archs, module.visible.archs)
            elif cls is Block:
                self._define(module, cls, statement, module.own.blocks, module.visible.blocks)
        for statement, cls in statements:
            if cls is LetWord:
                self._let(module, statement)
        check_blocks(module, self.findings)
        self.open.pop()
        return module

    def _statements(self, file: tree.File) -> list[tuple[tree.Statement, type[TopLevel]]]:
        found = []
        for statement in file.statements:
            if not statement.word.text:
                continue  # did not parse, and is reported
            cls = find(statement.word, (TopLevel,), self.findings)
            if cls is not None and check_form(statement, cls, self.findings):
                assert issubclass(cls, TopLevel)
                found.append((statement, cls))
        return found

    # --- use ----------------------------------------------------------------------------------

    def _used(self, module: Module, statement: tree.Statement) -> Module | None:
        bound = bind_as(Use, statement, {}, self.findings)
        if bound is None:
            return None
        if len(self.open) > MAX_CHAIN:
            message = f"files use each other more than {MAX_CHAIN} deep"
            self._report(catalogue.NESTING, bound.span("path"), message)
            return None
        folder = Path(module.source.name).parent
        written = Path(os.path.normpath(folder / bound.word.path))
        real = Path(os.path.realpath(written))
        span = bound.span("path")
        opened = [path for path, _ in self.open]
        if real in opened:
            names = [name for _, name in self.open[opened.index(real) :]]
            chain = " uses ".join([*names, names[0]])
            self._report(
                catalogue.USE_CYCLE,
                span,
                f"{written} uses itself" if len(names) == 1 else chain,
                help=("move what they share to a file that uses none of them",),
            )
            return None
        if real not in self.modules:
            source = self._source(written, span)
            self.modules[real] = self.module(source) if source is not None else None
        used = self.modules[real]
        if used is not None:
            self._import(module, used, span)
        return used

    def _source(self, path: Path, span: Span) -> Source | None:
        """The text of a used file, or None with a finding at its `use`."""
        read = self.read(path)
        if isinstance(read, Source):
            return read
        chain = [name for _, name in self.open]
        notes = (f"{' uses '.join(chain)} uses it",) if len(chain) > 1 else ()
        near = nearest(path.name, (other.name for other in path.parent.glob("*.arch")))
        help = (f"did you mean '{near}'?",) if near else (f"the path is relative to {chain[-1]}",)
        self.findings.append(at(catalogue.UNKNOWN_FILE, span, read.message, notes=notes, help=help))
        return None

    def _import(self, module: Module, used: Module, span: Span) -> None:
        """Make the names that a used file owns visible."""
        for own, visible in (
            (used.own.blocks, module.visible.blocks),
            (used.own.archs, module.visible.archs),
        ):
            for name, definition in own.items():
                self._see(visible, name, definition, span, f"'{name}' of {used.source.name}")
        for name, let in used.own.lets.items():
            if self._see(module.visible.lets, name, let, span, f"'{name}' of {used.source.name}"):
                module.lets[name] = let.value

    def _see(self, visible: dict[str, T], name: str, new: T, span: Span, what: str) -> bool:
        """Add a name to those that are visible; a finding if it is there already."""
        known = visible.setdefault(name, new)
        if known is new:
            return True
        self.findings.append(
            at(
                catalogue.REPEATED,
                span,
                f"{what} is defined twice",
                secondary=(Label(known.name.span, "defined here already"),),
                help=("give one of them another name",),
            )
        )
        return False

    # --- definitions --------------------------------------------------------------------------

    def _define(
        self,
        module: Module,
        cls: type[TopLevel],
        statement: tree.Statement,
        own: dict[str, Definition],
        visible: dict[str, Definition],
    ) -> None:
        name = self._name(cls, statement)
        if name is None:
            return
        definition = Definition(name, statement, module)
        if self._see(visible, name.text, definition, name.span, f"{cls.word} {name.text}"):
            own[name.text] = definition

    def _name(self, cls: type[TopLevel], statement: tree.Statement) -> tree.Name | None:
        """The name of `arch Name(…)` or of `block name(…)`; None, with a finding, without one."""
        argument = statement.arguments[0] if statement.arguments else None
        value = argument.value if argument is not None and argument.key is None else None
        name = value.name if isinstance(value, tree.Call) else value
        if not isinstance(name, tree.Name) or "." in name.text:
            what, example = ("an arch", "Name") if cls is Arch else ("a block", "name")
            written = f"{cls.word} {example}"
            self._report(
                catalogue.MISSING_ARGUMENT,
                statement.head,
                f"{what} needs a name",
                help=(f"write  {written} {{ … }}  or  {written}(width=64) {{ … }}",),
            )
            return None
        if cls is Block and (reason := reserved(name.text)) is not None:
            self._report(
                catalogue.BAD_LABEL,
                name.span,
                f"'{name.text}' {reason} and cannot be a block's name",
                help=("give the block another name",),
            )
            return None
        return name

    def _let(self, module: Module, statement: tree.Statement) -> None:
        if not statement.arguments:
            self._report(
                catalogue.MISSING_ARGUMENT,
                statement.head,
                "let needs a name and a number",
                help=(_LET,),
            )
        for argument in statement.arguments:
            if argument.key is None:
                self._report(
                    catalogue.BAD_ARGUMENT,
                    argument.span,
                    f"let gives a number a name, and {argument.span.text} has none",
                    help=(_LET,),
                )
                continue
            try:
                value = number(argument.value, module.lets)
            except Unfit as unfit:
                self.findings += unfit.diagnostics
                value = UNKNOWN
            let = Let(argument.key, value)
            name = let.name.text
            if self._see(module.visible.lets, name, let, let.name.span, f"let {name}"):
                module.own.lets[name] = let
                module.lets[name] = value

    def _report(self, rule: Rule, span: Span, message: str, help: tuple[str, ...] = ()) -> None:
        self.findings.append(at(rule, span, message, help=help))
