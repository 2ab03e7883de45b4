"""A run that is killed a hundred times in a row, at moments drawn at random, and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.conftest import SOAK, Budget
from tests.training.conftest import write_folder
from tests.training.stopping import assert_same, killed

KILLS = 100


def test_a_run_that_is_killed_a_hundred_times_loses_nothing(budget: Budget, tmp_path: Path) -> None:
    if budget.seconds is None:
        pytest.skip(f"test_faults.py kills a run twenty times; with {SOAK}, so does this")
    folder = write_folder(tmp_path / "data", {"train": 40, "val": 10})
    assert killed(folder, tmp_path / "whole", 3000, "--times", "0", "0") == 0
    times = ("--times", str(KILLS), str(budget.seed))
    assert killed(folder, tmp_path / "run", 3000, *times) > KILLS / 2
    assert_same(tmp_path / "run", tmp_path / "whole")
    budget.report("kills survived", KILLS)
