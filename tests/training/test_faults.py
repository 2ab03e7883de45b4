"""What befalls runs: they are killed, disks fill up, folders vanish, numbers go wrong."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archdsl import load
from archdsl.training import Job, Options, Silent, Stepped, TrainingError, job, train
from archdsl.training.evaluate import Examination
from archdsl.words.recipe import Evaluate, Sgd
from tests.training.stopping import (
    PATIENCE,
    Listener,
    assert_same,
    checkpoints,
    killed,
    python,
    resume,
    stop,
    with_recipe,
)

SPEC = """
arch Small(classes=3) {
  input 3x12x12
  a: conv 8 3x3 pad=1
     relu
     dropout 0.2
  b: linear classes
  train {
    data folder "data"
    batch 10
    steps 3000
    optimizer sgd lr=0.01 momentum=0.9
    evaluate every=1000
  }
}
"""


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures, which take more time than the training."""
    monkeypatch.setattr("archdsl.training.keeping.chronicle.Chronicle.ended", lambda *_: None)


@pytest.fixture
def long(job: Job) -> Job:
    return with_recipe(job, steps=30, evaluate=Evaluate(every=8))


# --- killed -------------------------------------------------------------------------------------


def test_a_run_that_is_killed_at_random_moments_loses_nothing(folder: Path, tmp_path: Path) -> None:
    """`make soak` kills a longer one."""
    assert killed(folder, tmp_path / "whole", 300, "--times", "0", "0") == 0
    assert killed(folder, tmp_path / "run", 300, "--times", "20", "1") > 10
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_a_run_that_is_killed_at_every_call_to_the_disk_loses_nothing(
    folder: Path, tmp_path: Path
) -> None:
    """The n-th attempt dies before its n-th call, so each kind of call is the last one once.

    Writing a checkpoint takes some fifteen of them.
    """
    assert killed(folder, tmp_path / "whole", 16, "--times", "0", "0") == 0
    assert killed(folder, tmp_path / "run", 16, "--calls") > 15
    assert_same(tmp_path / "run", tmp_path / "whole")


# --- signals to the command ---------------------------------------------------------------------


def wait_for(process: "subprocess.Popen[str]", done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["term", "int", "hup"],
)
def test_a_signal_to_the_command_is_its_exit_code_and_resume_goes_on(
    folder: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    (tmp_path / "small.arch").write_text(SPEC)
    words = ["archdsl", "train", "small.arch", "--run", "run", "--device", "cpu"]
    process = python(*words, folder=tmp_path)
    metrics = tmp_path / "run" / "metrics.jsonl"
    wait_for(process, lambda: metrics.exists() and metrics.stat().st_size > 0)

    second = python(*words, "--resume", folder=tmp_path)
    _, wrong = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2, wrong
    assert f"run is being trained by process {process.pid} on" in wrong

    process.send_signal(number)
    _, wrong = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, wrong
    assert "its weights and metrics are in run, and --resume goes on" in wrong
    step = int(checkpoints(tmp_path / "run")[-1].removeprefix("step-"))
    assert f"stopped after step {step};" in wrong

    third = python(*words, "--resume", "--steps", f"{step + 1}", "--changed", folder=tmp_path)
    said, wrong = third.communicate(timeout=PATIENCE)
    assert third.returncode == 0, wrong
    assert f"goes on after step {step:,}" in said
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["step"] == step + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["int", "hup"])
def test_a_signal_that_is_ignored_goes_on_being_so(
    number: signal.Signals, job: Job, tmp_path: Path
) -> None:
    class Hung(Silent):
        def stepped(self, event: Stepped) -> None:
            signal.raise_signal(number)

    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert train(job, tmp_path / "run", report=Hung()).steps == job.recipe.steps
    finally:
        signal.signal(number, before)


# --- several processes --------------------------------------------------------------------------

TOWERS = SPEC.replace("input 3x12x12", "input 3x12x12\n  devices 2").replace("3000", "6")
STOPPED = """
import sys
from pathlib import Path
from typing import Any
import archdsl
from archdsl.training import Options, job, train
from tests.training.stopping import Listener
made = job(archdsl.load(Path("small.arch")))
options = Options(device="cpu", layout=sys.argv[1], shard="--shard" in sys.argv)
train(made, Path("run"), options, Listener(ends_after=3))
"""


@pytest.mark.parametrize(
    ("how", "parts"),
    [(["ranks"], 2), (["fused"], 1), (["fused", "--shard"], 2)],
    ids=["ranks", "rows", "shards"],
)
@pytest.mark.usefixtures("folder")
def test_several_processes_stop_together_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: list[str], parts: int
) -> None:
    (tmp_path / "small.arch").write_text(TOWERS)
    (tmp_path / "stopped.py").write_text(STOPPED)
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    words = ["-m", "--", "archdsl", "train", "small.arch", "--device", "cpu", "--layout", *how]
    whole = python(*torchrun, *words, "--run", "whole", folder=tmp_path)
    stopped = python(*torchrun, "stopped.py", *how, folder=tmp_path)
    for process, well in ((whole, True), (stopped, False)):
        _, wrong = process.communicate(timeout=PATIENCE)
        assert (process.returncode == 0) is well, wrong
    assert checkpoints(tmp_path / "run") == ["step-00000003"]
    assert len(list(tmp_path.glob("run/checkpoints/*/optimizer-*"))) == parts
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match="processes was 2, is 1"):
        train(
            job(load(Path("small.arch"))),
            Path("run"),
            Options(device="cpu", layout="fused", resume=True),
        )

    again = python(*torchrun, *words, "--run", "run", "--resume", folder=tmp_path)
    said, wrong = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, wrong
    assert "goes on after step 3" in said
    assert_same(tmp_path / "run", tmp_path / "whole")


