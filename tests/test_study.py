"""examples/tweaking: the study from end to end, on a few images."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from PIL import Image

import archdsl
from tests.helpers import ROOT
from tests.training.conftest import write_folder

STUDY = Path("examples", "tweaking", "study.py")
NETWORKS = ("Original", "Tanh", "Small", "WithoutConv2", "WithoutConv345", "WithoutFc7")
SMALL = ("--data", "folder:data", "--classes", "3", "--steps", "2", "--batch", "4")


def narrowed(spec: str) -> str:
    """A spec with a thirtieth of the filters and features, and without its claims.

    The study at its own widths writes 250 MB with each checkpoint, which takes most of its time
    where it trains for two steps.
    """
    spec = re.sub(r" +->[^#\n]*", "", spec)
    spec = re.sub(r"\n  expect[^\n]*", "", spec)
    return re.sub(r"\b(conv|linear) (\d+)", lambda m: f"{m[1]} {max(4, int(m[2]) // 30)}", spec)


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, str(root / STUDY), *SMALL, "--device", "cpu", *words]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of the study with narrow networks, once it has run; and what it has printed."""
    root = tmp_path_factory.mktemp("study")
    shutil.copytree(ROOT / STUDY.parent, root / STUDY.parent)
    (root / "specs").mkdir()
    for name in ("original.arch", "small.arch"):
        text = (ROOT / "specs" / name).read_text(encoding="utf-8")
        (root / "specs" / name).write_text(narrowed(text), encoding="utf-8")
    write_folder(root / "data", {"train": 4, "val": 2}, size=(67, 67))
    done = subprocess.run(
        command(root, "--out", "out"),
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return root, done.stdout


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(
    whole: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ask:
    """Call the study again, in this process: its exit code and what it says."""
    root, _ = whole
    spec = spec_from_file_location("study", root / STUDY)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    def asked(*words: str) -> tuple[int, str, str]:
        monkeypatch.chdir(root)
        monkeypatch.setattr(sys, "argv", command(root, *words)[1:])
        try:
            module.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else -1
        said = capsys.readouterr()
        return code, said.out, said.err

    return asked


def results(out: Path) -> dict[str, dict[str, float]]:
    return {name: json.loads((out / name / "result.json").read_text()) for name in NETWORKS}


def test_six_networks_are_trained_alike_and_told_of(whole: tuple[Path, str]) -> None:
    root, said = whole
    table = (root / "out" / "table.txt").read_text()
    assert table in said
    assert "*" not in table  # all have as many iterations
    assert "‡" not in table  # and the same data
    _, *rows = table.split("\n\n")[0].splitlines()
    for row, (name, result) in zip(rows, results(root / "out").items(), strict=True):
        figures = (name, f"{result['loss']:.3f}", f"{100 * result['top1']:.2f}", "±")
        assert tuple(row.split()[:4]) == figures
        assert row.split()[-2] == "2"
    assert "on 6 held-out images (folder data)" in table
    for name in ("losses.png", "dying.png"):
        with Image.open(root / "out" / name) as picture:
            picture.verify()
            assert picture.format == "PNG"
    config = json.loads((root / "out" / "Tanh" / "config.json").read_text())
    assert config["values"] == {"classes": 3, "size": 67}
    assert config["recipe"]["evaluate"]["every"] == 1


def test_what_is_drawn_to_be_dying_is_there(whole: tuple[Path, str]) -> None:
    lines = (whole[0] / "out" / "Small" / "activations.jsonl").read_text().splitlines()
    found = [record for record in map(json.loads, lines) if record["layer"] == "fc7.relu"]
    assert [record["step"] for record in found] == [1, 2]


def test_again_it_does_what_is_left(whole: tuple[Path, str], ask: Ask) -> None:
    out = whole[0] / "out"
    before, table = results(out), (out / "table.txt").read_text()
    times = {name: (out / name / "weights.safetensors").stat().st_mtime_ns for name in NETWORKS}
    code, said, _ = ask("--out", "out")
    assert (code, said.count(" is finished")) == (0, 6)
    assert (out / "table.txt").read_text() == table
    shutil.rmtree(out / "WithoutFc7")
    (out / "table.txt").unlink()
    code, said, _ = ask("--out", "out")
    assert (code, said.count(" is finished")) == (0, 5)
    assert (out / "table.txt").read_text() in said
    for name in NETWORKS[:-1]:
        assert (out / name / "weights.safetensors").stat().st_mtime_ns == times[name]
    again, first = results(out)["WithoutFc7"], before["WithoutFc7"]
    assert again["loss"] == pytest.approx(first["loss"], rel=1e-2)  # another number of threads


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--steps", "3"), "steps was 2, is 3"),
        (("--batch", "6"), "batch was 4, is 6"),
        (("--seed", "1"), "seed was 0, is 1"),
        (("--size", "99"), "values size was 67, is 99"),
        (("--data", "folder:other"), "data sha256 was "),
    ],
)
def test_runs_of_another_study_are_refused(
    whole: tuple[Path, str], ask: Ask, words: tuple[str, ...], told: str
) -> None:
    root, _ = whole
    if not (root / "other").exists():
        write_folder(root / "other", {"train": 3, "val": 1}, size=(67, 67))
    table = (root / "out" / "table.txt").read_text()
    code, _, wrong = ask("--out", "out", *words)
    assert code == 2
    last = wrong.splitlines()[-1]
    assert last.startswith("study.py: error: the runs in out are others: ")
    assert told in last
    assert last.endswith("; give the arguments they were begun with, or another --out")
    assert "version" not in last
    assert (root / "out" / "table.txt").read_text() == table


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--data", "nothing"), "argument --data: nothing: write shapes, cifar10:PATH, folder:DIR"),
        (("--data", "folder"), "argument --data: folder: write shapes"),
        (("--data", "folder:nowhere"), 'data folder "nowhere": there is no such folder'),
        (("--classes", "4"), "argument --classes: 4, and the data has 3"),
        (("--classes", "0"), "argument --classes: 0: it is a whole number from 1"),
        (("--size", "68"), "conv1 never sees the last row and column of its 68x68 input; every"),
        (("--size", "35"), "input; every layer tiles at 67, 99, 131, … 227"),
        (("--steps", "0"), "argument --steps: 0: it is a whole number from 1"),
        (("--batch", "0"), "argument --batch: 0: it is a whole number from 1"),
        (("--batch", "13"), "batch 13: the training set has 12 images; take that or less"),
        (("--seed", "-1"), "argument --seed: -1: it is a whole number from 0"),
        (("--device", "nosuch"), "--device nosuch: it is auto, cpu, cuda or one like cuda:1"),
        (("--out", "data/train/red/0.png/x"), "0.png/x cannot be written (Not a directory)"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(ask: Ask, words: tuple[str, ...], told: str) -> None:
    code, _, wrong = ask("--out", "wrong", *words)
    assert code == 2
    last = wrong.splitlines()[-1]
    assert last.startswith("study.py: error: ")
    assert told in last


def test_specs_that_are_not_there_are_named(whole: tuple[Path, str], ask: Ask) -> None:
    original = whole[0] / "specs" / "original.arch"
    hidden = original.rename(original.with_suffix(".hidden"))
    try:
        code, _, wrong = ask("--out", "wrong")
    finally:
        hidden.rename(original)
    assert code == 2
    assert "cannot read" in wrong and str(original) in wrong
    assert "tiles" not in wrong


@pytest.mark.parametrize("library", ["torch", "rich"])
def test_a_missing_library_is_named_with_its_remedy(tmp_path: Path, library: str) -> None:
    missing = f'raise ModuleNotFoundError("no", name="{library}")\n'
    (tmp_path / f"{library}.py").write_text(missing)
    done = subprocess.run(
        [sys.executable, str(ROOT / STUDY)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = f"the study needs {library}: install it with  pip install '.[train]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_stopped_it_says_how_it_goes_on(whole: tuple[Path, str]) -> None:
    root, _ = whole
    words = command(root, "--out", "stopped", "--steps", "100000")
    with subprocess.Popen(
        words,
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert any(line.startswith("run:") for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        wrong = process.stderr.read()
        code = process.wait()
    assert (code, wrong) == (
        143,
        "stopped; begun again with the same arguments the study goes on\n",
    )
    config = json.loads((root / "stopped" / "Original" / "config.json").read_text())
    assert config["steps"] == 100_000


def test_the_study_that_is_shipped_checks_at_every_size_it_names() -> None:
    for size in (67, 99, 131, 227):
        for name in NETWORKS:
            arch = archdsl.load(
                ROOT / STUDY.with_suffix(".arch"), arch=name, parameters={"size": size}
            )
            assert arch.check().ok, (size, name)
            assert arch.recipe(["evaluate every=85"]) is not None
