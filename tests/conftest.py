"""What holds for every test."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def heard_signals() -> None:
    """Signals reach the tests, and what they start, also where they themselves run under nohup or
    in a script's background."""
    for number, default in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, default)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images go to a folder of the tests, not to that of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHDSL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