# --- disks --------------------------------------------------------------------------------------


class Full(Listener):
    """From a step on, no file may grow beyond so many bytes."""

    def __init__(self, after: int, size: int) -> None:
        super().__init__()
        self.after, self.size = after, size

    def stepped(self, event: Stepped) -> None:
        if event.step == self.after:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, hard))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("size", "file"),
    [(3000, r"weights\.safetensors"), (100, r"metrics\.jsonl")],
    ids=["checkpoint", "metrics"],
)
def test_a_full_disk_stops_a_run_that_can_go_on(
    long: Job, tmp_path: Path, size: int, file: str
) -> None:
    train(long, tmp_path / "whole")
    run, limits = tmp_path / "run", resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(TrainingError, match=rf"{file} cannot be written .*with --resume"):
            train(long, run, Options(checkpoint_every=4), Full(6, size))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoints(run) == ["step-00000004"]
    _, heard = resume(long, run)
    assert heard.steps[0] == 5
    assert_same(run, tmp_path / "whole")


@pytest.mark.usefixtures("undrawn")
def test_a_checkpoint_that_has_no_space_is_not_begun(
    long: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    stop(long, run, after=3)
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 2_000))
    with pytest.raises(
        TrainingError, match=r"takes 0\.0 MB, and 0\.0 MB are free; free some space, then go on"
    ):
        resume(long, run)
    assert checkpoints(run) == ["step-00000003"]


@pytest.mark.usefixtures("undrawn")
def test_a_folder_that_vanishes_stops_its_run(long: Job, tmp_path: Path) -> None:
    class Vandal(Listener):
        def stepped(self, event: Stepped) -> None:
            if event.step == 6:
                shutil.rmtree(tmp_path / "run")

    with pytest.raises(TrainingError, match=r"written .*something has removed its folder"):
        train(long, tmp_path / "run", Options(checkpoint_every=4), Vandal())
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="to root nothing is read-only")
def test_a_read_only_place_is_told(long: Job, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir(mode=0o500)
    with pytest.raises(TrainingError, match=r"no folder can be made at .*name another"):
        train(long, tmp_path / "place" / "run")


@pytest.mark.usefixtures("undrawn")
def test_a_run_whose_folder_became_read_only_is_told(
    long: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    stop(long, run, after=3)

    real = Path.open

    def read_only(path: Path, *words: Any, **options: Any) -> Any:
        if path.is_relative_to(run) and words != ("rb",):
            raise OSError(30, "Read-only file system", str(path))
        return real(path, *words, **options)

    monkeypatch.setattr(Path, "open", read_only)
    with pytest.raises(TrainingError, match=r"\.lock cannot be written .*make its disk writable"):
        resume(long, run)


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("undrawn")
def test_a_run_whose_loss_goes_wrong_goes_on_from_before_that(long: Job, tmp_path: Path) -> None:
    """A step too long is seen by the one after it, which has no way out: not from that state."""
    calm, run = with_recipe(long, optimizer=Sgd(lr=0.01, momentum=0.9)), tmp_path / "run"
    wild = with_recipe(long, optimizer=Sgd(lr=1e30, momentum=0.9))
    train(calm, tmp_path / "whole")
    stop(calm, run, after=10)
    with pytest.raises(
        TrainingError, match=r"^step 12: .* --changed goes on from the checkpoint before"
    ):
        resume(wild, run, changed=True, checkpoint_every=1)
    assert checkpoints(run) == ["step-00000010"]
    _, heard = resume(calm, run, changed=True)
    assert heard.notes[-1] == "goes on after step 10"
    assert_same(run, tmp_path / "whole")


@pytest.mark.usefixtures("undrawn")
def test_the_weights_before_a_loss_that_goes_wrong_are_left(long: Job, tmp_path: Path) -> None:
    wild, run = with_recipe(long, optimizer=Sgd(lr=1e30)), tmp_path / "run"
    with pytest.raises(TrainingError, match=r"^step 2: .* is not a number"):
        train(wild, run)
    stop(wild, tmp_path / "before", after=1)
    names = ("run", "before")
    one, other = ((tmp_path / name / "weights.safetensors").read_bytes() for name in names)
    assert one == other


@pytest.mark.usefixtures("undrawn")
def test_a_held_out_loss_that_goes_wrong_stops_the_run(
    long: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(self: Examination, network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        return torch.full((len(images), 3), torch.nan)

    monkeypatch.setattr(Examination, "log_probabilities", wrong)
    with pytest.raises(
        TrainingError, match=r"^step 8: the held-out loss is nan; lower .* checkpoint before"
    ):
        train(long, tmp_path / "run", Options(checkpoint_every=6))
    assert checkpoints(tmp_path / "run") == ["step-00000006"]
