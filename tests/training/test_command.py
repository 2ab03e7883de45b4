"""`archdsl train` as it is typed: what replaces the recipe's lines, and what is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archdsl.cli import app

SPEC = """\
arch Tiny(classes=3) {
  input 3x12x12
  conv1: conv 4 3x3 stride=2 pad=1 allow=lossy_stride
         relu
  fc2:   linear classes
  train {
    data      folder "data"
    batch     20
    steps     3
    optimizer sgd lr=0.05 momentum=0.9 rule=paper
  }
}
"""


@pytest.fixture
def spec(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The spec in the folder that is worked in, beside its data."""
    monkeypatch.chdir(folder.parent)
    path = Path("tiny.arch")
    path.write_text(SPEC, encoding="utf-8")
    return path


def trained(*words: str) -> Result:
    return CliRunner().invoke(app, ["train", "tiny.arch", "--device", "cpu", *words])


@pytest.mark.usefixtures("spec")
def test_a_run_that_is_finished_has_nothing_left_to_do() -> None:
    """A job that is started once more after its end has not failed."""
    assert trained("--run", "r", "--resume").exit_code == 0
    before = {path: path.read_bytes() for path in Path("r").rglob("*") if path.is_file()}
    again = trained("--run", "r", "--resume")
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr.startswith("archdsl: r is finished: all of its 3 steps are done")
    assert {path: path.read_bytes() for path in Path("r").rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("spec")
def test_a_run_goes_on_when_its_pipe_is_closed() -> None:
    words = f"{sys.executable} -m archdsl train tiny.arch --device cpu --run r"
    for number, option in enumerate(("", "--json", "--color always")):
        command = f"{words}{number} {option} | true; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert Path(f"r{number}/result.json").exists()


@pytest.mark.usefixtures("spec")
def test_options_replace_lines_and_are_recorded() -> None:
    done = trained(
        *("--lr", "0.25", "--batch", "12", "--seed", "5", "--epochs", "1"),
        *("--recipe", "schedule cosine warmup=2", "--recipe", "set optimizer momentum=0.5"),
    )
    assert done.exit_code == 0, done.output
    config = json.loads(Path("runs/tiny-1/config.json").read_text(encoding="utf-8"))
    recipe = config["recipe"]
    optimizer = {name: recipe["optimizer"][name] for name in ("lr", "momentum", "rule")}
    assert optimizer == {"lr": 0.25, "momentum": 0.5, "rule": "paper"}
    assert recipe["schedule"] == {"word": "Cosine", "warmup": 2}
    assert (recipe["batch"], config["seed"], config["steps"]) == (12, 5, 10)
    assert config["restated"] == [
        "schedule cosine warmup=2",
        "set optimizer momentum=0.5",
        "set optimizer lr=0.25",
        "batch 12",
        "seed 5",
    ]


@pytest.mark.usefixtures("spec")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--lr", "-1"), "--lr:1:15"),
        (("--recipe", "set optimizer lrr=1"), "sgd has no argument 'lrr'"),
        (("--recipe", "set optimizer lrr=1"), "did you mean 'lr'?"),
        (("--steps", "3", "--epochs", "3"), "--steps and --epochs are both the run's length"),
    ],
)
def test_a_wrong_option_is_told_before_there_is_a_run(words: tuple[str, ...], told: str) -> None:
    done = trained(*words)
    assert done.exit_code == 2
    assert told in done.output
    assert not Path("runs").exists()


@pytest.mark.usefixtures("spec")
def test_quiet_says_nothing_and_json_tells_a_program() -> None:
    assert trained("--quiet").output == ""
    events = [json.loads(line) for line in trained("--json").output.splitlines()]
    assert [event["event"] for event in events] == [
        "started",
        *["step"] * 3,
        "evaluation",
        "finished",
    ]
    assert events[0]["run"] == "runs/tiny-2"
