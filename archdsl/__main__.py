"""The command `archdsl`, and `python -m archdsl`: how its process starts and ends."""

import gc
import os
import sys


def main() -> None:
    """Run the command line.

    Python spends a fifth of the time of a small check on looking for garbage among what it loads,
    all of which stays, and on taking it apart at the end. It is spared both; but where torch is
    loaded, torch ends its threads itself. Pydantic would look for plugins in every package that is
    installed; there is none that archdsl wants.
    """
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from archdsl import cli

    gc.freeze()
    gc.enable()
    try:
        cli.main()  # flushes what it wrote
    except SystemExit as stop:
        if isinstance(stop.code, int) and "torch" not in sys.modules:
            os._exit(stop.code)
        raise


if __name__ == "__main__":
    main()
