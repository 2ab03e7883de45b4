"""What the body of a variant, `arch B from A { … }`, is made of."""

from typing import Literal

from pydantic import Field

from archdsl.words.word import Reference, Word


class Edit(Word, family=True):
    """A change of the base."""

    home = "a variant: arch B from A { … }"


class Set(Edit, word="set"):
    """Gives arguments new values.

    Of a layer, of a stage's labelled layer, or of a line of the recipe.
    """

    rest = "key=value…"
    example = """
    arch Base {
      input 3x64x64
      conv1: conv 64 7x7 stride=4 pad=2
             relu
      conv2: conv 128 3x3 pad=1
             relu
      fc:    linear 10
      train { optimizer sgd lr=0.01 momentum=0.9 }
    }
    arch Wide from Base {
      set conv1 filters=128
      set optimizer lr=0.1
    }
    """

    target: Reference = Field(description="a layer, a stage, or a word of the recipe")


class Replace(Edit, word="replace"):
    """Puts a word or a block of layers in the place of others.

    One word in another's place keeps the arguments that both have. A block in a stage's place
    leaves the label on its first layer.
    """

    blocks = (0, 1)
    example = """
    arch Base {
      input 3x64x64
      conv1: conv 64 7x7 stride=4 pad=2
             relu
      conv2: conv 128 3x3 pad=1
             relu
      fc:    linear 10
    }
    arch Tanh from Base { replace relu with tanh }
    arch Deep from Base {
      replace conv2 with { conv 128 3x3 pad=1; relu; conv 128 3x3 pad=1; relu }
    }
    """

    target: Reference = Field(description="a stage, a layer, or a word, which is all of its kind")
    preposition: Literal["with"] = Field(description="the word with")
    instead: Reference | None = Field(None, description="the new word; without it, a block")


class Remove(Edit, word="remove"):
    """Takes a stage, a layer, or all layers of a word out.

    In blocks and repeats as well.
    """

    example = """
    arch Base {
      input 3x64x64
      conv1: conv 64 7x7 stride=4 pad=2
             relu
      conv2: conv 128 3x3 pad=1
             relu
      fc:    linear 10
    }
    arch WithoutConv2 from Base { remove conv2 }
    arch Linear from Base { remove relu }
    """

    target: Reference = Field(description="a stage, a layer, or a word, which is all of its kind")


class Insert(Edit, word="insert"):
    """Puts a block of layers before or after a stage or a layer."""

    blocks = (1, 1)
    example = """
    arch Base {
      input 3x64x64
      conv1: conv 64 7x7 stride=4 pad=2 bias=no
             relu
      conv2: conv 128 3x3 pad=1
             relu
      fc:    linear 10
    }
    arch Normed from Base {
      insert after conv1.conv { batchnorm }
      insert before fc { extra: linear 100; relu }
    }
    """

    where: Literal["after", "before"] = Field(description="on which side")
    target: Reference = Field(description="a stage or a layer")
