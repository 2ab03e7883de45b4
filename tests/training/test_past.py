"""Runs opened again: judged, asked about images, compared; what is wrong with them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from archdsl import load
from archdsl.cli import app
from archdsl.training import (
    Job,
    Options,
    PastRun,
    TrainingError,
    compared,
    evaluate_run,
    job,
    past_run,
    predict,
    train,
)
from archdsl.training.keeping.plots import figure
from archdsl.words.recipe import AdamW, Augment, Evaluate, Folder, Recipe, Shapes
from archdsl.words.word import Quoted
from tests.training.conftest import COLOURS, tiny, write_folder
from tests.training.odd import ODD, enormous

Make = Callable[[Recipe], Job]


def ran(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words], env={"NO_COLOR": "1"})
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the tiny network: of 12 steps, of 6, and on other data; nobody changes them."""
    root = tmp_path_factory.mktemp("trained")
    for name, counts in {"data": (40, 10), "more": (20, 4)}.items():
        write_folder(root / name, dict(zip(("train", "val"), counts, strict=True)))
    for name, data, steps in (("long", "data", 12), ("short", "data", 6), ("else", "more", 12)):
        options = Options(device="cpu", steps=steps, precision="fp32")
        train(tiny(on(root / data)), root / "runs" / name, options)
    return root


def on(data: Path) -> Recipe:
    """The recipe of those runs."""
    source = Folder(path=Quoted(str(data)))
    return Recipe(data=source, batch=10, epochs=None, steps=12, optimizer=AdamW(lr=0.01))


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """That of twelve steps."""
    return shutil.copytree(trained / "runs" / "long", tmp_path / "tiny-1")


def by_hand(run: Path, picture: Path) -> np.ndarray[Any, Any]:
    """Probabilities of a 12x12 picture, from the run's weights with numpy alone."""
    w, scale = (load_file(run / f"{name}.safetensors") for name in ("weights", "normalisation"))
    mean, std = (scale[name].double().numpy() for name in ("mean", "std"))
    with Image.open(picture) as image:
        x = (np.asarray(image, float).transpose(2, 0, 1) - mean) / std
    kernel, bias = w["conv1.conv.weight"].double().numpy(), w["conv1.conv.bias"].double().numpy()
    maps = np.zeros((8, 5, 5))
    for i in range(5):
        for j in range(5):
            window = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            maps[:, i, j] = (kernel * window).sum((1, 2, 3)) + bias
    flat = np.maximum(maps, 0).ravel()
    logits = w["fc2.linear.weight"].double().numpy() @ flat + w["fc2.linear.bias"].double().numpy()
    odds = np.exp(logits - logits.max())
    return np.asarray(odds / odds.sum())


def test_evaluating_finds_what_the_run_has_found(run: Path) -> None:
    found = evaluate_run(past_run(run), device="cpu")
    recorded = json.loads((run / "result.json").read_text())
    assert (found.found.loss, found.found.top1) == (recorded["loss"], recorded["top1"])
    assert (found.found.images, found.same_data, found.agrees) == (30, True, True)
    code, said, _ = ran("evaluate", run, "--json")
    assert code == 0
    told = json.loads(said)
    assert told["recorded"]["loss"] == told["loss"] == recorded["loss"]
    assert told["top1_standard_error"] == recorded["top1_standard_error"]
    assert "✓ as the run has recorded" in ran("evaluate", run)[1]


def test_evaluating_by_ten_crops(make_job: Make, recipe: Recipe, tmp_path: Path) -> None:
    larger = recipe.model_copy(
        update={"augment": Augment(resize=16, crop=12), "evaluate": Evaluate(crops=10)}
    )
    run = past_run(train(make_job(larger), tmp_path / "run").run)
    ten, one = (evaluate_run(run, crops=crops, device="cpu") for crops in (None, 1))
    assert run.result is not None
    assert (ten.crops, ten.found.loss) == (10, run.result["loss"])
    assert ten.agrees
    assert (one.crops, one.agrees) == (1, None)
    assert one.found.loss != ten.found.loss


def test_ten_crops_need_room(run: Path) -> None:
    assert "there is nothing to crop" in ran("evaluate", run, "--crops", "10")[2]
    assert "--crops 5: it is 1 or 10" in ran("evaluate", run, "--crops", "5")[2]


def test_other_data_is_told_of(run: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "other", {"train": 2, "val": 5})
    code, said, _ = ran("evaluate", run, "--data", f"folder:{tmp_path / 'other'}")
    assert code == 0
    assert "15 held-out images" in said
    assert "other images than the run was judged on" in said
    assert "recorded" not in said


