"""How long the random tests go on: seconds in `make test`, as long as is asked for in `make soak`.

ARCHDSL_SOAK is that time in seconds, of both tests together; ARCHDSL_SEED draws again what an
earlier run has drawn. Without them the tests are short and the same every time.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

SOAK = "ARCHDSL_SOAK"
SEED = "ARCHDSL_SEED"
TESTS = 2
"""Which share the time."""


@dataclass
class Budget:
    """What one test may take, and the seed it starts from."""

    seconds: float | None
    """None for one short round."""
    seed: int
    done: list[str] = field(default_factory=list)

    def rounds(self) -> Iterator[int]:
        """The seeds of as many rounds as there is time for, at least of one."""
        end = time.monotonic() + (self.seconds or 0)
        number = self.seed
        while True:
            yield number
            number += 1
            if self.seconds is None or time.monotonic() > end:
                return

    def report(self, what: str, count: int) -> None:
        """Say at the end of the run how much was done."""
        self.done.append(f"{count:,} {what}")


_stash = pytest.StashKey[Budget]()


def pytest_configure(config: pytest.Config) -> None:
    asked = os.environ.get(SOAK)
    seed = int(os.environ.get(SEED) or (secrets.randbelow(10**9) if asked else 0))
    config.stash[_stash] = Budget(float(asked) / TESTS if asked else None, seed)


def pytest_report_header(config: pytest.Config) -> str:
    budget = config.stash[_stash]
    if budget.seconds is None:
        return "soak: one short round"
    return f"soak: {budget.seconds * TESTS:g} seconds, {SEED}={budget.seed}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash[_stash].done:
        terminalreporter.write_line(f"soak: {line}")


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> Budget:
    return request.config.stash[_stash]
