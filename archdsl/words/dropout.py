"""Dropout."""

from pydantic import Field

from archdsl.shape import Call, Family, Shape, call
from archdsl.words.word import Fraction, Op


class Dropout(Op, word="dropout"):
    """While training, y = 0 with probability rate.

    Else y = x / (1 − rate); at test time y = x. Inverted dropout: Hinton et al. 2012, with the
    scaling moved from test time to training.
    """

    look = Family.REGULARISATION
    example = """
    linear 100
    relu
    dropout 0.5
    """

    rate: Fraction = Field(0.5, description="probability that a unit is dropped")

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (call("nn.Dropout", self.rate),)
