"""What an arch says beside its layers: input, devices, claims and initial weights."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from archdsl.words.word import Amount, Dims, Positive, Quoted, Reference, Word

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
    """A network, or with `from` a variant of another.

    A variant is its base with the edits of its block; it inherits everything but the claims.
    Parameters are used by name where a number or dimensions stand. Each has a default, which
    --set overrides.
    """

    blocks = (1, 1)
    rest = "Name(parameter=default, …) [from Base]"
    example = """
    # A small network, and the same with tanh.
    arch Small(classes=10) {
      input 3x64x64
      conv1: conv 64 7x7 stride=4 pad=2     -> 64x16x16
             relu
      fc:    linear classes                 -> classes
    }
    arch SmallTanh from Small { replace relu with tanh }
    """


class Block(TopLevel, word="block"):
    """Layers under a name, to be used like a layer's word.

    Parameters without a default come first and must be given.
    """

    blocks = (1, 1)
    rest = "name(parameter, parameter=default, …)"
    example = """
    block fire(squeeze, expand=64) {
      conv squeeze 1x1
      relu
      concat { conv expand 1x1; relu } { conv expand 3x3 pad=1; relu }
    }
    arch Squeezed {
      input 3x64x64
      fire2: fire 16                 -> 128x64x64
      fire3: fire 32 expand=128      -> 256x64x64
    }
    """


class Let(TopLevel, word="let"):
    """A number under a name, for the whole file."""

    rest = "name=value …"
    example = """
    let width=32 classes=10
    arch Small {
      input 3x64x64
      conv1: conv width 7x7 stride=4 pad=2
             relu
      conv2: conv (2*width) 3x3 pad=1
      fc:    linear classes
    }
    """


class Use(TopLevel, word="use"):
    """Another file's blocks, archs and lets, by name.

    Not what that file itself uses.
    """

    example = """
    use "blocks.arch"                # where the block fire is defined
    arch Tiny {
      input 3x64x64
      fire2: fire 16                 -> 128x64x64
      head:  globalavgpool
             linear 10
    }
    """

    path: Quoted = Field(description="the file, relative to this one")


class Declaration(Word, family=True):
    """What stands in an arch and is no layer."""

    home = "an arch"


class Input(Declaration, word="input"):
    """The shape of one image, CxHxW, or the length of a vector."""

    example = """
    input 3x227x227
    conv 96 11x11 stride=4     -> 96x55x55
    """

    shape: Dims = Field(description="CxHxW, channels first")


class Devices(Declaration, word="devices"):
    """How many devices the network is divided over.

    Each has its part of every layer's channels or features: Krizhevsky et al. 2012, section 3.2. A
    convolution with groups reads its own device's part; one without reads all parts, and so does a
    linear layer: before them the devices exchange what they hold. What several layers read is
    exchanged once. Every device computes softmax, and what stands before the first conv or linear
    layer, whole. `archdsl check` tells what is exchanged, and what each device holds.
    """

    example = """
    input 3x227x227
    devices 2
    conv1: conv 96 11x11 stride=4
           relu
           maxpool 3x3 stride=2
    conv2: conv 256 5x5 pad=2 groups=2     # reads its own device's half
           relu
           maxpool 3x3 stride=2
    conv3: conv 384 3x3 pad=1              # reads both halves
    """

    count: Annotated[int, Ge(1), Le(MAX_DEVICES)] = Field(description="devices")


class Expect(Declaration, word="expect"):
    """A claim of a figure, which is checked.

    Of the whole network, of one stage or, as `input`, of the network's input. A whole number must
    match exactly; one with a suffix, point or exponent must be the figure as rounded (62.37M);
    ~60M is within 5 %. The quantities:

        params       numbers learned
        weights      those of conv and linear layers, biases not counted
        biases       theirs
        macs         multiply–accumulates of conv and linear layers
        flops        two per multiply–accumulate
        activations  numbers per image: the input, and the output of every
                     layer and join but flatten and identity
        neurons      outputs of conv and linear layers
        depth        the most conv and linear layers on one path
        memory       bytes to train in float32 at the recipe's batch, else 1
        traffic      numbers per image that devices receive from each other in a
                     forward pass, all together; the output's gather left out
    """

    own_references = ("input",)
    example = """
    input 3x227x227
    conv1: conv 96 11x11 stride=4
    fc:    linear 10
    expect input neurons 154_587
    expect conv1 weights 34_848     # exactly
    expect params 2.94M             # as rounded
    expect params ~3M               # within 5 %
    expect macs <= 110M
    """

    stage: Reference | None = Field(None, description="a stage or any part, by its path; or input")
    quantity: Quantity = Field(description="what is counted")
    amount: Amount = Field(description="the claimed figure")


class Initial(Word, family=True):
    """A distribution of initial weights."""


class Normal(Initial, word="normal"):
    """Normal distribution."""

    example = """
    input 3x64x64
    fc: linear 10
    init weights=normal(0, 0.01)
    """

    mean: float = Field(0.0, description="mean")
    std: Positive = Field(1.0, description="standard deviation")


class Uniform(Initial, word="uniform"):
    """Uniform distribution between two numbers."""

    example = """
    input 3x64x64
    fc: linear 10
    init weights=uniform(-0.05, 0.05)
    """

    low: float = Field(0.0, description="least value")
    high: float = Field(1.0, description="greatest value")

    def contradiction(self) -> tuple[str, str] | None:
        return ("high", "must be more than low") if self.high <= self.low else None


class Xavier(Initial, word="xavier"):
    """Uniform in ±√(6 / (fan_in + fan_out)).

    Glorot and Bengio 2010.
    """

    example = """
    input 3x64x64
    fc: linear 10
    init weights=xavier bias=0
    """


class Kaiming(Initial, word="kaiming"):
    """Normal with std √(2 / fan_in), for layers before a relu.

    He et al. 2015.
    """

    example = """
    input 3x64x64
    conv 64 3x3 pad=1
    relu
    init weights=kaiming bias=0
    """


class Init(Declaration, word="init"):
    """Initial weights and biases of conv and linear layers.

    Of all of them, or of the stages named. Later lines win; what no line names has PyTorch's
    default.
    """

    example = """
    input 3x64x64
    conv1: conv 64 7x7 stride=4 pad=2
    fc:    linear 10
    init weights=normal(0, 0.01) bias=0
    init fc bias=1
    """

    stages: tuple[Reference, ...] = Field((), description="stages; without them, all")
    weights: Initial | None = Field(None, description="distribution of the weights")
    bias: float | None = Field(None, description="the value of every bias")

    def contradiction(self) -> tuple[str, str] | None:
        if self.weights is None and self.bias is None:
            return "weights", "or bias must be given: this line says nothing"
        return None


class Train(Declaration, word="train"):
    """The recipe: how the network is trained.

    Its block holds settings, the words of a train block. What it leaves out is data shapes,
    batch 128, epochs 10, seed 0, optimizer sgd lr=0.01 momentum=0.9, schedule constant.
    """

    blocks = (1, 1)
    example = """
    input 3x64x64
    fc: linear 10
    train {
      batch     64
      epochs    5
      optimizer sgd lr=0.01 momentum=0.9
    }
    """
