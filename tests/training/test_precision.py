"""In what numbers a run computes, and what it leaves behind in PyTorch's settings."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from typer.testing import CliRunner

from archdsl.cli import app
from archdsl.training import Job, Options, TrainingError, train
from archdsl.training.precision import Numbers, Precision, has_bf16, precision
from archdsl.words.recipe import Recipe, Sgd
from tests.helpers import SPECS

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx512_bf16": False, "amx_bf16": False}, False),
        ({"neon": True}, False),
    ],
)
def test_a_processor_has_bfloat16_if_it_has_instructions_for_it(
    told: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert has_bf16(CPU) is expected


def test_a_pytorch_that_does_not_tell_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bf16(CPU)


@pytest.mark.parametrize(
    ("name", "deterministic", "there", "expected"),
    [
        ("auto", False, True, Numbers.BF16),
        ("auto", False, False, Numbers.FP32),
        ("auto", True, True, Numbers.FP32),
        ("bf16", False, False, Numbers.BF16),
        ("fp32", False, True, Numbers.FP32),
        ("fp64", True, True, Numbers.FP64),
    ],
)
def test_auto_is_bf16_where_the_device_computes_it(
    name: str, deterministic: bool, there: bool, expected: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archdsl.training.precision.has_bf16", lambda device: there)
    assert precision(name, deterministic, CPU) == Precision(expected, "cpu", deterministic)


@pytest.mark.parametrize(
    ("name", "deterministic", "message"),
    [
        ("half", False, "--precision half: it is auto, bf16, fp32, fp64"),
        ("bf16", True, "--deterministic .* goes with fp32 or fp64, not with --precision bf16"),
    ],
)
def test_what_cannot_be_is_said_before_there_is_a_folder(
    job: Job, name: str, deterministic: bool, message: str, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=message):
        train(job, tmp_path / "run", Options(precision=name, deterministic=deterministic))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--precision", "half"], "--precision half: it is auto, bf16, fp32, fp64"),
        (["--deterministic", "--precision", "bf16"], "--deterministic leaves out"),
    ],
)
def test_the_command_has_both(options: list[str], message: str, tmp_path: Path) -> None:
    command = ["train", str(SPECS / "small.arch"), "--run", str(tmp_path / "run"), *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("numbers", "inside", "outside"),
    [
        (Numbers.BF16, torch.bfloat16, torch.float32),
        (Numbers.FP32, torch.float32, torch.float32),
        (Numbers.FP64, torch.float64, torch.float64),
    ],
)
def test_layers_compute_in_it_and_the_loss_is_taken_in_more(
    numbers: Numbers, inside: torch.dtype, outside: torch.dtype
) -> None:
    chosen = Precision(numbers, "cpu")
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)).to(chosen.dtype)
    seen: list[torch.dtype] = []

    def look(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        seen.append(output.dtype)

    for layer in (network[0], network[2]):
        layer.register_forward_hook(look)
    logits = chosen.logits(network, torch.ones(2, 3, 4, 4))
    torch.autograd.backward(logits.sum())
    assert seen == [inside, inside]
    assert logits.dtype is outside
    assert {p.dtype for p in network.parameters()} == {outside}
    assert {p.grad.dtype for p in network.parameters() if p.grad is not None} == {outside}


@pytest.mark.parametrize(
    ("name", "stored", "apart"),
    [("bf16", torch.float32, 3e-2), ("fp64", torch.float64, 1e-5)],
)
def test_a_run_in_other_numbers_goes_nearly_the_same_way(
    make_job: Callable[[Recipe], Job],
    recipe: Recipe,
    name: str,
    stored: torch.dtype,
    apart: float,
    tmp_path: Path,
) -> None:
    # Plain descent: Adam's first steps are the signs of gradients, and a sign is soon another.
    asked = make_job(recipe.model_copy(update={"optimizer": Sgd(lr=0.05)}))
    plain = train(asked, tmp_path / "fp32", Options(precision="fp32"))
    other = train(asked, tmp_path / name, Options(precision=name))
    config = json.loads((other.run / "config.json").read_text())
    assert (config["precision"], config["deterministic"]) == (name, False)
    one, two = (load_file(each.run / "weights.safetensors") for each in (plain, other))
    assert {tensor.dtype for tensor in two.values()} == {stored}
    worst = max(float((one[place].double() - two[place].double()).abs().max()) for place in one)
    assert 0 < worst < apart
    assert other.final.loss == pytest.approx(plain.final.loss, rel=0.05)
    assert other.final.loss != plain.final.loss  # it was judged in them, too


def test_bf16_stops_before_the_update_as_well(
    make_job: Callable[[Recipe], Job], recipe: Recipe, tmp_path: Path
) -> None:
    wild = make_job(recipe.model_copy(update={"optimizer": Sgd(lr=1e36)}))
    with pytest.raises(TrainingError, match=r"not a number; .* is the first"):
        train(wild, tmp_path / "run", Options(precision="bf16"))
    kept = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(bool(tensor.isfinite().all()) for tensor in kept.values())


def test_a_deterministic_run_sets_pytorch_up_and_gives_everything_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    cudnn = torch.backends.cudnn

    def settings() -> list[object]:
        return [
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.get_float32_matmul_precision(),
            (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
            os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        ]

    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_float32_matmul_precision("medium")
    try:
        before = settings()
        with Precision(Numbers.FP32, "cpu", deterministic=True).held():
            inside = [True, False, "highest", (True, False, True, False), ":4096:8"]
            assert settings() == inside
        assert settings() == before
        with Precision(Numbers.BF16, "cpu").held():
            assert settings()[2:] == ["highest", (True, True, False, False), ":16:8"]
        assert settings() == before
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_float32_matmul_precision("highest")


def test_a_workspace_that_was_not_set_is_not_set_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with Precision(Numbers.FP32, "cpu", deterministic=True).held():
        pass
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


def test_what_cannot_be_deterministic_is_named() -> None:
    with (
        pytest.raises(TrainingError, match=r"--deterministic: put_ can give other bits"),
        Precision(Numbers.FP32, "cpu", deterministic=True).held(),
    ):
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.ones(2))
    assert not torch.are_deterministic_algorithms_enabled()


def test_two_deterministic_runs_are_the_same(job: Job, tmp_path: Path) -> None:
    runs = [train(job, tmp_path / name, Options(deterministic=True)) for name in ("a", "b")]
    one, two = (load_file(each.run / "weights.safetensors") for each in runs)
    assert all(torch.equal(one[place], two[place]) for place in one)
    config = json.loads((runs[0].run / "config.json").read_text())
    assert (config["precision"], config["deterministic"]) == ("fp32", True)
