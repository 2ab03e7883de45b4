"""Jobs for the worker: given, watched from outside, and made smaller where they fail."""

from __future__ import annotations

import base64
import json
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import ROOT

PATIENCE = 10
"""Times the worker's own limit that it may be silent before it is ended: it may be waiting."""

START = 120
"""Seconds that a worker may take to start."""


@dataclass
class Worker:
    """A worker process, started anew after each text that it could not cope with."""

    limit: float
    """Seconds of the processor's time that one thing may take."""
    process: subprocess.Popen[str] | None = None
    modules: int = 0
    """Generated of all texts so far."""

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def failure(self, name: Path, data: bytes, turn: int) -> str | None:
        """What goes wrong with a text that stands for the file `name`; None if nothing does.

        `turn` says which of the views is tried on it.
        """
        process = self.process = self.process or self._started()
        assert process.stdin is not None
        coded = base64.b64encode(data).decode()
        job = {"name": name.as_posix(), "data": coded, "turn": turn}
        print(json.dumps(job), file=process.stdin, flush=True)
        answer = self._answer(process, PATIENCE * self.limit)
        if answer is None:
            self.stop()
            code = process.returncode
            return f"process: does not answer, and ended with {code}"
        told = json.loads(answer)
        self.modules += told["modules"]
        if told["failure"] is None:
            return None
        self.stop()
        return str(told["failure"])

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _started(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.soak.worker", str(self.limit)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        answer = self._answer(process, START)
        assert answer is not None and json.loads(answer) == {"ready": True}, "no worker starts"
        return process

    @staticmethod
    def _answer(process: subprocess.Popen[str], seconds: float) -> str | None:
        """The next line that a worker writes; None if it ends, or lets us wait for too long."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        return process.stdout.readline() or None if ready else None


def kind(failure: str) -> str:
    """What makes two failures the same: the step, the error's type, and the last place."""
    first, *places = failure.splitlines()
    said = re.sub(r"[0-9]+|'.*'|\".*\"", "", first)[:60]
    return said if "takes more" in said or not places else f"{said} {places[-1].strip()}"


def smallest(data: bytes, fails: Callable[[bytes], bool], seconds: float) -> bytes:
    """A text that still fails when lines and then characters are left out; Zeller's ddmin."""
    end = time.monotonic() + seconds
    for split in (_lines, _characters):
        pieces = split(data)
        size = len(pieces) // 2
        while size and time.monotonic() < end:
            start = 0
            while start < len(pieces) and time.monotonic() < end:
                rest = pieces[:start] + pieces[start + size :]
                if fails(b"".join(rest)):
                    pieces = rest
                else:
                    start += size
            size //= 2
        data = b"".join(pieces)
    return data


def _lines(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n;]*[\n;]|[^\n;]+", data)


def _characters(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


def saved(data: bytes, name: str) -> Path:
    """Where a failing text is kept, from the root of the repository."""
    path = ROOT / "build" / "soak" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.relative_to(ROOT)
