"""The registry: each layer's word can be explained, bound and shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archdsl.words  # noqa: F401  (fills the registry)
from archdsl.shape import Family
from archdsl.words.word import Op
from tests.words.drawing import words

OPS = [cls for cls in Op.words.values() if issubclass(cls, Op)]
every_layer = pytest.mark.parametrize("cls", OPS, ids=lambda cls: cls.word)


# Of LANGUAGE.md's table of layers, those with one input.
LAYERS = """
    conv linear maxpool avgpool adaptiveavgpool globalavgpool
    relu tanh sigmoid gelu silu softmax leakyrelu elu prelu
    lrn batchnorm dropout flatten identity
"""


def test_the_layers_of_the_language_are_registered() -> None:
    assert set(LAYERS.split()) <= set(Op.words)
    assert len(OPS) == len(Op.words)
    assert all(name == cls.word for name, cls in Op.words.items())


@every_layer
def test_a_layer_is_documented_in_one_sentence_first(cls: type[Op]) -> None:
    assert cls.__doc__
    first = cls.__doc__.splitlines()[0]
    assert first.endswith(".")
    assert first == first.strip()
    assert cls.__doc__ != Op.__doc__


@every_layer
def test_every_argument_is_described(cls: type[Op]) -> None:
    assert cls.arguments().keys() == cls.model_fields.keys()
    for name, kind in cls.arguments().items():
        assert name.isidentifier()
        assert kind.field.description, name
        assert not kind.field.description.endswith("."), name
        assert kind.expects, name


@every_layer
def test_required_arguments_come_first(cls: type[Op]) -> None:
    """So that they can be given by position alone."""
    required = [kind.required for kind in cls.arguments().values() if kind.positional]
    assert required == sorted(required, reverse=True)


@every_layer
def test_a_layer_has_a_look(cls: type[Op]) -> None:
    assert isinstance(cls.look, Family)


@every_layer
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_brief_begins_with_the_word(cls: type[Op], data: st.DataObject) -> None:
    brief = data.draw(words(cls)).brief
    assert brief.split(" ")[0] == cls.word
    assert brief == " ".join(brief.split())
    assert len(brief) <= 50


@pytest.mark.parametrize(
    ("arguments", "brief"),
    [
        ({"filters": 96, "kernel": 11, "stride": 4}, "conv 96 11x11 /4"),
        ({"filters": 8, "kernel": (3, 5), "pad": "same"}, "conv 8 3x5 same"),
        ({"filters": 8, "kernel": 3, "pad": 2, "dilation": 2}, "conv 8 3x3 p2 d2"),
        ({"filters": 8, "kernel": 1, "stride": (2, 1), "groups": 4}, "conv 8 1x1 /2x1 g4"),
    ],
)
def test_brief_says_what_is_not_the_default(arguments: dict[str, object], brief: str) -> None:
    """Op.brief's docstring: `conv 96 11x11 /4`, for tables and pictures."""
    conv = Op.words["conv"].model_validate(arguments)
    assert isinstance(conv, Op)
    assert conv.brief == brief


@every_layer
def test_without_optional_arguments_a_layer_still_has_a_brief(cls: type[Op]) -> None:
    required = {name: 3 for name, kind in cls.arguments().items() if kind.required}
    assert cls.model_validate(required).brief.startswith(cls.word)
