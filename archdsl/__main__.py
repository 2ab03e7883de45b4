"""The command `archdsl`, and `python -m archdsl`: how its process starts and ends."""

import gc
import os
import sys
from types import ModuleType


def main() -> None:
    """Run the command line.

    Python spends a fifth of the time of a small check on looking for garbage among what it loads,
    all of which stays, and on taking it apart at the end. It is spared both; but where torch is
    loaded, torch ends its threads itself.
    """
    gc.disable()
    _without_plugins()
    from archdsl import cli

    gc.freeze()
    gc.enable()
    try:
        cli.main()  # flushes what it wrote
    except SystemExit as stop:
        if isinstance(stop.code, int) and "torch" not in sys.modules:
            os._exit(stop.code)
        raise


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
