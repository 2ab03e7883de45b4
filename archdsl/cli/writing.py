"""What commands write: whole files or nothing, and specs as patches."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from archdsl import files
from archdsl.api import Arch
from archdsl.cli.exits import FAILED, OK, complain, fail

WRITABLE = 0o222


def write(path: Path, data: bytes, *archs: Arch) -> None:
    """Write what is made of archs; ends the program where that cannot be."""
    specs = [Path(arch.network.source.name) for arch in archs]
    if path.exists() and any(spec.exists() and path.samefile(spec) for spec in specs):
        fail(f"{path} is the spec itself: choose another output file")
    try:
        files.write(path, data)
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror or error}")


def rewrite(name: str, data: bytes) -> int:
    """Replace a spec by its new text; the exit code."""
    path = Path(name)
    try:
        if not path.is_file():
            raise OSError("it is no regular file; fmt - formats standard input")
        if not path.stat().st_mode & WRITABLE:
            raise OSError("it is read-only")
        files.write(path, data)
    except OSError as error:
        complain(f"cannot write {name}: {error.strerror or error}")
        return FAILED
    return OK


def patch(name: str, before: str, after: str) -> str:
    """A unified diff of a spec, as `patch` reads it."""
    return "".join(_patch(name, before, after))


def _patch(name: str, before: str, after: str) -> Iterator[str]:
    from difflib import unified_diff

    for line in unified_diff([*StringIO(before)], [*StringIO(after)], name, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
