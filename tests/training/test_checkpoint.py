"""Runs that stop and go on: what they end as, from which state, and when they refuse."""

import dataclasses
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load, load_file, save
from torch import nn

from archdsl.training import Interrupted, Job, Options, Silent, Stepped, TrainingError, train
from archdsl.training.evaluate import Examination
from archdsl.training.keeping import checkpoint
from archdsl.training.keeping.checkpoint import Checkpoint, Progress, Rhythm
from archdsl.training.keeping.lock import locked
from archdsl.training.keeping.remembered import remember, remembered
from archdsl.training.optimizer import optimizer
from archdsl.training.parts.momentum import PaperMomentum
from archdsl.words.recipe import (
    Adam,
    AdamW,
    Augment,
    Evaluate,
    Folder,
    Plateau,
    Recipe,
    Sgd,
    Step,
)
from archdsl.words.word import Quoted
from tests.training.stopping import assert_same, checkpoints, resume, stop, with_recipe

STEPS = 30
"""Two epochs and a half of the tiny job."""


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about pictures, which take more time than the training."""
    monkeypatch.setattr("archdsl.training.keeping.chronicle.Chronicle.ended", lambda *_: None)


@pytest.fixture
def long(job: Job) -> Job:
    return with_recipe(job, steps=STEPS, evaluate=Evaluate(every=8))


RECIPES = {
    "adamw": {},
    "adam": {"optimizer": Adam(lr=0.01)},
    "sgd": {"optimizer": Sgd(lr=0.1, momentum=0.9, weight_decay=0.01), "schedule": Step(every=7)},
    "paper": {"optimizer": Sgd(lr=0.1, momentum=0.9, rule="paper")},
    "average": {"optimizer": Sgd(lr=0.1, momentum=0.9, rule="average", correction=True)},
    "augmented": {"augment": Augment(resize=14, crop=12, flip=True, pca=0.1)},
    "plateau": {
        "optimizer": Sgd(lr=1e-30),
        "schedule": Plateau(factor=0.5, patience=1, drops=3),
        "evaluate": Evaluate(every=4),
    },
}


@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_a_run_that_goes_on_ends_as_one_that_was_not_stopped(
    long: Job, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Stopped in the middle of the first epoch, and once more in that of the second."""
    asked = with_recipe(long, **changes)
    train(asked, tmp_path / "whole")
    stop(asked, tmp_path / "run", after=5)
    stop(asked, tmp_path / "run", after=15, resume=True)
    _, heard = resume(asked, tmp_path / "run")
    assert heard.steps[0] == 16
    assert heard.notes[-1] == "goes on after step 15"
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_losses_since_the_last_record_are_kept(long: Job, tmp_path: Path) -> None:
    """450 steps have a record every other one; 7 is between two."""
    asked = with_recipe(long, steps=450, batch=1, evaluate=Evaluate(every=450))
    train(asked, tmp_path / "whole")
    stop(asked, tmp_path / "run", after=7)
    resume(asked, tmp_path / "run")
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_a_signal_during_evaluation_leaves_it_to_the_run_that_goes_on(
    long: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(long, tmp_path / "whole")
    judge = Examination.log_probabilities

    def interrupted(self: Examination, network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        monkeypatch.setattr(Examination, "log_probabilities", judge)
        signal.raise_signal(signal.SIGINT)
        return judge(self, network, images)

    monkeypatch.setattr(Examination, "log_probabilities", interrupted)
    with pytest.raises(Interrupted, match="stopped after step 8") as caught:
        train(long, tmp_path / "run")
    assert caught.value.exit_code == 130
    assert "evaluation" not in (tmp_path / "run" / "metrics.jsonl").read_text()
    resume(long, tmp_path / "run")
    assert_same(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_there_is_a_folder_leaves_none(
    job: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    code: int,
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr("archdsl.training.plan.load", lambda *_, **__: signal.raise_signal(number))
    with pytest.raises(Interrupted, match="stopped before the first step") as caught:
        train(job, tmp_path / "run")
    assert caught.value.exit_code == code
    assert not (tmp_path / "run").exists()
    assert signal.getsignal(number) is before


def test_a_run_that_was_killed_after_its_last_step_is_finished(long: Job, tmp_path: Path) -> None:
    whole = train(long, tmp_path / "run").run
    shutil.copytree(whole, tmp_path / "copy")
    (whole / "result.json").unlink()
    (whole / "weights.safetensors").unlink()
    result, heard = resume(long, whole)
    assert heard.steps == []
    assert result.steps == STEPS
    assert_same(whole, tmp_path / "copy")


# --- which state --------------------------------------------------------------------------------


def test_two_are_kept_and_one_of_a_finished_run(long: Job, tmp_path: Path) -> None:
    stop(long, tmp_path / "run", after=10, checkpoint_every=3)
    assert checkpoints(tmp_path / "run") == ["step-00000009", "step-00000010"]
    resume(long, tmp_path / "run")
    assert checkpoints(tmp_path / "run") == [f"step-{STEPS:08}"]


def test_a_checkpoint_has_the_networks_weights_by_their_names(job: Job, tmp_path: Path) -> None:
    run = train(job, tmp_path / "run").run
    kept = run / "checkpoints" / "step-00000012" / "weights.safetensors"
    assert kept.read_bytes() == (run / "weights.safetensors").read_bytes()
    assert "conv1.conv.weight" in load_file(kept)


def truncated(folder: Path) -> None:
    path = folder / "optimizer-0.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def flipped(folder: Path) -> None:
    path = folder / "weights.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 1
    path.write_bytes(raw)


def lost(folder: Path) -> None:
    (folder / "state.json").unlink()


def without_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def manifest_cut(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text()[:40])


DAMAGE = {
    truncated: "optimizer-0.safetensors has another sha256",
    flipped: "weights.safetensors has another sha256",
    lost: "state.json cannot be read",
    without_manifest: "manifest.json cannot be read",
    manifest_cut: "manifest.json is no JSON",
}


@pytest.mark.parametrize(
    ("damage", "message"), DAMAGE.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_a_damaged_checkpoint_is_told_of_and_passed_over(
    long: Job, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    train(long, tmp_path / "whole")
    run = tmp_path / "run"
    stop(long, run, after=10, checkpoint_every=3)
    damage(run / "checkpoints" / "step-00000010")
    _, heard = resume(long, run)
    assert heard.notes[0].startswith(f"{run}/checkpoints/step-00000010 is damaged: {message}")
    assert heard.notes[1] == "goes on after step 9"
    assert heard.steps[0] == 10
    assert_same(run, tmp_path / "whole")


def test_a_damaged_checkpoint_does_not_count_as_the_newest(long: Job, tmp_path: Path) -> None:
    """Else whole ones were removed for it, and the finished run kept it alone."""
    run = tmp_path / "run"
    train(long, tmp_path / "whole")
    stop(long, run, after=8, checkpoint_every=4)
    (run / "checkpoints" / checkpoints(run)[-1] / "weights.safetensors").write_bytes(b"cut")
    stop(long, run, after=6, resume=True, checkpoint_every=1)
    assert checkpoints(run) == ["step-00000005", "step-00000006"]
    resume(long, run)
    assert checkpoints(run) == ["step-00000030"]
    assert_same(run, tmp_path / "whole")


@pytest.mark.parametrize("manifest", ["{}", "[]", "null", "3", '{"state.json": 1}'])
def test_a_manifest_that_is_none_is_damage(long: Job, tmp_path: Path, manifest: str) -> None:
    run = tmp_path / "run"
    stop(long, run, after=8, checkpoint_every=4)
    (run / "checkpoints" / "step-00000008" / "manifest.json").write_text(manifest)
    found, ails = checkpoint.newest(run)
    assert found == run / "checkpoints" / "step-00000004"
    assert "manifest.json is none of a checkpoint" in ails[0]


def test_what_else_lies_among_checkpoints_is_passed_over(long: Job, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stop(long, run, after=8)
    home = run / "checkpoints"
    shutil.copytree(home / "step-00000008", home / "step-00000008.bak")
    (home / "step-00000099").write_text("")
    (home / ".DS_Store").write_text("")
    resume(long, run)
    assert {path.name for path in home.iterdir()} == {
        "step-00000030",
        "step-00000008.bak",
        "step-00000099",
        ".DS_Store",
    }


def test_checkpoints_of_nobody_knows_what_are_not_gone_on_from(long: Job, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stop(long, run, after=8)
    (run / "config.json").unlink()
    with pytest.raises(TrainingError, match=r"run has lost its config\.json, without which nobody"):
        resume(long, run)
    assert checkpoints(run)


@pytest.mark.parametrize("text", ["{}", "[]", "null", "{"])
def test_a_config_that_is_none_is_told(long: Job, tmp_path: Path, text: str) -> None:
    run = tmp_path / "run"
    stop(long, run, after=8)
    (run / "config.json").write_text(text)
    with pytest.raises(TrainingError, match=r"config\.json .*leave --resume away"):
        resume(long, run)


def test_checkpoints_of_another_network_are_told(long: Job, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stop(long, run, after=8)
    folder = run / "checkpoints" / "step-00000008"
    found = checkpoint.read(folder)
    weights = {"other": torch.zeros(3)}
    checkpoint.save(run, 8, dataclasses.replace(found, weights=save(weights)))
    with pytest.raises(TrainingError, match="what is there is of another network"):
        resume(long, run)


def test_a_module_that_was_changed_is_written_anew(long: Job, tmp_path: Path) -> None:
    """What is trained is the module that the spec gives."""
    run = tmp_path / "run"
    train(long, tmp_path / "whole")
    stop(long, run, after=8)
    (run / "model.py").write_text(long.module.replace("nn.ReLU", "nn.Tanh"))
    _, heard = resume(long, run)
    assert any("model.py was not what was trained" in note for note in heard.notes)
    assert (run / "model.py").read_text() == long.module
    assert_same(run, tmp_path / "whole")


def test_changed_is_said_of_a_run_that_goes_on(long: Job, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--changed is said of a run that goes on"):
        train(long, tmp_path / "run", Options(changed=True))
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_not_changed_without_anything_to_do(long: Job, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(long, run)
    before = (run / "config.json").read_text()
    with pytest.raises(TrainingError, match="run is finished"):
        train(with_recipe(long, optimizer=AdamW(lr=0.5)), run, Options(resume=True, changed=True))
    assert (run / "config.json").read_text() == before


def test_a_run_goes_on_when_nobody_reads_of_it(long: Job, tmp_path: Path) -> None:
    class Gone(Silent):
        def stepped(self, event: Stepped) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    train(long, tmp_path / "whole")
    train(long, tmp_path / "run", report=Gone())
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_without_a_whole_checkpoint_there_is_nothing_to_go_on_from(
    long: Job, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    stop(long, run, after=10, checkpoint_every=3)
    for name in checkpoints(run):
        flipped(run / "checkpoints" / name)
    with pytest.raises(TrainingError, match=r"step-00000010 is .*step-00000009 is .* No other is"):
        resume(long, run)


def test_a_run_without_a_checkpoint_begins_again_in_its_folder(long: Job, tmp_path: Path) -> None:
    train(long, tmp_path / "whole")
    run = tmp_path / "run"
    stop(long, run, after=5)
    shutil.rmtree(run / "checkpoints")
    _, heard = resume(long, run)
    assert heard.notes == ["begins again from the first step"]
    assert_same(run, tmp_path / "whole")


@pytest.mark.parametrize("left", [(), (".lock", "tiny.arch")], ids=["empty", "half"])
def test_a_folder_that_was_hardly_begun_is_taken(
    job: Job, tmp_path: Path, left: tuple[str, ...]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in left:
        (run / name).write_text("")
    result, _ = resume(job, run)
    assert (run / "tiny.arch").read_text() == job.spec
    assert result.steps == 12


def test_a_folder_of_something_else_is_not_taken(job: Job, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "final.tex").write_text("")
    with pytest.raises(TrainingError, match=r"thesis is no run's folder: it has no config\.json"):
        resume(job, tmp_path / "thesis")


def test_the_newest_run_is_found_and_otherwise_one_begun(
    long: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, heard = resume(long, None, steps=2)
    assert heard.run == Path("runs/tiny-1")
    for _ in range(10):  # runs/tiny-11 is newer than runs/tiny-9
        stop(long, None, after=1)
    Path("runs/tiny-x").mkdir()
    _, heard = resume(long, None)
    assert heard.run == Path("runs/tiny-11")
    assert heard.steps[0] == 2


# --- when it is due -----------------------------------------------------------------------------


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_checkpoint_is_due_after_an_evaluation_and_every_ten_minutes() -> None:
    watch = Watch()
    rhythm = Rhythm(None, watch)
    assert rhythm.due(1, evaluated=True)
    assert not rhythm.due(1, evaluated=False)
    watch.now += 599
    assert not rhythm.due(2, evaluated=False)
    watch.now += 1
    assert rhythm.due(3, evaluated=False)


def test_checkpoints_after_evaluations_take_a_twentieth_of_the_time_at_most() -> None:
    watch = Watch()
    rhythm = Rhythm(None, watch)
    watch.now += 3
    rhythm.saved(began=1000)  # it took three seconds
    watch.now += 59
    assert not rhythm.due(1, evaluated=True)
    watch.now += 1
    assert rhythm.due(2, evaluated=True)


def test_a_number_of_steps_is_kept_to() -> None:
    watch = Watch()
    rhythm = Rhythm(4, watch)
    watch.now += 10_000
    assert [step for step in range(1, 13) if rhythm.due(step, evaluated=True)] == [4, 8, 12]


def test_a_number_of_steps_is_one_at_least(job: Job, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--checkpoint-every 0: it is a number of steps"):
        train(job, tmp_path / "run", Options(checkpoint_every=0))


# --- another run --------------------------------------------------------------------------------


def test_a_finished_run_says_so(job: Job, tmp_path: Path) -> None:
    train(job, tmp_path / "run")
    with pytest.raises(TrainingError, match="run is finished: all of its 12 steps are done"):
        resume(job, tmp_path / "run")


def test_the_newest_run_is_found_by_any_name(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = dataclasses.replace(job, name="we [x]*")
    stop(named, None, after=4)
    resume(named, None)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["we [x]*-1"]


class Change(NamedTuple):
    of: Callable[[Job], Job]
    message: str
    adjustable: bool


CHANGES = {
    "lr": Change(
        lambda job: with_recipe(
            job, optimizer=job.recipe.optimizer.model_copy(update={"lr": 0.02})
        ),
        r"optimizer lr was 0\.01, is 0\.02\.",
        adjustable=True,
    ),
    "optimizer": Change(
        lambda job: with_recipe(job, optimizer=Sgd(lr=0.01)),
        r"optimizer was AdamW, is Sgd\.",
        adjustable=False,
    ),
    "batch": Change(
        lambda job: with_recipe(job, batch=12),
        r"batch was 10, is 12; steps_per_epoch was 12, is 10\.",
        adjustable=False,
    ),
    "augment": Change(
        lambda job: with_recipe(job, augment=Augment(flip=True)),
        r"augment was not set, is Augment\.",
        adjustable=False,
    ),
    "seed": Change(lambda job: with_recipe(job, seed=3), r"seed was 0, is 3\.", adjustable=False),
    "steps": Change(
        lambda job: with_recipe(job, steps=40), r"steps was 30, is 40\.", adjustable=True
    ),
    "network": Change(
        lambda job: dataclasses.replace(
            job,
            module=job.module.replace("Dropout(0.2)", "Dropout(0.3)"),
            spec=job.spec.replace("input", "  input") + "# more\n",
        ),
        r"in tiny\.arch `arch Tiny \{ input 3x12x12 \}` is `arch Tiny \{   input 3x12x12 \}`\.",
        adjustable=False,
    ),
    "generator": Change(
        lambda job: dataclasses.replace(job, module=f"{job.module}\n"),
        r"this version of archdsl makes another module of tiny\.arch\.",
        adjustable=False,
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_run_is_refused_by_what_differs(long: Job, tmp_path: Path, change: Change) -> None:
    run = tmp_path / "run"
    stop(long, run, after=5)
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file() and p.name != ".lock"}
    with pytest.raises(TrainingError, match=rf"run was another run: {change.message}") as caught:
        resume(change.of(long), run)
    assert ("--changed goes on with what is new" in str(caught.value)) is change.adjustable
    assert {p: p.read_bytes() for p in before} == before
    if not change.adjustable:
        with pytest.raises(TrainingError, match=change.message):
            resume(change.of(long), run, changed=True)


def test_other_data_is_another_run(long: Job, tmp_path: Path, folder: Path) -> None:
    stop(long, tmp_path / "run", after=5)
    next((folder / "train" / "red").glob("*.png")).unlink()
    with pytest.raises(TrainingError, match=r"data train was 120, is 119; data sha256 was"):
        resume(long, tmp_path / "run")


def test_data_may_have_moved_and_comments_may_have_changed(
    long: Job, tmp_path: Path, folder: Path
) -> None:
    stop(long, tmp_path / "run", after=5)
    moved = folder.rename(tmp_path / "moved")
    asked = with_recipe(long, data=Folder(path=Quoted(str(moved))))
    asked = dataclasses.replace(asked, spec=f"# a remark\n{long.spec}")
    _, heard = resume(asked, tmp_path / "run")
    assert heard.steps[0] == 6


def test_a_changed_rate_is_gone_on_with_if_that_is_asked_for(long: Job, tmp_path: Path) -> None:
    run = tmp_path / "run"
    plain = with_recipe(long, optimizer=Sgd(lr=0.5))
    stop(plain, run, after=5)
    kept = load_file(run / "weights.safetensors")
    slower = dataclasses.replace(
        with_recipe(long, optimizer=Sgd(lr=1e-30)), spec=f"{long.spec}# slower\n"
    )
    _, heard = resume(slower, run, changed=True)
    assert heard.notes[0] == "optimizer lr was 0.5, is 1e-30"
    after = load_file(run / "weights.safetensors")
    assert all(torch.equal(after[name], kept[name]) for name in kept)
    config = json.loads((run / "config.json").read_text())
    assert config["recipe"]["optimizer"]["lr"] == 1e-30
    assert config["resumed"][0]["changes"] == ["optimizer lr was 0.5, is 1e-30"]
    assert config["resumed"][0]["step"] == 5
    assert (run / "tiny.arch").read_text() == slower.spec


def test_a_finished_run_can_be_given_more_steps(long: Job, tmp_path: Path) -> None:
    """At a constant rate it ends as a longer one does."""
    run = tmp_path / "run"
    train(with_recipe(long, steps=16), run)
    longer = with_recipe(long, steps=24)
    _, heard = resume(longer, run, changed=True)
    assert heard.steps[0] == 17
    train(longer, tmp_path / "whole")
    assert_same(run, tmp_path / "whole")
    with pytest.raises(TrainingError, match=r"20 steps: .*run has done 24; take more"):
        resume(with_recipe(long, steps=20), run, changed=True)


# --- one process --------------------------------------------------------------------------------


def test_a_run_that_is_being_trained_is_left_alone(
    long: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getpid", lambda: 4711)
    monkeypatch.setattr("platform.node", lambda: "anvil")
    stop(long, tmp_path / "run", after=5)
    with locked(tmp_path / "run"):
        with pytest.raises(TrainingError, match="is being trained by process 4711 on anvil"):
            resume(long, tmp_path / "run")
        with pytest.raises(TrainingError, match="a run is never overwritten"):
            train(long, tmp_path / "run")
    resume(long, tmp_path / "run")


def test_a_lock_that_is_not_yet_signed(tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / ".lock").write_text("")
        with pytest.raises(TrainingError, match="by another process"), locked(tmp_path):
            pass


def test_a_file_system_without_locks_does_not_keep_from_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with locked(tmp_path), locked(tmp_path):
        pass


# --- its parts ----------------------------------------------------------------------------------


def test_progress_is_kept_exactly() -> None:
    progress = Progress(step=7, training_seconds=0.1 + 0.2, losses=[1 / 3, 1e-30])
    assert Progress.from_json(progress.to_json()) == progress


@pytest.fixture
def stepped() -> Iterator[tuple[nn.Module, torch.optim.Optimizer]]:
    """A convolution in channels_last, after a step of an optimizer that counts them."""
    network = nn.Sequential(nn.Conv2d(2, 3, 2)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rule = PaperMomentum(network.parameters(), momentum=0.9, lr=0.1)
    network(torch.ones(1, 2, 4, 4)).sum().backward()
    rule.step()
    yield network, rule


def test_what_an_optimizer_remembers_comes_back_as_it_lay(
    stepped: tuple[nn.Module, torch.optim.Optimizer],
) -> None:
    network, rule = stepped
    kept = remembered(rule, network)
    assert sorted(kept) == ["0.bias/step", "0.bias/velocity", "0.weight/step", "0.weight/velocity"]
    fresh = PaperMomentum(network.parameters(), momentum=0.9, lr=0.1)
    remember(fresh, network, {name: value.contiguous() for name, value in kept.items()})
    for parameter in network.parameters():
        before, after = rule.state[parameter], fresh.state[parameter]
        assert after["step"] == 1
        assert type(after["step"]) is int
        assert torch.equal(after["velocity"], before["velocity"])
        assert after["velocity"].stride() == parameter.stride()


def test_an_optimizer_that_remembers_nothing(recipe: Recipe) -> None:
    network = nn.Linear(2, 2)
    plain = optimizer(recipe.model_copy(update={"optimizer": Sgd(lr=0.1)}), network)
    assert remembered(plain, network) == {}


def saved(run: Path, step: int) -> None:
    state = Progress(step=step).to_json()
    checkpoint.save(run, step, Checkpoint(state, b"weights", [b"one", b"two"]))


def test_the_newest_is_by_its_number_and_not_by_its_name(tmp_path: Path) -> None:
    for step in (99_999_999, 100_000_000):
        saved(tmp_path, step)
    found, ails = checkpoint.newest(tmp_path)
    assert found is not None
    assert (checkpoint.progress(found).step, ails) == (100_000_000, [])
    assert checkpoint.read(found).parts == [b"one", b"two"]


def test_one_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    saved(tmp_path, 4)
    flipped(tmp_path / "checkpoints" / "step-00000004")
    saved(tmp_path, 4)
    found, _ = checkpoint.newest(tmp_path)
    assert found is not None
    assert checkpoint.read(found).weights == b"weights"
    assert checkpoints(tmp_path) == ["step-00000004"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / ".step-00000003").mkdir(parents=True)
    saved(tmp_path, 4)
    assert checkpoints(tmp_path) == ["step-00000004"]


def test_the_weights_of_a_checkpoint_are_safetensors(job: Job, tmp_path: Path) -> None:
    train(job, tmp_path / "run")
    place, _ = checkpoint.newest(tmp_path / "run")
    assert place is not None
    found = checkpoint.read(place)
    assert all(w.isfinite().all() for w in load(found.weights).values())
    assert {name.rpartition("/")[2] for name in load(found.parts[0])} == {
        "exp_avg",
        "exp_avg_sq",
        "step",
    }
