"""Shapes: what goes into each layer and comes out, and what cannot be so."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archdsl.diagnostics import Findings, Label, at, catalogue
from archdsl.network import Layer, Network, ShapeClaim, Stage
from archdsl.shape import Misfit, Shape
from archdsl.words.word import Unbound

MAX_NUMBERS = 10**12
"""Numbers in one tensor: 4 TB in float32."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes into a layer and comes out; None where it cannot be known.

    `sound` says that the layer can take its input. The output of one that cannot is its claim.
    """

    input: Shape | None
    output: Shape | None
    sound: bool


@dataclass(frozen=True, slots=True)
class Shapes:
    """Every layer's flow by path, and the verdicts on the shape claims."""

    flows: dict[str, Flow]
    claims: dict[str, bool | None]
    """By the path of the layer that claims: whether it holds, None if it cannot be judged."""

    def output_of(self, stage: Stage) -> Shape | None:
        """The output of a stage: that of its last layer."""
        return self.flows[stage.layers[-1].path].output


def infer(network: Network, findings: Findings) -> Shapes:
    """Push the input's shape through the layers.

    After a layer that loses rows or columns, checking goes on from the layer's shape claim, else
    from the shape rounded down. Beside that runs the shape that the author seems to mean: the one
    if nothing had been lost, or if a wrong claim were right. What is wrong for the first shape and
    right for the second is a consequence, is noted with its cause, and is no finding of its own.
    """
    return _Pass(network, findings).run()


class _Pass:
    def __init__(self, network: Network, findings: Findings) -> None:
        self.network = network
        self.findings = findings
        self.shape: Shape | None = network.input
        self.intended: Shape | None = None
        """The shape that the author seems to mean; None where it is the current one."""
        self.cause = -1
        """Where in the findings the lossy layer or wrong claim is that `intended` goes back to."""
        self.consequences: list[str] = []
        self.maker = network.input_span
        """The place that made the current shape what it is."""
        self.flows: dict[str, Flow] = {}
        self.claims: dict[str, bool | None] = {}

    def run(self) -> Shapes:
        for stage, layer in self.network.staged():
            name = stage.title(layer)
            before = self.shape
            output = self._through(name, layer)
            sound = output is not None
            if layer.claim is not None:
                output = self._judge(name, layer, layer.claim, output)
            if output != before or output is None:
                self.maker = layer.bound.statement.head
            self.shape = output
            self.flows[layer.path] = Flow(before, output, sound)
        self._note_consequences()
        return Shapes(self.flows, self.claims)

    def _through(self, name: str, layer: Layer) -> Shape | None:
        """The layer's output for the current shape, with findings; None if there is none."""
        intended, self.intended = self.intended, None
        if isinstance(layer.op, Unbound) or self.shape is None:
            return None
        try:
            output = _bounded(layer, self.shape)
        except Misfit as misfit:
            self.findings.append(layer.bound.diagnose(misfit, name, (self._input_label(),)))
            return None
        concerns = list(layer.op.concerns(self.shape))
        if intended is not None:
            try:
                self.intended = layer.op.output(intended)
                consequence = bool(concerns) and not any(layer.op.concerns(intended))
            except Misfit:
                consequence = False
            if consequence:
                self.consequences.append(name)
                return output
        if concerns:
            self._note_consequences()
            self.cause = len(self.findings)
            self.intended = layer.op.lossless(self.shape)
            self.findings += [
                layer.bound.diagnose(concern, name, (self._input_label(),)) for concern in concerns
            ]
        return output

    def _judge(
        self, name: str, layer: Layer, claim: ShapeClaim, output: Shape | None
    ) -> Shape | None:
        """Compare a claim with the layer's output; what to go on from.

        That is the claim where the output is unknown, where the layer loses rows, and where the
        claim would hold if none before it did, or if the wrong claim before it were right. Else it
        is the output: a claim is not used to infer.
        """
        self.claims[layer.path] = None if output is None else output == claim.shape
        if output is None or output == claim.shape:
            return claim.shape
        explained, self.intended = self.intended == claim.shape, None
        cause = self.findings[self.cause] if self.cause >= 0 else None
        lossy = cause is not None and cause.primary == Label(layer.bound.span(None))
        if explained and cause is not None:
            if lossy:
                claims = Label(claim.span, f"claims {_size(claim.shape)}")
                self.findings[self.cause] = replace(cause, secondary=(*cause.secondary, claims))
            else:
                self.consequences.append(f"the claim {claim.shape} of {name}")
            return claim.shape
        self._note_consequences()
        if not lossy:
            self.cause, self.intended = len(self.findings), claim.shape
        self.findings.append(
            at(
                catalogue.WRONG_SHAPE,
                claim.span,
                f"{name} gives {output}, not {claim.shape}",
                label=f"claims {claim.shape}",
                secondary=(
                    self._input_label(),
                    Label(layer.bound.statement.head, f"gives {output}"),
                ),
            )
        )
        return claim.shape if lossy else output

    def _note_consequences(self) -> None:
        if self.consequences:
            cause = self.findings[self.cause]
            note = f"only because of this, also wrong: {', '.join(self.consequences)}"
            self.findings[self.cause] = replace(cause, notes=(*cause.notes, note))
            self.consequences = []

    def _input_label(self) -> Label:
        assert self.shape is not None
        text = f"{self.shape} comes from here"
        if self.maker is self.network.input_span and self.shape.is_map:
            text = f"{_size(self.shape)} high and wide"
        return Label(self.maker, text)


def _bounded(layer: Layer, x: Shape) -> Shape:
    """The layer's output, if it and the layer's weights fit any machine. Raises Misfit."""
    output = layer.op.output(x)
    if output.size > MAX_NUMBERS:
        raise Misfit(
            catalogue.TOO_LARGE, None, f"{{layer}}'s output {output} has {output.size:,} numbers"
        )
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


def _size(shape: Shape) -> str:
    """`55` of a square map 96x55x55; `55x27` of another; the features of a vector."""
    *_, height, width = (0, *shape.dims)
    return str(width) if height == width or not shape.is_map else f"{height}x{width}"
