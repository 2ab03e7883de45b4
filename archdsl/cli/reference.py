"""archdsl words and archdsl explain: the language and the rules, told by themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from archdsl import explain as rules
from archdsl import reference
from archdsl.cli.exits import fail
from archdsl.cli.options import Color, Colored, Format, Printed
from archdsl.cli.printing import print_document, print_lines
from archdsl.diagnostics import catalogue


def words(
    word: Annotated[
        str | None, typer.Argument(metavar="WORD", help="The word to explain; default: list all.")
    ] = None,
    format: Printed = Format.TEXT,
    color: Colored = Color.AUTO,
) -> None:
    """The words of the language: all, or one with its arguments and an example."""
    found = list(reference.vocabulary() if word is None else reference.find(word))
    if word is not None and not found:
        fail(reference.unknown(word))
    if format is Format.JSON:
        print_document({"words": [reference.as_json(cls) for cls in found]})
    else:
        print_lines(reference.listing() if word is None else reference.pages(found), color)


def explain(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="RULE", help="A code or name: E301, lossy-stride; default: list."),
    ] = None,
    format: Printed = Format.TEXT,
    color: Colored = Color.AUTO,
) -> None:
    """What a finding means, why it matters, an example, and what to do; or all that there are."""
    found = None if rule is None else catalogue.find(rule)
    if rule is not None and found is None:
        fail(catalogue.unknown(rule))
    if format is Format.JSON:
        shown = catalogue.RULES if found is None else (found,)
        print_document({"rules": [rules.as_json(each) for each in shown]})
    else:
        print_lines(rules.listing() if found is None else rules.page(found), color)
