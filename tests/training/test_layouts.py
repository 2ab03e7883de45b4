"""Training a network that is divided over devices: the same run, however it is laid out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from archdsl import load
from archdsl.codegen.layout import Layout
from archdsl.training import Job, TrainingError, job, train
from tests.helpers import ROOT

SPEC = """
arch Two(classes=3) {
  input 3x16x16
  devices 2
  a: conv 8 3x3 pad=1
     batchnorm
     relu
     maxpool 4x4 stride=4
     dropout 0.2
  b: conv 8 3x3 pad=1 groups=2
     relu
  f: linear 12
     relu
     dropout 0.5
  g: linear classes
  train {
    data folder "images"
    batch 8
    steps 6
    optimizer sgd lr=0.1 momentum=0.9 weight_decay=0.001 rule=paper
    scale biases lr=2 decay=0
    evaluate every=3
  }
}
"""

CLOSE = 2e-6
"""What six steps in float32 differ by where sums have another order."""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job with 16 images of each of three classes, in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    for part, count in (("train", 16), ("val", 4)):
        for label in ("one", "two", "three"):
            folder = tmp_path / "images" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draws.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    spec = tmp_path / "two.arch"
    spec.write_text(SPEC, encoding="utf-8")
    return job(load(spec))


def records(run: Path) -> list[dict[str, float]]:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def assert_same_run(one: Path, other: Path, close: float = CLOSE) -> None:
    for first, second in zip(records(one), records(other), strict=True):
        for name in ("loss", "gradient_norm", "top1"):
            if name in first:
                assert second[name] == pytest.approx(first[name], rel=1e-4), name
    before, after = (load_file(run / "weights.safetensors") for run in (one, other))
    assert before.keys() == after.keys()
    assert max(map(difference, before.values(), after.values())) < close


def difference(one: Tensor, other: Tensor) -> float:
    return (one.double() - other.double()).abs().max().item()


def test_towers_train_as_one_device_does(asked: Job, tmp_path: Path) -> None:
    fused = train(asked, tmp_path / "fused", "cpu").run
    towers = train(asked, tmp_path / "towers", "cpu", layout="towers").run
    assert_same_run(fused, towers)
    config = json.loads((towers / "config.json").read_text(encoding="utf-8"))
    assert (config["layout"], config["device"], config["processes"]) == ("towers", "cpu, cpu", 1)
    assert "Towers" in (towers / "model.py").read_text(encoding="utf-8")
    assert (towers / "fused.py").read_text(encoding="utf-8") == asked.module
    assert not (fused / "fused.py").exists()
    moved = load_file(fused / "weights.safetensors")["g.linear.weight"]
    assert difference(moved, torch.zeros_like(moved)) > 0.01


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("layout", "processes"),
    [("ranks", 2), ("fused", 2), ("ranks", 4)],
    ids=["ranks", "rows", "rows of ranks"],
)
def test_several_processes_train_as_one_does(layout: str, processes: int, tmp_path: Path) -> None:
    """Ranks hold the network together; rows share each batch, whose dropout is that of one process.

    A batchnorm sees its row's images only. The `--` keeps torchrun from reading `--run` as one of
    its own.
    """
    rows = layout == "fused" or processes > 2
    text = SPEC.replace("     batchnorm\n", "") if rows else SPEC
    (tmp_path / "two.arch").write_text(text, encoding="utf-8")
    fused = train(job(load(tmp_path / "two.arch")), tmp_path / "fused", "cpu").run
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    words = ["archdsl", "train", "two.arch", "--run", "both", "--device", "cpu", "--layout", layout]
    done = subprocess.run(
        [*torchrun, f"--nproc-per-node={processes}", "-m", "--", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_run(fused, tmp_path / "both")
    assert done.stdout.count("holds everything") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["both", "fused", "images", "two.arch"]


@pytest.mark.usefixtures("asked")
def test_processes_share_a_batch_evenly(tmp_path: Path) -> None:
    """What is wrong is told before a folder is made."""
    (tmp_path / "two.arch").write_text(SPEC.replace("batch 8", "batch 7"), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"]
    words = ["archdsl", "train", "two.arch", "--device", "cpu", "--run", "both"]
    done = subprocess.run(
        [*command, "-m", "--", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "batch 7: 2 processes share each batch evenly; take a multiple of 2" in done.stderr
    assert not (tmp_path / "both").exists()


def test_a_loss_that_is_no_number_names_the_layer(asked: Job, tmp_path: Path) -> None:
    made = asked.divided[Layout.TOWERS]
    poisoned = made.text.replace("torch.cat(parts, dim=1) for", "torch.cat(parts, dim=1) / 0 for")
    assert poisoned != made.text
    wrong = {Layout.TOWERS: replace(made, text=poisoned)}
    with pytest.raises(TrainingError, match=r"f\.gather is the first layer whose output is not"):
        train(replace(asked, divided=wrong), tmp_path / "run", "cpu", layout="towers")