def test_data_of_other_classes_is_refused(run: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "other", {"train": 2, "val": 5})
    for part in ("train", "val"):
        (tmp_path / "other" / part / "red").rename(tmp_path / "other" / part / "rot")
    code, _, said = ran("evaluate", run, "--data", f"folder:{tmp_path / 'other'}")
    assert (code, "has other classes (blue, green, rot, …)" in said) == (2, True)
    with pytest.raises(TrainingError, match="classes=10"):
        evaluate_run(past_run(run), Shapes())


def test_a_run_moves_without_its_spec(run: Path, tmp_path: Path) -> None:
    """Its folder is all there is; the data is where it was."""
    there = tmp_path / "elsewhere" / "it"
    there.parent.mkdir()
    run.rename(there)
    (there / "tiny.arch").unlink()
    assert evaluate_run(past_run(there), device="cpu").agrees


def test_predictions_are_those_of_the_weights(run: Path, folder: Path) -> None:
    pictures = [folder / "val" / name / f"{i}.png" for name in COLOURS for i in range(3)]
    found = list(predict(past_run(run), pictures, top=3, device="cpu"))
    assert [each.image for each in found] == pictures
    for each in found:
        expected = by_hand(run, each.image)
        order = np.argsort(-expected)
        assert [name for name, _ in each.classes] == [list(COLOURS)[i] for i in order]
        assert [p for _, p in each.classes] == pytest.approx(expected[order], abs=1e-5)


