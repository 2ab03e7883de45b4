"""Shapes: what goes into each layer and comes out, and what cannot be so."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic, Findings, Label, Severity, at, catalogue
from archdsl.diagnostics.levels import DEFAULT, Levels
from archdsl.network import (
    Body,
    Branches,
    Group,
    Layer,
    Network,
    Part,
    Repeat,
    ShapeClaim,
    Stage,
    Use,
)
from archdsl.shape import Misfit, Shape
from archdsl.source import Span
from archdsl.words.word import Unbound

MAX_NUMBERS = 10**12
"""Numbers in one tensor: 4 TB in float32."""

MAX_LISTED = 6
"""Consequences of a finding, or branches, that are named."""


class Flow(NamedTuple):
    """What goes into a layer, a stage or another part and comes out; None where it is not known.

    What goes into a join is what its branches read.

    `sound` says that the layer can take its input. The output of one that cannot is its claim.
    """

    input: Shape | None
    output: Shape | None
    sound: bool


class ClaimedShape(NamedTuple):
    """Whether what is claimed of a part holds, None if it cannot be judged; and what comes out."""

    part: Part
    holds: bool | None
    actual: Shape | None


class Meant(NamedTuple):
    """What the author seems to mean a layer to take and give, where that is not what it does."""

    flow: Flow
    cause: int
    """Where in the findings the lossy layer or wrong claim is that parted the two."""


class Shapes(NamedTuple):
    """The flow of every layer, stage and other part by path; the verdicts on shape claims."""

    flows: dict[str, Flow]
    claims: dict[str, ClaimedShape]
    """The shape claims by the path of the part that is claimed of."""
    meant: dict[str, Meant]
    """By path, the layers that would take or give another shape if nothing had been lost before
    them, or if a wrong claim were right."""
    unclear: dict[str, int]
    """By path, repeats and uses of blocks that do not give what is claimed for all of them: what
    their layers are meant to give cannot be told. With the place of that finding."""
    consequences: dict[int, list[str]]
    """What is wrong only because of a finding, by the place of that in the findings."""

    def as_meant(self) -> Shapes:
        """The shapes if nothing had been lost, and if the wrong claims were right."""
        flows = {path: meant.flow for path, meant in self.meant.items()}
        return Shapes({**self.flows, **flows}, self.claims, {}, {}, {})


def infer(network: Network, findings: Findings, levels: Levels = DEFAULT) -> Shapes:
    """Push the input's shape through the layers.

    After a layer that loses rows or columns, checking goes on from the layer's shape claim, else
    from the shape rounded down. Beside that runs the shape that the author seems to mean: the one
    if nothing had been lost, or if a wrong claim were right. What is wrong for the first shape and
    right for the second is a consequence, is noted with its cause, and is no finding of its own:
    `note_consequences` adds the notes when all are known. A loss that is allowed, or only warned
    of, is meant as it is, and excuses nothing.
    """
    return _Pass(network, findings, levels).run()


def note_consequences(shapes: Shapes, findings: Findings) -> None:
    """Say of each finding what is wrong only because of it."""
    for cause, names in shapes.consequences.items():
        listed = ", ".join(names[:MAX_LISTED])
        if len(names) > MAX_LISTED:
            listed += f" and {len(names) - MAX_LISTED:,} more"
        note = f"only because of this, also wrong: {listed}"
        findings[cause] = findings[cause]._replace(notes=(*findings[cause].notes, note))


class _Intended(NamedTuple):
    """The shape that the author seems to mean, where it is not the one that comes out."""

    shape: Shape
    cause: int
    """Where in the findings the lossy layer or wrong claim is that parted the two."""


class _State(NamedTuple):
    """What is known at one place of the network."""

    shape: Shape | None
    maker: Span
    """The place that made the shape what it is."""
    intended: _Intended | None = None


class _Pass:
    def __init__(self, network: Network, findings: Findings, levels: Levels) -> None:
        self.network = network
        self.findings = findings
        self.levels = levels
        self.state = _State(network.input, network.input_span)
        self.consequences: dict[int, list[str]] = {}
        self.flows: dict[str, Flow] = {}
        self.claims: dict[str, ClaimedShape] = {}
        self.meant: dict[str, Meant] = {}
        self.unclear: dict[str, int] = {}

    def run(self) -> Shapes:
        for stage in self.network.stages:
            self._group(stage)
        return Shapes(self.flows, self.claims, self.meant, self.unclear, self.consequences)

    def _group(self, group: Group) -> None:
        first = self.state.shape
        for item in group.items:
            match item:
                case Stage():
                    self._group(item)
                case Repeat():
                    self._repeat(item)
                case Use():
                    before = self.state
                    self._group(item.body)
                    self._claimed(item, before)
                case _:
                    self._layer(item)
        self.flows[group.path] = Flow(first, self.state.shape, sound=True)

    def _repeat(self, repeat: Repeat) -> None:
        before = self.state
        for iteration in repeat.iterations:
            self._group(iteration)
        self._claimed(repeat, before)

    def _claimed(self, part: Repeat | Use, before: _State) -> None:
        """Judge what is claimed of all that a repeat or a block makes."""
        if part.claim is not None:
            output = self._judge(part, part.claim, self.state.shape, before)
            self.state = self.state._replace(shape=output)
        self.flows[part.path] = Flow(before.shape, self.state.shape, sound=True)

    def _layer(self, layer: Layer) -> None:
        before = self.state
        output = self._join(layer) if isinstance(layer, Branches) else self._through(layer)
        sound = output is not None
        if layer.claim is not None:
            output = self._judge(layer, layer.claim, output, before)
        if output != before.shape or output is None:
            self.state = self.state._replace(maker=layer.bound.origin)
        self.state = self.state._replace(shape=output)
        self.flows[layer.path] = Flow(before.shape, output, sound)
        if (intended := self.state.intended) is not None:
            x = before.intended.shape if before.intended is not None else before.shape
            self.meant[layer.path] = Meant(Flow(x, intended.shape, sound=True), intended.cause)

    def _through(self, layer: Layer) -> Shape | None:
        """The layer's output for the current shape, with findings; None if there is none."""
        x, maker, intended = self.state
        self.state = _State(x, maker)
        if x is None:
            return layer.op.output_always()
        if isinstance(layer.op, Unbound):
            return None
        meant = _meant(layer, intended)
        try:
            output = _bounded(layer, x)
        except Misfit as misfit:
            if meant is not None:
                self._add_consequence(meant.cause, layer.title)
            else:
                labels = (*self._input_labels(self.state), *_claim_labels(layer))
                self.findings.append(layer.bound.diagnose(misfit, layer.title, labels))
            return None
        concerns = [c for c in layer.op.concerns(x) if self.levels.of(c.rule) is not None]
        if intended is not None and meant is not None:
            self.state = _State(x, maker, meant)
            if concerns and not any(layer.op.concerns(intended.shape)):
                self._add_consequence(meant.cause, layer.title)
                return output
        if concerns:
            levels = [self.levels.of(concern.rule) for concern in concerns]
            if Severity.ERROR in levels:
                self.state = _State(x, maker, _Intended(layer.op.lossless(x), len(self.findings)))
            labels = self._input_labels(_State(x, maker))
            self.findings += [
                layer.bound.diagnose(concern, layer.title, labels)._replace(level=level)
                for concern, level in zip(concerns, levels, strict=True)
            ]
        return output

    def _join(self, layer: Branches) -> Shape | None:
        """The join's output, with findings; None if there is none."""
        before = self.state
        states = []
        for branch in layer.branches:
            self.state = before
            self._group(branch)
            states.append(self.state)
        self.state = _State(before.shape, before.maker)
        known = [state.shape for state in states if state.shape is not None]
        if len(known) < len(states):
            return None
        meant = self._join_intended(layer, states)
        try:
            output = _within_bounds(layer.op.output(*known))
        except Misfit as misfit:
            if meant is not None:
                self._add_consequence(meant.cause, layer.title)
            else:
                self.findings.append(self._mismatch(layer, misfit, states))
            return None
        if meant is not None and meant.shape != output:
            self.state = self.state._replace(intended=meant)
        return output

    def _join_intended(self, layer: Branches, states: list[_State]) -> _Intended | None:
        """What the join would give if each branch gave what is meant; None if nothing else is."""
        causes = [state.intended.cause for state in states if state.intended is not None]
        if not causes:
            return None
        shapes = [state.intended.shape if state.intended else state.shape for state in states]
        try:
            return _Intended(layer.op.output(*(s for s in shapes if s is not None)), causes[0])
        except Misfit:
            return None

    def _judge(
        self, part: Part, claim: ShapeClaim, output: Shape | None, before: _State
    ) -> Shape | None:
        """Compare a claim with what the part gives; what to go on from.

        That is the claim where the output is unknown, where the layer loses rows, and where the
        claim would hold if none before it did, or if the wrong claim before it were right. Else it
        is the output: a claim is not used to infer.
        """
        holds = None if output is None else output == claim.shape
        self.claims[part.path] = ClaimedShape(part, holds, output)
        if output is None or holds:
            return claim.shape
        intended = self.state.intended
        self.state = self.state._replace(intended=None)
        cause = self.findings[intended.cause] if intended is not None else None
        lossy = cause is not None and cause.primary == Label(part.head)
        if intended is not None and cause is not None and intended.shape == claim.shape:
            if lossy:
                claims = Label(claim.span, f"claims {_size(claim.shape)}")
                self.findings[intended.cause] = cause.beside((claims,))
            else:
                self._add_consequence(intended.cause, f"the claim {claim.shape} of {part.title}")
            return claim.shape
        if intended is not None and cause is not None and lossy and _same_channels(output, claim):
            # A wrong stride or kernel loses rows and misses the claim: one mistake.
            claims = Label(claim.span, f"claims {_size(claim.shape)}")
            lossless = _size(intended.shape)
            note = f"{_size(claim.shape)} is claimed; if nothing were lost it would be {lossless}"
            told = cause.beside((claims,))._replace(notes=(*cause.notes, note))
            self.findings[intended.cause] = told
            return claim.shape
        if not isinstance(part, Layer):
            self.unclear[part.path] = len(self.findings)
        if not lossy:
            meant = _Intended(claim.shape, len(self.findings))
            self.state = self.state._replace(intended=meant)
        self.findings.append(
            at(
                catalogue.WRONG_SHAPE,
                claim.span,
                f"{part.title} gives {output}, not {claim.shape}",
                label=f"claims {claim.shape}",
                secondary=(*self._input_labels(before), Label(part.head, f"gives {output}")),
            ).beside(part.context)
        )
        return claim.shape if lossy else output

    def _mismatch(self, layer: Branches, misfit: Misfit, states: list[_State]) -> Diagnostic:
        """Branches that cannot be joined: each with its shape, where it gets it."""
        labels: dict[Span, Label] = {}
        branches = zip(layer.branches, states, strict=True)
        for number, (branch, state) in enumerate(islice(branches, MAX_LISTED), 1):
            place = self._shaped_by(branch) or state.maker
            text = f"{labels[place].text}; " if place in labels else ""
            labels[place] = Label(place, f"{text}branch {number} gives {state.shape}")
        shown = (*labels.values(), *_claim_labels(layer))
        return layer.bound.diagnose(misfit, layer.title, shown)

    def _shaped_by(self, branch: Body) -> Span | None:
        """The statement of a branch that gives it its shape; None if it keeps that of its input."""
        for item in reversed(branch.items):
            flow = self.flows[item.path]
            if flow.input != flow.output:
                return item.layers[-1].head if isinstance(item, Stage) else item.head
        return None

    def _add_consequence(self, cause: int, what: str) -> None:
        self.consequences.setdefault(cause, []).append(what)

    def _input_labels(self, state: _State) -> tuple[Label, ...]:
        """The place that made a shape; none where the shape is not known."""
        shape, maker, _ = state
        if shape is None:
            return ()
        text = f"{shape} comes from here"
        if maker is self.network.input_span and shape.is_map:
            text = f"{_size(shape)} high and wide"
        return (Label(maker, text),)


