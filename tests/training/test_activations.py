"""What is found out about the inside of a network, against numpy and by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archdsl import load
from archdsl.training import Job, Options, job, train
from archdsl.training.keeping import activations
from archdsl.training.keeping.activations import Activations, Watch, edges, units
from archdsl.training.together.team import Alone
from archdsl.words.recipe import Data, Evaluate
from tests.training.conftest import tiny
from tests.training.several import torchrun


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


def bins(found: Activations) -> NDArray[np.int64]:
    """All 400 of a histogram."""
    counts = np.zeros(400, np.int64)
    counts[found.first + 200 :][: len(found.counts)] = found.counts
    return counts


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
    assert bins(found).tolist() == expected.tolist()
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


class Divided(nn.Module):
    """A part of a network: some of Mapped's units, and what all processes have."""

    def __init__(self, mapped: Mapped, first: int, end: int) -> None:
        super().__init__()
        self.mapped, self.first, self.end = mapped, first, end
        self.tanh, self.relu = nn.Tanh(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.mapped.conv(self.tanh(x))[:, self.first : self.end])
        return out


def test_what_processes_have_of_a_layer_is_put_together() -> None:
    """Three units and one; what both have whole is counted once."""
    sent: list[bytes] = []

    class Other(Alone):
        def collected(self, own: bytes) -> list[bytes]:
            sent.append(own)
            return []

    class Leading(Alone):
        def collected(self, own: bytes) -> list[bytes]:
            return [own, *sent]

    images, mapped = drawn(20), Mapped()
    watches = []
    for first, end in ((0, 3), (3, 4)):
        part = Divided(mapped, first, end)
        with torch.no_grad(), Watch(part, 20, units={"tanh": 1, "relu": 4}) as watch:
            part(images)
        watches.append(watch)
    assert watches[1].found(Other()) == []
    assert watches[0].found(Leading()) == looked(Divided(mapped, 0, 4), images)


def test_rows_look_at_the_images_that_one_process_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third of twelve, of which the second row has the last seven."""
    images = torch.arange(1.0, 13).view(12, 1, 1, 1).expand(12, 1, 6, 5)
    monkeypatch.setattr(activations, "VALUES", 4 * 30)
    (alone,) = looked(nn.Sequential(nn.ReLU()), images)
    counted = []
    for first, end in ((0, 5), (5, 12)):
        network = nn.Sequential(nn.ReLU())
        with torch.no_grad(), Watch(network, 12, first) as watch:
            network(images[first:end])
        counted += watch.found(Alone())
    assert sum(found.values for found in counted) == alone.values == 4 * 30
    assert np.sum([bins(found) for found in counted], axis=0).tolist() == bins(alone).tolist()


def test_units_are_known_without_numbers() -> None:
    with torch.device("meta"):
        network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 5))
        network.append(nn.Tanh())
        assert units(network, torch.empty(1, 3, 5, 5)) == {"1": 8, "4": 5}


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
  n: prelu
  a: conv 64 3x3 pad=1
     relu
     maxpool 4x4 stride=4
  d: conv 8 3x3 pad=1 groups=2
     relu
  f: linear 13
     tanh
  g: linear classes
  init d bias=-0.3
  train {
    batch 8
    steps 4
    optimizer sgd lr=0.1 weight_decay=0.01
    evaluate every=2
  }
}
"""
"""Every device has what n gives; the features of f they divide unevenly. Of what a gives every
second image is looked at."""


@pytest.fixture
def fused(source: Data, tmp_path: Path) -> Path:
    """A run on one device."""
    return trained(source, tmp_path, "fused")


def trained(source: Data, folder: Path, layout: str) -> Path:
    """A run of TWO, which stands in that folder, in one process."""
    (folder / "two.arch").write_text(TWO, encoding="utf-8")
    asked = job(load(folder / "two.arch"), source)
    options = Options(device="cpu", layout=layout, precision="fp64")
    return train(asked, folder / layout, options).run


def assert_same(run: Path, fused: Path) -> None:
    found, expected = records(run), records(fused)
    layers = [("n.prelu", 3), ("a.relu", 64), ("d.relu", 8), ("f.tanh", 13)]
    assert [(r["layer"], r["units"]) for r in expected] == 2 * layers
    assert [r["values"] for r in expected[:2]] == [30 * 3 * 144, 15 * 64 * 144]
    assert 0 < expected[2]["dead"] < 8
    assert found == expected


def test_towers_find_the_same(source: Data, fused: Path, tmp_path: Path) -> None:
    assert_same(trained(source, tmp_path, "towers"), fused)


@pytest.mark.parametrize("processes", [2, 4])
def test_ranks_find_the_same(fused: Path, tmp_path: Path, processes: int) -> None:
    """Two have a part of the network each; of four, two have it and judge half of the images."""
    options = ["--layout", "ranks", "--precision", "fp64", "--data", f"folder:{tmp_path / 'data'}"]
    done = torchrun(processes, tmp_path, *options, "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same(tmp_path / "both", fused)
    assert (tmp_path / "both" / "activations.png").exists()
    penalties = [
        json.loads((run / "metrics.jsonl").read_text().splitlines()[-2])["regularised_loss"]
        for run in (fused, tmp_path / "both")
    ]
    assert penalties[1] == pytest.approx(penalties[0], rel=1e-6)
