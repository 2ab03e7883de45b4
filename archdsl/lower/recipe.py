"""A `train` block to a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.diagnostics import Findings, Label, at, catalogue
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.bind import Quantity, bind, stages_named
from archdsl.words.recipe import Recipe, Setting


def recipe(
    block: tree.Block,
    parameters: Mapping[str, Quantity],
    findings: Findings,
) -> tuple[Recipe | None, list[tree.Name]]:
    """The recipe of a `train` block, and the stages that it names.

    The recipe is None, with findings, where a line of it is wrong.
    """
    references: list[tree.Name] = []
    values: dict[str, Any] = {}
    places: dict[str, Span] = {}
    before = len(findings)
    for line in block.statements:
        if not line.word.text:
            continue  # did not parse, and is reported
        bound = bind(line, (Setting,), parameters, findings)
        if bound is None:
            continue
        setting = bound.word
        assert isinstance(setting, Setting)
        slot = setting.slot()
        references += stages_named(bound)
        if setting.repeatable:
            values[slot] = (*values.get(slot, ()), setting.value)
        elif slot in places:
            findings.append(
                at(
                    catalogue.REPEATED,
                    line.head,
                    f"{slot} is given twice",
                    secondary=(Label(places[slot], "given here already"),),
                    help=("remove one of them",),
                )
            )
        else:
            values[slot] = setting.value
            places[slot] = line.head
    if "epochs" in places and "steps" in places:
        findings.append(
            at(
                catalogue.REPEATED,
                places["steps"],
                "training is measured in epochs or in steps, not in both",
                secondary=(Label(places["epochs"], "epochs are given here"),),
                help=("remove one of them",),
            )
        )
    if "steps" in values:
        values["epochs"] = None
    return (Recipe(**values) if len(findings) == before else None), references
