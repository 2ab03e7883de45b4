"""Several processes that train one network: what they share, and what is said where one fails."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed import HashStore  # type: ignore[attr-defined]  # it is not in __all__
from torch.distributed.distributed_c10d import Store

from archdsl import load
from archdsl.training import Options, ToldElsewhere, TrainingError, job
from archdsl.training.augment import View
from archdsl.training.batches import Batches
from archdsl.training.data.sources import Split
from archdsl.training.errors import Lost
from archdsl.training.evaluate import Examination
from archdsl.training.plan import planned
from archdsl.training.precision import precision
from archdsl.training.report import Silent
from archdsl.training.together import meeting as meetings
from archdsl.training.together.meeting import Several, meeting
from archdsl.training.together.team import Alone
from archdsl.training.where import Launch, where
from archdsl.words.recipe import Augment
from tests.training.several import PLAIN, records, torchrun, weights, write

CPU = torch.device("cpu")
DYING = "tests.training.dying"
GONE = (
    "another process of this run is gone, so it cannot go on; its records and checkpoints are in "
    "both, and --resume goes on from them"
)


class Row(Alone):
    """One of the rows that share a batch, as far as its share goes."""

    def __init__(self, row: int, rows: int) -> None:
        self.row, self.rows = row, rows
        self.totals: list[Tensor] = []

    def total(self, value: Tensor) -> Tensor:
        self.totals.append(value)
        return value


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_rows_share_each_batch_without_overlap_or_loss(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together they see every image of an epoch once, in the order in which one process does."""
    monkeypatch.chdir(tmp_path)
    asked = job(load(write(tmp_path, PLAIN.replace("batch 8", "batch 12"))))
    place = where("fused", "cpu", 2, "two.arch")
    plan = planned(asked, place, Options(precision="fp32", cache=False), Silent())
    whole = Batches(plan, Alone())
    shares = [Batches(plan, Row(row, rows)) for row in range(rows)]
    seen = []
    for step in range(4):
        images, labels = whole.at(step)
        parts = [share.at(step) for share in shares]
        assert [len(part) for part, _ in parts] == [12 // rows] * rows
        assert torch.equal(torch.cat([part for part, _ in parts]), images)
        assert torch.equal(torch.cat([part for _, part in parts]), labels)
        seen += [image.numpy().tobytes() for image in images]
    assert len(set(seen)) == len(seen) == 48


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_rows_share_held_out_images_without_overlap_or_loss(rows: int) -> None:
    """Their sums are the counts of all: here the first pixel is the class that a network names.

    Each computes as often as the others, if need be on nothing.
    """
    labels = torch.arange(11) % 6
    images = labels.to(torch.uint8)[:, None, None, None].repeat(1, 1, 2, 2)
    images[[2, 9]] = 0  # of classes 2 and 3, which are then third and fourth choice
    images[10] = 5  # of class 4, which is then the last

    class Names(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return -((torch.arange(6) - x[:, 0, 0, 0].long()[:, None]) % 6).double()

    plain = View(
        Augment(), (2, 2), torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1), torch.zeros(1, 1), 0
    )
    teams = [Row(row, rows) for row in range(rows)]
    networks = [Names() for _ in teams]
    for team, network in zip(teams, networks, strict=True):
        shown = Examination(
            Split(images, labels), plain, 1, 4, CPU, precision("fp64", False, CPU), team
        )
        assert shown.judge(network, 1) is not None
    loss, top1, top5 = sum(team.totals[0] for team in teams).tolist()  # type: ignore[union-attr]
    of_six = math.log(sum(math.exp(-k) for k in range(6)))
    assert loss == pytest.approx(11 * of_six + 2 + 3 + 5, rel=1e-12)
    assert (top1, top5) == (8, 10)
    assert len({network.calls for network in networks}) == 1


# --- what is wrong ----------------------------------------------------------------------------

Part = Callable[[Several], None]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Exception | None]]:
    """What each process raises in the end, of those that do these parts."""
    monkeypatch.setattr(meetings, "MOMENT", 0.5)
    monkeypatch.setattr(meetings, "TURN", 1.0)
    monkeypatch.setattr(meetings, "POLL", 0.01)

    def meet(*parts: Part, store: Store | None = None) -> list[Exception | None]:
        store = store or HashStore()
        monkeypatch.setattr(meetings, "rendezvous", lambda *_, **__: iter([(store, 0, 0)]))

        def run(rank: int) -> Exception | None:
            try:
                with meeting(Launch(rank, len(parts), rank)) as met:
                    assert isinstance(met, Several)
                    parts[rank](met)
            except TrainingError as problem:
                return problem
            return None

        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(run, range(len(parts))))

    return meet


def agrees(facts: dict[str, Any]) -> Part:
    return lambda met: met.agree(facts)


def fails(problem: TrainingError) -> Part:
    def part(met: Several) -> None:
        raise problem

    return part


Meet = Callable[..., list[Exception | None]]


def test_processes_that_agree_begin(said: Meet) -> None:
    facts = {"seed": 1, "data": {"sha256": "ab"}}
    assert said(*[agrees(facts)] * 3) == [None] * 3


