"""Names: parameters and what overrides them, and which names labels and blocks may have."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic.fields import FieldInfo

from archdsl.definitions import Definition, Module, Scope
from archdsl.diagnostics import Diagnostic, Findings, Label, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.words.arithmetic import UNKNOWN, Parameters, Quantity, Unfit, number
from archdsl.words.bind import Binder, Signature
from archdsl.words.declaration import Declaration, Expect, TopLevel
from archdsl.words.edit import Edit
from archdsl.words.repeat import Structure
from archdsl.words.word import Kind, Op

_NUMBERED = re.compile(r"_\d+$")


class Declared(NamedTuple):
    """An arch's parameters, and which of them have another value than the file gives."""

    values: dict[str, Quantity]
    overridden: frozenset[str]


def arch_parameters(
    arch: Definition,
    variants: Sequence[Definition],
    overrides: Mapping[str, Quantity],
    findings: Findings,
) -> Declared:
    """The parameters of `arch Name(parameter=default…)`, in its order.

    `variants` are those of it, each of the one before, which give new defaults; `overrides` are
    what --set says. A default can be computed from the parameters before it.
    """
    given = _new_defaults(arch, variants, findings)
    values: dict[str, Quantity] = {}
    overridden: set[str] = set()
    for item in _items(arch):
        name = _parameter(item)
        if name in values:
            findings.append(_declared_twice(item, name))
            continue
        default = UNKNOWN
        value, module = given.get(name, (item.value if item.key else None, arch.module))
        if value is not None:
            computed = _default(value, ChainMap(values, module.lets), findings)
            default = UNKNOWN if computed is None else computed
        elif name not in overrides:
            findings.append(
                at(
                    catalogue.MISSING_ARGUMENT,
                    item.span,
                    f"the parameter {name} of an arch needs a default",
                    help=(f"write  {name}=1",),
                )
            )
        values[name] = overrides.get(name, default)
        if name in overrides and values[name] != default:
            overridden.add(name)
    return Declared(values, frozenset(overridden))


def _new_defaults(
    arch: Definition, variants: Sequence[Definition], findings: Findings
) -> dict[str, tuple[tree.Value, Module]]:
    """The new defaults that the headers of variants give, with the files whose lets they see."""
    given: dict[str, tuple[tree.Value, Module]] = {}
    known = {_parameter(item) for item in _items(arch)}
    for variant in variants:
        own: set[str] = set()
        for item in _items(variant):
            if item.key is None:
                findings.append(
                    at(
                        catalogue.MISSING_ARGUMENT,
                        item.span,
                        f"{item.span.text} has no new default: a variant has its base's parameters",
                        help=(f"write  {item.span.text}=1, or leave it out",),
                    )
                )
            elif item.key.text not in known:
                findings.append(
                    at(
                        catalogue.UNKNOWN_NAME,
                        item.key.span,
                        f"{arch.name.text} has no parameter '{item.key.text}'",
                        help=did_you_mean(item.key.text, known)
                        or (f"{arch.name.text} has none: declare it there",),
                    )
                )
            elif item.key.text in own:
                findings.append(_declared_twice(item, item.key.text))
            else:
                own.add(item.key.text)
                given[item.key.text] = (item.value, variant.module)
    return given


def block_parameters(
    block: Definition, use: tree.Statement, scope: Scope, findings: Findings
) -> tuple[dict[str, Quantity], dict[str, Span]] | None:
    """What a block's parameters come to where it is used, and where those that are given stand.

    None, with findings, where an argument is wrong.
    """
    binder = Binder(block_signature(block), use.head, scope.parameters, findings)
    given = binder.values(use.arguments)
    for name, value in given.items():
        sizes = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(size, int | float) for size in sizes):
            binder.does_not_fit(name, value)
    if not binder.ok:
        return None
    values: dict[str, Quantity] = {}
    inside = ChainMap(values, block.module.lets)
    for item in _items(block):
        name = _parameter(item)
        if name in given:
            values[name] = given[name]  # type: ignore[assignment]  # judged above
        elif name not in values and item.key is not None:
            default = _default(item.value, inside, findings)
            if default is None:
                return None
            values[name] = default
    return values, binder.spans


def block_signature(block: Definition) -> Signature:
    """What a statement that uses a block takes."""
    kinds = {_parameter(item): _number_kind(required=item.key is None) for item in _items(block)}
    return Signature(block.name.text, block.name.text, kinds)


