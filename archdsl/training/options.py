"""How a run is done, beside what it is of: what `archdsl train` has options for."""

from dataclasses import dataclass
from typing import Final

from archdsl.training.errors import TrainingError

AUTO: Final = "auto"


@dataclass(frozen=True)
class Options:
    """Settings of one run that are no part of its recipe.

    Raises:
        TrainingError: one of the numbers is none that a run can have.
    """

    device: str = AUTO
    layout: str = AUTO
    shard: bool = False
    """These three are explained by `where.where`."""
    precision: str = AUTO
    deterministic: bool = False
    """These two by `precision.precision`."""
    steps: int | None = None
    epochs: int | None = None
    """One of them replaces the recipe's length."""
    resume: bool = False
    """Go on with the run in its folder (default: the newest runs/NAME-N) from its newest
    checkpoint, or begin one where there is none; the result is, on a CPU bit for bit, that of a run
    that was not stopped."""
    changed: bool = False
    """Let it go on with another learning rate, schedule or length."""
    checkpoint_every: int | None = None
    """In steps; default: see `checkpoint.Rhythm`."""
    cache: bool = True
    """Whether decoded images are kept in `cache.cache_folder`, and found there the next time."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise TrainingError("--steps and --epochs are both the run's length; leave one away")
        for name, length in (("steps", self.steps), ("epochs", self.epochs)):
            if length is not None and length < 1:
                raise TrainingError(f"--{name} {length}: a run takes one at least")
        if self.checkpoint_every is not None and self.checkpoint_every < 1:
            raise TrainingError(
                f"--checkpoint-every {self.checkpoint_every}: it is a number of steps"
            )
        if self.changed and not self.resume:
            raise TrainingError("--changed is said of a run that goes on: add --resume")