def test_more_images_than_fit_one_pass(
    run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archdsl.training.afterwards.judging.TOGETHER", 2)
    pictures = [folder / "val" / "red" / f"{i}.png" for i in range(5)]
    pictures.insert(2, folder / "none.png")
    found = list(predict(past_run(run), pictures, top=1, device="cpu"))
    assert [each.image for each in found] == pictures
    assert [bool(each.problem) for each in found] == [False, False, True, False, False, False]
    assert all(len(each.classes) == 1 for each in found if not each.problem)


def test_pictures_are_resized_as_in_training(
    make_job: Make, recipe: Recipe, tmp_path: Path
) -> None:
    """A wide picture with another colour at its sides: with `resize=` only its middle is seen."""
    cut = recipe.model_copy(update={"augment": Augment(resize=12)})
    pixels = np.zeros((12, 36, 3), np.uint8)
    pixels[:, :12], pixels[:, 12:24], pixels[:, 24:] = (COLOURS[c] for c in ("red", "blue", "red"))
    middle, wide = tmp_path / "middle.png", tmp_path / "wide.png"
    Image.fromarray(pixels).save(wide)
    Image.fromarray(pixels[:, 12:24]).save(middle)
    found = {}
    for name, asked in (("square", cut), ("squeezed", recipe)):
        run = past_run(train(make_job(asked), tmp_path / name).run)
        of_wide, of_middle = predict(run, [wide, middle], top=3, device="cpu")
        found[name] = of_wide.classes == of_middle.classes
    assert found == {"square": True, "squeezed": False}


def test_the_command_tells_classes_and_what_it_cannot_read(run: Path, folder: Path) -> None:
    bad = folder / "bad.png"
    bad.write_text("no picture", encoding="utf-8")
    good = folder / "val" / "red" / "0.png"
    code, said, wrong = ran("predict", run, bad, good, "--top", "2")
    assert code == 2
    first, *classes = said.splitlines()
    assert (first, len(classes)) == (str(good), 2)
    best = by_hand(run, good)
    assert f"{list(COLOURS)[int(best.argmax())]:5}  {100 * best.max():5.1f} %" in classes[0]
    assert f"{bad} cannot be read as an image" in wrong
    told = json.loads(ran("predict", run, bad, good, "--json")[1])["images"]
    assert "cannot be read" in told[0]["problem"]
    assert sum(each["probability"] for each in told[1]["classes"]) == pytest.approx(1)
    assert ran("predict", run, good)[0] == 0


def test_images_that_warn_are_asked_about_and_enormous_ones_are_not(
    run: Path, tmp_path: Path
) -> None:
    pictures = [write(tmp_path / "odd") for write in ODD]
    code, said, wrong = ran("predict", run, *pictures)
    assert (code, wrong) == (0, "")
    assert all(str(picture) in said for picture in pictures)
    enormous(tmp_path / "map.png", 10_000, 10_000)
    code, said, wrong = ran("predict", run, tmp_path / "map.png")
    assert (code, said) == (2, "")
    told = "(Image size (100000000 pixels) exceeds limit of 89478485 pixels; save it smaller)"
    assert wrong == f"archdsl: {tmp_path}/map.png cannot be read as an image {told}\n"


def test_layouts_are_opened_on_one_device(tmp_path: Path, source: Folder) -> None:
    spec = tmp_path / "two.arch"
    spec.write_text(
        "arch Two(classes=3) {\n  input 3x12x12\n  devices 2\n  a: conv 8 3x3\n     relu\n"
        "  g: linear classes\n  train {\n    batch 10\n    steps 3\n  }\n}\n"
    )
    run = train(
        job(load(spec), source), tmp_path / "run", Options(device="cpu", layout="towers")
    ).run
    found = evaluate_run(past_run(run), device="cpu")
    assert run.joinpath("fused.py").exists()
    assert found.recorded is not None
    assert found.found.loss == pytest.approx(found.recorded["loss"], abs=1e-6)
    (run / "fused.py").write_text("print('other')\n")
    with pytest.raises(TrainingError, match=r"fused\.py is not the module that was trained"):
        past_run(run).network(torch.device("cpu"))


def _not_there(run: Path) -> None:
    shutil.rmtree(run)


def _no_run(run: Path) -> None:
    (run / "config.json").unlink()


def _cut_config(run: Path) -> None:
    text = (run / "config.json").read_text()
    (run / "config.json").write_text(text[: len(text) // 2])


def _config_without(name: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        config = json.loads((run / "config.json").read_text())
        del config[name]
        (run / "config.json").write_text(json.dumps(config))

    return damage


def _recipe_with(name: str, value: object) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        config = json.loads((run / "config.json").read_text())
        config["recipe"][name] = value
        (run / "config.json").write_text(json.dumps(config))

    return damage


def _with(name: str, text: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        (run / name).write_text(text)

    return damage


def _changed_module(run: Path) -> None:
    with (run / "model.py").open("a") as file:
        file.write("print('executed')\n")


def _without(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def _cut_weights(run: Path) -> None:
    raw = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(raw[:-100])


def _other_weights_of_a_stopped_run(run: Path) -> None:
    (run / "result.json").unlink()
    save_file({"a": torch.zeros(1)}, run / "weights.safetensors")


def _other_normalisation(run: Path) -> None:
    save_file({"a": torch.zeros(1)}, run / "normalisation.safetensors")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_not_there, "there is no such folder"),
        (_no_run, "is no run's folder: it has no config.json"),
        (_cut_config, "config.json cannot be read (no JSON: "),
        (_with("config.json", ""), "; put a copy of it back, or train anew"),
        (_with("config.json", "[]"), "config.json cannot be read (it is no JSON object)"),
        (_config_without("network"), "not as archdsl writes it: network"),
        (_recipe_with("data", {"word": "Unheard"}), "its recipe is not whole"),
        (_recipe_with("data", {"word": "Folder"}), "its recipe is not whole"),
        (_recipe_with("evaluate", {"crops": 7}), "its recipe is not whole"),
        (_recipe_with("data", "shapes"), "not as archdsl writes it: recipe.data"),
        (_recipe_with("augment", 3), "not as archdsl writes it: recipe.augment"),
        (_changed_module, "model.py is not the module that was trained"),
        (_without("model.py"), "model.py cannot be read (there is no such file)"),
        (_without("weights.safetensors"), "weights.safetensors is not there"),
        (_cut_weights, "its hash is not the one in result.json); remove it, and train --resume"),
        (_other_weights_of_a_stopped_run, "its tensors are not those of the network"),
        (_without("normalisation.safetensors"), "normalisation.safetensors cannot be read"),
        (_other_normalisation, "it holds no mean and std"),
    ],
)
def test_what_is_wrong_with_a_folder_is_told(
    run: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(run)
    for command in (("evaluate", run), ("predict", run, "x.png")):
        code, said, wrong = ran(*command)
        assert (code, said) == (2, "")
        assert message in wrong
        assert "Traceback" not in wrong


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON: "),
        ('{"loss": 0.1, "top1"', "no JSON: "),
        ("[0.1]", "it is no JSON object"),
        ('{"loss": 0.1, "images_per_second": "many"}', "top1, images_per_second, weights"),
    ],
)
def test_a_damaged_result_is_told_of_before_any_work(
    run: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    """And the remedy is one."""
    whole = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(text)
    with monkeypatch.context() as patch:
        patch.delattr("archdsl.training.afterwards.judging.load")
        for command in (
            ("evaluate", run),
            ("predict", run, trained / "data" / "val" / "red" / "0.png"),
            ("compare", run, "-o", tmp_path / "a.png"),
        ):
            code, said, wrong = ran(*command)
            assert (code, said) == (2, "")
            assert f"{run}/result.json cannot be read (" in wrong
            assert why in wrong
            assert "remove it, and train --resume writes it anew" in wrong
    (run / "result.json").unlink()
    options = Options(device="cpu", steps=12, precision="fp32", resume=True)
    train(tiny(on(trained / "data")), run, options)
    again = past_run(run).result
    assert again is not None
    assert [again[name] for name in ("loss", "top1", "step", "images_per_second")] == [
        whole[name] for name in ("loss", "top1", "step", "images_per_second")
    ]


def test_weights_that_are_gone_are_written_anew(run: Path, trained: Path) -> None:
    """From the checkpoint that a finished run keeps, as the message says."""
    weights = run / "weights.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    assert "train --resume ends it, or writes it anew from the last" in ran("evaluate", run)[2]
    options = Options(device="cpu", steps=12, precision="fp32", resume=True)
    train(tiny(on(trained / "data")), run, options)
    assert weights.read_bytes() == before
    assert ran("evaluate", run)[0] == 0


def test_figures_that_are_not_the_recorded_ones_are_exit_1(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, "loss": result["loss"] + 0.01}))
    code, said, _ = ran("evaluate", run)
    assert (code, "✗ the run has recorded loss" in said) == (1, True)
    code, said, _ = ran("evaluate", run, "--json")
    assert (code, json.loads(said)["agrees"]) == (1, False)


@pytest.mark.parametrize(
    "line",
    [b"", b"7", b'{"kind": "train", "st', b"\xff\xfe", b'{"kind": "else"}', b'{"kind": "train"}'],
)
def test_a_damaged_line_of_metrics_is_told_of(run: Path, tmp_path: Path, line: bytes) -> None:
    path = run / "metrics.jsonl"
    before = past_run(run).records
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, line + b"\n", *rest]))
    code, said, wrong = ran("compare", run, "-o", tmp_path / "a.png")
    assert (code, said) == (2, "")
    assert f"{path}, line 2, is not as archdsl writes it; take the line out" in wrong
    path.write_bytes(b"".join([first, *rest]))
    assert past_run(run).records == before


