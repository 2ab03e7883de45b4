"""Where random numbers come from: the seed and the step, never a generator's past.

A step's draws are then the same in a run that was resumed in the middle of an epoch,
with no generator's state saved, and an added draw for one purpose moves no other.
"""

import hashlib

import torch


def derive(seed: int, purpose: str, index: int) -> int:
    """A 63-bit seed for one purpose ("order", "augment", …) at one step or epoch."""
    digest = hashlib.sha256(f"{seed} {purpose} {index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, purpose: str, index: int) -> torch.Generator:
    """A generator for one purpose at one step; on the CPU: devices see the same."""
    return torch.Generator().manual_seed(derive(seed, purpose, index))
