"""The lines of a `train` block to a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.diagnostics import Findings, Label, at, catalogue
from archdsl.lower.draft import Line
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.bind import bind, stages_named
from archdsl.words.recipe import Recipe, Setting


def recipe(
    lines: Sequence[Line], stages: set[str], findings: Findings
) -> tuple[Recipe | None, list[tree.Name]]:
    """The recipe of these lines, and the names in them that must be stages.

    The recipe is None, with findings, where a line of it is wrong.
    """
    references: list[tree.Name] = []
    values: dict[str, Any] = {}
    places: dict[str, Span] = {}
    before = len(findings)
    for line in lines:
        statement = line.statement
        if not statement.word.text:
            continue  # did not parse, and is reported
        problems = Findings()
        bound = bind(statement, (Setting,), line.scope.parameters, problems)
        findings += [problem.beside(line.context) for problem in problems]
        if bound is None:
            continue
        setting = bound.word
        assert isinstance(setting, Setting)
        slot = setting.slot()
        named = stages_named(bound)
        known = stages - line.forgotten
        if line.inherited and any(name.text not in known for name in named):
            continue
        references += named
        rival = next((other for other in (slot, *setting.instead_of) if other in places), None)
        if setting.repeatable:
            values[slot] = (*values.get(slot, ()), setting.value)
        elif rival is not None:
            message = f"{slot} is given twice"
            if rival != slot:
                message = f"training is measured in {rival} or in {slot}, not in both"
            findings.append(
                at(
                    catalogue.REPEATED,
                    statement.head,
                    message,
                    secondary=(Label(places[rival], "given here already"),),
                    help=("remove one of them",),
                )
            )
        else:
            values[slot] = setting.value
            places[slot] = statement.head
            values |= dict.fromkeys(setting.instead_of)
    # Each value was checked when its own line was bound.
    made = Recipe.model_construct(**values) if len(findings) == before else None
    return made, references
