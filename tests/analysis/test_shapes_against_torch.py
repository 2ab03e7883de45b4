"""Random chains of layers: text, compiled, against torch running the layers one after another."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings

from archdsl.diagnostics import catalogue
from archdsl.shape import Misfit, Shape, Window
from archdsl.words.activation import Relu
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Op
from tests.helpers import compiled, network
from tests.words.drawing import shapes, words
from tests.words.oracle import Outcome, Refused, run

OPS = [cls for cls in Op.words.values() if issubclass(cls, Op) and cls.blocks == (0, 0)]
SLIDING = [cls for cls in OPS if issubclass(cls, SlidingOp)]
ATTEMPTS = 8


@st.composite
def chains(draw: st.DrawFn) -> tuple[Shape, list[Op]]:
    """An input, and 3 to 8 layers each of which takes what torch makes of those before it."""
    first = draw(shapes().filter(lambda shape: shape.is_map))
    chain: list[Op] = []
    x = first
    # Half of the layers slide a window, while there is a map left to slide it over.
    for cls in draw(
        st.lists(st.sampled_from(SLIDING) | st.sampled_from(OPS), min_size=3, max_size=8)
    ):
        op, x = draw(_taking(x, cls))
        chain.append(op)
    return first, chain


@st.composite
def _taking(draw: st.DrawFn, x: Shape, cls: type[Op]) -> tuple[Op, Shape]:
    """A layer that takes `x`, of the class if one is soon found, and its output."""
    for _ in range(ATTEMPTS):
        op: Op = draw(words(cls))
        try:
            return op, Shape(run(op.torch(x), x).output)
        except (Misfit, Refused):
            continue
    return Relu(), x


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    phases=set(Phase) - {Phase.explain},  # which takes minutes here
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(chains(), st.sets(st.integers(0, 7)))
def test_a_chain_has_the_figures_of_torch(chain: tuple[Shape, list[Op]], labels: set[int]) -> None:
    x, ops = chain
    lines = [f"l{i}: {written(op)}" if i in labels else written(op) for i, op in enumerate(ops)]
    result = compiled(network("\n".join([f"input {x}", *lines])))
    assert {finding.rule for finding in result.diagnostics} <= {catalogue.LOSSY_STRIDE}
    (analysis,) = result.archs
    layers = analysis.network.layers
    assert [layer.op for layer in layers] == ops

    outcomes: list[Outcome] = []
    for layer in layers:
        flow = analysis.flow(layer)
        assert flow.input == x
        outcome = run(layer.op.torch(x), x)
        assert flow.output == Shape(outcome.output)
        outcomes.append(outcome)
        x = flow.output

    costs = analysis.costs
    assert costs is not None
    learned = [sum(Shape(dims).size for dims in o.weights.values()) for o in outcomes]
    weighted = [i for i, op in enumerate(ops) if op.weighted]
    assert costs.params == sum(learned)
    assert costs.weights + costs.biases == sum(learned[i] for i in weighted)
    assert costs.macs == sum(o.macs for o in outcomes)
    assert costs.neurons == sum(Shape(outcomes[i].output).size for i in weighted)
    assert costs.depth == len(weighted)


def written(op: Op) -> str:
    """A layer in the language, every argument that is not the default by its name."""
    arguments = [
        f"{name}={_text(value)}"
        for name, field in type(op).model_fields.items()
        if (value := getattr(op, name)) != field.default
    ]
    return " ".join([op.word, *arguments])


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Window():
            return str(value)
        case (name,):
            return str(name)
        case _:
            return str(value)
