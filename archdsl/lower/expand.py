"""An arch's statements to a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from archdsl.diagnostics import Findings, Label, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean
from archdsl.lower.recipe import recipe
from archdsl.lower.scope import check_label, header
from archdsl.network import Layer, Network, ShapeClaim, Stage
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.syntax.tree import comment_above
from archdsl.words.bind import (
    Bound,
    Quantity,
    bind,
    bind_shape,
    check_form,
    find,
    stages_named,
)
from archdsl.words.declaration import Declaration, Devices, Expect, Init, Input, Train
from archdsl.words.recipe import Recipe
from archdsl.words.word import Op, Unbound, Word


def lower(
    statement: tree.Statement,
    overrides: Mapping[str, Quantity],
    findings: Findings,
) -> Network | None:
    """The network of one `arch` statement; None, with findings, where too little of it is known."""
    head = header(statement, overrides, findings)
    if head is None:
        return None
    name, parameters, overridden = head
    body = _Body(name, parameters, findings)
    for inner in statement.blocks[0].statements:
        body.read(inner)
    body.check_references()
    shape, input_span = body.the_input(statement.head)
    if shape is None:
        return None
    return Network(
        name=name.text,
        statement=statement,
        title=comment_above(statement),
        parameters=parameters,
        overridden=overridden,
        input=shape,
        input_span=input_span,
        devices=body.devices.word.count if body.devices else 1,
        devices_span=body.devices.statement.head if body.devices else None,
        stages=body.finished_stages(),
        expects=tuple(body.expects),
        inits=tuple(body.inits),
        recipe=body.recipe,
        recipe_sound=body.recipe_sound,
    )


class _Body:
    """Reads the statements of an arch, one by one."""

    def __init__(
        self, arch: tree.Name, parameters: Mapping[str, Quantity], findings: Findings
    ) -> None:
        self.arch = arch
        self.parameters = parameters
        self.findings = findings
        self.input: Bound[Input] | None = None
        self.devices: Bound[Devices] | None = None
        self.expects: list[Bound[Expect]] = []
        self.inits: list[Bound[Init]] = []
        self.recipe: Recipe | None = None
        self.recipe_sound = True
        self.labels: dict[str, Span] = {}
        self.seen: dict[type[Word], Span] = {}
        self.stages: list[tuple[str, bool, list[Layer]]] = []
        self.counts: Counter[str] = Counter()
        self.unreadable_input = False
        self.references: list[tree.Name] = []

    def read(self, statement: tree.Statement) -> None:
        if statement.label is not None:
            self._open_stage(statement.label)
        if not statement.word.text:
            self.unreadable_input |= self.input is None  # it may have been the input
            self._layer(statement, Bound(Unbound(), statement, {}))
            return
        cls = find(statement.word, (Op, Declaration), self.findings)
        if cls is Train:
            if check_form(statement, cls, self.findings) and self._once(cls, statement):
                block = statement.blocks[0]
                self.recipe, named = recipe(block, self.parameters, self.findings)
                self.references += named
                self.recipe_sound = self.recipe is not None
            return
        bound = None
        if cls is not None:
            bound = bind(statement, (Op, Declaration), self.parameters, self.findings)
        if bound is not None and isinstance(bound.word, Op):
            self._layer(statement, cast(Bound[Op], bound))
        elif bound is not None:
            self._declaration(bound)
        elif cls is Input:
            self.unreadable_input = True
        elif cls is None or issubclass(cls, Op):
            self.unreadable_input |= cls is None and self.input is None
            self._layer(statement, Bound(Unbound(), statement, {}))

    def the_input(self, header: Span) -> tuple[Any, Span]:
        if self.input is not None:
            return self.input.word.shape, self.input.span("shape")
        if not self.unreadable_input:
            self.findings.append(
                at(
                    catalogue.MISSING_ARGUMENT,
                    self.arch.span,
                    f"{self.arch.text} has no input",
                    help=("write  input 3x227x227  as its first line",),
                )
            )
        return None, header

    def finished_stages(self) -> tuple[Stage, ...]:
        return tuple(
            Stage(name=name, labelled=labelled, layers=tuple(layers))
            for name, labelled, layers in self.stages
            if layers
        )

    def check_references(self) -> None:
        """Report what claims, init and scale lines say of stages that do not exist."""
        stages = {name for name, _, _ in self.stages}
        for reference in self.references:
            if reference.text not in stages:
                self.findings.append(
                    at(
                        catalogue.UNKNOWN_NAME,
                        reference.span,
                        f"{self.arch.text} has no stage '{reference.text}'",
                        help=did_you_mean(reference.text, stages),
                    )
                )

    def _declaration(self, bound: Bound[Any]) -> None:
        self.references += stages_named(bound)
        match bound.word:
            case Expect():
                self.expects.append(bound)
            case Init():
                self.inits.append(bound)
            case Input() if self._once(Input, bound.statement):
                self.input = bound
            case Devices() if self._once(Devices, bound.statement):
                self.devices = bound

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

    def _open_stage(self, label: tree.Name) -> None:
        name = label.text
        if check_label(label, self.labels, self.findings):
            self.labels[name] = label.span
        while any(name == known for known, _, _ in self.stages):
            name += "'"  # a label that is used twice is reported, and the stages are kept apart
        self.stages.append((name, True, []))
        self.counts.clear()

    def _layer(self, statement: tree.Statement, bound: Bound[Op]) -> None:
        if self.input is None and not self.unreadable_input:
            self.unreadable_input = True  # said once; what follows is a consequence
            self.findings.append(
                at(
                    catalogue.MISPLACED,
                    statement.head,
                    f"{statement.word.text} stands before the input, so its size cannot be known",
                    help=("write  input 3x227x227  above the first layer",),
                )
            )
        word = statement.word.text or "layer"
        if not self.stages:
            self.stages.append((word, False, []))
        stage, _, layers = self.stages[-1]
        self.counts[word] += 1
        name = word if self.counts[word] == 1 else f"{word}_{self.counts[word]}"
        claim: ShapeClaim | None = None
        if statement.claim is not None:
            shape = bind_shape(statement.claim, self.parameters, self.findings)
            claim = ShapeClaim(shape=shape, span=statement.claim.span) if shape else None
        layers.append(Layer(stage=stage, name=name, bound=bound, claim=claim))
