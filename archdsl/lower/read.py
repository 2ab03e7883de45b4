"""An arch's statements to a draft: its own, or its base's with the edits of a variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.definitions import FROM, Definition, Scope
from archdsl.diagnostics import Diagnostic, Findings, Label, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean, nearest
from archdsl.lower.draft import Draft, Line
from archdsl.lower.expand import Expander
from archdsl.lower.scope import (
    arch_parameters,
    check_header,
    check_label,
)
from archdsl.lower.variants import Editor
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.arithmetic import Quantity
from archdsl.words.bind import check_form, find
from archdsl.words.declaration import Declaration, Devices, Expect, Init, Input, Train
from archdsl.words.edit import Edit
from archdsl.words.recipe import Setting
from archdsl.words.repeat import Structure
from archdsl.words.word import Op, Word

MAX_VARIANTS = 30
"""Variants, one of the other."""


class Drafter:
    """Drafts one arch for given overrides of its parameters."""

    def __init__(
        self, overrides: Mapping[str, Quantity], expander: Expander, findings: Findings
    ) -> None:
        self.overrides = overrides
        self.expander = expander
        self.findings = findings

    def draft(self, arch: Definition) -> Draft | None:
        """The draft of an arch; None, with findings, where its base is not known.

        Raises TooLarge.
        """
        chain = self._chain(arch)
        if chain is None:
            return None
        root, *variants = chain
        if not self._check_root(root):
            return None
        declared = arch_parameters(root, variants, self.overrides, self.findings)
        keeps_claims = self.expander.claims
        self.expander.claims = keeps_claims and not variants
        draft = Draft(root, Scope(root.module, {}).inside(declared.values), declared)
        _Reader(draft, self.expander, self.findings).read(root)
        for variant in variants:
            check_header(variant, variant.statement.arguments[3:], self.findings)
            self._check_base(variant)
            self.expander.claims = keeps_claims and variant is arch
            draft.become(variant)
            before = len(self.findings)
            _VariantReader(draft, self.expander, self.findings).read(variant)
            draft.sound = draft.sound and len(self.findings) == before
        self.expander.claims = keeps_claims
        return draft

    def _check_root(self, root: Definition) -> bool:
        """Report what follows the name of an arch that is no variant; False if it tried to be."""
        extra = root.statement.arguments[1:]
        first = extra[0].key or extra[0].value if extra else None
        if isinstance(first, tree.Name) and nearest(first.text, [FROM]) is not None:
            self.findings.append(
                at(
                    catalogue.MISSING_ARGUMENT,
                    extra[0].span.to(extra[-1].span),
                    "a variant is written with  from  and the name of its base",
                    help=(f"write  arch {root.name.text} from Base {{ … }}",),
                )
            )
            return False
        check_header(root, extra, self.findings)
        return True

    def _check_base(self, variant: Definition) -> None:
        """Report parameters that are given to the base: they are the variant's."""
        value = variant.statement.arguments[2].value
        if isinstance(value, tree.Call):
            inside = value.span.text.partition("(")[2]
            self.findings.append(
                at(
                    catalogue.BAD_ARGUMENT,
                    value.span,
                    "new defaults of parameters stand with the variant's name, not with its base's",
                    help=(f"write  arch {variant.name.text}({inside} from {value.name.text}",),
                )
            )

    def _chain(self, arch: Definition) -> list[Definition] | None:
        """The arch that is no variant, its variant, and so on to this one."""
        chain = [arch]
        while (base := chain[-1].base) is not None:
            archs = chain[-1].module.visible.archs
            found = archs.get(base.text)
            if found is None and chain[-1].module.incomplete:
                return None  # probably of the file that is missing
            if found is None:
                self.findings.append(
                    at(
                        catalogue.UNKNOWN_NAME,
                        base.span,
                        f"there is no arch '{base.text}' to be varied",
                        help=did_you_mean(base.text, archs.keys() - {chain[-1].name.text}),
                    )
                )
                return None
            if found in chain:
                self.findings.append(_circle(chain[chain.index(found) :]))
                return None
            chain.append(found)
            if len(chain) > MAX_VARIANTS:
                message = f"variants of variants, more than {MAX_VARIANTS} deep"
                help = ("begin again with an arch that has no  from",)
                self.findings.append(at(catalogue.NESTING, arch.name.span, message, help=help))
                return None
        return chain[::-1]


def _circle(archs: list[Definition]) -> Diagnostic:
    """Archs that are variants of one another, told from the first of the text, so only once."""
    first = min(range(len(archs)), key=lambda number: archs[number].name.span.start)
    names = [arch.name.text for arch in (*archs[first:], *archs[: first + 1])]
    base = archs[first].base
    assert base is not None
    return at(
        catalogue.RECURSION,
        base.span,
        f"{names[0]} is a variant of itself: {' from '.join(names)}",
        help=("a chain of variants begins with an arch that has no  from",),
    )


