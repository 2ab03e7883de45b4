"""Levels: how findings that are judgements count, as the command line has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from archdsl.diagnostics import catalogue
from archdsl.diagnostics.diagnostic import Diagnostic, Rule, Severity

WARNINGS = "warnings"
"""Given to --deny: all rules whose findings are warnings, but for those that are named."""


class BadLevel(Exception):
    """A level cannot be chosen as asked for; the message says why and what to do."""


class Levels(NamedTuple):
    """How findings count: as their rules say, but for the rules that are chosen here.

    What a layer allows itself, with `allow=`, is allowed whatever is chosen.
    """

    chosen: Mapping[Rule, Severity | None] = MappingProxyType({})
    """None is allowed: not told."""
    deny_warnings: bool = False

    def of(self, rule: Rule) -> Severity | None:
        """How a finding of this rule counts; None if it is not told."""
        if rule in self.chosen:
            return self.chosen[rule]
        return Severity.ERROR if self.deny_warnings else rule.severity

    def graded(self, finding: Diagnostic) -> Diagnostic | None:
        """The finding at its level; None if it is not told."""
        level = self.of(finding.rule)
        if level is None:
            return None
        return finding if level is finding.severity else finding._replace(level=level)


DEFAULT = Levels()
"""Every finding counts as its rule says."""


def chosen(deny: Sequence[str], warn: Sequence[str], allow: Sequence[str]) -> Levels:
    """The levels of --deny, --warn and --allow, each with codes or names of rules.

    A rule may be in one of them only: their order on the command line is not known. Raises
    BadLevel.
    """
    levels: dict[Rule, Severity | None] = {}
    options: dict[Rule, str] = {}
    for option, names, level in (
        ("--deny", deny, Severity.ERROR),
        ("--warn", warn, Severity.WARNING),
        ("--allow", allow, None),
    ):
        for name in names:
            if option == "--deny" and name == WARNINGS:
                continue
            rule = _judgement(option, name)
            if options.setdefault(rule, option) != option:
                raise BadLevel(f"{rule.name} is given to {options[rule]} and to {option}: choose")
            levels[rule] = level
    return Levels(levels, WARNINGS in deny)


def _judgement(option: str, name: str) -> Rule:
    """The rule of this name, whose level can be chosen. Raises BadLevel."""
    if name == WARNINGS:
        raise BadLevel(f"{option} {name}: only --deny takes all warnings; name a rule")
    rule = catalogue.find(name)
    if rule is None:
        raise BadLevel(f"{option} {catalogue.unknown(name, catalogue.JUDGEMENTS)}")
    if not rule.judgement:
        raise BadLevel(
            f"{option} {name}: {rule.name} is no matter of judgement and stays an error; "
            f"levels are chosen for {', '.join(each.name for each in catalogue.JUDGEMENTS)}"
        )
    return rule