def _meant(layer: Layer, intended: _Intended | None) -> _Intended | None:
    """What a layer gives of the intended shape; None if there is none, or it cannot take it."""
    if intended is None:
        return None
    try:
        return intended._replace(shape=layer.op.output(intended.shape))
    except Misfit:
        return None


def _same_channels(output: Shape, claim: ShapeClaim) -> bool:
    return output.is_map and claim.shape.is_map and output.channels == claim.shape.channels


def _claim_labels(layer: Layer) -> tuple[Label, ...]:
    """What is claimed of a layer, if anything is."""
    claim = layer.claim
    return (Label(claim.span, f"claims {claim.shape}"),) if claim is not None else ()


def _bounded(layer: Layer, x: Shape) -> Shape:
    """The layer's output, if it and the layer's weights fit any machine. Raises Misfit."""
    output = _within_bounds(layer.op.output(x))
    for name, dims in layer.op.weights(x).items():
        weight = Shape(dims)
        if weight.size > MAX_NUMBERS:
            raise Misfit(
                catalogue.TOO_LARGE,
                None,
                f"{{layer}}'s {name} {weight} has {weight.size:,} numbers",
                help=(f"a tensor has at most {MAX_NUMBERS:,}",),
            )
    return output


def _within_bounds(output: Shape) -> Shape:
    if output.size > MAX_NUMBERS:
        raise Misfit(
            catalogue.TOO_LARGE, None, f"{{layer}}'s output {output} has {output.size:,} numbers"
        )
    return output


def _size(shape: Shape) -> str:
    """`55` of a square map 96x55x55; `55x27` of another; the features of a vector."""
    *_, height, width = (0, *shape.dims)
    return str(width) if height == width or not shape.is_map else f"{height}x{width}"
