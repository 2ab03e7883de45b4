"""Runs that are killed, and killed again as they go on, in processes of their own.

    python -m tests.training.killed FOLDER RUN STEPS (--times N SEED | --calls)

Each attempt is a fork of this process, which has loaded what takes long to load. Standard output is
how many of them were killed.
"""

import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from archdsl.training import Job, Options, train
from archdsl.training.keeping import chronicle
from archdsl.words.recipe import AdamW, Evaluate, Folder, Recipe
from archdsl.words.word import Quoted
from tests.training.conftest import tiny

SHARE = 1 / 2
"""Of the time that a whole run takes, what all attempts have together before they are killed."""


def recipe(folder: str, steps: int) -> Recipe:
    return Recipe(
        data=Folder(path=Quoted(folder)),
        batch=10,
        epochs=None,
        steps=steps,
        optimizer=AdamW(lr=0.01),
        evaluate=Evaluate(every=25),
    )


def attempt(job: Job, run: Path, prepare: Callable[[], None]) -> int:
    """Train in a process of its own; its number."""
    child = os.fork()
    if child:
        return child
    prepare()
    try:
        train(job, run, Options(device="cpu", resume=True, checkpoint_every=4))
    except BaseException as problem:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
        os._exit(1)
    os._exit(0)


def was_killed(child: int) -> bool:
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def at_random_moments(start: Callable[[], int], times: int, seed: int, whole: float) -> int:
    """Kill so many attempts of a run of `whole` seconds and let it end; how many were killed.

    They are fewer where one has ended before its time.
    """
    draws = random.Random(seed)
    for count in range(times):
        child = start()
        time.sleep(draws.uniform(0, 2 * SHARE * whole / times))
        os.kill(child, signal.SIGKILL)
        if not was_killed(child):
            return count
    assert not was_killed(start())
    return times


def killing(number: int) -> Callable[[], None]:
    """Kills its process when that asks the disk for something for the so-many-th time."""
    asked = 0

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    def prepare() -> None:
        for module, name in (
            (os, "fsync"),
            (os, "mkdir"),
            (os, "rename"),
            (os, "replace"),
            (os, "truncate"),
            (os, "unlink"),
            (shutil, "rmtree"),
        ):
            setattr(module, name, watched(getattr(module, name)))

    return prepare


def at_each_call(start: Callable[[Callable[[], None]], int]) -> int:
    """Kill each attempt one call later than the one before, until one is finished first."""
    for number in itertools.count(1):
        if not was_killed(start(killing(number))):
            return number - 1
    raise AssertionError


def main(words: list[str]) -> None:
    folder, run, steps, how, *numbers = words
    torch.set_num_threads(1)
    # Pictures take more time than the training, and no part in what is kept.
    chronicle.Chronicle.ended = lambda *_: None  # type: ignore[method-assign]
    job = tiny(recipe(folder, int(steps)))
    with TemporaryDirectory() as passing:  # what is loaded when it is needed is loaded now
        train(tiny(recipe(folder, 1)), Path(passing) / "run", Options(device="cpu"))
        began = time.monotonic()
        assert not was_killed(attempt(job, Path(passing) / "whole", lambda: None))
        whole = time.monotonic() - began

    def start(prepare: Callable[[], None] = lambda: None) -> int:
        return attempt(job, Path(run), prepare)

    if how == "--calls":
        count = at_each_call(start)
    else:
        count = at_random_moments(start, int(numbers[0]), int(numbers[1]), whole)
    print(count)


if __name__ == "__main__":
    main(sys.argv[1:])
