"""archdsl watch: what it follows, when it checks again, what it says, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic

import pytest
from typer.testing import CliRunner

from archdsl import watch
from archdsl.cli import app
from archdsl.cli import watch as watch_command
from archdsl.compiler import Compilation, compile_file
from tests.diagram.helpers import needs_dot

NET = 'use "blocks.arch"\narch Net { input 3x8x8; a: conv 4 3x3; pair 5 }\n'
BLOCKS = "block pair(width) { conv width 1x1; relu }\n"


@pytest.fixture
def net(tmp_path: Path) -> Path:
    (tmp_path / "blocks.arch").write_text(BLOCKS, encoding="utf-8")
    path = tmp_path / "net.arch"
    path.write_text(NET, encoding="utf-8")
    return path


# --- when it checks again: the pauses are where the files change ------------------------------


def followed(path: Path, *pauses: Callable[[], object]) -> tuple[list[Compilation], int]:
    """What is compiled while each pause does something, in this order; and after how many pauses
    the last of it was. Nothing is done in the pauses that are left."""
    todo, past = list(pauses), [0]

    def pause(seconds: float) -> None:
        past[0] += 1
        if todo:
            todo.pop(0)()
        elif past[0] > len(pauses) + 20:
            raise StopIteration

    found, last = [], 0
    follow = watch.compilations(path, lambda: compile_file(path), pause)
    with pytest.raises((RuntimeError, StopIteration)):
        while True:
            found.append(next(follow))
            last = past[0]
    return found, last


def nothing() -> None:
    pass


def write(path: Path, text: str) -> Callable[[], object]:
    return lambda: path.write_text(text, encoding="utf-8")


def test_it_checks_at_once_and_then_not_again(net: Path) -> None:
    found, _ = followed(net)
    assert [compilation.ok for compilation in found] == [True]


def test_a_change_counts_when_it_has_settled(net: Path) -> None:
    wider = NET.replace("conv 4", "conv 6")
    found, pauses = followed(
        net, nothing, write(net, NET + "#"), write(net, NET), write(net, wider)
    )
    assert [str(compilation.archs[0].output) for compilation in found] == ["5x6x6"] * 2
    assert found[1].archs[0].costs != found[0].archs[0].costs
    assert pauses == 5  # the last change was in the fourth


def test_a_file_that_is_used_is_followed(net: Path) -> None:
    found, _ = followed(
        net, write(net.parent / "blocks.arch", BLOCKS.replace("width 1x1", "7 1x1"))
    )
    assert [str(compilation.archs[0].output) for compilation in found] == ["5x6x6", "7x6x6"]


def test_so_is_one_that_is_used_from_now_on_and_one_that_is_missing(net: Path) -> None:
    other = net.parent / "other.arch"
    found, _ = followed(
        net,
        write(net, NET.replace("blocks.arch", "other.arch")),
        nothing,
        write(other, BLOCKS),
        nothing,
        write(other, BLOCKS.replace("width 1x1", "9 1x1")),
    )
    assert [compilation.ok for compilation in found] == [True, False, True, True]
    assert str(found[-1].archs[0].output) == "9x6x6"


def test_a_file_that_is_put_in_its_place_is_seen(net: Path) -> None:
    """Of the same size and time, as some editors take care that it is."""

    def replace() -> None:
        before = net.stat()
        new = net.with_name("net.arch~")
        new.write_text(NET.replace("conv 4", "conv 6"), encoding="utf-8")
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        new.replace(net)

    found, _ = followed(net, replace)
    assert len(found) == 2


def test_a_file_that_vanishes_for_a_moment_is_waited_for(net: Path) -> None:
    kept = net.with_name("kept")
    found, _ = followed(net, lambda: net.rename(kept), nothing, nothing, write(net, NET + "#"))
    assert [compilation.ok for compilation in found] == [True, True]


def test_one_that_stays_away_is_told_of_and_expected_back(net: Path) -> None:
    found, _ = followed(net, net.unlink, *[nothing] * 8, write(net, NET))
    assert [compilation.ok for compilation in found] == [True, False, True]
    assert "cannot read" in found[1].diagnostics[0].message


def test_a_change_while_it_compiles_is_not_missed(net: Path) -> None:
    compiled: list[Compilation] = []

    def compile() -> Compilation:
        compiled.append(compile_file(net))
        if len(compiled) == 2:  # the first one told of the other file
            net.write_text(NET.replace("conv 4", "conv 6"), encoding="utf-8")
        return compiled[-1]

    follow = watch.compilations(net, compile, lambda _: None)
    first, second = next(follow), next(follow)
    assert first.archs[0].costs != second.archs[0].costs


# --- the command ------------------------------------------------------------------------------


class Command:
    """`archdsl watch` in a process of its own, whose output is read as it comes."""

    def __init__(self, *arguments: str | Path, cwd: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "archdsl", "watch", *map(str, arguments)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"},
        )
        self.lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def until(self, said: str) -> list[str]:
        """All lines up to the first in which that is said, which comes within half a minute."""
        found: list[str] = []
        end = monotonic() + 30
        while not (found and said in found[-1]):
            try:
                found.append(self.lines.get(timeout=max(0.0, end - monotonic())))
            except Empty:
                raise AssertionError(f"nothing said {said!r} after {found}") from None
        return found

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C: the exit code, and what was said to standard error."""
        self.process.send_signal(signal.SIGINT)
        _, told = self.process.communicate(timeout=30)
        return self.process.returncode, told


