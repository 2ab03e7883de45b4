"""The files of a published data set: in a folder, or in the tarball that it came in.

A tarball is read, never extracted. Of its members only plain files are taken, by the last part of
their names, so where a member claims to lie says nothing.
"""

import lzma
import tarfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Final

from archdsl.training.errors import TrainingError

_LARGEST: Final = 2**30
"""Bytes of a member: six times what CIFAR's largest file has. A tarball may claim any size."""


class Files(ABC):
    """Files by their names, without folders."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def names(self) -> frozenset[str]: ...

    @abstractmethod
    def read(self, name: str) -> bytes:
        """A file that is among the names. Raises TrainingError."""

    @abstractmethod
    def place(self, name: str) -> str:
        """A file, for messages."""


def opened(path: Path, wanted: Collection[str], inside: Collection[str]) -> Files:
    """The files at a path that bear one of these names.

    `inside` are the folders that tarballs of the data set hold: a path may be the folder that such
    a folder is in.

    Raises:
        TrainingError: nothing is there, or a tarball cannot be read.
    """
    if path.is_dir():
        here = _Folder(path, wanted)
        below = [_Folder(path / name, wanted) for name in inside if (path / name).is_dir()]
        return next((files for files in (here, *below) if files.names), here)
    if not path.exists():
        raise TrainingError(
            f"{path}: there is no such file or folder, seen from the working directory"
        )
    return _Tarball(path, wanted)


class _Folder(Files):
    def __init__(self, path: Path, wanted: Collection[str]) -> None:
        super().__init__(path)
        self._names = frozenset(name for name in wanted if (path / name).is_file())

    @property
    def names(self) -> frozenset[str]:
        return self._names

    def read(self, name: str) -> bytes:
        path = self.path / name
        try:
            return path.read_bytes()
        except OSError as problem:
            raise TrainingError(f"{path}: cannot be read ({problem.strerror})") from problem

    def place(self, name: str) -> str:
        return str(self.path / name)


class _Tarball(Files):
    def __init__(self, path: Path, wanted: Collection[str]) -> None:
        super().__init__(path)
        try:
            # In one go: to go back in a compressed file is to begin again.
            with tarfile.open(path, "r:*") as archive:
                self._files = {
                    name: file.read()
                    for member in archive
                    if member.isreg()
                    and member.size <= _LARGEST
                    and (name := PurePosixPath(member.name).name) in wanted
                    and (file := archive.extractfile(member)) is not None
                }
        except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as problem:
            raise TrainingError(
                f"{path}: not a tarball, or cut short; fetch it again, or name the folder that it "
                "was extracted to"
            ) from problem

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._files)

    def read(self, name: str) -> bytes:
        return self._files[name]

    def place(self, name: str) -> str:
        return f"{self.path}: {name}"
