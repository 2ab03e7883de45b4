"""archdsl compare, evaluate and predict: what is done with runs once they are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archdsl.cli import options
from archdsl.cli.exits import FAILED, FOUND, OK, complain, fail
from archdsl.cli.options import AsJson, Color, Colored, Device, Format, Printed, Run
from archdsl.cli.printing import console, print_document, print_lines
from archdsl.cli.training import read_data, require_training

PLOT = Path("compare.png")


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, such as runs/small-1.")
    ],
    output: Annotated[Path, options.output("Where the plot goes: .png or .svg.")] = PLOT,
    format: Printed = Format.TEXT,
    color: Colored = Color.AUTO,
) -> None:
    """Draw the losses of runs in one plot, and print what each came to."""
    if output.suffix.lower() not in (".png", ".svg"):
        fail(f"-o {output}: a plot is written as .png or .svg")
    require_training()
    from archdsl import training
    from archdsl.training.afterwards import tables

    try:
        entries = training.compared(runs)
        training.draw_comparison(entries, output)
    except training.TrainingError as error:
        fail(str(error))
    if format is Format.JSON:
        print_document({"plot": str(output), "runs": [entry.as_json() for entry in entries]})
    else:
        print_lines([*tables.comparison(entries), ()], color)
        print(output)


def evaluate(
    run: Run,
    data: Annotated[
        str | None,
        typer.Option(metavar="KIND[:DIR]", help="Instead of the run's: shapes, folder:DIR, …"),
    ] = None,
    crops: Annotated[
        int | None, typer.Option(metavar="1|10", help="Views of an image; default: the recipe's.")
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
    color: Colored = Color.AUTO,
) -> None:
    """Judge a run's network again, from its folder alone. A folder is code: its module is run. Exit
    1: the figures are not those that the run has recorded."""
    if crops not in (None, 1, 10):
        fail(f"--crops {crops}: it is 1 or 10")
    source = read_data(data)
    require_training()
    from archdsl import training
    from archdsl.training.afterwards import tables

    told = training.reporter(console(color, to_stderr=True), quiet=as_json)
    try:
        found = training.evaluate_run(training.past_run(run), source, crops, device, told)
    except training.TrainingError as error:
        fail(str(error))
    finally:
        told.ended()
    if as_json:
        print_document(found.as_json())
    else:
        print_lines(tables.judgement(found), color)
    raise typer.Exit(FOUND if found.agrees is False else OK)


def predict(
    run: Run,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many classes to tell.")] = 5,
    device: Device = "auto",
    as_json: AsJson = False,
    color: Colored = Color.AUTO,
) -> None:
    """Ask a run's network what is in images. A run's folder is code: its module is run. Exit 2:
    an image cannot be read."""
    require_training()
    from archdsl import training
    from archdsl.training.afterwards import tables

    try:
        found = list(training.predict(training.past_run(run), images, top, device))
    except training.TrainingError as error:
        fail(str(error))
    if as_json:
        print_document({"run": str(run), "images": [each.as_json() for each in found]})
    else:
        print_lines(tables.predictions(found), color)
    problems = [each.problem for each in found if each.problem]
    for problem in problems:
        complain(problem)
    raise typer.Exit(FAILED if problems else OK)