def test_a_process_with_other_data_is_named_once(said: Meet) -> None:
    facts = [{"seed": 1, "data": {"sha256": value}} for value in ("ab", "ab", "cd")]
    first, *others = said(*map(agrees, facts))
    assert type(first) is TrainingError
    assert str(first) == (
        "process 2 is about to train something else than process 0: "
        'data.sha256 "cd", not "ab". Give all processes the same files and options'
    )
    assert [type(problem) for problem in others] == [ToldElsewhere] * 2


def test_what_all_have_to_tell_the_first_one_tells(said: Meet) -> None:
    first, *others = said(*[fails(TrainingError("batch 7"))] * 3)
    assert (type(first), str(first)) == (TrainingError, "batch 7")
    assert [type(problem) for problem in others] == [ToldElsewhere] * 2


def test_what_one_has_to_tell_the_first_one_tells_for_it(said: Meet) -> None:
    first, *others = said(agrees({}), fails(TrainingError("no images")), agrees({}))
    assert str(first) == "process 1: no images"
    assert [type(problem) for problem in others] == [ToldElsewhere] * 2


def test_what_one_has_to_tell_beside_the_first_is_told(said: Meet) -> None:
    found = said(fails(TrainingError("no spec")), fails(TrainingError("no images")))
    assert list(map(str, found)) == ["no spec", "process 1: no images"]


def test_where_the_first_one_is_gone_one_other_tells(said: Meet) -> None:
    gone = fails(Lost("another process is gone"))
    silent, *others = said(lambda met: None, gone, gone, gone)
    assert silent is None
    told = [str(problem) for problem in others if type(problem) is not ToldElsewhere]
    assert len(told) == 1
    assert told[0].endswith(": another process is gone")


def test_an_attempt_does_not_read_what_the_one_before_it_left(said: Meet) -> None:
    store = HashStore()
    assert said(*[agrees({"seed": 1})] * 3, store=store) == [None] * 3
    first, *others = said(*[agrees({"seed": seed}) for seed in (2, 3, 3)], store=store)
    assert "process 1 is about to train something else" in str(first)
    assert [type(problem) for problem in others] == [ToldElsewhere] * 2
    assert said(*[agrees({"seed": 3})] * 3, store=store) == [None] * 3


def test_processes_that_do_not_come_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meetings, "PATIENCE", timedelta(seconds=0.1))
    monkeypatch.setattr(meetings, "rendezvous", lambda *_, **__: iter([(HashStore(), 0, 0)]))
    with (
        pytest.raises(TrainingError, match="do not find each other: 1, 2 did not come"),
        meeting(Launch(0, 3, 0)),
    ):
        pass
    with pytest.raises(TrainingError, match="0 did not come"), meeting(Launch(1, 3, 0)):
        pass


def told(output: str) -> list[str]:
    """What processes said of what is wrong."""
    lines = output.splitlines()
    return [line.removeprefix("archdsl: ") for line in lines if line.startswith("archdsl: ")]


def test_errors_of_a_spec_are_told_once(tmp_path: Path) -> None:
    write(tmp_path, PLAIN.replace("linear classes", "linear clases"))
    done = torchrun(2, tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("error[") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "two.arch"]


def test_a_process_that_is_killed_ends_the_others(tmp_path: Path) -> None:
    """Also where it is the one that tells what is wrong; the restart below kills another."""
    write(tmp_path, PLAIN)
    words = ["--layout", "fused", "--checkpoint-every", "2"]
    environment = {"DYING_RANK": "0", "DYING_STEP": "4", "DYING_OF": "kill"}
    done = torchrun(2, tmp_path, *words, module=DYING, environment=environment)
    assert done.returncode == 1
    assert told(done.stderr) == [f"process 1: {GONE}"]
    assert (tmp_path / "both" / "checkpoints" / "step-00000004").exists()


def test_what_befalls_one_process_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    environment = {"DYING_RANK": "1", "DYING_STEP": "2", "DYING_OF": "memory"}
    done = torchrun(2, tmp_path, "--layout", "fused", module=DYING, environment=environment)
    assert told(done.stderr) == [
        "process 1: cpu is out of memory at batch 8; lower `batch`, or train with --device cpu"
    ]


@pytest.mark.parametrize("options", [["--layout", "fused"], ["--shard"]], ids=["rows", "shards"])
def test_torchrun_starts_a_run_again_that_ends_as_if_nothing_had_been(
    options: list[str], tmp_path: Path
) -> None:
    """The process that is killed has done four updates, of which the checkpoint has three."""
    write(tmp_path, PLAIN)
    whole = torchrun(2, tmp_path, *options, "--run", "whole")
    assert whole.returncode == 0, whole.stderr
    words = [*options, "--resume", "--checkpoint-every", "3"]
    environment = {"DYING_RANK": "1", "DYING_STEP": "4", "DYING_OF": "kill"}
    done = torchrun(2, tmp_path, *words, module=DYING, restarts=3, environment=environment)
    assert done.returncode == 0, done.stderr
    assert told(done.stderr) == [GONE]
    assert "goes on after step 3" in done.stdout
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "both")
    assert all(torch.equal(one[name], other[name]) for name in one | other)
    figures = [
        [{k: v for k, v in each.items() if k != "images_per_second"} for each in records(run)]
        for run in (tmp_path / "whole", tmp_path / "both")
    ]
    assert figures[0] == figures[1]

    again = torchrun(2, tmp_path, *options, "--run", "whole", "--resume")
    assert again.returncode == 0, again.stderr
    (finished,) = told(again.stderr)
    assert finished.startswith("whole is finished: all of its ")
