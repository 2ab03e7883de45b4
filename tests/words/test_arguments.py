"""The registry: each layer's word can be explained, bound and shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError, create_model

from archdsl import reference
from archdsl.shape import Family, Shape
from archdsl.words.declaration import Xavier
from archdsl.words.word import NO_FIT, Amount, Op, Quoted, Reference, Word
from tests.words.drawing import words

WORDS = list(reference.vocabulary())
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


SAMPLES: tuple[object, ...] = (
    *(-1, 0, 1, 2, 3, 11, 1024, 1025, 10**9, 10**9 + 1, 10**15),
    *(-0.5, 0.0, 0.5, 0.999, 1.0, 1.5, 3.0, 1e-30, 1e30),
    *(True, False, "", "same", "floor", "ceil", "channels", "params", "memory", "lossy_stride"),
    *((1, 1), (3, 5), (0, 0), (3,), (1.5, 2), (3, 227, 227), (1, 2, 3, 4), (), (0.9, 0.999)),
    *(Reference("conv1"), Quoted("dir"), Amount("=", 3, 0, True), Xavier(), Shape((3, 4, 4))),
    *("average", "paper", "torch", "biases", "crop", ("lossy_stride", "two_activations")),
)


@pytest.mark.parametrize("cls", WORDS, ids=lambda cls: cls.phrase())
def test_a_quick_check_tells_what_pydantics_validator_tells(cls: type[Word]) -> None:
    for name, kind in cls.arguments().items():
        if kind.fit is None:
            continue
        field = cls.model_fields[name]
        fields: dict[str, Any] = {"value": (field.annotation, field)}
        judge = create_model("Judge", __config__=cls.model_config, **fields)
        for sample in SAMPLES:
            try:
                expected = judge.model_validate({"value": sample}).__dict__["value"]
            except ValidationError:
                expected = NO_FIT
            found = kind.fit(sample)
            assert (type(found), found) == (type(expected), expected), (name, sample)


def test_most_arguments_are_quickly_told() -> None:
    kinds = [kind for cls in WORDS for kind in cls.arguments().values()]
    assert sum(kind.fit is not None for kind in kinds) > len(kinds) * 3 / 4
