"""A draft to a network: statements bound to words, items gathered to stages, each with its path."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, TypeVar

from archdsl.definitions import Definition, Scope
from archdsl.diagnostics import Findings, Label, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean
from archdsl.lower.draft import Draft, Line
from archdsl.lower.expand import Item, Items, containers, named
from archdsl.lower.recipe import recipe
from archdsl.lower.scope import check_unique
from archdsl.network import (
    Body,
    Branches,
    Layer,
    Network,
    Repeat,
    ShapeClaim,
    Stage,
    Use,
)
from archdsl.network import Item as Part
from archdsl.syntax import tree
from archdsl.syntax.tree import comment_above
from archdsl.words.bind import Bound, bind_as, bind_shape, stages_named
from archdsl.words.declaration import Devices, Expect, Init, Input
from archdsl.words.merge import Join
from archdsl.words.recipe import Recipe
from archdsl.words.word import Op, Unbound, Word

W = TypeVar("W", bound=Word)

MAX_PATHS = 6
"""Paths that are listed of parts with the same name."""


def build(draft: Draft, findings: Findings) -> Network | None:
    """The network of a draft; None, with findings, where its input is not known."""
    return _Builder(draft, findings).network()


class _Builder:
    def __init__(self, draft: Draft, findings: Findings) -> None:
        self.draft = draft
        self.findings = findings
        self.bound: dict[tuple[int, int], Bound[Op]] = {}
        """The layers of sound statements by statement and scope, both of which the draft keeps:
        iterations of a repeat share them, and equal uses of a block."""

    def network(self) -> Network | None:
        draft = self.draft
        stages = tuple(part for part in self._parts(draft.items, "") if isinstance(part, Stage))
        names = {stage.name for stage in stages}
        devices = self._bound(Devices, draft.devices)
        inits = self._inits(names)
        expects = self._expects()
        recipe = self._recipe(names)
        input = self._bound(Input, draft.input)
        if input is None:
            if draft.input is None and not draft.unreadable_input:
                self._report_missing_input()
            return None
        network = Network.model_construct(
            name=draft.definition.name.text,
            definition=draft.definition,
            title=comment_above(draft.definition.statement),
            parameters=draft.declared.values,
            overridden=draft.declared.overridden,
            input=input.word.shape,
            input_span=input.span("shape"),
            devices=devices.word.count if devices else 1,
            devices_span=devices.statement.head if devices else None,
            stages=stages,
            expects=expects,
            inits=inits,
            recipe=recipe,
            recipe_sound=recipe is not None or draft.train is None,
            edits_sound=draft.sound,
        )
        if expects:
            paths = {*network.groups, *(part.path for part in network.parts)}
            for bound in expects:
                self._check_names(stages_named(bound), names, paths)
        return network

    # --- layers -------------------------------------------------------------------------------

    def _parts(self, items: Items, container: str) -> tuple[Part, ...]:
        """The parts of a body; those of a network are all stages."""
        check_unique((item.label for item in items if item.label is not None), self.findings)
        found: list[Part] = []
        for path, run in groupby(named(items, container), lambda entry: entry[0]):
            entries = [(name, item) for _, name, item in run]
            labelled = entries[0][1].label is not None
            parts = tuple(
                self._part(item, f"{path}.{name}", name, path if labelled and not n else None)
                for n, (name, item) in enumerate(entries)
            )
            if path == container:
                found += parts
            else:
                name = path.rpartition(".")[2]
                found.append(
                    Stage.model_construct(path=path, name=name, labelled=labelled, items=parts)
                )
        return tuple(found)

    def _part(self, item: Item, path: str, name: str, title: str | None) -> Part:
        common: dict[str, Any] = {
            "path": path,
            "name": name,
            "title": title or path,
            "head": item.statement.head,
            "context": item.context,
            "claim": self._claim(item),
        }
        bodies = tuple(
            Body.model_construct(path=inner, items=self._parts(body, inner))
            for inner, body in containers(item, path)
        )
        match item.kind:
            case Definition() as block:
                (body,) = bodies
                return Use.model_construct(
                    **common,
                    block=block,
                    parameters=item.parameters,
                    arguments=item.arguments,
                    body=body,
                )
            case _ if item.count is not None:
                return Repeat.model_construct(**common, bound=item.count, iterations=bodies)
            case _:
                bound = self._layer(item)
                if bodies and isinstance(bound.word, Join):
                    return Branches.model_construct(**common, bound=bound, branches=bodies)
                return Layer.model_construct(**common, bound=bound)

    def _layer(self, item: Item) -> Bound[Op]:
        """The layer's word; one that is wrong stands for an output that is not known."""
        key = (id(item.statement), id(item.scope))
        bound = self.bound.get(key)
        if bound is None and isinstance(item.kind, type) and issubclass(item.kind, Op):
            bound = self._bind(item.kind, item.statement, item.scope, item.context)
            if bound is not None:
                self.bound[key] = bound
        if bound is None:
            return Bound(Unbound(), item.statement, {}, item.context, item.edit)
        if bound.context is item.context and item.edit is None:
            return bound
        return Bound(bound.word, item.statement, bound.arguments, item.context, item.edit)

    def _claim(self, item: Item) -> ShapeClaim | None:
        if item.claim is None:
            return None
        shape = bind_shape(item.claim, item.scope.parameters, self.findings)
        return ShapeClaim.model_construct(shape=shape, span=item.claim.span) if shape else None

    # --- what else is said --------------------------------------------------------------------

    def _bound(self, cls: type[W], line: Line | None) -> Bound[W] | None:
        if line is None:
            return None
        return self._bind(cls, line.statement, line.scope, line.context)

    def _bind(
        self, cls: type[W], statement: tree.Statement, scope: Scope, context: tuple[Label, ...]
    ) -> Bound[W] | None:
        problems = Findings()
        bound = bind_as(cls, statement, scope.parameters, problems, context)
        self.findings += [problem.beside(context) for problem in problems]
        return bound

    def _expects(self) -> tuple[Bound[Expect], ...]:
        found = [self._bound(Expect, line) for line in self.draft.expects]
        return tuple(bound for bound in found if bound is not None)

    def _inits(self, names: set[str]) -> tuple[Bound[Init], ...]:
        inits = []
        for line in self.draft.inits:
            bound = self._bound(Init, line)
            if bound is None:
                continue
            if not line.inherited:
                self._check_names(stages_named(bound), names)
            known = names - line.forgotten
            kept = tuple(stage for stage in bound.word.stages if stage in known)
            if kept or not bound.word.stages:
                word = bound.word.model_copy(update={"stages": kept})
                inits.append(bound._replace(word=word))
        return tuple(inits)

    def _recipe(self, names: set[str]) -> Recipe | None:
        if self.draft.train is None:
            return None
        made, stages = recipe(self.draft.settings, names, self.findings)
        self._check_names(stages, names)
        return made

    def _check_names(
        self, named: Iterable[tree.Name], stages: set[str], paths: Iterable[str] = ()
    ) -> None:
        """Report the names that are no stage's, and none of `paths`."""
        known = set(paths) | stages
        for name in named:
            if name.text not in known:
                inside = sorted(path for path in known if path.endswith(f".{name.text}"))
                near = known if "." in name.text else stages
                self.findings.append(
                    at(
                        catalogue.UNKNOWN_NAME,
                        name.span,
                        f"{self.draft.definition.name.text} has no stage '{name.text}'",
                        help=did_you_mean(name.text, near) if not inside else _by_path(inside),
                    )
                )

    def _report_missing_input(self) -> None:
        name = self.draft.definition.name
        self.findings.append(
            at(
                catalogue.MISSING_ARGUMENT,
                name.span,
                f"{name.text} has no input",
                help=("write  input 3x227x227  as its first line",),
            )
        )


def _by_path(paths: list[str]) -> tuple[str, ...]:
    """Help for a name that parts have inside of stages: how they are called from outside."""
    listed = ", ".join(paths[:MAX_PATHS])
    more = f" or {len(paths) - MAX_PATHS:,} more" if len(paths) > MAX_PATHS else ""
    return (f"inside of a stage a part is named by its path: {listed}{more}",)
