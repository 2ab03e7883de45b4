"""Files in and out: which specs a command line names, and writing that never leaves half a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

STDIN = "-"

RUN = "metrics.jsonl"
"""What a folder of a training run has."""


def target(spec: str) -> tuple[str, str | None]:
    """The file and, of FILE.arch:Name, the name of the arch."""
    path, separator, name = spec.rpartition(":")
    named = bool(separator) and path.endswith(".arch") and not Path(spec).exists()
    return (path, name) if named else (spec, None)


def specs(targets: list[str]) -> Iterator[str]:
    """The files that the targets of a command name: files, `-`, and the .arch files of folders.

    Raises FileNotFoundError for a folder without any.
    """
    for target in targets:
        path = Path(target)
        if target == STDIN or not path.is_dir():
            yield target
            continue
        found = sorted(_below(path))
        if not found:
            raise FileNotFoundError(f"{target} is a folder without .arch files")
        yield from map(str, found)


def _below(folder: Path) -> Iterator[Path]:
    """The .arch files of a folder, but for hidden folders, and for runs, which are kept as they
    were trained."""
    if (folder / RUN).exists():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            yield from _below(path)
        elif path.suffix == ".arch" and path.is_file():
            yield path


def write(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: a temporary file beside it, then a rename. Raises OSError.

    A link is followed. What is no regular file, such as a pipe or a terminal, is written to.
    """
    path = path.resolve()
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(data)
        return
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")
    from tempfile import mkstemp  # only what writes needs it, and what it loads

    handle, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)  # still there only if something failed


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
