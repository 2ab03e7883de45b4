"""Ranks: the network divided over processes gives what it gives in one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_four_processes_give_the_numbers_of_one(tmp_path: Path) -> None:
    """What is compared is in ranks_worker.py; one start of the processes serves all of it."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*command, "--nproc-per-node=4", "-m", "tests.codegen.ranks_worker", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all layouts agree" in done.stdout
    assert "deprecated" not in done.stderr
