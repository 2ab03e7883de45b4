"""A run as a person watches it: a progress bar on a terminal, plain lines anywhere else."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from archdsl.training.report import Evaluation, Reporter, Result, Silent, Started, Stepped

WIDE = 100
"""Columns from which the bar's line holds the held-out accuracy too."""

SAID_EVERY = 10.0
"""Seconds between lines about work that is no training."""


def reporter(console: Console, quiet: bool = False, as_json: bool = False) -> Reporter:
    """What suits a console: a bar if it is a terminal, else lines, also where colour is forced.

    `quiet` says nothing, `as_json` what a program reads.
    """
    if as_json:
        return Json(console)
    if quiet:
        return Silent()
    return Bar(console) if console.is_terminal and console.file.isatty() else Lines(console)


class _Work:
    """Something long that is no training, and when it began."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._what, self._done = "", 0
        self._began = self._said = 0.0

    def seconds_left(self, what: str, done: int, total: int) -> float:
        """At the speed so far, once so much is done."""
        if what != self._what or done < self._done:  # another, or the same once more
            self._what = what
            self._began = self._said = self._clock()
        self._done = done
        return (self._clock() - self._began) * (total - done) / max(done, 1)

    def is_due(self) -> bool:
        """Whether enough time has passed since this was last said to be true."""
        due = self._clock() - self._said >= SAID_EVERY
        if due:
            self._said = self._clock()
        return due


class _Told:
    """What both ways of telling share: how a run begins and what it came to."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str) -> None:
        """A line as it is: no markup, no colouring, no breaking up of what a program may read."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def started(self, event: Started) -> None:
        origin = ", built in and synthetic" if event.synthetic else ""
        size = "x".join(map(str, event.image))
        kept = f", decoded in {event.cache}" if event.cache is not None else ""
        self.say(f"{event.network} · {event.parameters:,} parameters · {event.device}")
        self.say(
            f"data: {event.data}{origin}: {event.classes} classes, {event.train_images:,} training "
            f"and {event.test_images:,} test images of {size}{kept}"
        )
        self.say(f"run:  {event.run} · {event.steps:,} steps, {event.epochs:.3g} epochs")
        self.say("")

    def noted(self, text: str) -> None:
        self.say(text)

    def finished(self, result: Result) -> None:
        final = result.final
        table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False)
        figures = {
            "loss": f"{final.loss:.3f}",
            "top-1": f"{100 * final.top1:.2f} ± {100 * final.top1_error:.2f} %",
            "top-5": f"{100 * final.top5:.2f} ± {100 * final.top5_error:.2f} %",
            "iterations": f"{result.steps:,}",
            "images/s": f"{result.images_per_second:,.0f}",
        }
        for name in figures:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_row(*figures.values())
        self.say("")
        self.console.print(table, highlight=False)
        kind = "synthetic test images" if result.synthetic else "held-out images"
        self.say("")
        self.say(f"on {final.images:,} {kind}; ± is one standard error")
        if result.stopped_early:
            self.say("the schedule's last plateau ended the run early")
        self.say(f"{result.run} holds everything, {_clock(result.seconds)} after the start")


class Json:
    """One object on a line for each event, and for each step that closes a record."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._work = _Work(clock)

    def started(self, event: Started) -> None:
        self._put("started", asdict(event))

    def noted(self, text: str) -> None:
        self._put("note", {"text": text})

    def worked(self, what: str, done: int, total: int) -> None:
        left = self._work.seconds_left(what, done, total)
        if self._work.is_due():
            self._put("work", {"what": what, "done": done, "total": total, "seconds_left": left})

    def stepped(self, event: Stepped) -> None:
        if event.recorded:
            self._put("step", asdict(event))

    def evaluated(self, event: Evaluation) -> None:
        self._put("evaluation", _judged(event))

    def finished(self, result: Result) -> None:
        self._put("finished", {**asdict(result), "final": _judged(result.final)})

    def ended(self) -> None:
        """Nothing is held."""

    def _put(self, event: str, values: Mapping[str, Any]) -> None:
        text = json.dumps({"event": event, **values}, default=str)
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _judged(event: Evaluation) -> dict[str, float]:
    errors = {"top1_standard_error": event.top1_error, "top5_standard_error": event.top5_error}
    return {**asdict(event), **errors}


class Lines(_Told):
    """One line every N steps, about twenty in a run, and one for each evaluation.

    Other work has a line where it takes long.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console)
        self._work = _Work(clock)

    def worked(self, what: str, done: int, total: int) -> None:
        left = self._work.seconds_left(what, done, total)
        if done < total and self._work.is_due():
            self.say(f"{what}  {done:,}/{total:,}  {_clock(left)} left")

    def stepped(self, event: Stepped) -> None:
        every = max(1, event.steps // 20)
        if event.step % every == 0 or event.step == event.steps:
            self.say(
                f"step {event.step}/{event.steps}  epoch {event.epoch:.2f}  loss {event.loss:.4f}  "
                f"lr {event.rate:.3g}  {event.images_per_second:.0f} images/s  "
                f"{_clock(event.seconds_left)} left"
            )

    def evaluated(self, event: Evaluation) -> None:
        self.say(
            f"step {event.step}  held-out loss {event.loss:.4f}  top-1 {100 * event.top1:.1f} %  "
            f"top-5 {100 * event.top5:.1f} %"
        )

    def ended(self) -> None:
        """Nothing is held."""


class Bar(_Told):
    """A bar that carries the figures of the moment."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            TextColumn("  {task.fields[epoch]}"),
            # What the other columns leave of the line, if that is not much.
            BarColumn(bar_width=max(4, min(24, console.width - 92))),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            console=console,
        )
        self._task = self._progress.add_task("", total=None, epoch="", figures="", visible=False)
        self._epochs = 1
        self._held_out = ""
        self._work = _Work(time.monotonic)
        self._works: dict[str, TaskID] = {}

    def worked(self, what: str, done: int, total: int) -> None:
        left = self._work.seconds_left(what, done, total)
        if what not in self._works:
            self._works[what] = self._progress.add_task("", epoch=what, figures="")
            self._progress.start()
        task = self._works[what]
        told = f"{done:,}/{total:,}  {_clock(left)} left"
        self._progress.update(task, completed=done, total=total, figures=told)
        if done == total:
            self._progress.remove_task(self._works.pop(what))

    def started(self, event: Started) -> None:
        super().started(event)
        self._epochs = math.ceil(event.epochs)
        self._progress.update(self._task, total=event.steps, visible=True)
        self._progress.start()

    def stepped(self, event: Stepped) -> None:
        self._progress.update(
            self._task,
            completed=event.step,
            epoch=f"epoch {min(self._epochs, int(event.epoch) + 1)}/{self._epochs}",
            figures=(
                f"loss {event.loss:.3f}  lr {event.rate:.2g}{self._held_out}  "
                f"{event.images_per_second:.0f} images/s  {_clock(event.seconds_left)} left"
            ),
        )

    def evaluated(self, event: Evaluation) -> None:
        # On 80 columns it would push out the time left.
        if self.console.width >= WIDE:
            self._held_out = f"  top-1 {100 * event.top1:.1f} %"

    def finished(self, result: Result) -> None:
        self.ended()
        super().finished(result)

    def ended(self) -> None:
        self._progress.stop()


def _clock(seconds: float) -> str:
    """h:mm:ss."""
    return str(timedelta(seconds=round(seconds)))
