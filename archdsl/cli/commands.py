"""All commands, and where each of them lives."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Annotated

import typer

import archdsl

HOMES = {
    "check": "check",
    "fmt": "fmt",
    "render": "render",
    "watch": "watch",
    "emit": "emit",
    "train": "train",
    "compare": "runs",
    "evaluate": "runs",
    "predict": "runs",
    "diff": "diff",
    "words": "reference",
    "explain": "reference",
}
"""The module of each command, in which it is the function of its name; in the order of --help."""


@cache
def application(*names: str) -> typer.Typer:
    """The command line with these commands.

    It loads their modules, and typer reads the options of each before it runs any: so who knows
    the one that is asked for leaves the others out.
    """
    made = typer.Typer(
        name="archdsl",
        help="A small declarative language for convolutional networks.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_options)
    for name in names:
        made.command()(getattr(import_module(f"archdsl.cli.{HOMES[name]}"), name))
    return made


def _version(shown: bool) -> None:
    if shown:
        print(f"archdsl {archdsl.__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