@pytest.mark.parametrize("begun", [b'{"kind": "train", "st', b"\0\0\0", b"\xff"])
def test_a_run_that_is_going_on_is_read_as_far_as_it_is(run: Path, begun: bytes) -> None:
    (run / "result.json").unlink()
    before = past_run(run).records
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(begun)
    assert past_run(run).records == before
    assert evaluate_run(past_run(run), device="cpu").recorded is None


# --- comparing --------------------------------------------------------------------------------


@pytest.fixture
def others(trained: Path, tmp_path: Path) -> list[Path]:
    """All three."""
    names = ("long", "short", "else")
    return [shutil.copytree(trained / "runs" / n, tmp_path / "runs" / n) for n in names]


def results(runs: list[Path]) -> list[dict[str, Any]]:
    return [json.loads((run / "result.json").read_text()) for run in runs]


def test_runs_are_compared_in_a_table(others: list[Path], tmp_path: Path) -> None:
    plot = tmp_path / "losses.png"
    code, said, wrong = ran("compare", *others, "-o", plot)
    assert (code, wrong) == (0, "")
    header, *rows = said.splitlines()[:4]
    assert header.split() == ["Model", "Loss", "Top-1", "Iterations", "images/s"]
    marks = [["long", "12"], ["short", "6*"], ["else", "‡", "12"]]
    for row, result, expected in zip(rows, results(others), marks, strict=True):
        cells = row.split()
        assert [*cells[: len(expected) - 1], cells[-2]] == expected
        assert f"{result['loss']:.3f}" in cells
        top1, error = 100 * result["top1"], 100 * result["top1_standard_error"]
        assert f"{top1:.2f} ± {error:.2f} %" in row
        assert cells[-1] == f"{result['images_per_second']:,.0f}"
    assert "* trained for fewer iterations than 12" in said
    ran("compare", *others, "-o", tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    for text in ("long", "short *", "else ‡", "* fewer iterations · ‡ other data or crops"):
        assert f"<!-- {text} -->" in drawn
    assert "‡ other data, folder" in said
    assert "not to be compared with long (else)" in said
    assert "on 30 held-out images (folder" in said
    assert said.splitlines()[-1] == str(plot)
    with Image.open(plot) as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(2**24) or ()}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73)} < colours


