"""Activations: one number in, one number out; softmax, which reads a whole vector, among them."""

from typing import Annotated, ClassVar

from annotated_types import Ge
from pydantic import Field

from archdsl.shape import Argument, Call, Family, Shape, call
from archdsl.words.word import Op, Positive


class Activation(Op):
    """An elementwise layer that torch has under `target`."""

    look = Family.ACTIVATION
    target: ClassVar[str]

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call(self.target),)


class Relu(Activation, word="relu"):
    """y = max(0, x).

    Nair and Hinton 2010; Krizhevsky et al. 2012, section 3.1.
    """

    target = "nn.ReLU"
    example = """
    conv 64 3x3 pad=1
    relu
    """


class Tanh(Activation, word="tanh"):
    """y = tanh(x)."""

    target = "nn.Tanh"
    example = """
    linear 100
    tanh
    """


class Sigmoid(Activation, word="sigmoid"):
    """y = 1 / (1 + exp(−x))."""

    target = "nn.Sigmoid"
    example = """
    linear 1
    sigmoid
    """


class Gelu(Activation, word="gelu"):
    """y = x · Φ(x), Φ the normal distribution function.

    Hendrycks and Gimpel 2016.
    """

    target = "nn.GELU"
    example = """
    linear 100
    gelu
    """


class Silu(Activation, word="silu"):
    """y = x / (1 + exp(−x)).

    Elfwing, Uchibe and Doya 2017.
    """

    target = "nn.SiLU"
    example = """
    conv 64 3x3 pad=1
    silu
    """


class LeakyRelu(Activation, word="leakyrelu"):
    """y = x where x > 0, else slope · x.

    Maas, Hannun and Ng 2013.
    """

    target = "nn.LeakyReLU"
    example = """
    conv 64 3x3 pad=1
    leakyrelu slope=0.2
    """

    slope: Annotated[float, Ge(0)] = Field(0.01, description="factor of negative inputs")

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call(self.target, **_unless_default(self, "slope", "negative_slope")),)


class Elu(Activation, word="elu"):
    """y = x where x > 0, else alpha · (exp(x) − 1).

    Clevert, Unterthiner and Hochreiter 2015.
    """

    target = "nn.ELU"
    example = """
    conv 64 3x3 pad=1
    elu alpha=0.5
    """

    alpha: Positive = Field(1.0, description="minus the limit for very negative inputs")

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call(self.target, **_unless_default(self, "alpha", "alpha")),)


class Prelu(Op, word="prelu"):
    """y = x where x > 0, else a[c] · x, a[c] learned per channel.

    He et al. 2015.
    """

    look = Family.ACTIVATION
    example = """
    conv 64 3x3 pad=1
    prelu
    """

    def weights(self, x: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (x.channels,)}

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.PReLU", x.channels),)


class Softmax(Op, word="softmax"):
    """y[c] = exp(x[c]) / Σ exp(x): numbers that sum to 1.

    Over the features of a vector, or the channels of a map. Training adds its own to the
    network's logits: a network that is trained ends without one.
    """

    look = Family.ACTIVATION
    example = """
    linear 10
    softmax allow=final_activation     # for probabilities
    """

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.Softmax", dim=1),)

    def reads_all(self) -> bool:
        return True

    def keeps_whole(self) -> bool:
        return True


def _unless_default(op: Op, field: str, name: str) -> dict[str, Argument]:
    value = getattr(op, field)
    return {} if value == type(op).model_fields[field].default else {name: value}
