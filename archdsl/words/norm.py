"""Normalisation."""

from typing import Annotated, Any, Literal

from pydantic import Field

from archdsl.shape import Argument, Call, Family, Shape, call, helper_call
from archdsl.words.sliding import require_map
from archdsl.words.word import (
    MAX_WINDOW,
    Fraction,
    NonNegative,
    Op,
    Plain,
    Positive,
    Switch,
)


def _odd(value: Any) -> int | None:
    fits = type(value) is int and 1 <= value <= MAX_WINDOW and value % 2 == 1
    return value if fits else None


class Lrn(Op, word="lrn"):
    """Local response normalisation, across channels or space.

        b[i] = a[i] / (k + alpha · Σ_j a[j]²)^beta

    across=channels: j from i − (size − 1)/2 to i + (size − 1)/2, cut off at the first and the last
    map; Krizhevsky et al. 2012, section 3.3. across=space: j over the size×size square around the
    position, within the map. alpha is not divided by the size, as PyTorch and Caffe do.
    On several devices the maps next to each other are those of the same device, as in
    cuda-convnet.
    """

    look = Family.NORMALISATION
    example = """
    conv 96 7x7 stride=2 pad=3
    relu
    lrn size=5 k=2 alpha=1e-4 beta=0.75
    """

    size: Annotated[int, Plain(_odd, f"an odd whole number from 1 to {MAX_WINDOW:_}")] = Field(
        5, description="how many neighbours are summed, the value itself included; odd"
    )
    k: Positive = Field(2.0, description="constant in the denominator")
    alpha: NonNegative = Field(1e-4, description="factor of the sum of squares")
    beta: NonNegative = Field(0.75, description="exponent")
    across: Literal["channels", "space"] = Field("channels", description="where neighbours lie")

    def output(self, x: Shape) -> Shape:
        require_map(x)
        return x

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        options: dict[str, Argument] = {
            name: getattr(self, name) for name in ("size", "k", "alpha", "beta")
        }
        if self.across == "space":
            return (helper_call("spatial_response_norm", "SpatialResponseNorm", **options),)
        if towers > 1:
            options["towers"] = towers
        return (helper_call("local_response_norm", "LocalResponseNorm", **options),)

    @property
    def brief(self) -> str:
        return f"lrn {self.size}" + (" space" if self.across == "space" else "")


class BatchNorm(Op, word="batchnorm"):
    """y = (x − E[x]) / √(Var[x] + eps) · w[c] + b[c].

    Batch normalisation: Ioffe and Szegedy 2015. The statistics are the batch's while training;
    running means of them, updated with `momentum`, at test time.
    """

    look = Family.NORMALISATION
    example = """
    conv 64 3x3 pad=1 bias=no
    batchnorm
    relu
    """

    eps: Positive = Field(1e-5, description="added to the variance")
    momentum: Fraction = Field(0.1, description="share of the newest batch in the running means")
    affine: Switch = Field(True, description="whether a scale and a shift per channel are learned")

    def weights(self, x: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (x.channels,), "bias": (x.channels,)} if self.affine else {}

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        options = {
            name: getattr(self, name)
            for name in ("eps", "momentum", "affine")
            if getattr(self, name) != type(self).model_fields[name].default
        }
        return (call("nn.BatchNorm2d" if x.is_map else "nn.BatchNorm1d", x.channels, **options),)
