"""Ctrl-C, SIGTERM and SIGHUP, heard between steps: none must tear an update in two."""

import signal
import threading
from types import FrameType, TracebackType

from archdsl.training.errors import Interrupted


class Interrupt:
    """While entered, the first signal is remembered; the same one again acts as it always did.

    SIGHUP comes where a terminal is closed. What is ignored goes on being so: SIGHUP under nohup,
    Ctrl-C in what a script runs in the background. With `at_once`, the first signal raises
    `Interrupted` where it is heard: nothing has begun that it could tear. Python delivers signals
    to the main thread alone: in any other, entering this changes nothing.
    """

    def __init__(self, at_once: bool = False) -> None:
        self.at_once = at_once
        self.signal: int | None = None
        """The signal that was heard."""
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.signal == number:
            self._restore()
            signal.raise_signal(number)
        self.signal = number
        if self.at_once:
            self._restore()
            raise Interrupted(None, 0, number)

    def _restore(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned
