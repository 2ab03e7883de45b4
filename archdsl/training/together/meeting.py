"""Where the processes of a run meet: they agree on what they do, and one tells what went wrong."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from torch.distributed import DistError
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from archdsl.training.errors import Finished, Lost, ToldElsewhere, TrainingError
from archdsl.training.interrupt import Interrupt
from archdsl.training.where import Launch

PATIENCE = timedelta(minutes=5)
"""How long a process waits for the others before it gives them up."""
MOMENT = 1.5
"""Seconds in which a process tells what is wrong, before the first one speaks for all."""
TURN = 5.0
"""Seconds in which the first one speaks, before another one does."""
POLL = 0.05
"""Seconds between two looks into the store."""
SHOWN = 3
"""How many differences a message names."""
FINISHED = "finished"
"""What the first process notes where it tells that there is nothing left to do."""


class Meeting:
    """The meeting of a process that is alone: there is nobody to agree with."""

    store: Store | None = None
    """What the processes leave notes in, those of one attempt of torchrun's."""

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Wait until all processes are about to begin, and see that their facts, JSON, are alike.

        Raises:
            Lost: another process cannot begin.
            TrainingError: one is about to do something else.
        """

    def shared(self, name: str, value: str) -> str:
        """What the first process calls by that name.

        Raises:
            Lost: it, or another process, cannot begin.
        """
        return value

    def verdict(self, problem: TrainingError) -> TrainingError:
        """What this process is to raise for a problem: what all have alike, only one tells.

        That is the first one, which also tells what others have. A process that it does not
        answer speaks for itself.
        """
        return problem


class Several(Meeting):
    """The meeting of the processes that torchrun started."""

    def __init__(self, launch: Launch, store: Store) -> None:
        self.launch = launch
        self.store: Store = store

    def agree(self, facts: Mapping[str, Any]) -> None:
        self.store.set(f"facts/{self.launch.rank}", json.dumps(facts))
        # However long the data takes each: where one ends meanwhile, torchrun ends all.
        notes = [f"facts/{rank}" for rank in range(self.launch.size)]
        self._await(notes)
        first, *others = (dict(_leaves(json.loads(self.store.get(note)))) for note in notes)
        for rank, found in enumerate(others, start=1):
            apart = [name for name in first | found if first.get(name) != found.get(name)]
            if apart:
                told = [
                    f"{name} {_cut(found.get(name))}, not {_cut(first.get(name))}"
                    for name in apart[:SHOWN]
                ]
                raise TrainingError(
                    f"process {rank} is about to train something else than process 0: "
                    f"{'; '.join(told)}. Give all processes the same files and options"
                )

    def shared(self, name: str, value: str) -> str:
        if self.launch.rank == 0:
            self.store.set(f"shared/{name}", value)
        self._await([f"shared/{name}"])
        return str(self.store.get(f"shared/{name}").decode())

    def _await(self, notes: list[str]) -> None:
        """Wait for notes, as long as no process has told of an error."""
        while not self.store.check(notes):
            if self.store.check(["errors"]) or self.store.check(["told"]):
                raise Lost("another process of this run cannot begin")
            time.sleep(POLL)

    def verdict(self, problem: TrainingError) -> TrainingError:
        # torchrun ends all processes as soon as one has ended; what is wrong is told before.
        with Interrupt():
            try:
                return self._first(problem) if self.launch.rank == 0 else self._other(problem)
            except DistError:
                return problem  # the store is gone with the process that held it

    def _first(self, problem: TrainingError) -> TrainingError:
        texts = {str(problem): str(problem)}
        if isinstance(problem, Lost) and self._wait("errors", MOMENT):
            texts = self._errors()
        told = [told for text, told in texts.items() if self._claims(text)]
        self.store.set("told", FINISHED if isinstance(problem, Finished) else "")
        if not told:
            return ToldElsewhere(str(problem))
        return problem if told == [str(problem)] else TrainingError("; ".join(told))

    def _other(self, problem: TrainingError) -> TrainingError:
        lost, text = isinstance(problem, Lost), str(problem)
        if not lost:
            self.store.set(f"error/{self.launch.rank}", text)
            self.store.add("errors", 1)
        # The first process may hear of it only when this one ends: then it has had its turn.
        told = self._wait("told", TURN)
        time.sleep(2 * POLL)  # a process that ends ends the one that is telling
        if (lost and (told or self.store.check(["errors"]))) or not self._claims(text):
            finished = told and self.store.get("told").decode() == FINISHED
            return ToldElsewhere(text, finished)
        return TrainingError(f"process {self.launch.rank}: {text}")

    def _errors(self) -> dict[str, str]:
        """What processes have told of, and how it is told for them."""
        found: dict[str, list[str]] = {}
        for rank in range(self.launch.size):
            if self.store.check([f"error/{rank}"]):
                text = self.store.get(f"error/{rank}").decode()
                found.setdefault(text, []).append(f"process {rank}")
        return {text: f"{', '.join(ranks)}: {text}" for text, ranks in found.items()}

    def _claims(self, text: str) -> bool:
        """Whether this process is the one that tells a text."""
        return self.store.add(f"speaks/{hashlib.sha256(text.encode()).hexdigest()}", 1) == 1

    def _wait(self, note: str, seconds: float) -> bool:
        """Whether a note is found in so many seconds."""
        return _until(lambda: self.store.check([note]), seconds)


@contextmanager
def meeting(launch: Launch | None) -> Iterator[Meeting]:
    """Where the processes of a run meet, as long as it lasts. What is wrong is told once.

    Raises:
        TrainingError: they do not find each other.
    """
    met = Meeting() if launch is None else Several(launch, _store(launch))
    try:
        yield met
    except TrainingError as problem:
        found = met.verdict(problem)
        if found is problem:
            raise
        raise found from problem


def _store(launch: Launch) -> Store:
    """torchrun's store, without what an attempt before this one has left there."""
    try:
        store, _, _ = next(rendezvous("env://", launch.rank, launch.size, timeout=PATIENCE))
        name = _called(launch, store) if launch.rank == 0 else _named(launch, store)
    except (RuntimeError, ValueError) as problem:
        raise TrainingError(f"the processes do not find each other: {problem}") from problem
    return PrefixStore(name, store)


