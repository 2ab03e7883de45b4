"""The learning rate over a run, as a factor on the optimizer's own.

A recipe that counts epochs gives its schedule's numbers in epochs, one that counts steps in steps.
`Clock` holds that difference; everything else here is in those units.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Protocol

from archdsl.words.recipe import Constant, Cosine, Milestones, Plateau, Step


@dataclass(frozen=True)
class Clock:
    """How long a run is, and what its recipe counts."""

    steps: int
    """Updates in the whole run."""
    per_epoch: int
    """Updates that see the training set once."""
    unit: int
    """Updates in one of the recipe's units: `per_epoch`, or 1 where the recipe counts steps."""


class Schedule(Protocol):
    """The factor on the learning rate, step by step."""

    def factor(self, step: int) -> float:
        """The factor for the update that follows `step` finished ones."""
        ...

    def evaluated(self, error: float) -> bool:
        """Hear the held-out top-1 error, 0..1; False asks the run to stop."""
        ...


@dataclass(frozen=True)
class Fixed:
    """A factor known in advance."""

    of: Callable[[int], float]

    def factor(self, step: int) -> float:
        return self.of(step)

    def evaluated(self, error: float) -> bool:
        return True


@dataclass
class OnPlateau:
    """Drops the rate when `patience` evaluations bring no lower error; after `drops`, stops."""

    word: Plateau
    drops: int = field(default=0, init=False)
    best: float = field(default=math.inf, init=False)
    stale: int = field(default=0, init=False)
    """Evaluations since the best one, or since the drop that followed it."""

    def factor(self, step: int) -> float:
        return float(self.word.factor**self.drops)

    def evaluated(self, error: float) -> bool:
        if error < self.best:
            self.best, self.stale = error, 0
            return True
        self.stale += 1
        if self.stale < self.word.patience:
            return True
        if self.drops == self.word.drops:
            return False
        self.drops, self.stale = self.drops + 1, 0
        return True


@singledispatch
def schedule(word: object, clock: Clock) -> Schedule:
    """The schedule that a recipe's word asks for.

    Raises:
        NotImplementedError: nothing is known of this word's class.
    """
    raise NotImplementedError(f"no schedule is written for {type(word).__name__}")


@schedule.register
def _(word: Constant, clock: Clock) -> Schedule:
    return Fixed(lambda step: 1.0)


@schedule.register
def _(word: Step, clock: Clock) -> Schedule:
    every = word.every * clock.unit
    return Fixed(lambda step: float(word.factor ** (step // every)))


@schedule.register
def _(word: Milestones, clock: Clock) -> Schedule:
    at = [mark * clock.unit for mark in word.at]
    return Fixed(lambda step: float(word.factor ** sum(mark <= step for mark in at)))


@schedule.register
def _(word: Plateau, clock: Clock) -> Schedule:
    return OnPlateau(word)


@schedule.register
def _(word: Cosine, clock: Clock) -> Schedule:
    """A straight climb over the warm-up, then half a cosine down to 0 after the last step."""
    warmup = min(word.warmup * clock.unit, clock.steps)
    rest = max(clock.steps - warmup, 1)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / rest))

    return Fixed(factor)
