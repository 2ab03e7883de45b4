"""How a network is trained: the words of a `train` block, and the recipe that they make."""

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field

from archdsl.words.word import (
    Count,
    Fraction,
    Natural,
    NonNegative,
    Positive,
    Quoted,
    Reference,
    Switch,
    Word,
)


class Setting(Word, family=True):
    """A line of a `train` block."""

    home = "a train block"
    repeatable: ClassVar[bool] = False
    instead_of: ClassVar[tuple[str, ...]] = ()
    """Settings that cannot stand beside this one."""

    @classmethod
    def slot(cls) -> str:
        """The field of Recipe that a line of this word fills: `optimizer` for sgd."""
        return next(word for word, line in Setting.words.items() if issubclass(cls, line))

    @property
    def value(self) -> Any:
        """What it puts there."""
        return self


# --- data -------------------------------------------------------------------------------------


class Data(Setting, word="data", family=True):
    """Where images and their classes come from.

    Paths are relative to the working directory.
    """

    example = 'data folder "data/flowers"'


class Shapes(Data, word="shapes"):
    """Built in and synthetic: ten kinds of shapes.

    They are drawn at the network's input size.
    """

    example = "data shapes"


class Cifar10(Data, word="cifar10"):
    """CIFAR-10: 60,000 images of 3x32x32 in 10 classes.

    Krizhevsky 2009.
    """

    example = 'data cifar10 "data/cifar-10-batches-bin"'

    path: Quoted = Field(description="tarball or its folder, binary or python version")


class Cifar100(Data, word="cifar100"):
    """CIFAR-100: 60,000 images of 3x32x32 in 100 classes.

    Krizhevsky 2009.
    """

    example = 'data cifar100 "data/cifar-100-binary"'

    path: Quoted = Field(description="tarball or its folder, binary or python version")


class Mnist(Data, word="mnist"):
    """MNIST: 70,000 images of 1x28x28 in 10 classes.

    LeCun et al. 1998.
    """

    example = 'data mnist "data/mnist"'

    path: Quoted = Field(description="folder of the idx files")


class Folder(Data, word="folder"):
    """Image files as train/CLASS/NAME.jpg and val/CLASS/NAME.jpg.

    Without val/, of test/. Tiny ImageNet's own layout is read too.
    """

    example = 'data folder "data/flowers"     # train/CLASS/*.jpg and val/CLASS/*.jpg'

    path: Quoted = Field(description="folder that holds train/ and val/")


class Parquet(Data, word="parquet"):
    """Images in parquet files, as of the Hugging Face hub.

    train-*.parquet and validation-*.parquet, or test-*.parquet. Needs the library `datasets`.
    """

    example = 'data parquet "data/beans"'

    path: Quoted = Field(description="folder that holds the files, or data/ with them")


def data_from_text(text: str) -> Data | None:
    """`shapes`, or `folder:DIR` and its like, as --data takes them; None for anything else."""
    word, _, path = text.partition(":")
    cls = Data.words.get(word)
    if cls is None or bool(path) != bool(cls.arguments()):
        return None
    data = cls.model_validate({"path": Quoted(path)} if path else {})
    assert isinstance(data, Data)
    return data


class Augment(Setting, word="augment"):
    """How training images are varied.

    Without this line they are resized to the input.
    """

    example = "augment resize=72 crop=64 flip=yes pca=0.1"

    resize: Count | None = Field(None, description="the shorter side's size, in pixels")
    crop: Count | None = Field(None, description="side of a random square, in pixels")
    pad: Natural = Field(0, description="zeros added on each side before cropping, in pixels")
    flip: Switch = Field(False, description="mirror half of the images, left to right")
    pca: NonNegative = Field(
        0.0, description="std of the noise along the colours' principal components"
    )
    mean: Literal["channel", "pixel"] = Field("channel", description="what mean is subtracted")


# --- length and randomness --------------------------------------------------------------------


class Batch(Setting, word="batch"):
    """How many images a step takes."""

    example = "batch 64"

    size: Count = Field(description="images")

    @property
    def value(self) -> int:
        return self.size


class Epochs(Setting, word="epochs"):
    """How many times training sees every image."""

    instead_of = ("steps",)
    example = "epochs 90"

    count: Count = Field(description="epochs")

    @property
    def value(self) -> int:
        return self.count


class Steps(Setting, word="steps"):
    """How many steps training takes."""

    instead_of = ("epochs",)
    example = "steps 27_000"

    count: Count = Field(description="steps")

    @property
    def value(self) -> int:
        return self.count


class Seed(Setting, word="seed"):
    """What all randomness follows from."""

    example = "seed 7"

    number: Natural = Field(description="any whole number")

    @property
    def value(self) -> int:
        return self.number


# --- optimizers -------------------------------------------------------------------------------


class Optimizer(Setting, word="optimizer", family=True):
    """How gradients become steps."""

    example = "optimizer sgd lr=0.01 momentum=0.9 weight_decay=5e-4"

    def state_slots(self) -> int:
        """Numbers kept per parameter between steps."""
        return 0


class Sgd(Optimizer, word="sgd"):
    """Stochastic gradient descent with momentum.

        rule=torch    v ← m·v + g + wd·w            w ← w − lr·v
        rule=paper    v ← m·v − wd·lr·w − lr·g      w ← w + v
        rule=average  v ← m·v + (1 − m)·(g + wd·w)  w ← w − lr·v

    paper is Krizhevsky et al. 2012, section 5. With average, correction=yes divides v by 1 − mᵗ.
    The rules differ when lr changes.
    """

    example = "optimizer sgd lr=0.01 momentum=0.9 weight_decay=5e-4 rule=paper"

    lr: Positive = Field(description="learning rate")
    momentum: Fraction = Field(0.0, description="m")
    weight_decay: NonNegative = Field(0.0, description="wd")
    nesterov: Switch = Field(False, description="look ahead along v; rule=torch only")
    rule: Literal["torch", "paper", "average"] = Field("torch", description="which momentum")
    correction: Switch = Field(False, description="of the early averages; rule=average only")

    def state_slots(self) -> int:
        return 1 if self.momentum else 0

    def contradiction(self) -> tuple[str, str] | None:
        if self.correction and self.rule != "average":
            return "correction", "is of an average: add rule=average"
        if self.nesterov and (self.rule != "torch" or not self.momentum):
            return "nesterov", "needs rule=torch and a momentum"
        return None


