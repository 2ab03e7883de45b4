"""The momentum rules against numpy, across a change of learning rate, where they part."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from archdsl.training import TrainingError
from archdsl.training.optimizer import check, full_rate, optimizer, set_factor
from archdsl.words.recipe import Adam, AdamW, Optimizer, Recipe, Scale, Sgd
from archdsl.words.word import Reference

Vector = NDArray[np.float64]
Rule = Callable[[Vector, list[Vector], list[float]], Vector]

FACTORS = [1.0, 1.0, 0.1, 0.1, 0.5]
LR, M, WD = 0.2, 0.9, 0.05


def paper(w: Vector, gradients: list[Vector], rates: list[float]) -> Vector:
    v = np.zeros_like(w)
    for g, lr in zip(gradients, rates, strict=True):
        v = M * v - WD * lr * w - lr * g
        w = w + v
    return w


def classic(w: Vector, gradients: list[Vector], rates: list[float]) -> Vector:
    v = np.zeros_like(w)
    for g, lr in zip(gradients, rates, strict=True):
        v = M * v + g + WD * w
        w = w - lr * v
    return w


def nesterov(w: Vector, gradients: list[Vector], rates: list[float]) -> Vector:
    v = np.zeros_like(w)
    for g, lr in zip(gradients, rates, strict=True):
        pull = g + WD * w
        v = M * v + pull
        w = w - lr * (pull + M * v)
    return w


def average(w: Vector, gradients: list[Vector], rates: list[float]) -> Vector:
    v = np.zeros_like(w)
    for g, lr in zip(gradients, rates, strict=True):
        v = M * v + (1 - M) * (g + WD * w)
        w = w - lr * v
    return w


def corrected(w: Vector, gradients: list[Vector], rates: list[float]) -> Vector:
    v = np.zeros_like(w)
    for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), start=1):
        v = M * v + (1 - M) * (g + WD * w)
        w = w - lr * v / (1 - M**t)
    return w


def adam(w: Vector, gradients: list[Vector], rates: list[float]) -> Vector:
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), start=1):
        pull = g + WD * w
        m = 0.8 * m + 0.2 * pull
        s = 0.95 * s + 0.05 * pull * pull
        w = w - lr * (m / (1 - 0.8**t)) / (np.sqrt(s / (1 - 0.95**t)) + 1e-4)
    return w


def adamw(w: Vector, gradients: list[Vector], rates: list[float]) -> Vector:
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), start=1):
        w = w * (1 - lr * WD)
        m = 0.8 * m + 0.2 * g
        s = 0.95 * s + 0.05 * g * g
        w = w - lr * (m / (1 - 0.8**t)) / (np.sqrt(s / (1 - 0.95**t)) + 1e-4)
    return w


def trained(word: Optimizer, w: Vector, gradients: list[Vector]) -> Vector:
    network = nn.Linear(4, 1, bias=False, dtype=torch.float64)
    network.weight.data = torch.from_numpy(w)[None].clone()
    driven = optimizer(Recipe(optimizer=word), network)
    for factor, g in zip(FACTORS, gradients, strict=True):
        network.weight.grad = torch.from_numpy(g)[None]
        set_factor(driven, factor)
        driven.step()
    return np.asarray(network.weight.detach().numpy()[0])


def sgd(**settings: str | bool) -> Sgd:
    return Sgd.model_validate({"lr": LR, "momentum": M, "weight_decay": WD, **settings})


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        (sgd(rule="paper"), paper),
        (sgd(rule="torch"), classic),
        (sgd(rule="torch", nesterov=True), nesterov),
        (sgd(rule="average"), average),
        (sgd(rule="average", correction=True), corrected),
        (Adam(lr=LR, betas=(0.8, 0.95), eps=1e-4, weight_decay=WD), adam),
        (AdamW(lr=LR, betas=(0.8, 0.95), eps=1e-4, weight_decay=WD), adamw),
    ],
)
def test_rule_is_its_formula_when_the_rate_changes(word: Optimizer, rule: Rule) -> None:
    draws = np.random.default_rng(1)
    w, *gradients = draws.normal(size=(1 + len(FACTORS), 4))
    expected = rule(w, gradients, [LR * factor for factor in FACTORS])
    assert np.allclose(trained(word, w, gradients), expected, rtol=1e-12, atol=1e-14)


def test_the_rules_of_paper_and_torch_agree_until_the_rate_changes() -> None:
    draws = np.random.default_rng(2)
    w, *gradients = draws.normal(size=(6, 4))
    still, moving = [LR] * 5, [LR * factor for factor in FACTORS]
    assert np.allclose(paper(w, gradients, still), classic(w, gradients, still))
    assert not np.allclose(paper(w, gradients, moving), classic(w, gradients, moving), atol=0.05)


@pytest.mark.parametrize(("settings", "rule"), [("paper", paper), ("average", corrected)])
def test_a_weight_that_comes_later_begins_its_own_count(settings: str, rule: Rule) -> None:
    draws = np.random.default_rng(4)
    starts, gradients = draws.normal(size=(2, 3)), draws.normal(size=(5, 2, 3))
    weights = [nn.Parameter(torch.from_numpy(w).clone()) for w in starts]
    word = sgd(rule=settings, correction=settings == "average")
    driven = optimizer(Recipe(optimizer=word), nn.ParameterList(weights))
    for step, (factor, (first, second)) in enumerate(zip(FACTORS, gradients, strict=True)):
        weights[0].grad = torch.from_numpy(first)
        weights[1].grad = torch.from_numpy(second) if step >= 2 else None
        set_factor(driven, factor)
        driven.step()
    rates = [LR * factor for factor in FACTORS]
    expected = [
        rule(starts[0], list(gradients[:, 0]), rates),
        rule(starts[1], list(gradients[2:, 1]), rates[2:]),
    ]
    found = np.stack([w.detach().numpy() for w in weights])
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-14)


def two_stages() -> nn.Module:
    network = nn.Module()
    network.add_module("conv1", nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))
    network.add_module("conv10", nn.Sequential(nn.Linear(4, 2)))
    return network


def test_scale_multiplies_the_rate_and_decay_of_biases_and_stages() -> None:
    network = two_stages()
    recipe = Recipe(
        optimizer=Sgd(lr=0.1, momentum=0.9, weight_decay=0.01),
        scale=(
            Scale(target=Reference("biases"), lr=2, decay=0),
            Scale(target=Reference("conv1"), lr=10),
        ),
    )
    found = {
        name: (group["lr"], group["weight_decay"])
        for group in optimizer(recipe, network).param_groups
        for name, parameter in network.named_parameters()
        if any(parameter is p for p in group["params"])
    }
    assert found == {
        "conv1.0.weight": (1.0, 0.01),
        "conv1.0.bias": (2.0, 0.0),
        # A batchnorm's shift is no layer's bias; conv10 is not in conv1.
        "conv1.1.weight": (1.0, 0.01),
        "conv1.1.bias": (1.0, 0.01),
        "conv10.0.weight": (0.1, 0.01),
        "conv10.0.bias": (0.2, 0.0),
    }


def test_a_schedule_keeps_the_multipliers() -> None:
    recipe = Recipe(optimizer=Sgd(lr=0.1), scale=(Scale(target=Reference("biases"), lr=2),))
    driven = optimizer(recipe, nn.Sequential(nn.Linear(2, 2)))
    set_factor(driven, 0.5)
    set_factor(driven, 0.1)
    assert sorted(group["lr"] for group in driven.param_groups) == pytest.approx([0.01, 0.02])


def test_scale_of_nothing_is_an_error() -> None:
    recipe = Recipe(scale=(Scale(target=Reference("conv7"), lr=10),))
    with pytest.raises(TrainingError, match="scale conv7: the network has no parameters there"):
        optimizer(recipe, two_stages())


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (sgd(correction=True), "add rule=average"),
        (sgd(nesterov=True, rule="paper"), "needs rule=torch and a momentum"),
        (Sgd(lr=0.1, nesterov=True), "needs rule=torch and a momentum"),
    ],
)
def test_contradictions_are_named(word: Optimizer, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        check(word)


def test_full_rate_is_the_words_own() -> None:
    assert [full_rate(word) for word in (Sgd(lr=0.3), Adam(), AdamW(lr=0.01))] == [0.3, 1e-3, 0.01]
