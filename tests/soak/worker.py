"""A process that does to texts whatever the tool does to a file, watched and with little memory.

Run as `python -B -m tests.soak.worker LIMIT`, LIMIT in seconds that one thing may take. It reads
one job per line, as JSON: the path of the file that the text stands for, the text in base 64, and a
number that says which of the views it is this time. It answers each with a line of JSON: `failure`
is null, or what went wrong and where; `modules` is how many modules were generated.
"""

from __future__ import annotations

import ast
import base64
import gc
import json
import os
import re
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from functools import lru_cache, partial
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import CodeType
from typing import Any, TypeAlias

import typer

from archdsl.cli import app
from archdsl.cli.check import CheckFormat
from archdsl.codegen.probes import probes
from archdsl.codegen.pytorch import module
from archdsl.compiler import Compilation, compile_bytes
from archdsl.diagram.graph import graph
from archdsl.fix import CannotFix, applied, chosen
from archdsl.words.word import Word
from tests.helpers import ROOT

MEGABYTES = 500
"""Of memory that a text may take."""

FORBIDDEN = ("os.", "subprocess.", "socket.", "shutil.", "ctypes.", "urllib.", "pty.", "tempfile.")
"""Events that a text must not cause: https://docs.python.org/3/library/audit_events.html."""

ALLOWED = {"os.listdir", "os.scandir"}
"""Where a used file is missing, those of its folder are looked through for one called alike."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

Step: TypeAlias = Callable[[bytes, str, int], list[str] | None]
"""What is done to a text that stands for a file of that name; it may generate modules. Of what is
done in several ways, the number says which one it is this time."""

STEPS: dict[str, Step] = {}


class Violation(BaseException):
    """Something that a text must not bring about. No `except Exception` keeps it in."""


# --- the watch --------------------------------------------------------------------------------


class Watch:
    """Raises Violation, where it is on, for what a text must not bring about."""

    def __init__(self) -> None:
        self.on = False

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The hook of sys.addaudithook, which stays for as long as the process lives."""
        if not self.on:
            return
        if event.startswith(FORBIDDEN) and event not in ALLOWED:
            raise Violation(f"{event} {arguments}")
        if event == "open":
            path, mode, flags = arguments
            if flags & WRITING or any(letter in (mode or "r") for letter in "wax+"):
                raise Violation(f"{path} is opened to be written")
        if event == "exec" and not _is_of_a_module(arguments[0]):
            raise Violation(f"executed: {arguments[0]}")

    @contextmanager
    def during(self, seconds: float) -> Iterator[None]:
        """On, for at most so much of the processor's time."""
        signal.signal(signal.SIGPROF, partial(_stop, seconds))
        signal.setitimer(signal.ITIMER_PROF, seconds)
        self.on = True
        try:
            yield
        finally:
            self.on = False
            signal.setitimer(signal.ITIMER_PROF, 0)


def _is_of_a_module(code: CodeType) -> bool:
    """Whether code comes from a module's file, which is imported late."""
    return code.co_filename.endswith(".py") or code.co_filename.startswith("<frozen ")


def _stop(seconds: float, number: int, frame: object) -> None:
    raise Violation(f"takes more than {seconds:g} seconds")


WATCH = Watch()


# --- what is done to a text -------------------------------------------------------------------


def step(work: Step) -> Step:
    STEPS[work.__name__] = work
    return work


_command = typer.main.get_command(app)


def command(data: bytes, *arguments: str) -> tuple[int, bytes]:
    """What a command of the tool exits with, and prints, of standard input."""
    output = TextIOWrapper(BytesIO(), "utf-8")
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(output))
        stack.enter_context(redirect_stderr(output))
        stack.callback(setattr, sys, "stdin", sys.stdin)
        sys.stdin = TextIOWrapper(BytesIO(data), "utf-8")
        code = _command.main([*arguments], "archdsl", standalone_mode=False)
        output.flush()
    assert isinstance(output.buffer, BytesIO)
    return int(code or 0), output.buffer.getvalue()


def _check(data: bytes, format: CheckFormat) -> None:
    code, output = command(data, "check", "--format", format.value, "-")
    assert code in (0, 1, 2), f"exit code {code}"
    shown = output.decode()
    hidden = [char for char in shown if not char.isprintable() and char not in "\n\u00a0"]
    assert not hidden, f"{format} prints {hidden[0]!r}"


