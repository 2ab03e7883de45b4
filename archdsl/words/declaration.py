"""What an arch says beside its layers: input, devices, claims and initial weights."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from archdsl.words.word import Amount, Dims, Positive, Reference, Word

MAX_DEVICES = 1024

Quantity = Literal[
    "params",
    "weights",
    "biases",
    "macs",
    "flops",
    "activations",
    "neurons",
    "depth",
    "memory",
    "traffic",
]


class TopLevel(Word, family=True):
    """What a file consists of."""

    home = "the top level of a file"


class Arch(TopLevel, word="arch"):
    """A network: `arch Name(parameter=default…) { … }`. Its header is read by lower/."""

    blocks = 1


class Declaration(Word, family=True):
    """What stands in an arch and is no layer."""

    home = "an arch"


class Input(Declaration, word="input"):
    """The shape of one image, CxHxW, or the length of a vector."""

    shape: Dims = Field(description="CxHxW, channels first")


class Devices(Declaration, word="devices"):
    """How many devices the network is divided over: each has its part of every layer's channels."""

    count: Annotated[int, Ge(1), Le(MAX_DEVICES)] = Field(description="devices")


class Expect(Declaration, word="expect"):
    """A claim: of the whole network, of one stage or, as `input`, of the network's input."""

    own_references = ("input",)

    stage: Reference | None = Field(None, description="a stage, or input")
    quantity: Quantity = Field(description="what is counted")
    amount: Amount = Field(description="the claimed figure")


class Initial(Word, family=True):
    """A distribution of initial weights."""


class Normal(Initial, word="normal"):
    """Normal distribution."""

    mean: float = Field(0.0, description="mean")
    std: Positive = Field(1.0, description="standard deviation")


class Uniform(Initial, word="uniform"):
    """Uniform distribution between two numbers."""

    low: float = Field(0.0, description="least value")
    high: float = Field(1.0, description="greatest value")

    def contradiction(self) -> tuple[str, str] | None:
        return ("high", "must be more than low") if self.high <= self.low else None


class Xavier(Initial, word="xavier"):
    """Uniform in ±√(6 / (fan_in + fan_out)). Glorot and Bengio 2010."""


class Kaiming(Initial, word="kaiming"):
    """Normal with std √(2 / fan_in), for layers that a relu follows. He et al. 2015."""


class Init(Declaration, word="init"):
    """Initial weights and biases of conv and linear layers; of all, or of the stages named."""

    stages: tuple[Reference, ...] = Field((), description="stages; without them, all")
    weights: Initial | None = Field(None, description="distribution of the weights")
    bias: float | None = Field(None, description="the value of every bias")

    def contradiction(self) -> tuple[str, str] | None:
        if self.weights is None and self.bias is None:
            return "weights", "or bias must be given: this line says nothing"
        return None


class Train(Declaration, word="train"):
    """The recipe: `train { … }`. Its settings are the words of recipe.py."""

    blocks = 1
