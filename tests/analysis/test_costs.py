"""Figures against published counts and hand arithmetic."""

from __future__ import annotations

from archdsl import load
from archdsl.analysis import Costs
from tests.helpers import SPECS, analysed


def test_alexnet_has_the_published_figures() -> None:
    """SOURCES.md: computed with PyTorch, and 60,965,224 as in Caffe's AlexNet."""
    costs = load(SPECS / "alexnet.arch").costs
    assert costs == Costs(
        params=60_965_224,
        weights=60_954_656,
        biases=60_965_224 - 60_954_656,
        macs=724_406_816,
        activations=2_079_811,
        neurons=659_272,
        depth=8,
        traffic=43_264 + 9_216 + 4_096 + 4_096,
    )


def test_small_has_the_figures_of_its_source() -> None:
    small = load(SPECS / "small.arch")
    assert (small.params, small.macs) == (2_644_234, 39_696_960)
    full = load(SPECS / "small.arch", parameters={"size": 227, "classes": 1000})
    assert full.params == 6_275_944


def test_what_counts_as_what() -> None:
    net = analysed(
        "input 2x4x4\nc: conv 4 3x3 pad=1\nbatchnorm\nprelu\nflatten\nidentity\n"
        "fc: linear 5 bias=no"
    )
    c, fc = net.parts["c"], net.parts["fc"]
    assert c is not None and fc is not None
    # conv 4·2·3·3 + 4, batchnorm 4 + 4, prelu 4; each of the three layers has 4·4·4 outputs.
    assert (c.weights, c.biases, c.params) == (72, 4, 72 + 4 + 8 + 4)
    assert (c.macs, c.neurons, c.activations, c.depth) == (64 * 18, 64, 3 * 64, 1)
    assert (fc.weights, fc.biases, fc.params) == (320, 0, 320)
    assert (fc.macs, fc.neurons, fc.activations, fc.depth) == (320, 5, 5, 1)
    total = net.costs
    assert total is not None
    assert total.activations == 32 + 3 * 64 + 5
    assert total.flops == 2 * (64 * 18 + 320)


def test_memory_counts_parameters_gradients_state_and_activations() -> None:
    costs = Costs(params=100, activations=30)
    assert costs.memory(batch=1, state_slots=0) == (400, 400, 0, 120)
    assert costs.memory(batch=8, state_slots=2) == (400, 400, 800, 960)
    assert costs.memory(batch=8, state_slots=2).total == 4 * (4 * 100 + 8 * 30)