Beta = Annotated[float, Ge(0), Lt(1)]


class Adam(Optimizer, word="adam"):
    """Adam: steps scaled by running means of g and g².

    Kingma and Ba 2014.
    """

    example = "optimizer adam lr=3e-4"

    lr: Positive = Field(1e-3, description="learning rate")
    betas: tuple[Beta, Beta] = Field((0.9, 0.999), description="decay of both running means")
    eps: Positive = Field(1e-8, description="added to the denominator")
    weight_decay: NonNegative = Field(0.0, description="added to the gradient")

    def state_slots(self) -> int:
        return 2


class AdamW(Optimizer, word="adamw"):
    """Adam with decoupled weight decay.

    Loshchilov and Hutter 2017.
    """

    example = "optimizer adamw lr=3e-4 betas=(0.9, 0.95) weight_decay=0.05"

    lr: Positive = Field(1e-3, description="learning rate")
    betas: tuple[Beta, Beta] = Field((0.9, 0.999), description="decay of both running means")
    eps: Positive = Field(1e-8, description="added to the denominator")
    weight_decay: NonNegative = Field(0.01, description="decay of the weights themselves")

    def state_slots(self) -> int:
        return 2


class Scale(Setting, word="scale"):
    """Multipliers of the learning rate and the weight decay.

    Of one stage, or of all biases.
    """

    repeatable = True
    own_references = ("biases",)
    example = """
    scale biases lr=2 decay=0
    scale fc lr=10
    """

    target: Reference = Field(description="a stage, or biases")
    lr: NonNegative = Field(1.0, description="factor of the learning rate")
    decay: NonNegative = Field(1.0, description="factor of the weight decay")


# --- schedules --------------------------------------------------------------------------------


class Schedule(Setting, word="schedule", family=True):
    """How the learning rate changes.

    In epochs, or in steps if the recipe counts steps.
    """

    example = "schedule cosine warmup=5"


class Constant(Schedule, word="constant"):
    """The learning rate does not change."""

    example = "schedule constant"


class Step(Schedule, word="step"):
    """Times `factor` every `every` epochs."""

    example = "schedule step every=30 factor=0.1"

    every: Count = Field(description="epochs, or steps")
    factor: Annotated[float, Gt(0), Le(1)] = Field(0.1, description="of the learning rate")


class Milestones(Schedule, word="milestones"):
    """Times `factor` at each of the epochs named."""

    example = "schedule milestones 30 60 80 factor=0.1"

    at: tuple[Count, ...] = Field(description="epochs, or steps, rising")
    factor: Annotated[float, Gt(0), Le(1)] = Field(0.1, description="of the learning rate")

    def contradiction(self) -> tuple[str, str] | None:
        rising = all(before < after for before, after in pairwise(self.at))
        return None if rising else ("at", "must rise from each to the next")


class Plateau(Schedule, word="plateau"):
    """Times `factor` when the evaluated error stops falling.

    `drops` times; at the next plateau training stops. Krizhevsky et al. 2012, section 5.
    """

    example = "schedule plateau factor=0.1 patience=5 drops=3"

    factor: Annotated[float, Gt(0), Lt(1)] = Field(0.1, description="of the learning rate")
    patience: Count = Field(5, description="evaluations without a better one before a drop")
    drops: Count = Field(3, description="drops; the next plateau ends training")


class Cosine(Schedule, word="cosine"):
    """Half a cosine from the learning rate to 0.

    After a linear warm-up, if there is one. Loshchilov and Hutter 2016.
    """

    example = "schedule cosine warmup=5"

    warmup: Natural = Field(0, description="epochs, or steps, of linear rise")


# --- loss and evaluation ----------------------------------------------------------------------


class Loss(Setting, word="loss", family=True):
    """What is minimised."""

    example = "loss cross_entropy smoothing=0.1"


class CrossEntropy(Loss, word="cross_entropy"):
    """Softmax cross-entropy of the network's logits."""

    example = "loss cross_entropy smoothing=0.1"

    smoothing: Fraction = Field(0.0, description="share of the target spread over all classes")


class Evaluate(Setting, word="evaluate"):
    """How the held-out images are judged."""

    example = "evaluate every=5 crops=10"

    every: Count | None = Field(
        None, description="epochs, or steps, between evaluations; without it, each epoch"
    )
    crops: Literal[1, 10] = Field(
        1, description="10: corners, centre and mirror images, averaged after softmax"
    )


class Recipe(BaseModel):
    """A `train` block, whole. Every default is here."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    data: Data = Field(default_factory=Shapes.model_construct)
    augment: Augment | None = None
    batch: int = 128
    epochs: int | None = 10
    steps: int | None = None
    """One of epochs and steps is None."""
    seed: int = 0
    optimizer: Optimizer = Field(default_factory=lambda: Sgd(lr=0.01, momentum=0.9))
    scale: tuple[Scale, ...] = ()
    schedule: Schedule = Field(default_factory=Constant.model_construct)
    loss: CrossEntropy = Field(default_factory=CrossEntropy.model_construct)
    evaluate: Evaluate = Field(default_factory=Evaluate.model_construct)
