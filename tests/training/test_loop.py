"""Whole runs of a tiny network."""

import dataclasses
import hashlib
import importlib.util
import json
import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from archdsl.training import (
    Evaluation,
    Interrupted,
    Job,
    Options,
    Silent,
    Stepped,
    TrainingError,
    train,
)
from archdsl.training.data.sources import Data, Wanted, load
from archdsl.words.recipe import (
    Augment,
    Cifar10,
    Constant,
    CrossEntropy,
    Evaluate,
    Folder,
    Milestones,
    Mnist,
    Plateau,
    Recipe,
    Sgd,
    Shapes,
)
from archdsl.words.word import Quoted


class Listener(Silent):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.steps: list[Stepped] = []
        self.evaluations: list[Evaluation] = []
        self.over = False

    def stepped(self, event: Stepped) -> None:
        self.steps.append(event)

    def evaluated(self, event: Evaluation) -> None:
        self.evaluations.append(event)

    def ended(self) -> None:
        self.over = True


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [r for r in map(json.loads, lines) if r["kind"] == kind]


def losses(run: Path) -> list[float]:
    return [r["loss"] for r in records(run, "train")]


def with_recipe(job: Job, **changes: Any) -> Job:
    return dataclasses.replace(job, recipe=job.recipe.model_copy(update=changes))


def held_out(job: Job) -> Data:
    assert isinstance(job.recipe.data, Folder)
    return load(job.recipe.data, Wanted(3, 12, 12, square=False, classes=3))


