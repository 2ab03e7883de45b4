"""Joins: layers that read several branches over the same input."""

from abc import abstractmethod

from archdsl.diagnostics import catalogue
from archdsl.shape import Argument, Call, Family, Misfit, Shape, helper_call
from archdsl.words.word import Op

MAX_BRANCHES = 1000

TERMS = 8
"""Of a sum that is written out; of a longer one its first terms and its last."""


class Join(Op):
    """A layer whose inputs are the outputs of its branches; an empty branch is the identity."""

    look = Family.JOINING
    blocks = (2, MAX_BRANCHES)
    about_blocks = ("each block is a branch over the same input; an empty one is the identity",)

    @abstractmethod
    def output(self, *xs: Shape) -> Shape:
        """The output shape for the branches' output shapes, in order. Raises Misfit."""

    def lossless(self, *xs: Shape) -> Shape:
        return self.output(*xs)

    def workings(self, *xs: Shape) -> tuple[str, ...]:
        return ()


class Concat(Join, word="concat"):
    """The branches' channels one after the other: [b1, b2, …].

    Heights and widths must agree. On several devices each joins its own part of every branch:
    device 0's part of each, then device 1's.
    """

    example = """
    conv 16 1x1
    relu
    concat { conv 64 1x1; relu } { conv 64 3x3 pad=1; relu }     -> 128x64x64
    """

    def output(self, *xs: Shape) -> Shape:
        first = xs[0]
        for number, x in enumerate(xs[1:], 2):
            if x.dims[1:] != first.dims[1:]:
                what = "the other sizes" if x.is_map and first.is_map else "CxHxW or vectors"
                raise Misfit(
                    catalogue.JOIN_MISMATCH,
                    None,
                    f"{{layer}} cannot join {first}, from branch 1, and {x}, from branch {number}",
                    help=(f"only the channels may differ: make {what} of the branches alike",),
                )
        return Shape((sum(x.channels for x in xs), *first.dims[1:]))

    def workings(self, *xs: Shape) -> tuple[str, ...]:
        total = self.output(*xs)
        counts = [str(x.channels) for x in xs]
        if len(counts) > TERMS:
            counts[TERMS - 2 : -1] = ["…"]
        return (f"{' + '.join(counts)} = {total.channels} {total.axis}",)

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        options: dict[str, Argument] = {"towers": towers} if towers > 1 else {}
        return (helper_call("concat", "Concat", **options),)


class Add(Join, word="add"):
    """The sum of the branches: y = b1 + b2 + …, all of one shape.

    He et al. 2015, section 3.2.
    """

    example = """
    conv 64 3x3 pad=1
    add { conv 64 3x3 pad=1; relu; conv 64 3x3 pad=1 } {}     -> 64x64x64
    relu
    """

    def output(self, *xs: Shape) -> Shape:
        first = xs[0]
        for number, x in enumerate(xs[1:], 2):
            if x != first:
                raise Misfit(
                    catalogue.JOIN_MISMATCH,
                    None,
                    f"{{layer}} cannot add {first}, from branch 1, and {x}, from branch {number}",
                    help=("a sum needs branches of one shape: a 1x1 convolution can change one",),
                )
        return first

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        return (helper_call("add", "Add"),)