def test_what_is_alike_has_no_marks(others: list[Path], tmp_path: Path) -> None:
    said = ran("compare", others[0], "-o", tmp_path / "a.svg")[1]
    assert not set("*†‡") & set(said)
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_a_run_that_did_not_end_is_marked(others: list[Path], tmp_path: Path) -> None:
    (others[1] / "result.json").unlink()
    said = ran("compare", *others[:2], "-o", tmp_path / "a.png")[1]
    assert "short †" in said
    assert "† not finished: its last evaluation so far" in said
    assert [entry.finished for entry in compared(others[:2])] == [True, False]


def test_other_crops_are_marked(
    make_job: Make, recipe: Recipe, others: list[Path], tmp_path: Path
) -> None:
    ten = recipe.model_copy(update={"augment": Augment(resize=16, crop=12)})
    one = train(make_job(ten), tmp_path / "runs" / "one").run
    crops = ten.model_copy(update={"evaluate": Evaluate(crops=10)})
    other = train(make_job(crops), tmp_path / "runs" / "ten").run
    said = ran("compare", one, other, "-o", tmp_path / "a.png")[1]
    assert "‡ judged by ten crops each: not to be compared with one (ten)" in said


def test_a_comparison_in_json(others: list[Path], tmp_path: Path) -> None:
    plot = tmp_path / "a.png"
    code, said, _ = ran("compare", *others, "-o", plot, "--format", "json")
    assert code == 0
    told = json.loads(said)
    assert told["plot"] == str(plot)
    for entry, result in zip(told["runs"], results(others), strict=True):
        for name in ("loss", "top1", "top1_standard_error", "top5", "images_per_second"):
            assert entry[name] == result[name]
        assert entry["iterations"] == result["step"]
    hashes = [entry["data"]["sha256"] for entry in told["runs"]]
    assert hashes[0] == hashes[1] != hashes[2]


def test_runs_of_one_name_are_called_by_their_paths(others: list[Path], tmp_path: Path) -> None:
    twin = shutil.copytree(others[1], tmp_path / "twin" / "long")
    assert [entry.name for entry in compared([others[0], twin, others[2]])] == [
        str(others[0]),
        str(twin),
        "else",
    ]


def test_names_are_drawn_as_they_are(
    others: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No formula, nothing that matplotlib leaves away, and no warning of a script it lacks."""
    odd = [
        run.rename(run.with_name(n)) for run, n in zip(others, ("_a", "$x^$", "网"), strict=True)
    ]
    drawn: list[Figure] = []

    def kept(width: float, height: float) -> Figure:
        drawn.append(figure(width, height))
        return drawn[-1]

    monkeypatch.setattr("archdsl.training.keeping.plots.figure", kept)
    assert ran("compare", *odd, "-o", tmp_path / "a.svg")[0] == 0
    legend = drawn[0].axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [" _a", r"\$x^\$ *", "网 ‡"]


def test_a_run_without_a_record_of_training_has_no_speed(
    others: list[Path], tmp_path: Path
) -> None:
    (others[0] / "result.json").unlink()
    lines = (others[0] / "metrics.jsonl").read_text().splitlines(keepends=True)
    (others[0] / "metrics.jsonl").write_text(lines[-1])
    assert compared(others[:1])[0].images_per_second is None
    assert ran("compare", others[0], "-o", tmp_path / "a.png")[1].splitlines()[1].endswith(" –")


def test_what_cannot_be_compared_is_told(others: list[Path], tmp_path: Path) -> None:
    again = others[0] / ".." / "long"
    assert "is named twice" in ran("compare", others[0], again)[2]
    assert "is no run's folder" in ran("compare", tmp_path)[2]
    assert "a plot is written as .png or .svg" in ran("compare", others[0], "-o", "a.pdf")[2]
    nowhere = tmp_path / "none" / "a.png"
    assert "cannot be written" in ran("compare", others[0], "-o", nowhere)[2]
    trained = (others[0] / "metrics.jsonl").read_text().splitlines(keepends=True)[:3]
    (others[0] / "metrics.jsonl").write_text("".join(trained))
    assert "has no evaluation yet" in ran("compare", others[0], "-o", tmp_path / "a.png")[2]


def test_a_past_run_is_what_past_run_gives(run: Path) -> None:
    opened = past_run(run)
    assert isinstance(opened, PastRun)
    assert opened.config.classes == tuple(COLOURS)
    assert opened.wanted.size == (3, 12, 12)
