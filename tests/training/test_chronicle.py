"""What a run writes down and draws while it lasts."""

import csv
import io
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from archdsl import load
from archdsl.training import Evaluation, Interrupted, Job, Silent, TrainingError, job, train
from archdsl.training.keeping import chronicle, plots
from archdsl.training.keeping.layer_plots import kernels
from archdsl.words.recipe import Adam, AdamW, Data, Evaluate, Optimizer, Recipe, Scale, Sgd
from archdsl.words.word import Reference

Make = Callable[[Recipe], Job]


def records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def table(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    return recipe.model_copy(update=changes)


def test_the_table_has_every_record(make_job: Make, recipe: Recipe, tmp_path: Path) -> None:
    run = train(make_job(changed(recipe, evaluate=Evaluate(every=5))), tmp_path / "run").run
    rows = table(run)
    kept = records(run)
    assert [row["kind"] for row in rows] == [record["kind"] for record in kept]
    for row, record in zip(rows, kept, strict=True):
        filled = {name: value for name, value in row.items() if value}
        assert filled.pop("kind") == record.pop("kind")
        assert {name: float(value) for name, value in filled.items()} == record
    assert {"loss", "regularised_loss", "rate", "top1", "top5_standard_error"} < rows[0].keys()


@pytest.mark.parametrize(
    ("optimizer", "scales", "factor"),
    [
        (Sgd(lr=0.01, weight_decay=0.3), (), 1),
        (Sgd(lr=0.01, weight_decay=0.3, momentum=0.9, rule="paper"), (), 1),
        (Adam(weight_decay=0.3), (), 1),
        (Adam(weight_decay=0.3), (Scale(target=Reference("conv1"), decay=0.5),), 0.5),
        (Sgd(lr=0.01), (), 0),
        (AdamW(weight_decay=0.3), (), 0),
    ],
)
def test_the_regularised_loss_is_its_formula(
    make_job: Make,
    recipe: Recipe,
    tmp_path: Path,
    optimizer: Optimizer,
    scales: tuple[Scale, ...],
    factor: float,
) -> None:
    """½ · 0.3 · Σ w², with the first layer's share times a factor where there is a scale."""
    run = train(make_job(changed(recipe, optimizer=optimizer, scale=scales)), tmp_path / "run").run
    squares = {name: float(w.double().square().sum()) for name, w in _weights(run).items()}
    first = sum(v for name, v in squares.items() if name.startswith("conv1."))
    rest = sum(squares.values()) - first
    last = records(run)[-2]
    expected = 0.15 * (factor * first + (rest if factor else 0))
    assert last["regularised_loss"] - last["loss"] == pytest.approx(expected, rel=1e-5)


def _weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "weights.safetensors")


def _colours(path: Path) -> set[tuple[int, ...]]:
    with Image.open(path) as plot:
        return {colour for _, colour in plot.convert("RGB").getcolors(2**24) or ()}  # type: ignore[misc]


def test_the_regularised_loss_is_a_curve_where_it_differs(
    make_job: Make, recipe: Recipe, tmp_path: Path
) -> None:
    purple = (0x6A, 0x3D, 0x9A)
    with_decay = changed(recipe, optimizer=Sgd(lr=0.01, weight_decay=0.3))
    assert purple in _colours(train(make_job(with_decay), tmp_path / "a").run / "loss.png")
    without = changed(recipe, optimizer=Sgd(lr=0.01))
    assert purple not in _colours(train(make_job(without), tmp_path / "b").run / "loss.png")


