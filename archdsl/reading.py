"""Files to text: what is read, and why it cannot be."""

from __future__ import annotations

import re
from errno import EFBIG
from pathlib import Path

from archdsl.diagnostics import Diagnostic, catalogue
from archdsl.source import Source

_LONE_RETURN = re.compile(r"\r(?!\n)")

MAX_BYTES = 16 * 10**6
"""Of a spec. One of 10,000 layers takes about half a megabyte."""


def read(path: Path) -> Source | Diagnostic:
    """The text of a file, or why there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OSError(EFBIG, f"it is larger than {MAX_BYTES // 10**6} MB")
    except (OSError, ValueError) as error:
        return _unreadable(path, getattr(error, "strerror", None) or str(error))
    return decoded(data, str(path))


def read_used(path: Path) -> Source | Diagnostic:
    """The text of a file that a text names: no pipe or device, which could keep us waiting."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            return _unreadable(path, "it is no regular file")
    except OSError as error:  # a name that is too long
        return _unreadable(path, error.strerror or str(error))
    return read(path)


def _unreadable(path: Path, reason: str) -> Diagnostic:
    return Diagnostic(
        catalogue.UNREADABLE_FILE,
        f"cannot read {path}: {reason}",
        None,
        str(path),
        help=("give the path of a .arch file, of a folder of them, or - for standard input",),
    )


def decoded(data: bytes, name: str) -> Source | Diagnostic:
    """The text of a file's bytes, or why they are none."""
    try:
        # A lone carriage return ended a line on old Macs; it is as long as what it becomes.
        return Source(name, _LONE_RETURN.sub("\n", data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        return Diagnostic(
            catalogue.NOT_TEXT,
            f"{name} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}",
            None,
            name,
            help=("save it as UTF-8, or check that it is the file you meant",),
        )
