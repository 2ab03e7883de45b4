"""What arranges layers and is none itself."""

from typing import Annotated

from annotated_types import Ge, Le
from pydantic import Field

from archdsl.words.word import Word

MAX_REPEATS = 10**6


class Structure(Word, family=True):
    """Arranges layers."""

    labelled = True
    home = "an arch or a block"


class Repeat(Structure, word="repeat"):
    """The layers of its block, `count` times over.

    Each time with weights of its own.
    """

    blocks = (1, 1)
    example = """
    conv 32 3x3 pad=1
    repeat 3 {
      conv 32 3x3 pad=1
      relu
    }
    """

    count: Annotated[int, Ge(0), Le(MAX_REPEATS)] = Field(description="times; 0 is the identity")
