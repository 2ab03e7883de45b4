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
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from archdsl import load
from archdsl.training import (
    Evaluation,
    Interrupted,
    Job,
    Options,
    Silent,
    TrainingError,
    job,
    train,
)
from archdsl.training.keeping import chronicle, plots
from archdsl.training.keeping.layer_plots import activations, kernels
from archdsl.words.recipe import (
    Adam,
    AdamW,
    CrossEntropy,
    Data,
    Evaluate,
    Optimizer,
    Recipe,
    Scale,
    Sgd,
)
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


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Those that are drawn."""
    drawn: list[Figure] = []
    figure = plots.figure

    def kept(width: float, height: float) -> Figure:
        drawn.append(figure(width, height))
        return drawn[-1]

    for name in ("plots", "layer_plots"):
        monkeypatch.setattr(f"archdsl.training.keeping.{name}.figure", kept)
    return drawn


def legend(figure: Figure) -> list[str]:
    found = figure.axes[0].get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def test_the_legend_says_what_is_in_the_training_loss(
    make_job: Make, recipe: Recipe, tmp_path: Path, figures: list[Figure]
) -> None:
    """The held-out loss is of the labels as they are."""
    asked = changed(
        recipe, loss=CrossEntropy(smoothing=0.1), optimizer=Sgd(lr=0.01, weight_decay=0.3)
    )
    train(make_job(asked), tmp_path / "run")
    assert legend(figures[0]) == [
        "training, with label smoothing and weight decay",
        "training, with label smoothing",
        "held out",
    ]


def test_the_shortest_run_has_a_picture(figures: list[Figure]) -> None:
    """One step is a point, at a whole iteration."""
    one = [{"kind": "train", "step": 1, "loss": 2.3, "regularised_loss": 2.3}]
    seen = _pixels(plots.loss(one, "a title"))
    middle = seen[100:-100, 150:-150].reshape(-1, 3)
    assert (0x7A, 0xA6, 0xC2) in set(map(tuple, middle.tolist()))
    labels = [label.get_text() for label in figures[0].axes[0].get_xticklabels()]
    assert len(labels) == len(set(labels))


def _run(*losses: float) -> list[dict[str, Any]]:
    """The records of a run that was evaluated every hundred steps."""
    return [
        {"kind": "evaluation", "step": 100 * number, "loss": loss}
        for number, loss in enumerate(losses, 1)
    ]


@pytest.mark.parametrize("evaluations", [1, 4, 200])
def test_runs_with_the_same_curve_are_both_seen(evaluations: int) -> None:
    """In every tenth of it, right of the axis and left of the legend."""
    curve = _run(*np.geomspace(2, 1, evaluations))
    seen = _pixels(plots.comparison({"one": curve, "two": curve}))
    inside = seen[40:-60, 90 : -seen.shape[1] // 6].astype(int)
    blue, orange = (
        np.flatnonzero((np.abs(inside - np.array(colour)).max(2) < 50).any(0))
        for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00))
    )
    parts = np.linspace(blue[0], blue[-1] + 1, 11 if evaluations > 1 else 2)
    for places in (blue, orange):
        assert (np.histogram(places, parts)[0] > 0).all()


def test_columns_stand_about_their_evaluations(figures: list[Figure]) -> None:
    """Midway between them; below, the same places are the same iterations."""
    layer = {"layer": "relu", "units": 4, "dead": 1, "zero": 0.5, "values": 9, "first": 0}
    for steps, expected in (([10, 20, 50], [5, 15, 35, 65]), ([12], [6, 18]), ([1, 9], [0, 5, 13])):
        activations([{**layer, "step": step, "counts": [3, 2]} for step in steps], "a title")
        upper, lower = figures[-1].axes
        (mesh,) = (shade for shade in upper.collections if isinstance(shade, QuadMesh))
        assert np.asarray(mesh.get_coordinates())[0, :, 0].tolist() == expected
        assert upper.get_xlim() == lower.get_xlim() == (expected[0], expected[-1])
        assert upper.get_position().x0 == lower.get_position().x0
        assert np.asarray(lower.lines[0].get_xdata()).tolist() == steps


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

    def counted(records: Any, *told: Any) -> bytes:
        drawn.append(len(records))
        return loss(records, *told)

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
    (row,) = np.unique(image[image.min((1, 2)) == 0][-4:], axis=0)
    assert {tuple(dot) for dot in row.tolist()} == {(n, n, n) for n in (0, 127, 255)}
    assert (row == 0).sum() == (row == 127).sum()


@pytest.mark.parametrize("size", [1, 3, 5, 7, 11])
def test_gaps_are_a_tenth_of_a_kernel(size: int) -> None:
    """All kernels are black, and all are equally large."""
    seen = _pixels(kernels({"now": -torch.ones(12, 3, size, size)}, 1, "")).max(2)
    for lines in (seen, seen.T):
        (line,) = np.unique(lines[lines.min(1) == 0][-20:], axis=0)
        edges = np.flatnonzero(np.diff(line))
        kernel, *others = np.diff(edges)[::2]
        assert set(others) <= {kernel}
        assert kernel % size == 0
        assert set(np.diff(edges)[1::2]) == {round(kernel / 10)}


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
    train(asked, tmp_path / "stopped", Options(resume=True))
    kept = [
        [{**row, "images_per_second": ""} for row in table(run)]
        for run in (whole, tmp_path / "stopped")
    ]
    assert kept[0] == kept[1]
    inside = [(run / "activations.jsonl").read_text() for run in (whole, tmp_path / "stopped")]
    assert inside[0] == inside[1]
    assert [json.loads(line)["step"] for line in inside[0].splitlines()] == [5, 10, 12]
