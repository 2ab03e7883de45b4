"""archdsl train."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from archdsl.api import SpecError
from archdsl.cli.exits import FAILED, OK, complain, fail
from archdsl.cli.options import Color, Colored, Settings, Spec
from archdsl.cli.printing import console, print_findings
from archdsl.cli.reading import load_checked
from archdsl.cli.training import read_data, require_training
from archdsl.source import Source

MOMENT = 2.0
"""Seconds that a process leaves to another one, to tell what both have to tell."""


def train(
    spec: Spec,
    data: Annotated[
        str | None,
        typer.Option(metavar="KIND[:DIR]", help="Instead of the recipe's: shapes, folder:DIR, …"),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME[,NAME…]", help="auto, cpu, cuda or one like cuda:1.")
    ] = "auto",
    layout: Annotated[
        str,
        typer.Option(
            metavar="auto|fused|towers|ranks", help="Where a network of several devices computes."
        ),
    ] = "auto",
    shard: Annotated[
        bool, typer.Option("--shard", help="Under torchrun: divide the weights over processes.")
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=10**9, help="How many steps, instead of the recipe's length."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=10**9, help="How many epochs, instead of the recipe's length."),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, max=10**9, help="Images in a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="The optimizer's learning rate.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=10**9, help="What all randomness follows.")
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE", help="A line of the recipe: 'schedule cosine', 'set augment flip=yes'."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder; default: runs/NAME-N.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the newest run, or that of --run, or begin one."),
    ] = False,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="With --resume: in spite of a new lr, schedule or length."),
    ] = False,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            metavar="STEPS", min=1, help="Default: after evaluations, 10 minutes at most."
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="auto|bf16|fp32|fp64", help="auto: bf16 where the device computes it."
        ),
    ] = "auto",
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits each time; in fp32, and slower.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep decoded images in memory alone.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but what is wrong.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell of the run in JSON, one object on a line.")
    ] = False,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Train exactly the generated module, with the spec's recipe; keep everything in a folder."""
    with _told_once():
        arch = load_checked(spec, settings, color)
        source = read_data(data)
    require_training()
    from archdsl import training
    from archdsl.training import memory

    memory.keep_freed()
    told = training.reporter(console(color), quiet=quiet, as_json=as_json)
    with _told_once(), _explained(color):
        job = training.job(arch, source, _restated(recipe or [], lr, batch, seed))
        options = training.Options(
            device=device,
            layout=layout,
            shard=shard,
            precision=precision,
            deterministic=deterministic,
            steps=steps,
            epochs=epochs,
            resume=resume,
            changed=changed,
            checkpoint_every=checkpoint_every,
            cache=not no_cache,
        )
    try:
        with _explained(color):
            training.train(job, run, options, told)
    except training.Interrupted as stopped:
        with _told_once():
            print(stopped, file=sys.stderr)
            raise typer.Exit(stopped.exit_code) from None


def _restated(
    recipe: list[str], lr: float | None, batch: int | None, seed: int | None
) -> list[Source]:
    """The lines that replace the recipe's; ends the program where --lr is no number."""
    lines = [Source("--recipe", line) for line in recipe]
    if lr is not None:
        if not math.isfinite(lr):
            fail(f"--lr {lr}: it is a number of more than 0")
        lines.append(Source("--lr", f"set optimizer lr={lr!r}"))
    shorts = {"batch": batch, "seed": seed}
    lines += [Source(f"--{word}", f"{word} {n}") for word, n in shorts.items() if n is not None]
    return lines


@contextmanager
def _explained(color: Color) -> Iterator[None]:
    """What recipe, data or machine are not fit for is told, and ends the program."""
    from archdsl import training

    try:
        yield
    except SpecError as error:
        print_findings(error.diagnostics, color, to_stderr=True)
        raise typer.Exit(FAILED) from None
    except training.ToldElsewhere as told:
        raise typer.Exit(OK if told.finished else FAILED) from None
    except training.Finished as finished:  # one command line serves all attempts, a late one too
        complain(str(finished))
        raise typer.Exit(OK) from None
    except training.TrainingError as error:
        fail(str(error))


@contextmanager
def _told_once() -> Iterator[None]:
    """What all processes that torchrun starts on a machine have to tell, the first of them tells.

    The others leave it a moment: torchrun ends all with the first one that ends.
    """
    if os.environ.get("LOCAL_RANK", "0") == "0":
        yield
        return
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    except typer.Exit:
        time.sleep(MOMENT)
        raise
