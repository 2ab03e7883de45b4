"""Draw the gallery by the commands of its README:  python examples/gallery/draw.py [FOLDER]

Into FOLDER instead of beside the README, if it is given.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
ROOT = HOME.parent.parent

COMMAND = re.compile(r"^```sh\narchdsl (.+)\n```$", re.MULTILINE)

FAILED = 2
"""archdsl's exit code where it could not do its work; 1 says that there are findings."""


def commands(folder: Path) -> list[list[str]]:
    """What is typed after `archdsl`, with the gallery's folder replaced by another."""
    found = COMMAND.findall((HOME / "README.md").read_text(encoding="utf-8"))
    here = HOME.relative_to(ROOT).as_posix()
    return [[word.replace(here, str(folder)) for word in shlex.split(line)] for line in found]


def main() -> None:
    folder = Path(*sys.argv[1:2]).resolve() if sys.argv[1:] else HOME
    for command in commands(folder):
        done = subprocess.run(
            [sys.executable, "-m", "archdsl", *command],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode >= FAILED:
            sys.exit(f"archdsl {shlex.join(command)}\n{done.stderr}")


if __name__ == "__main__":
    main()
