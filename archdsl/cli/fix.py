"""archdsl check --fix: the edits that are offered, made in files."""

from __future__ import annotations

import sys
from pathlib import Path

from archdsl import files
from archdsl.cli.exits import FOUND, OK, complain, fail
from archdsl.cli.printing import print_exactly
from archdsl.cli.writing import patch, rewrite
from archdsl.compiler import compile_bytes
from archdsl.diagnostics.levels import Levels
from archdsl.fix import CannotFix, applied, chosen
from archdsl.styled import visible
from archdsl.words.arithmetic import Quantity


def require_fixable(names: list[str], fix: bool, pick: int | None) -> None:
    """Ends the program where the options of --fix do not fit together, or the files do not."""
    if not fix:
        fail("--pick and --diff go with --fix")
    if files.STDIN in names:
        fail("--fix changes a file: name it, since standard input cannot be changed")
    if pick is not None and len(names) > 1:
        fail(f"--pick {pick}: the edits of one file are numbered, and {len(names)} are named")


def fix(
    name: str, overrides: dict[str, Quantity], levels: Levels, pick: int | None, diff: bool
) -> int:
    """Make the edit that is offered for a file, or print what it changes; the exit code."""
    path, arch = files.target(name)
    try:
        data = Path(path).read_bytes()
        before = data.decode("utf-8-sig")
    except (OSError, ValueError):
        return OK  # it is checked like any other file, which says what is wrong with it
    try:
        made = chosen(compile_bytes(data, path, overrides, arch, levels).diagnostics, pick)
        after = data if made is None else applied(made.fix, path, data)
    except CannotFix as error:
        if pick is not None:
            fail(f"{path}: {error}")
        complain(str(error))
        return FOUND
    if diff:
        print_exactly(patch(path, before, after.decode("utf-8-sig")))
    elif made is not None:
        if failed := rewrite(path, after):
            return failed
        print(f"{path}: made  {visible(made.fix.title)}", file=sys.stderr)
        for number, other in made.others:
            print(f"  instead, --fix --pick {number}:  {visible(other.title)}", file=sys.stderr)
    return FOUND if made is not None else OK