def check_block_header(block: Definition, findings: Findings) -> None:
    """Report what is wrong with `block name(parameter, parameter=default…)`."""
    seen: set[str] = set()
    for item in _items(block):
        name = _parameter(item)
        if item.key is None and not isinstance(item.value, tree.Name):
            findings.append(
                at(
                    catalogue.BAD_ARGUMENT,
                    item.span,
                    f"{item.span.text} is no name of a parameter",
                    help=("write  block name(width, stride=1) { … }",),
                )
            )
        elif name in seen:
            findings.append(_declared_twice(item, name))
        seen.add(name)


def check_header(
    definition: Definition, extra: Sequence[tree.Argument], findings: Findings
) -> None:
    """Report the arguments that follow a header's name and have no meaning there."""
    word = definition.statement.word.text
    for argument in extra:
        findings.append(
            at(
                catalogue.BAD_ARGUMENT,
                argument.span,
                f"{argument.span.text} is one argument too many: {word} takes a name",
                help=(
                    f"parameters stand in parentheses that touch it: {word} "
                    f"{definition.name.text}(width=64)",
                ),
            )
        )


def _items(definition: Definition) -> tuple[tree.Argument, ...]:
    """What stands in the parentheses after a definition's name."""
    value = definition.statement.arguments[0].value
    return value.arguments if isinstance(value, tree.Call) else ()


def _parameter(item: tree.Argument) -> str:
    return item.value.span.text if item.key is None else item.key.text


def _number_kind(required: bool) -> Kind:
    return Kind(
        field=FieldInfo() if required else FieldInfo(default=None),
        expects="a number, or dimensions",
        numbers=True,
        words=(),
        references=False,
        amounts=False,
        family=None,
        variadic=False,
        fit=None,  # a block's use checks what it gets
    )


def _default(value: tree.Value, scope: Parameters, findings: Findings) -> Quantity | None:
    try:
        return number(value, scope)
    except Unfit as unfit:
        findings += unfit.diagnostics
        return None


def _declared_twice(item: tree.Argument, name: str) -> Diagnostic:
    return at(catalogue.REPEATED, item.span, f"the parameter {name} is declared twice")


def override(text: str, findings: Findings) -> tuple[str, Quantity] | None:
    """`classes=100`, as --set takes it."""
    source = Source("--set", f"set {text}")
    problems = Findings()
    statements = parse(source, problems).statements
    arguments = statements[0].arguments if len(statements) == 1 else ()
    if not problems and len(arguments) == 1 and (key := arguments[0].key) is not None:
        try:
            return key.text, number(arguments[0].value, {})
        except Unfit:
            pass
    findings.append(
        Diagnostic(
            catalogue.BAD_OVERRIDE,
            f"--set {text} is not  name=number",
            None,
            "--set",
            help=("write  --set classes=100",),
        )
    )
    return None


def unknown_override(name: str, known: set[str]) -> Diagnostic:
    return Diagnostic(
        catalogue.BAD_OVERRIDE,
        f"--set {name}=…: no arch that is read here has a parameter '{name}'",
        None,
        "--set",
        help=did_you_mean(name, known) or ("parameters are declared as  arch Name(classes=1000)",),
    )


def reserved(name: str) -> str | None:
    """Why a name can be neither a label nor a block's, as the end of a sentence; None if it can."""
    if any(name in family.words for family in (Op, Structure, Declaration, TopLevel, Edit)):
        return "is a word of the language"
    if name in Expect.arguments()["quantity"].words:
        return "is a quantity of the language"
    if _NUMBERED.search(name):
        return "ends in _ and digits, as the second of a kind does,"
    return None


def check_label(label: tree.Name, scope: Scope, findings: Findings) -> None:
    """Report a label that can name no stage."""
    text = label.text
    why = reserved(text)
    if why is None and text in scope.module.visible.blocks:
        why = "is a block's name"
    if why is not None:
        other = text.replace("_", "") if _NUMBERED.search(text) else f"{text}1"
        findings.append(
            at(
                catalogue.BAD_LABEL,
                label.span,
                f"'{text}' {why} and cannot be a label",
                help=(f"write, for example, {other}",),
            )
        )


def check_unique(labels: Iterable[tree.Name], findings: Findings) -> None:
    """Report the labels of one body that are used twice in it."""
    taken: dict[str, Span] = {}
    for label in labels:
        first = taken.setdefault(label.text, label.span)
        if first is not label.span:
            findings.append(
                at(
                    catalogue.REPEATED,
                    label.span,
                    f"the label '{label.text}' is used twice",
                    secondary=(Label(first, "used here first"),),
                    help=("labels are unique: give one of the stages another name",),
                )
            )
