"""Memory that a step frees stays with the process."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import torch
from archdsl.training import memory
KEEP
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    return [torch.ones(2**24) for _ in range(2)]  # 64 MB each
for _ in range(4):  # until it has all that it will need
    step()
before = faults()
for _ in range(10):
    step()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_system_clears_a_steps_memory_once() -> None:
    counts = []
    for keep in ("", "memory.keep_freed()"):
        command = [sys.executable, "-c", STEPS.replace("KEEP", keep)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        counts.append(int(done.stdout))
    given_back, kept = counts
    # 20 tensors of 16,384 pages, or where the system has huge ones of 32.
    assert given_back >= 20 * 32
    assert kept < 20
