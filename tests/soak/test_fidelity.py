"""Random networks: every shape, weight and figure that the checker tells, against torch."""

from __future__ import annotations

import inspect
from math import prod
from pathlib import Path

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from torch.utils.flop_counter import FlopCounterMode

import archdsl
from archdsl.analysis import Analysis, Costs
from archdsl.compiler import Compilation, compile_bytes
from archdsl.diagnostics import Rule, Severity, catalogue
from tests.codegen.generated import expected_outputs, expected_parameters, imported, outputs
from tests.codegen.unrolled import assert_equal_to_unrolled
from tests.soak.conftest import Budget
from tests.soak.drawing import SINGLE, networks
from tests.soak.networks import PARAMETER, Net
from tests.soak.reference import BATCH, Made, Walk, walked

ROUND = 100
"""Networks drawn from one seed: all of `make test`, and what `make soak` draws again and again."""

MAX_COMPUTED = 10**6
"""Multiply–accumulates, parameters or activations of a network that is computed with numbers."""

MISFITS = {
    catalogue.WINDOW_TOO_LARGE,
    catalogue.INDIVISIBLE,
    catalogue.WRONG_RANK,
    catalogue.BAD_WINDOW,
    catalogue.JOIN_MISMATCH,
    catalogue.TOO_LARGE,
    catalogue.BAD_ARGUMENT,
}
"""Why a layer or a join cannot take its input."""


def test_networks_are_what_torch_makes_of_them(budget: Budget, tmp_path: Path) -> None:
    tally = Tally()
    for number in budget.rounds():

        @seed(number)
        @settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=set(Phase) - {Phase.explain, Phase.reuse},
            suppress_health_check=list(HealthCheck),
        )
        @given(networks())
        def check(net: Net) -> None:
            tally.add(net)
            compare(net, tally, tmp_path)

        check()
    budget.report("networks compared with torch", tally.networks)
    assert tally.emitted > tally.networks // 4, "too few of the networks are sound to say much"
    assert tally.refused > tally.networks // 20, "too few of the networks are refused"
    written = {cls.word for cls in SINGLE} | {"concat", "add", "repeat", "devices", "dilation="}
    missing = {word for word in written if f" {word}" not in tally.words}
    assert not missing


class Tally:
    """What was drawn."""

    def __init__(self) -> None:
        self.networks = 0
        self.emitted = 0
        self.refused = 0
        self.words = ""

    def add(self, net: Net) -> None:
        self.networks += 1
        if self.networks <= ROUND:
            self.words += repr(net)


def compare(net: Net, tally: Tally, folder: Path) -> None:
    """Assert that the checker, the generated module and torch agree about a network."""
    spec = folder / "net.arch"
    spec.write_text(repr(net), encoding="utf-8")
    given_values = [] if net.default is None else [{PARAMETER: 2 * net.default}, {PARAMETER: 3}]
    for overrides in [{}, *given_values]:
        value = overrides.get(PARAMETER, net.default)
        walk = walked(net, value)
        compilation = compile_bytes(spec.read_bytes(), "net.arch", overrides)
        (analysis,) = compilation.archs
        told = f"{net!r}{''.join(f'{name}={value}: ' for name in overrides)}"
        compare_layers(analysis, walk, told)
        compare_findings(compilation, walk, told)
        if not compilation.ok:
            tally.refused += 1
            continue
        compare_costs(analysis, walk, net, told)
    arch = archdsl.load(spec)
    if not arch.check().ok:
        return
    tally.emitted += 1
    cls = imported(arch.pytorch(), folder).Net
    compare_module(cls, {}, arch.analysis, repr(net))
    compare_numbers(cls, arch.analysis)
    if PARAMETER in inspect.signature(cls).parameters:
        assert net.default is not None
        # The generator looks at two and three times the default; what divides goes on dividing.
        for value in (2 * net.default, 5 * net.default):
            overrides = {PARAMETER: value}
            other = archdsl.load(spec, parameters=overrides)
            if other.check().ok:
                compare_module(cls, overrides, other.analysis, f"{net!r}{PARAMETER}={value}: ")


