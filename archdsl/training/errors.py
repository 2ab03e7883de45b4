"""What can stop a training run, as exceptions a caller can tell apart."""

from collections.abc import Sequence
from pathlib import Path

from archdsl.codegen.trainable import TrainingError, WrongClasses

__all__ = [
    "Differs",
    "Finished",
    "Interrupted",
    "Lost",
    "ToldElsewhere",
    "TrainingError",
    "WrongClasses",
]


class Finished(TrainingError):
    """A run that is to go on has come to its end, and is what is asked for."""


class Differs(TrainingError):
    """A run that is to go on was begun as another one."""

    def __init__(self, run: Path, differences: Sequence[str], remedy: str) -> None:
        super().__init__(f"{run} was another run: {'; '.join(differences)}. {remedy}")
        self.differences = tuple(differences)
        """Such as "optimizer lr was 0.01, is 0.02"."""


class Lost(TrainingError):
    """A run of several processes that cannot go on, since another one cannot."""


class ToldElsewhere(TrainingError):
    """What another process of the run tells: this one ends without a word."""

    def __init__(self, text: str, finished: bool = False) -> None:
        super().__init__(text)
        self.finished = finished
        """Whether it tells that there is nothing left to do."""


class Interrupted(KeyboardInterrupt):
    """A run was asked to stop (Ctrl-C, SIGTERM) and did: what it had is in its folder.

    A KeyboardInterrupt, so that a caller who does not know this class stops as well.
    """

    def __init__(self, run: Path | None, step: int, signal_number: int) -> None:
        """`run` is None where there is nothing yet."""
        super().__init__(
            "stopped before the first step"
            if run is None
            else f"stopped after step {step}; its weights and metrics are in {run}, "
            "and --resume goes on"
        )
        self.run = run
        self.step = step
        self.exit_code = 128 + signal_number
        """What a shell expects of a program ended by this signal: 130 for Ctrl-C."""
