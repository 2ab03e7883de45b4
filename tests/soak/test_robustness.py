"""Whatever the text: findings or a network, soon, in little memory, and never an exception."""

from __future__ import annotations

import random
from pathlib import Path
from zlib import crc32

from tests.soak.conftest import Budget
from tests.soak.harness import Worker, kind, saved, smallest
from tests.soak.mutations import broken, corpus

ROUND = 60
"""Texts drawn from one seed: all of `make test`, and what `make soak` draws again and again."""

HANG = 2.0
"""Seconds of the processor's time that one thing may take, in `make soak`."""

PATIENT_HANG = 20.0
"""The same in `make test`, where the machine may be slow."""

MINIMIZING = 60.0
"""Seconds to make a failing text smaller."""


def test_broken_files_end_in_findings_or_a_network(budget: Budget) -> None:
    assert len(corpus()) > 100
    limit = HANG if budget.seconds else PATIENT_HANG
    failures: dict[str, str] = {}
    texts = 0
    with Worker(limit) as worker:
        for seed in budget.rounds():
            draw = random.Random(seed)
            for turn in range(ROUND):
                path, data = broken(draw)
                texts += 1
                failure = worker.failure(path, data, turn)
                if failure and kind(failure) not in failures:
                    failures[kind(failure)] = told(worker, path, data, failure, seed, turn)
    budget.report("broken files survived", texts - len(failures))
    assert not failures, "\n\n".join(failures.values())
    assert worker.modules > texts // 40, "the mutations are too wild to mean much"


def told(worker: Worker, path: Path, data: bytes, failure: str, seed: int, turn: int) -> str:
    """A failure, and where the text is kept that brings it about, as it is and made smaller."""

    def fails(other: bytes) -> bool:
        found = worker.failure(path, other, turn)
        return found is not None and kind(found) == kind(failure)

    small = smallest(data, fails, MINIMIZING)
    stem = f"{path.stem}-{seed}-{crc32(kind(failure).encode()):08x}"
    whole, least = saved(data, f"{stem}.arch"), saved(small, f"{stem}-small.arch")
    return f"{failure}\nseed {seed}; {whole}, {path} mutated; smaller: {least}\n{small[:400]!r}"