def compare_numbers(cls: type[torch.nn.Module], analysis: Analysis) -> None:
    """What a network computes that is not too large, against the same unrolled."""
    costs = analysis.costs
    assert costs is not None
    if max(costs.macs, costs.params, costs.activations) < MAX_COMPUTED:
        assert_equal_to_unrolled(cls(), analysis, BATCH)


def compare_layers(analysis: Analysis, walk: Walk, told: str) -> None:
    """Every layer's output, weights and multiply–accumulates, or that it cannot take its input."""
    layers = analysis.network.layers
    assert len(layers) == len(walk.results), told
    for layer, expected in zip(layers, walk.results, strict=True):
        flow, costs = analysis.flow(layer), analysis.layers[layer.path]
        found: Made | None = None
        if flow.output is not None and flow.input is not None and costs is not None:
            found = Made(flow.output.dims, layer.op.weights(flow.input), costs.macs)
        known = expected.figures if isinstance(expected, Made) else None
        assert (found and found.figures) == known, (
            f"{told}{layer.path}, {layer.head.text}: archdsl says {found}, torch {expected}"
        )


def compare_findings(compilation: Compilation, walk: Walk, told: str) -> None:
    """There is an error where torch refuses, where rows are lost, where devices do not divide."""
    errors = [d for d in compilation.diagnostics if d.severity is Severity.ERROR]
    rules: set[Rule] = {error.rule for error in errors}
    told += "".join(f"{error.rule.code} {error.message}; " for error in errors)
    assert rules <= MISFITS | {catalogue.LOSSY_STRIDE}, told
    assert (catalogue.LOSSY_STRIDE in rules) == walk.lossy, f"{told}lossy: {walk.lossy}"
    if walk.refusals:
        assert errors, f"{told}torch: {walk.refusals}"
    elif rules & MISFITS:
        assert rules & MISFITS == {catalogue.INDIVISIBLE}, told
        assert walk.undivided or walk.meeting, told
    else:
        assert not walk.undivided, told


def compare_costs(analysis: Analysis, walk: Walk, net: Net, told: str) -> None:
    """The figures of the whole network, added up from torch's tensors."""
    layers = [(op.word if op else "", made) for op, made in zip(walk.ops, walk.made, strict=True)]
    weighted = [made for word, made in layers if word in ("conv", "linear")]
    learned = [prod(dims) for made in walk.made for dims in made.weights.values()]
    computed = [made for word, made in layers if word not in ("flatten", "identity")]
    assert analysis.costs is not None
    found = analysis.costs._replace(traffic=0)
    expected = Costs(
        params=sum(learned),
        weights=sum(prod(made.weights["weight"]) for made in weighted),
        biases=sum(prod(made.weights.get("bias", (0,))) for made in weighted),
        macs=sum(made.macs for made in walk.made),
        activations=prod(net.input) + sum(prod(made.output) for made in computed),
        neurons=sum(prod(made.output) for made in weighted),
        depth=walk.depth,
    )
    assert found == expected, f"{told}archdsl says {found}, torch {expected}"
    assert analysis.output is not None and analysis.output.dims == walk.output, told


def compare_module(
    cls: type[torch.nn.Module], parameters: dict[str, int], analysis: Analysis, told: str
) -> None:
    """The shapes, weights and multiply–accumulates of the generated module, on torch's meta."""
    assert analysis.costs is not None
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        module = cls(**parameters).eval()
        seen = outputs(module, torch.empty(BATCH, *analysis.network.input.dims))
    for path, dims in expected_outputs(analysis).items():
        assert seen[path] == dims, f"{told}{path}: archdsl says {dims}, torch {seen[path]}"
    learned = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert learned == expected_parameters(analysis), told
    assert counter.get_total_flops() == 2 * BATCH * analysis.costs.macs, told
