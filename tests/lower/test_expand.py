"""Statements to a network: stages, names, parameters, recipes."""

from __future__ import annotations

from archdsl.words.recipe import Cosine, Folder, Recipe, Sgd, Shapes
from tests.helpers import analysed, compiled, messages, network


def paths(body: str) -> list[str]:
    return [layer.path for layer in analysed(body).network.layers]


def test_a_label_opens_a_stage_that_lasts_to_the_next() -> None:
    body = "input 3x32x32\nrelu\nconv 4 3x3\nrelu\na: conv 4 3x3\nrelu\nrelu\nb: linear 10\nrelu"
    assert paths(body) == [
        "relu.relu",
        "relu.conv",
        "relu.relu_2",
        "a.conv",
        "a.relu",
        "a.relu_2",
        "b.linear",
        "b.relu",
    ]


def test_people_call_a_labelled_layer_by_its_stage() -> None:
    net = analysed("input 3x32x32\nrelu\na: conv 4 3x3\nrelu").network
    assert {layer.path: layer.title for layer in net.layers} == {
        "relu.relu": "relu.relu",
        "a.conv": "a",
        "a.relu": "a.relu",
    }


def test_parameters_fill_numbers_dimensions_and_claims() -> None:
    text = network(
        "input (3, size, size)\nconv width 3x3 -> (width, (size - 2), (size - 2))\n"
        "linear (2*width + 1) -> 17",
        "Net(size=32, width=(2*4))",
    )
    assert compiled(text).ok
    wider = compiled(text, width=16)
    assert [d.message for d in wider.diagnostics] == ["linear.linear gives 33, not 17"] or [
        d.message for d in wider.diagnostics
    ] == ["conv.linear gives 33, not 17"]
    assert wider.archs[0].network.overridden == {"width"}


def test_a_failed_layer_is_one_finding_and_what_follows_is_unknown() -> None:
    assert messages(
        "input 3x32x32\nconv 8 3x3 strid=2\nmaxpool 40\nlinear 10\nexpect params 3"
    ) == ["E202 conv has no argument 'strid'"]


def test_after_a_failed_layer_checking_goes_on_from_its_claim() -> None:
    assert messages("input 3x32x32\nconv 8 3x3 strid=2 -> 8x15x15\nmaxpool 40\nlinear 10") == [
        "E202 conv has no argument 'strid'",
        "E302 conv.maxpool's 40x40 window is larger than its padded 15x15 input",
    ]


def test_a_recipe_has_every_setting() -> None:
    recipe = analysed(
        "input 3x32x32\nfc: linear 10\ntrain {\n"
        '  data folder "a b"\n  batch 64\n  steps 100\n  seed 7\n'
        "  optimizer sgd lr=0.1 momentum=0.9 nesterov=yes\n"
        "  scale biases lr=2 decay=0\n  scale fc lr=10\n"
        "  schedule cosine warmup=5\n  evaluate every=10 crops=10\n  loss cross_entropy 0.1\n}"
    ).network.recipe
    assert recipe is not None
    assert recipe.data == Folder.model_validate({"path": recipe.data.path})  # type: ignore[attr-defined]
    assert (recipe.batch, recipe.epochs, recipe.steps, recipe.seed) == (64, None, 100, 7)
    assert recipe.optimizer == Sgd(lr=0.1, momentum=0.9, nesterov=True)
    assert [(s.target, s.lr, s.decay) for s in recipe.scale] == [("biases", 2, 0), ("fc", 10, 1)]
    assert recipe.schedule == Cosine(warmup=5)
    assert (recipe.evaluate.every, recipe.evaluate.crops) == (10, 10)
    assert recipe.loss.smoothing == 0.1


def test_the_recipe_of_an_empty_train_block_is_the_default() -> None:
    recipe = analysed("input 8\nlinear 2\ntrain { }").network.recipe
    assert recipe == Recipe()
    assert isinstance(Recipe().data, Shapes)
    assert (Recipe().epochs is None) != (Recipe().steps is None)