@contextmanager
def command(*arguments: str | Path, cwd: Path) -> Iterator[Command]:
    running = Command(*arguments, cwd=cwd)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def test_it_tells_of_each_version_until_it_is_interrupted(net: Path) -> None:
    with command(net.name, cwd=net.parent) as watching:
        first, second = watching.until("✓")
        assert re.fullmatch(r"\d\d:\d\d:\d\d  net\.arch", first)
        # 4·3·3·3 + 4 and 5·4 + 5 parameters; 4·36 × 27 and 5·36 × 4 MACs.
        assert second == "  ✓ Net  3x8x8 → 5x6x6 · 137 parameters · 4.6 k MACs"
        net.write_text(NET.replace("conv 4 3x3", "conv 4 9x9"), encoding="utf-8")
        told = "\n".join(watching.until("1 error"))
        assert (
            "error[E302 window-too-large]: a's 9x9 window is larger than its padded 8x8 input"
            in told
        )
        assert "2 │ arch Net { input 3x8x8; a: conv 4 9x9; pair 5 }" in told
        assert "\x1b" not in told  # it is no terminal
        (net.parent / "blocks.arch").write_text(BLOCKS.replace("conv", "convv"), encoding="utf-8")
        assert "'convv' is no word" in "\n".join(watching.until("errors"))
        net.unlink()
        assert "cannot read net.arch: No such file" in "\n".join(watching.until("1 error"))
        (net.parent / "blocks.arch").write_text(BLOCKS, encoding="utf-8")
        net.write_text(NET, encoding="utf-8")
        watching.until("✓ Net")
        code, told = watching.interrupt()
    assert code == 130
    assert "Traceback" not in told and len(told.splitlines()) <= 1


@needs_dot
def test_the_page_follows_the_file(net: Path) -> None:
    with command(net.name, "--page", cwd=net.parent) as watching:
        (address,) = re.findall(r"http://127\.0\.0\.1:(\d+)/", watching.until("page  ")[-1])
        with closing(HTTPConnection("127.0.0.1", int(address), timeout=30)) as connection:
            connection.request("GET", "/events")
            with connection.getresponse() as events:
                events.readline()
                assert "4·3·3·3 + 4 = 112" in page(int(address))
                net.write_text(NET.replace("conv 4", "conv 6"), encoding="utf-8")
                events.readline()
                assert events.readline().startswith(b"data: ")
        assert "6·3·3·3 + 6 = 168" in page(int(address))
        assert watching.interrupt()[0] == 130


def page(port: int) -> str:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-"], "watch follows a file"),
        (["."], "is a folder: name one of its .arch files"),
        (["gone.arch"], "cannot read gone.arch"),
        (["net.arch:Other"], "has no network 'Other'. It has: Net."),
        (["net.arch", "--port", "8000"], "--port goes with --page"),
        (["net.arch", "--set", "width"], "--set"),
    ],
)
def test_what_cannot_be_followed(
    net: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(net.parent)
    result = CliRunner().invoke(app, ["watch", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_a_port_that_is_taken_is_told_of_before_anything_is_checked(net: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["watch", str(net), "--page", "--port", str(port)])
    assert result.exit_code == 2
    assert f"port {port} cannot be had: Address already in use" in result.output
    assert "✓" not in result.output


def test_a_terminal_is_emptied_before_each_version(net: Path) -> None:
    script = (
        "import os, pty, sys\n"
        "def read(terminal):\n"
        "    seen = os.read(terminal, 1024)\n"
        "    if b'Net' in seen: os.write(terminal, b'\\x03')\n"  # Ctrl-C
        "    return seen\n"
        "sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, sys.executable, "-m", "archdsl", "watch", net.name],
        cwd=net.parent,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.decode().startswith(watch_command.CLEAR)
    assert done.returncode == 130
