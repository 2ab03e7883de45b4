"""Names: an arch's parameters, what overrides them, and which names may be labels."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl.diagnostics import Diagnostic, Findings, Label, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.words.bind import Quantity, Unfit, number
from archdsl.words.declaration import Declaration, Expect, TopLevel
from archdsl.words.word import Op

_NUMBERED = re.compile(r"_\d+$")


def header(
    statement: tree.Statement, overrides: Mapping[str, Quantity], findings: Findings
) -> tuple[tree.Name, dict[str, Quantity], frozenset[str]] | None:
    """The name of `arch Name(parameter=default…)`, its parameters, and which are overridden."""
    argument = statement.arguments[0] if statement.arguments else None
    value = argument.value if argument is not None and argument.key is None else None
    if not isinstance(value, tree.Name | tree.Call) or "." in value.span.text.partition("(")[0]:
        findings.append(
            at(
                catalogue.MISSING_ARGUMENT,
                statement.head,
                "an arch needs a name",
                help=("write  arch Name { … }  or  arch Name(classes=1000) { … }",),
            )
        )
        return None
    for extra in statement.arguments[1:]:
        findings.append(
            at(
                catalogue.BAD_ARGUMENT,
                extra.span,
                f"{extra.span.text} is one argument too many: arch takes a name",
                help=("parameters stand in parentheses that touch it: arch Name(classes=1000)",),
            )
        )
    if isinstance(value, tree.Name):
        return value, {}, frozenset()
    parameters: dict[str, Quantity] = {}
    overridden = frozenset(
        name
        for item in value.arguments
        if (name := _declare(item, parameters, overrides, findings)) is not None
    )
    return value.name, parameters, overridden


def _declare(
    item: tree.Argument,
    parameters: dict[str, Quantity],
    overrides: Mapping[str, Quantity],
    findings: Findings,
) -> str | None:
    """Add one parameter. Its name, if its value is not the default of the file."""
    if item.key is None:
        name = item.value.span.text
        if name in overrides:
            parameters[name] = overrides[name]
            return name
        parameters[name] = 1  # so that its uses are no second mistake
        findings.append(
            at(
                catalogue.MISSING_ARGUMENT,
                item.span,
                f"the parameter {name} of an arch needs a default",
                help=(f"write  {name}=1",),
            )
        )
        return None
    name = item.key.text
    if name in parameters:
        findings.append(
            at(catalogue.REPEATED, item.span, f"the parameter {name} is declared twice")
        )
        return None
    try:
        default = number(item.value, parameters)
    except Unfit as unfit:
        findings += unfit.diagnostics
        return None
    parameters[name] = overrides.get(name, default)
    return name if parameters[name] != default else None


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


def check_label(label: tree.Name, taken: Mapping[str, Span], findings: Findings) -> bool:
    """Whether a label can name a stage."""
    text = label.text
    quantities = Expect.arguments()["quantity"].words
    reserved = any(text in family.words for family in (Op, Declaration, TopLevel))
    if reserved or text in quantities:
        kind = "word" if reserved else "quantity"
        findings.append(
            at(
                catalogue.BAD_LABEL,
                label.span,
                f"'{text}' is a {kind} of the language and cannot be a label",
                help=(f"write, for example, {text}1",),
            )
        )
    elif _NUMBERED.search(text):
        findings.append(
            at(
                catalogue.BAD_LABEL,
                label.span,
                f"the label '{text}' ends in _ and digits, as the second layer of a kind does",
                help=(f"write {text.replace('_', '')}",),
            )
        )
    elif text in taken:
        findings.append(
            at(
                catalogue.REPEATED,
                label.span,
                f"the label '{text}' is used twice",
                secondary=(Label(taken[text], "used here first"),),
                help=("labels are unique: give one of the stages another name",),
            )
        )
    else:
        return True
    return False