@step
def check(data: bytes, name: str, turn: int) -> None:
    """As people read it."""
    _check(data, CheckFormat.TEXT)


@step
def check_as_data(data: bytes, name: str, turn: int) -> None:
    """As one of the programs does."""
    formats = [format for format in CheckFormat if format is not CheckFormat.TEXT]
    _check(data, formats[turn % len(formats)])


@step
def fmt(data: bytes, name: str, turn: int) -> None:
    """Where a text can be formatted, to do it again changes nothing, nor what the text says."""
    code, once = command(data, "fmt", "-")
    assert code in (0, 1, 2), f"exit code {code}"
    if code == 0:
        again, twice = command(once, "fmt", "-")
        assert (again, twice) == (0, once), "is formatted anew"


@step
def render(data: bytes, name: str, turn: int) -> None:
    for analysis in _compiled(data, name).archs:
        assert graph(analysis).encode()


@step
def emit(data: bytes, name: str, turn: int) -> list[str]:
    compilation = _compiled(data, name)
    if not compilation.ok:
        return []
    return [module(analysis, probes(analysis)).text for analysis in compilation.archs]


@step
def fix(data: bytes, name: str, turn: int) -> None:
    """The edit that is offered first for an error, made."""
    try:
        made = chosen(_compiled(data, name).diagnostics)
        after = applied(made.fix, name, data) if made is not None else data
    except CannotFix:
        return
    broken, before = (
        {d.message for d in _compiled(text, name).diagnostics if d.rule.code < "E2"}
        for text in (after, data)
    )
    assert broken <= before, f"breaks the syntax: {broken - before}"


@lru_cache(maxsize=1)
def _compiled(data: bytes, name: str) -> Compilation:
    return compile_bytes(data, name)


# --- the process ------------------------------------------------------------------------------


def examine(data: bytes, name: str, turn: int, limit: float) -> tuple[str | None, int]:
    """What goes wrong with a text: the step, the error and where; None if nothing does.

    And how many modules are generated of it.
    """
    os.chdir((ROOT / name).parent)
    _compiled.cache_clear()
    modules: list[str] = []
    for title, work in STEPS.items():
        try:
            with WATCH.during(limit):
                modules += work(data, Path(name).name, turn) or []
        except (Exception, Violation) as error:
            place = traceback.extract_tb(error.__traceback__)[-12:]
            where = "\n".join(f"  {Path(f.filename).name}:{f.lineno} {f.name}" for f in place)
            return f"{title}: {type(error).__name__}: {str(error)[:300]}\n{where}", 0
    for text in modules:
        ast.parse(text)
    peak = _peak()
    if peak > MEGABYTES * 10**6:
        return f"memory: takes {peak // 10**6} MB", 0
    return None, len(modules)


RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ru_maxrss counts in."""

HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def _peak() -> int:
    """The most memory that this process has had, in bytes.

    Linux keeps ru_maxrss over an exec, so there it would be that of pytest, which has run torch.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := HIGH_WATER.search(status.read_text(encoding="utf-8"))):
        return int(found.group(1)) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


WARM = ("specs/small.arch", "specs/alexnet_224.arch")
"""One without errors and one with fixes."""


def warm_up() -> None:
    """Load and build what is otherwise loaded and built when it is first needed."""
    pending: list[type[Word]] = [Word]
    while pending:
        cls = pending.pop()
        pending += cls.__subclasses__()
        cls.model_rebuild()
    for turn in range(len(CheckFormat)):
        name = WARM[turn % len(WARM)]
        failure, _ = examine((ROOT / name).read_bytes(), name, turn, 600)
        assert failure is None, failure
    gc.collect()
    gc.freeze()


def main(limit: float) -> None:
    # Jobs come and answers go by copies of these, so that no step can get at them.
    jobs, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    warm_up()
    sys.addaudithook(WATCH.audit)
    # Addresses are more than memory; this keeps a text from taking all that the machine has.
    size = 4 * MEGABYTES * 10**6
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in jobs:
        job = json.loads(line)
        failure, modules = examine(base64.b64decode(job["data"]), job["name"], job["turn"], limit)
        gc.collect()
        answer = {"failure": failure, "modules": modules}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
