"""What a run tells whoever watches it. The loop knows no terminal: it speaks to a `Reporter`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Started:
    """A run is about to begin; its folder exists."""

    network: str
    parameters: int
    device: str
    """For people: "cpu (2 threads, channels_last, fused)"."""
    data: str
    synthetic: bool
    classes: int
    train_images: int
    test_images: int
    image: tuple[int, int, int]
    """C x H x W, as images are kept."""
    run: Path
    steps: int
    epochs: float
    """How often the run sees the training set."""
    cache: Path | None = None
    """The file that the decoded images are kept in."""


@dataclass(frozen=True)
class Stepped:
    """An update is done."""

    step: int
    steps: int
    epoch: float
    loss: float
    """The mean since the last record in metrics.jsonl, nats."""
    rate: float
    """The learning rate of this update, `scale` lines aside."""
    images_per_second: float
    """Of training alone, from the run's begin."""
    seconds_left: float
    """Until the last update, evaluations on the way included."""
    recorded: bool
    """This update closed a record of metrics.jsonl."""


@dataclass(frozen=True)
class Evaluation:
    """A network judged on the held-out images."""

    step: int
    images: int
    loss: float
    """Mean cross-entropy, nats; never smoothed."""
    top1: float
    """Share of images, 0..1, whose class is the network's first choice."""
    top5: float
    """Share of images, 0..1, whose class is among its first five."""

    @property
    def top1_error(self) -> float:
        """The standard error of top1, 0..1."""
        return standard_error(self.top1, self.images)

    @property
    def top5_error(self) -> float:
        """The standard error of top5, 0..1."""
        return standard_error(self.top5, self.images)


def standard_error(share: float, n: int) -> float:
    """Of a share p measured on n independent images: sqrt(p (1 - p) / n)."""
    return math.sqrt(share * (1 - share) / n)


@dataclass(frozen=True)
class Result:
    """What a finished run came to."""

    run: Path
    final: Evaluation
    steps: int
    epochs: float
    images_per_second: float
    """Of training alone: evaluation is not counted."""
    seconds: float
    """From reading the data to the last file written."""
    synthetic: bool
    stopped_early: bool
    """The schedule ended the run (`plateau`, its drops used up) before its last step."""


class Reporter(Protocol):
    """Hears of a run. `started` comes before any step, `ended` last, whatever happens."""

    def started(self, event: Started) -> None: ...

    def noted(self, text: str) -> None:
        """Something good to know, in a sentence: what was chosen, what was fallen back to."""

    def worked(self, what: str, done: int, total: int) -> None:
        """So much of something long is done that is no training: "reading images"."""

    def stepped(self, event: Stepped) -> None: ...

    def evaluated(self, event: Evaluation) -> None: ...

    def finished(self, result: Result) -> None: ...

    def ended(self) -> None:
        """The run is over, well or badly: let go of the terminal."""


class Heedless:
    """Tells a reporter for as long as it can be told.

    A run does not end since nobody reads of it any more: the pipe was closed, the disk of a log is
    full.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def started(self, event: Started) -> None:
        self._tell(lambda report: report.started(event))

    def noted(self, text: str) -> None:
        self._tell(lambda report: report.noted(text))

    def worked(self, what: str, done: int, total: int) -> None:
        self._tell(lambda report: report.worked(what, done, total))

    def stepped(self, event: Stepped) -> None:
        self._tell(lambda report: report.stepped(event))

    def evaluated(self, event: Evaluation) -> None:
        self._tell(lambda report: report.evaluated(event))

    def finished(self, result: Result) -> None:
        self._tell(lambda report: report.finished(result))

    def ended(self) -> None:
        self._tell(lambda report: report.ended())

    def _tell(self, tell: Callable[[Reporter], None]) -> None:
        try:
            tell(self._report)
        except OSError:
            self._report = Silent()


class Silent:
    """Hears and says nothing."""

    def started(self, event: Started) -> None:
        pass

    def noted(self, text: str) -> None:
        pass

    def worked(self, what: str, done: int, total: int) -> None:
        pass

    def stepped(self, event: Stepped) -> None:
        pass

    def evaluated(self, event: Evaluation) -> None:
        pass

    def finished(self, result: Result) -> None:
        pass

    def ended(self) -> None:
        pass