class _Reader:
    """Reads the statements of an arch's body into its draft."""

    def __init__(self, draft: Draft, expander: Expander, findings: Findings) -> None:
        self.draft = draft
        self.scope = draft.scope
        self.expander = expander
        self.findings = findings
        self.seen: dict[type[Word], Span] = {}

    def read(self, arch: Definition) -> None:
        for statement in arch.body:
            cls = Declaration.words.get(statement.word.text)
            if not statement.word.text and (meant := _declared(statement)) is not None:
                self.draft.unreadable_input |= issubclass(meant, Input)
            elif cls is None:
                self.other(statement)
            elif check_form(statement, cls, self.findings):
                self._declaration(cls, statement)
            elif issubclass(cls, Input):
                self.draft.unreadable_input = True

    def other(self, statement: tree.Statement) -> None:
        """A statement that declares nothing: a layer."""
        draft = self.draft
        if statement.label is not None:
            check_label(statement.label, self.scope, self.findings)
        if draft.input is None and not draft.unreadable_input:
            draft.unreadable_input = True  # said once; what follows is a consequence
            if self.is_layer(statement):
                self.findings.append(
                    at(
                        catalogue.MISPLACED,
                        statement.head,
                        f"{statement.word.text} stands before the input, so its size cannot be "
                        "known",
                        help=("write  input 3x227x227  above the first layer",),
                    )
                )
        families = (Op, Structure, Declaration)
        draft.items.append(self.expander.item(statement, self.scope, families=families))

    def is_layer(self, statement: tree.Statement) -> bool:
        """Whether a statement is a layer, arranges layers or uses a block."""
        name = statement.word.text
        known = (Op.words, Structure.words, self.scope.module.visible.blocks)
        return any(name in words for words in known)

    def _declaration(self, cls: type[Word], statement: tree.Statement) -> None:
        line = Line(statement, self.scope)
        if issubclass(cls, Expect):
            self.draft.expects.append(line)
        elif issubclass(cls, Init):
            self.draft.inits.append(line)
        elif not self._once(cls, statement):
            return
        elif issubclass(cls, Input):
            self.draft.input = line
        elif issubclass(cls, Devices):
            self.draft.devices = line
        elif issubclass(cls, Train):
            self.draft.train = line
            self.settings([Line(inner, self.scope) for inner in statement.blocks[0].statements])

    def settings(self, lines: list[Line]) -> None:
        """The lines of a `train` block."""
        self.draft.settings = lines

    def _once(self, cls: type[Word], statement: tree.Statement) -> bool:
        """Whether this is the first statement of its word; a finding if not."""
        first = self.seen.setdefault(cls, statement.word.span)
        if first is statement.word.span:
            return True
        self.findings.append(
            at(
                catalogue.REPEATED,
                statement.head,
                f"{cls.word} is given twice",
                secondary=(Label(first, "given here already"),),
                help=("remove one of them",),
            )
        )
        return False


def _declared(statement: tree.Statement) -> type[Word] | None:
    """What a statement that did not parse, which is reported, begins to declare; None if it may
    have been a layer."""
    return Declaration.words.get(statement.word.span.text)


class _VariantReader(_Reader):
    """Reads the statements of a variant's body: edits, and statements that restate the base's."""

    def __init__(self, draft: Draft, expander: Expander, findings: Findings) -> None:
        super().__init__(draft, expander, findings)
        self.editor = Editor(draft, expander, findings)

    def other(self, statement: tree.Statement) -> None:
        """An edit."""
        if not statement.word.text:
            self.draft.sound = False  # did not parse, and is reported
            return
        if self.is_layer(statement):
            self.findings.append(
                at(
                    catalogue.MISPLACED,
                    statement.head,
                    f"{statement.word.text} stands in a variant, whose layers are its base's",
                    help=(f"write  insert after STAGE {{ {statement.head.text} }}",),
                )
            )
            return
        cls = find(statement.word, (Edit, Declaration), self.findings)
        if cls is not None and check_form(statement, cls, self.findings):
            self.editor.edit(cls, statement)

    def settings(self, lines: list[Line]) -> None:
        restate(self.draft, lines)


def restate(draft: Draft, lines: list[Line]) -> None:
    """Let lines of a recipe replace those that a draft has, and what cannot stand beside them."""
    replaced = {key for line in lines for key in _restated(line)}
    kept = [line for line in draft.settings if _restates(line) not in replaced]
    draft.settings = [*kept, *lines]


def _restates(line: Line) -> tuple[str, str]:
    """What a recipe line is about: its word, and of a repeatable one also its first argument."""
    cls = Setting.words.get(line.word)
    arguments = line.statement.arguments
    if cls is not None and issubclass(cls, Setting) and cls.repeatable and arguments:
        return line.word, arguments[0].span.text
    return line.word, ""


def _restated(line: Line) -> Iterator[tuple[str, str]]:
    """The lines that a restated one takes the place of."""
    yield _restates(line)
    cls = Setting.words.get(line.word)
    if cls is not None and issubclass(cls, Setting):
        yield from ((other, "") for other in cls.instead_of)
