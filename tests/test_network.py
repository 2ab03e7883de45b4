"""The network's tree and its flat view."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.compiler import compile_file
from archdsl.network import Layer, Node
from archdsl.words.activation import Tanh
from tests.helpers import SPECS, analysed


def test_a_changed_network_has_the_changed_layers() -> None:
    body = "input 3x8x8\na: relu\nadd { relu; b: relu } {}\nrepeat 2 { relu; c: relu }"
    network = analysed(body).network
    assert {layer.op.word for layer in network.layers} == {"relu", "add"}

    def tanh(layer: Layer) -> Layer:
        if layer.op.weighted or "relu" not in layer.name:
            return layer
        return layer.with_changes(bound=layer.bound._replace(word=Tanh()))

    changed = network.mapped(tanh)
    assert [layer.op.word for layer in changed.layers] == ["tanh"] * 3 + ["add"] + ["tanh"] * 4
    assert [layer.path for layer in changed.layers] == [layer.path for layer in network.layers]
    assert {layer.op.word for layer in network.layers} == {"relu", "add"}


def test_parts_are_layers_and_what_holds_them() -> None:
    network = analysed("input 3x8x8\na: add { b: relu } { repeat 2 { tanh } }").network
    assert [part.path for part in network.parts] == [
        "a.add.1.b.relu",
        "a.add.2.repeat.1.tanh",
        "a.add.2.repeat.2.tanh",
        "a.add.2.repeat",
        "a.add",
    ]
    assert set(network.groups) == {
        "a",
        "a.add.1",
        "a.add.1.b",
        "a.add.2",
        "a.add.2.repeat.1",
        "a.add.2.repeat.2",
    }


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.arch")), ids=lambda path: path.stem)
def test_what_the_compiler_makes_is_of_the_types_that_it_declares(path: Path) -> None:
    """It makes nodes and recipes without validating them."""
    for analysis in compile_file(path).archs:
        network = analysis.network
        nodes: list[Node] = [network, *network.groups.values(), *network.parts]
        for node in nodes:
            assert type(node).model_validate(dict(node)) == node
        if (recipe := network.recipe) is not None:
            assert type(recipe).model_validate(dict(recipe)) == recipe
