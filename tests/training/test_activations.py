"""What is found out about the inside of a network, against numpy and by hand."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archdsl import load
from archdsl.training import Job, job, train
from archdsl.training.keeping import activations
from archdsl.training.keeping.activations import Activations, Watch, edges
from archdsl.training.together.team import Alone
from archdsl.words.recipe import Data, Evaluate
from tests.training.conftest import tiny


class Mapped(nn.Module):
    """Four channels, of which the second is dead and the third fires for one image alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 1)
        self.relu = nn.ReLU()
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([1.0, 1, 1, -1]).view(4, 1, 1, 1))
            self.conv.bias = nn.Parameter(torch.tensor([0.0, -1e6, -5, 0]))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.conv(x))
        return out


def looked(network: nn.Module, *batches: Tensor) -> list[Activations]:
    with torch.no_grad(), Watch(network, sum(map(len, batches))) as watch:
        for batch in batches:
            network(batch)
    return watch.found(Alone())


def drawn(count: int) -> Tensor:
    images = torch.randn(count, 1, 6, 5, generator=torch.Generator().manual_seed(0)).clamp(-3, 3)
    images[7, 0, 2, 2] = 5.5
    return images


def test_a_unit_is_dead_that_is_zero_in_every_image() -> None:
    images = drawn(20)
    (found,) = looked(Mapped(), images[:6], images[6:13], images[13:])
    assert (found.layer, found.units, found.dead) == ("relu", 4, 1)
    (without,) = looked(Mapped(), images[:7], images[8:])
    assert without.dead == 2  # the image that the third unit fires for was left out
    x = images.numpy()
    zeros = (x <= 0).sum() + x.size + (x <= 5).sum() + (x >= 0).sum()
    assert found.zero == pytest.approx(zeros / (4 * x.size))


def test_a_histogram_is_numpys() -> None:
    network, images = Mapped(), drawn(20)
    (found,) = looked(network, images[:11], images[11:])
    with torch.no_grad():
        values = network(images).double().numpy().ravel()
    bounds = 0.1 * np.sinh(np.arange(-200, 201) / 20)
    expected, _ = np.histogram(values[values != 0], bounds)
    counts = np.zeros(400, int)
    counts[found.first + 200 : found.first + 200 + len(found.counts)] = found.counts
    assert counts.tolist() == expected.tolist()
    assert found.values == values.size
    assert edges(found.first, 2) == pytest.approx(bounds[found.first + 200 :][:3])


def test_values_far_out_are_in_the_last_bin() -> None:
    (found,) = looked(nn.Sequential(nn.Tanh(), nn.PReLU(init=1e6)), torch.tensor([[-9.0], [0]]))[1:]
    assert (found.first, found.counts, found.values, found.zero) == (-200, [1], 2, 0.5)


def test_a_histogram_is_of_images_that_are_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Image n is all n; with room for a third of all values, every third is taken."""
    images = torch.arange(1.0, 13).view(12, 1, 1, 1).expand(12, 1, 6, 5)
    monkeypatch.setattr(activations, "VALUES", 4 * 30)
    (found,) = looked(nn.Sequential(nn.ReLU()), images[:5], images[5:7], images[7:])
    assert found.values == 4 * 30
    bounds = edges(found.first, len(found.counts))
    assert [c for c in found.counts if c] == [30] * 4
    for n in (1, 4, 7, 10):
        assert found.counts[int(np.searchsorted(bounds, n, side="right")) - 1] == 30


def test_layers_are_functions_or_else_what_has_weights() -> None:
    x = torch.ones(2, 3)
    body = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2), nn.Softmax(1))
    assert [found.layer for found in looked(nn.ModuleDict({"a": body})["a"], x)] == ["1"]
    plain = nn.Sequential(nn.Linear(3, 2), nn.Dropout(), nn.Linear(2, 2))
    assert [found.layer for found in looked(plain, x)] == ["0", "2"]


def test_rows_put_together_what_they_have_seen() -> None:
    class Three(Alone):
        def total(self, value: Tensor) -> Tensor:
            return 3 * value

    network, images = Mapped(), drawn(20)
    with torch.no_grad(), Watch(network, 60) as watch:
        network(images)
        network(images[:0])  # all rows are given as many batches, in the end empty ones
    (found,) = watch.found(Three())
    (alone,) = looked(network, images)
    assert (found.dead, found.zero) == (alone.dead, alone.zero)
    assert (found.values, found.counts) == (3 * alone.values, [3 * n for n in alone.counts])


def test_nothing_is_left_on_the_network() -> None:
    network = Mapped()
    looked(network, drawn(20))
    assert not any(layer._forward_hooks for layer in network.modules())


def records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "activations.jsonl").read_text().splitlines()]


def test_a_run_records_its_layers_at_each_evaluation(job: Job, tmp_path: Path) -> None:
    recipe = job.recipe.model_copy(update={"evaluate": Evaluate(every=5)})
    dead = job.module.replace(
        "        self.fc2 =",
        "        with torch.no_grad():\n"
        "            self.conv1.conv.bias[3] = -1e6\n"
        "        self.fc2 =",
    )
    assert dead != job.module
    made = tiny(recipe)
    made = type(made)(**{**vars(made), "module": dead})
    run = train(made, tmp_path / "run").run
    assert [(r["step"], r["layer"]) for r in records(run)] == [
        (step, "conv1.relu") for step in (5, 10, 12)
    ]
    for record in records(run):
        assert record["units"] == 8
        assert 1 <= record["dead"] <= 7
        assert record["zero"] >= 1 / 8
        assert record["values"] == 30 * 8 * 25


TWO = """
arch Two(classes=3) {
  input 3x12x12
  devices 2
  a: conv 8 3x3 pad=1
     relu
     maxpool 4x4 stride=4
  f: linear 13
     tanh
  g: linear classes
  train {
    batch 8
    steps 4
    optimizer sgd lr=0.1 weight_decay=0.01
    evaluate every=2
  }
}
"""


def test_layouts_and_processes_find_the_same(source: Data, tmp_path: Path) -> None:
    spec = tmp_path / "two.arch"
    spec.write_text(TWO, encoding="utf-8")
    two = job(load(spec), source)
    options: Any = {"precision": "fp64"}
    fused = train(two, tmp_path / "fused", "cpu", **options).run
    train(two, tmp_path / "towers", "cpu", layout="towers", **options)
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "--"]
    command = [*launcher, "archdsl", "train", "two.arch", "--device=cpu", "--precision=fp64"]
    data = ["--data", f"folder:{tmp_path / 'data'}", "--layout=fused", "--run=rows", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", *command, *data],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for other in ("towers", "rows"):
        for first, second in zip(records(fused), records(tmp_path / other), strict=True):
            assert first == second, other
    assert [(r["layer"], r["units"]) for r in records(fused)] == [("a.relu", 8), ("f.tanh", 13)] * 2
    last = [
        json.loads((run / "metrics.jsonl").read_text().splitlines()[-2])["regularised_loss"]
        for run in (fused, tmp_path / "towers", tmp_path / "rows")
    ]
    assert last == pytest.approx([last[0]] * 3, rel=1e-6)
