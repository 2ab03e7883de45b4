"""One process to a run's folder, so that two never write into the same run."""

import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from archdsl.training.errors import TrainingError
from archdsl.training.keeping import record

WITHOUT_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems without locks answer."""


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run's folder. The kernel lets go of it when the process ends, however it ends.

    On a file system without locks, which some networks have, nothing is held.

    Raises:
        TrainingError: another process holds it, or it cannot be written.
    """
    path = run / record.LOCK
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as problem:
        raise record.unwritable(path, problem) from problem
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"{run} is being trained by {_holder(file)}; wait for it, stop it, "
                "or name another folder with --run"
            ) from None
        except OSError as problem:
            if problem.errno not in WITHOUT_LOCKS:
                raise record.unwritable(path, problem) from problem
        else:
            _sign(file, path)
        yield


def _sign(file: IO[str], path: Path) -> None:
    try:
        file.truncate(0)
        json.dump({"process": os.getpid(), "host": platform.node()}, file)
        file.flush()
    except OSError as problem:
        raise record.unwritable(path, problem) from problem


def _holder(file: IO[str]) -> str:
    """Who holds a lock, as it has signed; it may not have come to it yet."""
    file.seek(0)
    try:
        found = json.load(file)
    except ValueError:
        return "another process"
    return f"process {found['process']} on {found['host']}"