def test_the_pictures_are_drawn_while_it_trains(
    make_job: Make, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[list[str]] = []

    class Looking(Silent):
        def evaluated(self, event: Evaluation) -> None:
            there.append(sorted(path.name for path in (tmp_path / "run").glob("*.png")))

    often = make_job(changed(recipe, steps=2, evaluate=Evaluate(every=1)))
    monkeypatch.setattr(chronicle, "PATIENCE", 0.0)
    monkeypatch.setattr(chronicle, "SHARE", 0)
    train(often, tmp_path / "run", report=Looking())
    assert there == [["activations.png", "loss.png"]] * 2


def test_drawing_waits(
    make_job: Make, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of less than half a minute draws once, at its end."""
    drawn: list[int] = []
    loss = plots.loss

    def counted(records: Any, title: str) -> bytes:
        drawn.append(len(records))
        return loss(records, title)

    monkeypatch.setattr(plots, "loss", counted)
    run = train(make_job(recipe), tmp_path / "run").run
    assert drawn == [len(records(run))]


def test_kernels_are_drawn_for_each_device() -> None:
    """Four are red 1, green 0, blue -0.5 and four the other way round; grey is 0."""
    weight = torch.tensor([2.0, 0, -1]).view(3, 1, 1).repeat(8, 1, 2, 2)
    weight[4:] /= -4
    one, two = (_pixels(kernels({"now": weight}, devices, "a title")) for devices in (1, 2))
    (first, second), (left, right) = (
        [
            np.argwhere(np.abs(image - np.array(colour)).max(2) < 2)
            for colour in ((255, 127.5, 63.75), (0, 127.5, 191.25))
        ]
        for image in (one, two)
    )
    assert first[:, 0].max() < second[:, 0].min()  # above each other, in one sheet
    assert left[:, 1].max() < two.shape[1] / 2 < right[:, 1].min()
    assert left[:, 0].min() == right[:, 0].min()


def test_kernels_over_other_than_three_channels_are_grey() -> None:
    """Their mean over the channels, as bright as it is large: 1, 0 and -1 times the largest."""
    weight = torch.tensor([[1.0, 0, -1], [3, 0, -3]]).view(1, 2, 1, 3)
    image = _pixels(kernels({"now": weight}, 1, ""))
    for shade in (0, 127.5):
        assert (np.abs(image[40:].astype(float) - shade).max(2) < 1).sum() > 1000
    assert {tuple(pixel) for pixel in image[60, :, :]} <= {(n, n, n) for n in range(256)}


def _pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


CONV = """
arch Small(classes=3) {{
  input 3x12x12
  devices {devices}
  a: conv 8 3x3 pad=1
     relu
  g: linear classes
  train {{
    batch 8
    steps 2
  }}
}}
"""


def test_a_run_draws_its_first_kernels_before_and_after(
    source: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[dict[str, torch.Tensor], int]] = []

    def draw(sheets: dict[str, torch.Tensor], devices: int, title: str) -> bytes:
        seen.append((sheets, devices))
        return b"drawn"

    monkeypatch.setattr("archdsl.training.keeping.layer_plots.kernels", draw)
    for devices in (1, 2):
        spec = tmp_path / f"small{devices}.arch"
        spec.write_text(CONV.format(devices=devices), encoding="utf-8")
        run = train(job(load(spec), source), tmp_path / f"run{devices}").run
        assert (run / "kernels.png").read_bytes() == b"drawn"
        sheets, count = seen[-1]
        assert (list(sheets), count) == (["before training", "after training"], devices)
        assert torch.equal(sheets["after training"], _weights(run)["a.conv.weight"])
        assert not torch.equal(*sheets.values())


def test_a_network_without_convolutions_has_no_kernels(
    make_job: Make, recipe: Recipe, tmp_path: Path
) -> None:
    made = make_job(recipe)
    flat = made.module.replace("nn.Conv2d(3, 8, kernel_size=3, stride=2)", "nn.Flatten()")
    flat = flat.replace("8 * 5 * 5", "3 * 12 * 12")
    fields = {**vars(made), "module": flat, "parameters": 3 * 12 * 12 * 3 + 3}
    run = train(Job(**fields), tmp_path / "run").run
    assert not (run / "kernels.png").exists()
    assert (run / "activations.png").exists()


class Writer:
    """Stands in for torch.utils.tensorboard.SummaryWriter."""

    made: list["Writer"]

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step, self.open = folder, purge_step, True
        self.scalars: list[tuple[str, float, int]] = []
        self.made.append(self)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *told: object) -> None:
        self.open = False

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def flush(self) -> None:
        if self.folder.endswith("full"):
            raise OSError(28, "No space left on device")


@pytest.fixture
def tensorboard(monkeypatch: pytest.MonkeyPatch) -> type[Writer]:
    monkeypatch.setattr(
        "archdsl.training.keeping.board.find_spec", lambda name: name == "tensorboard"
    )
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    Writer.made = []
    return Writer


def test_tensorboard_gets_every_record(job: Job, tmp_path: Path, tensorboard: type[Writer]) -> None:
    run = train(job, tmp_path / "run").run
    (writer,) = tensorboard.made
    assert (writer.folder, writer.purge_step, writer.open) == (str(run), 1, False)
    expected = [
        (f"{record['kind']}/{name}", value, record["step"])
        for record in records(run)
        for name, value in record.items()
        if name not in ("kind", "step")
    ]
    assert writer.scalars == expected


@pytest.mark.usefixtures("tensorboard")
def test_a_full_disk_is_told_of(job: Job, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="full cannot be written"):
        train(job, tmp_path / "full")


def test_without_tensorboard_nothing_is_said(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archdsl.training.keeping.board.find_spec", lambda name: None)
    run = train(job, tmp_path / "run").run
    assert not list(run.glob("events*"))


def test_a_run_that_goes_on_writes_what_one_that_was_not_stopped_does(
    make_job: Make, recipe: Recipe, tmp_path: Path
) -> None:
    class Impatient(Silent):
        def evaluated(self, event: Evaluation) -> None:
            if event.step == 5:
                signal.raise_signal(signal.SIGTERM)

    asked = make_job(changed(recipe, evaluate=Evaluate(every=5)))
    whole = train(asked, tmp_path / "whole").run
    with pytest.raises(Interrupted):
        train(asked, tmp_path / "stopped", report=Impatient())
    train(asked, tmp_path / "stopped", resume=True)
    kept = [
        [{**row, "images_per_second": ""} for row in table(run)]
        for run in (whole, tmp_path / "stopped")
    ]
    assert kept[0] == kept[1]
    inside = [(run / "activations.jsonl").read_text() for run in (whole, tmp_path / "stopped")]
    assert inside[0] == inside[1]
    assert [json.loads(line)["step"] for line in inside[0].splitlines()] == [5, 10, 12]
