"""Training a network that is divided over devices: the same run, however it is laid out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from archdsl import load
from archdsl.codegen.layout import Layout
from archdsl.training import Job, Options, TrainingError, job, train
from tests.training.several import PLAIN, SPEC, difference, records, torchrun, weights, write

CLOSE = 1e-12
"""What six steps in float64 differ by, at most, where sums have another order."""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job with 16 images of each of three classes, in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    return job(load(write(tmp_path, SPEC)))


def assert_same_run(one: Path, other: Path) -> None:
    for first, second in zip(records(one), records(other), strict=True):
        for name in ("loss", "regularised_loss", "gradient_norm", "top1", "top5"):
            if name in first:
                assert second[name] == pytest.approx(first[name], rel=CLOSE), name
    assert dead(one) == dead(other)
    before, after = weights(one), weights(other)
    assert before.keys() == after.keys()
    assert max(map(difference, before.values(), after.values())) < CLOSE


def dead(run: Path) -> list[tuple[int, str, int, int]]:
    """Of each layer at each evaluation, how many units it has and how many are dead."""
    lines = (run / "activations.jsonl").read_text(encoding="utf-8").splitlines()
    found = map(json.loads, lines)
    return [(each["step"], each["layer"], each["units"], each["dead"]) for each in found]


def test_towers_train_as_one_device_does(asked: Job, tmp_path: Path) -> None:
    fused = train(asked, tmp_path / "fused", Options(device="cpu", precision="fp64")).run
    towers = train(
        asked, tmp_path / "towers", Options(device="cpu", layout="towers", precision="fp64")
    ).run
    assert_same_run(fused, towers)
    config = json.loads((towers / "config.json").read_text(encoding="utf-8"))
    assert (config["layout"], config["device"], config["processes"]) == ("towers", "cpu, cpu", 1)
    assert "Towers" in (towers / "model.py").read_text(encoding="utf-8")
    assert (towers / "fused.py").read_text(encoding="utf-8") == asked.module
    assert not (fused / "fused.py").exists()
    moved = weights(fused)["g.linear.weight"]
    assert difference(moved, torch.zeros_like(moved)) > 0.01


@pytest.mark.parametrize(
    ("processes", "text", "options"),
    [
        (2, SPEC, ["--layout", "ranks"]),
        (2, PLAIN, ["--layout", "fused"]),
        (2, PLAIN, ["--shard"]),
        (4, PLAIN, ["--layout", "ranks"]),
    ],
    ids=["ranks", "rows", "shards", "rows of ranks"],
)
def test_several_processes_train_as_one_does(
    processes: int, text: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranks hold the network together; rows share each batch, whose dropout is that of one process.

    A batchnorm sees its row's images only. The first process alone writes.
    """
    monkeypatch.chdir(tmp_path)
    spec = write(tmp_path, text)
    fused = train(job(load(spec)), tmp_path / "fused", Options(device="cpu", precision="fp64")).run
    done = torchrun(processes, tmp_path, *options, "--precision", "fp64")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_run(fused, tmp_path / "both")
    assert done.stdout.count("holds everything") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["both", "fused", "images", "two.arch"]
    alone, several = (sorted(p.name for p in run.iterdir()) for run in (fused, tmp_path / "both"))
    assert set(several) - {"fused.py"} == set(alone)


def test_shards_train_a_batchnorm_as_rows_do(tmp_path: Path) -> None:
    """Its means are the first row's in both, and so are the figures of the held-out images."""
    write(tmp_path, SPEC)
    for name, options in {"rows": ["--layout", "fused"], "shards": ["--shard"]}.items():
        done = torchrun(2, tmp_path, *options, "--precision", "fp64", "--run", name)
        assert done.returncode == 0, done.stdout + done.stderr
    assert_same_run(tmp_path / "rows", tmp_path / "shards")
    found = weights(tmp_path / "shards")
    assert found["a.batchnorm.num_batches_tracked"] == 6
    assert difference(found["a.batchnorm.running_mean"], torch.zeros(8)) > 0.01


def test_processes_share_a_batch_evenly(tmp_path: Path) -> None:
    """What is wrong is told once, and before a folder is made."""
    write(tmp_path, SPEC.replace("batch 8", "batch 7"))
    done = torchrun(4, tmp_path)
    assert done.returncode == 1
    said = "batch 7: 2 processes share each batch evenly; take a multiple of 2"
    assert done.stderr.count(said) == 1
    assert not (tmp_path / "both").exists()


def test_a_loss_that_is_no_number_names_the_layer(asked: Job, tmp_path: Path) -> None:
    made = asked.divided[Layout.TOWERS]
    poisoned = made.text.replace("torch.cat(parts, dim=1) for", "torch.cat(parts, dim=1) / 0 for")
    assert poisoned != made.text
    wrong = {Layout.TOWERS: replace(made, text=poisoned)}
    with pytest.raises(TrainingError, match=r"f\.gather is the first layer whose output is not"):
        train(
            replace(asked, divided=wrong), tmp_path / "run", Options(device="cpu", layout="towers")
        )
