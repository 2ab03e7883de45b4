"""Fully connected layers, and the reshaping before them."""

from typing import Self

from pydantic import Field

from archdsl.shape import Argument, Call, Family, Shape, call, even_part
from archdsl.words.word import Count, Op, Switch


class Linear(Op, word="linear"):
    """A fully connected layer: y = W·x + b.

    A CxHxW input is flattened first, channel-major. Weights are F x (C·H·W).
    """

    look = Family.DENSE
    weighted = True
    example = """
    fc1: linear 100
         relu
    fc2: linear 10     -> 10
    """

    features: Count = Field(description="outputs")
    bias: Switch = Field(True, description="whether a learned number is added per output")

    def output(self, x: Shape) -> Shape:
        return Shape((self.features,))

    def output_always(self) -> Shape | None:
        return Shape((self.features,))

    def weights(self, x: Shape) -> dict[str, tuple[int, ...]]:
        weight = (self.features, x.size)
        return {"weight": weight, "bias": (self.features,)} if self.bias else {"weight": weight}

    def macs(self, x: Shape) -> int:
        return x.size * self.features

    def workings(self, x: Shape) -> tuple[str, ...]:
        return (f"{x.product} inputs",) if x.is_map else ()

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        options: dict[str, Argument] = {} if self.bias else {"bias": False}
        linear = call("nn.Linear", x.size, self.features, **options)
        return (call("nn.Flatten"), linear) if x.is_map else (linear,)

    @property
    def brief(self) -> str:
        return f"linear {self.features}"

    def reads_all(self) -> bool:
        return True

    def on_device(self, device: int, devices: int) -> Self:
        return self.model_copy(update={"features": even_part(self.features, device, devices)})


class Flatten(Op, word="flatten"):
    """CxHxW to a vector of C·H·W features: the same numbers.

    Channel-major. A linear layer does it by itself.
    """

    look = Family.RESHAPING
    computes = False
    example = """
    maxpool 8x8     -> 3x8x8
    flatten         -> 192
    """

    def output(self, x: Shape) -> Shape:
        return Shape((x.size,))

    def workings(self, x: Shape) -> tuple[str, ...]:
        return (x.product,) if x.is_map else ()

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.Flatten"),)


class Identity(Op, word="identity"):
    """y = x."""

    look = Family.RESHAPING
    computes = False
    example = """
    conv 64 3x3 pad=1
    add { conv 64 3x3 pad=1; relu } { identity }     # or an empty block
    """

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.Identity"),)