def rebuilt(run: Path) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """The network of a run's own files, ready to judge, and the mean and deviation it wants."""
    spec = importlib.util.spec_from_file_location("rebuilt", run / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: nn.Module = module.Tiny()
    network.load_state_dict(load_file(run / "weights.safetensors"), strict=True)
    return network.eval(), load_file(run / "normalisation.safetensors")


def test_a_run_keeps_everything(job: Job, tmp_path: Path) -> None:
    result = train(job, tmp_path / "run")
    assert sorted(p.name for p in result.run.iterdir()) == [
        ".lock",
        "activations.jsonl",
        "activations.png",
        "checkpoints",
        "config.json",
        "kernels.png",
        "loss.png",
        "metrics.csv",
        "metrics.jsonl",
        "model.py",
        "normalisation.safetensors",
        "result.json",
        "tiny.arch",
        "weights.safetensors",
    ]
    assert (result.run / "tiny.arch").read_text() == job.spec
    assert (result.run / "model.py").read_text() == job.module
    with Image.open(result.run / "loss.png") as plot:
        assert plot.format == "PNG"
        colours = {colour for _, colour in plot.convert("RGB").getcolors(2**24) or ()}
    assert {(0x7A, 0xA6, 0xC2), (0xC0, 0x50, 0x4D)} < colours  # both curves are drawn


def test_config_says_what_was_trained_on_what_and_how(job: Job, tmp_path: Path) -> None:
    config = json.loads((train(job, tmp_path / "run").run / "config.json").read_text())
    assert config["spec"]["sha256"] == hashlib.sha256(job.spec.encode()).hexdigest()
    assert config["module"]["sha256"] == hashlib.sha256(job.module.encode()).hexdigest()
    assert config["data"]["sha256"] == held_out(job).sha256
    assert config["data"]["synthetic"] is False
    assert config["classes"] == ["blue", "green", "red"]
    assert config["recipe"]["optimizer"]["lr"] == 0.01
    assert config["recipe"]["batch"] == 10
    assert config["versions"]["torch"] == torch.__version__
    assert config["hardware"]["threads"] == torch.get_num_threads()
    assert (config["seed"], config["steps"], config["steps_per_epoch"]) == (0, 12, 12)


def test_the_weights_are_the_modules_and_give_the_figures(job: Job, tmp_path: Path) -> None:
    result = train(job, tmp_path / "run")
    network, scale = rebuilt(result.run)
    test = held_out(job).test
    with torch.no_grad():
        logits = network((test.images.float() - scale["mean"]) / scale["std"])
    loss = functional.cross_entropy(logits, test.labels).item()
    top1 = (logits.argmax(1) == test.labels).double().mean().item()
    assert result.final.loss == pytest.approx(loss, abs=1e-5)
    assert result.final.top1 == pytest.approx(top1)
    kept = json.loads((result.run / "result.json").read_text())
    assert (kept["loss"], kept["top1"], kept["step"]) == (result.final.loss, result.final.top1, 12)


def test_colours_are_learned(job: Job, tmp_path: Path) -> None:
    result = train(with_recipe(job, steps=40), tmp_path / "run")
    assert result.final.top1 > 0.9
    assert result.final.top5 == 1  # three classes: the first three are all there are


def test_accuracies_have_their_standard_error() -> None:
    evaluation = Evaluation(step=1, images=400, loss=1.0, top1=0.8, top5=1.0)
    assert evaluation.top1_error == pytest.approx(0.02)  # sqrt(0.8 * 0.2 / 400)
    assert evaluation.top5_error == 0


def test_the_same_seed_gives_the_same_run(job: Job, tmp_path: Path) -> None:
    first = train(job, tmp_path / "a")
    torch.rand(7)
    second = train(job, tmp_path / "b")
    other = train(with_recipe(job, seed=1), tmp_path / "c")
    assert losses(first.run) == losses(second.run)
    assert first.final == second.final
    assert losses(first.run) != losses(other.run)


def test_a_callers_random_numbers_are_not_disturbed(job: Job, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(job, tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def test_a_step_is_its_formula(job: Job, tmp_path: Path) -> None:
    """The second of two steps, by hand: no dropout, and all images in one batch."""
    plain = with_recipe(
        dataclasses.replace(job, module=job.module.replace("Dropout(0.2)", "Dropout(0)")),
        batch=120,
        optimizer=Sgd(lr=0.1, weight_decay=0.5),
        loss=CrossEntropy(smoothing=0.3),
    )
    one = train(plain, tmp_path / "one", Options(steps=1))
    two = train(plain, tmp_path / "two", Options(steps=2))
    network, scale = rebuilt(one.run)
    examples = held_out(job).train
    logits = network((examples.images.float() - scale["mean"]) / scale["std"])
    truth = functional.one_hot(examples.labels, 3) * 0.7 + 0.1
    loss = -(truth * logits.log_softmax(1)).sum(1).mean()
    loss.backward()
    second = records(two.run, "train")[1]
    assert second["loss"] == pytest.approx(loss.item(), abs=1e-5)
    after = load_file(two.run / "weights.safetensors")
    squares = 0.0
    for name, w in network.named_parameters():
        assert w.grad is not None
        assert torch.allclose(after[name], w - 0.1 * (w.grad + 0.5 * w), atol=1e-5)
        squares += float(w.grad.square().sum())
    assert second["gradient_norm"] == pytest.approx(math.sqrt(squares), rel=1e-4)


def test_each_epoch_sees_every_image_once_in_another_order(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    call = nn.Module.__call__

    def watched(network: nn.Module, *inputs: Any) -> Any:
        if type(network).__name__ == "Tiny" and network.training:
            seen.append(inputs[0].sum((1, 2, 3)).clone())
        return call(network, *inputs)

    monkeypatch.setattr(nn.Module, "__call__", watched)
    train(with_recipe(job, steps=24), tmp_path / "run")
    first, second = torch.cat(seen[:12]), torch.cat(seen[12:])
    assert len(set(first.tolist())) == 120
    assert torch.equal(first.sort().values, second.sort().values)
    assert not torch.equal(first, second)


def test_steps_replace_the_recipes_length(job: Job, tmp_path: Path) -> None:
    epochs = with_recipe(job, steps=None, epochs=2)
    assert train(epochs, tmp_path / "a").steps == 24
    assert train(epochs, tmp_path / "b", Options(steps=5)).steps == 5
    assert train(epochs, tmp_path / "c", Options(epochs=1)).steps == 12
    with pytest.raises(TrainingError, match="--steps and --epochs are both the run's length"):
        train(epochs, tmp_path / "d", Options(steps=5, epochs=1))
    assert not (tmp_path / "d").exists()


def test_steps_and_epochs_leave_the_recipes_unit_alone(job: Job, tmp_path: Path) -> None:
    """The rate falls at the third step, as the recipe says that counts in steps."""
    recipe = with_recipe(job, steps=12, schedule=Milestones(at=(3,), factor=0.5))
    heard = Listener()
    train(recipe, tmp_path / "run", Options(epochs=1), heard)
    assert [event.rate for event in heard.steps] == [0.01] * 3 + [0.005] * 9


def test_evaluation_is_every_so_often_and_at_the_end(job: Job, tmp_path: Path) -> None:
    heard = Listener()
    train(with_recipe(job, evaluate=Evaluate(every=5)), tmp_path / "run", report=heard)
    assert [e.step for e in heard.evaluations] == [5, 10, 12]
    assert [e.step for e in heard.steps] == list(range(1, 13))
    assert [e["step"] for e in records(tmp_path / "run", "evaluation")] == [5, 10, 12]
    by_epoch = with_recipe(job, steps=None, epochs=2, evaluate=Evaluate())
    train(by_epoch, tmp_path / "b", report=(heard := Listener()))
    assert [e.step for e in heard.evaluations] == [12, 24]
    assert heard.over


def test_a_curve_has_a_point_every_hundred_steps(job: Job, tmp_path: Path) -> None:
    result = train(with_recipe(job, batch=1, steps=450), tmp_path / "run")
    points = [r["step"] for r in records(result.run, "train")]
    assert points == [*range(2, 451, 2)]


def test_plateau_ends_a_run_before_its_time(job: Job, tmp_path: Path) -> None:
    # Nothing is learned at such a rate: evaluation 1 is the best, 2 drops, 3 ends.
    stuck = with_recipe(
        job,
        steps=10,
        optimizer=Sgd(lr=1e-30),
        schedule=Plateau(factor=0.5, patience=1, drops=1),
        evaluate=Evaluate(every=1),
    )
    heard = Listener()
    result = train(stuck, tmp_path / "run", report=heard)
    assert (result.steps, result.stopped_early) == (3, True)
    assert [e.rate for e in heard.steps] == pytest.approx([1e-30, 1e-30, 5e-31])
    assert not train(with_recipe(stuck, schedule=Constant()), tmp_path / "b").stopped_early


def test_ten_crops_are_averaged_after_softmax(job: Job, tmp_path: Path, folder: Path) -> None:
    larger = with_recipe(
        job, augment=Augment(resize=16, crop=12, flip=True), evaluate=Evaluate(crops=10)
    )
    result = train(larger, tmp_path / "run")
    data = load(Folder(path=Quoted(str(folder))), Wanted(3, 16, 16, square=True, classes=3))
    network, scale = rebuilt(result.run)
    x = (data.test.images.float() - scale["mean"]) / scale["std"]
    total = torch.zeros(30, 3)
    with torch.no_grad():
        for top, left in ((0, 0), (0, 4), (4, 0), (4, 4), (2, 2)):
            cut = x[:, :, top : top + 12, left : left + 12]
            total += network(cut).softmax(1) + network(cut.flip(3)).softmax(1)
    expected = functional.nll_loss((total / 10).log(), data.test.labels).item()
    assert result.final.loss == pytest.approx(expected, abs=1e-5)


def test_a_loss_that_is_no_number_stops_before_the_update(job: Job, tmp_path: Path) -> None:
    wild = with_recipe(job, optimizer=Sgd(lr=1e30))
    heard = Listener()
    with pytest.raises(
        TrainingError, match=r"is not a number; .* Lower the optimizer's lr"
    ) as caught:
        train(wild, tmp_path / "run", report=heard)
    assert "is the first" in str(caught.value)
    assert str(tmp_path / "run") in str(caught.value)
    assert heard.over
    weights = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(w.isfinite().all() for w in weights.values())
    assert len(records(tmp_path / "run", "train")) == len(heard.steps) >= 1
    assert (tmp_path / "run" / "loss.png").exists()


def test_the_first_layer_that_goes_wrong_is_named(job: Job, tmp_path: Path) -> None:
    poisoned = job.module.replace(
        "        out: Tensor = ",
        "        x = x * (1 if not self.training else torch.inf)\n        out: Tensor = ",
    )
    with pytest.raises(TrainingError, match=r"step 1: the loss .*; conv1\.conv is the first layer"):
        train(dataclasses.replace(job, module=poisoned), tmp_path / "run")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_and_saves(
    job: Job, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    before = signal.getsignal(number)

    class Impatient(Listener):
        def stepped(self, event: Stepped) -> None:
            super().stepped(event)
            if event.step == 3:
                signal.raise_signal(number)

    heard = Impatient()
    with pytest.raises(Interrupted, match="stopped after step 3") as caught:
        train(job, tmp_path / "run", report=heard)
    assert (caught.value.exit_code, caught.value.step) == (code, 3)
    assert heard.over
    assert signal.getsignal(number) is before
    stopped = load_file(tmp_path / "run" / "weights.safetensors")
    three = train(job, tmp_path / "three", Options(steps=3))
    for name, expected in load_file(three.run / "weights.safetensors").items():
        assert torch.equal(stopped[name], expected)
    assert len(records(tmp_path / "run", "train")) == 3
    assert (tmp_path / "run" / "loss.png").exists()
    assert not (tmp_path / "run" / "result.json").exists()


NOWHERE = Quoted("nowhere")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": Folder(path=NOWHERE)}, "there is no such folder"),
        ({"data": Cifar10(path=NOWHERE)}, "no such file"),
        ({"data": Mnist(path=NOWHERE)}, "no such file"),
        ({"data": Shapes()}, "--set classes=10"),
        ({"batch": 121}, "batch 121: the training set has 120 images"),
        ({"augment": Augment(crop=9)}, "augment crop=9"),
        ({"optimizer": Sgd(lr=0.1, nesterov=True)}, "nesterov needs rule=torch"),
        ({"steps": None, "epochs": None}, "add `epochs` or `steps`"),
    ],
)
def test_what_cannot_be_trained_makes_no_folder(
    job: Job, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    heard = Listener()
    with pytest.raises(TrainingError, match=message):
        train(with_recipe(job, **changes), tmp_path / "run", report=heard)
    assert not (tmp_path / "run").exists()
    assert not heard.steps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "tpu"}, "--device tpu: it is auto, cpu, cuda or one like cuda:1"),
        ({"steps": 0}, "--steps 0: a run takes one at least"),
    ],
)
def test_arguments_are_judged_before_a_folder_is_made(
    job: Job, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        train(job, tmp_path / "run", Options(**arguments))
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there(job: Job, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="PyTorch sees no CUDA device here"):
        train(job, tmp_path / "run", Options(device="cuda"))


def test_a_run_is_never_overwritten(job: Job, tmp_path: Path) -> None:
    train(job, tmp_path / "run", Options(steps=1))
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    with pytest.raises(TrainingError, match="a run is never overwritten"):
        train(job, tmp_path / "run", Options(steps=1))
    assert {p: p.read_bytes() for p in before} == before


def test_a_module_that_is_not_the_specs_is_a_bug(job: Job, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="has 827 parameters where the spec counts 828"):
        train(dataclasses.replace(job, parameters=828), tmp_path / "run")


def test_shapes_train_the_imported_module(
    make_job: Callable[[Recipe], Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archdsl.training.data.sources.TRAINING_SHAPES", 200)
    monkeypatch.setattr("archdsl.training.data.sources.TEST_SHAPES", 50)
    job = make_job(Recipe(batch=50, epochs=1))
    ten = dataclasses.replace(
        job,
        classes=10,
        module=job.module.replace("8 * 5 * 5, 3)", "8 * 5 * 5, 10)"),
        parameters=job.parameters + 7 * 201,
    )
    result = train(ten, tmp_path / "run")
    assert result.synthetic
    assert (result.steps, result.final.images) == (4, 50)
    assert (tmp_path / "run" / "model.py").exists()


def test_a_folder_that_may_not_be_read_is_named(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(TrainingError, match=r"train cannot be read \(Permission denied\)"):
        train(job, tmp_path / "run")
    assert not (tmp_path / "run").exists()
