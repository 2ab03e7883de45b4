"""The command `archdsl`, and `python -m archdsl`: how its process starts and ends."""

import gc
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from types import FrameType, ModuleType


def main() -> None:
    """Run the command line.

    Python spends a fifth of the time of a small check on looking for garbage among what it loads,
    all of which stays, and on taking it apart at the end. It is spared both; but where torch is
    loaded, torch ends its threads itself.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and is not ignored
        signal.signal(signal.SIGINT, _interrupted)
    try:
        gc.disable()
        _without_plugins()
        _load()
        from archdsl import cli

        cli.asked()
        gc.freeze()
        gc.enable()
        cli.main()  # flushes what it wrote
    except SystemExit as stop:
        if isinstance(stop.code, int) and "torch" not in sys.modules:
            os._exit(stop.code)
        raise


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Ctrl-C: say so, and end with the exit code that a shell expects of it.

    What was begun is undone on the way out; a second Ctrl-C does not wait for that. While a module
    is loaded there is nothing to undo, and no way out that can be relied on: Python's import calls
    back where an exception is printed and forgotten, and compiled modules make others of it.
    """
    signal.signal(number, signal.SIG_DFL)
    with suppress(OSError):  # there may be nobody to tell
        os.write(2, b"archdsl: interrupted\n")  # print may be what it interrupts
    if _loads(frame):
        os._exit(128 + number)
    sys.exit(128 + number)


def _loads(frame: FrameType | None) -> bool:
    """Whether what a frame does is part of loading a module."""
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _load() -> None:
    """Load what all commands need, from here.

    Deep within one another, imports fill what Python has allocated for its frames; it allocates
    more then, and gives it back, a thousand times: a thirtieth of the time of a small check.
    """
    for name in ("lark", "pydantic", "typer", "archdsl.api"):
        import_module(name)


def _without_plugins() -> None:
    """Keep pydantic from looking for plugins in every package that is installed.

    Its environment variable is the switch for that, and yet what would look for them is loaded: a
    twentieth of the time of a small check. So what would look is here, and finds none. Should
    pydantic keep it elsewhere one day, then this does nothing.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(loader.__name__, loader)


if __name__ == "__main__":
    main()