# The processes of an attempt find a name for it that no other has. The store may outlive an
# attempt, and TORCHELASTIC_RESTART_COUNT is counted on each machine for itself: where one starts
# its processes again since those of another have failed, it does not count that.


def _called(launch: Launch, store: Store) -> str:
    """The first process names the attempt to all who ask, until all of now have answered."""
    name = uuid4().hex
    absent = set(range(1, launch.size))

    def complete() -> bool:
        for rank in list(absent):
            if store.check([f"asks/{rank}"]):  # perhaps one of an attempt before this
                store.set(f"name/{store.get(f'asks/{rank}').decode()}", name)
            if store.check([f"{name}/{rank}"]):
                absent.remove(rank)
        return not absent

    if not _until(complete, PATIENCE.total_seconds()):
        missing = ", ".join(map(str, sorted(absent)))
        raise TrainingError(f"the processes do not find each other: {missing} did not come")
    return name


def _named(launch: Launch, store: Store) -> str:
    """Any other process asks the first one by a name of its own."""
    asked = uuid4().hex
    store.set(f"asks/{launch.rank}", asked)
    if not _until(lambda: store.check([f"name/{asked}"]), PATIENCE.total_seconds()):
        raise TrainingError("the processes do not find each other: 0 did not come")
    name = str(store.get(f"name/{asked}").decode())
    store.set(f"{name}/{launch.rank}", "")
    return name


def _until(found: Callable[[], bool], seconds: float) -> bool:
    """Whether something is found in so many seconds."""
    end = time.monotonic() + seconds
    while not found():
        if time.monotonic() > end:
            return False
        time.sleep(POLL)
    return True


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """What lies innermost in JSON, by the names on the way."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value


def _cut(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
