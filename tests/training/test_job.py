"""From a spec to a job."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

import archdsl
from archdsl.training import TrainingError, job, train
from archdsl.words.recipe import Recipe, Sgd, Shapes

SPEC = """\
arch Tiny(classes=10) {
  input 3x16x16
  conv1: conv 4 3x3 stride=2 pad=1 allow=lossy_stride
         relu
  fc2:   linear classes
%s}
"""
TRAIN = """\
  train {
    batch     20
    steps     3
    optimizer sgd lr=0.05 momentum=0.9 rule=paper
  }
"""


@pytest.fixture
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 images of the built-in data instead of 20,000."""
    monkeypatch.setattr("archdsl.training.data.TRAINING_SHAPES", 60)
    monkeypatch.setattr("archdsl.training.data.TEST_SHAPES", 20)


def loaded(tmp_path: Path, text: str) -> archdsl.Arch:
    path = tmp_path / "tiny.arch"
    path.write_text(text)
    return archdsl.load(path)


def test_a_spec_becomes_a_job(tmp_path: Path) -> None:
    text = SPEC % TRAIN
    found = job(loaded(tmp_path, text))
    assert (found.name, found.spec_name, found.spec) == ("tiny", "tiny.arch", text)
    assert (found.input, found.classes) == ((3, 16, 16), 10)
    assert found.values == {"classes": 10}
    assert found.parameters == 4 * 27 + 4 + 10 * 256 + 10
    assert found.recipe.optimizer == Sgd(lr=0.05, momentum=0.9, rule="paper")
    assert f"class {found.class_name}(nn.Module)" in found.module


@pytest.mark.usefixtures("few_shapes")
def test_what_is_emitted_is_what_is_trained(tmp_path: Path) -> None:
    arch = loaded(tmp_path, SPEC % TRAIN)
    result = train(job(arch), tmp_path / "run")
    assert result.steps == 3
    assert (result.run / "model.py").read_text() == arch.pytorch()


def test_without_a_recipe_its_defaults_hold_and_data_can_be_given(tmp_path: Path) -> None:
    arch = loaded(tmp_path, SPEC % "")
    assert job(arch).recipe == Recipe()
    assert job(arch, Shapes()).recipe.data == Shapes()


def test_an_output_that_is_no_vector_cannot_be_trained(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "arch Map { input 3x8x8; conv 10 3x3 }\n")
    with pytest.raises(TrainingError, match="the output is 10x6x6; to train, end in one number"):
        job(arch)


def test_a_network_that_ends_in_softmax_is_told_so(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "arch Net { input 3x8x8; linear 10; softmax }\n")
    with pytest.raises(TrainingError, match=r"ends in linear\.softmax"):
        job(arch)


def test_a_scaled_stage_is_found_under_its_name_in_the_module(tmp_path: Path) -> None:
    text = "arch Net {\n input 3x8x8\n float: linear 10\n train { scale float lr=3; batch 20 }\n}\n"
    (line,) = job(loaded(tmp_path, text)).recipe.scale
    assert (line.target, line.lr) == ("float_", 3)


@pytest.mark.usefixtures("few_shapes")
def test_settings_that_do_not_fit_leave_no_run_behind(tmp_path: Path) -> None:
    text = (
        "arch Net {\n input 3x16x16\n pool: maxpool 2\n fc: linear 10\n"
        " train { scale pool lr=3; batch 20; steps 2 }\n}\n"
    )
    with pytest.raises(TrainingError, match="scale pool"):
        train(job(loaded(tmp_path, text)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("few_shapes")
def test_batchnorm_over_single_values_is_explained(tmp_path: Path) -> None:
    text = (
        "arch Net {\n input 3x16x16\n a: linear 5\n batchnorm\n fc: linear 10\n"
        " train { batch 1; steps 2 }\n}\n"
    )
    with pytest.raises(TrainingError, match="batch of 2 or more"):
        train(job(loaded(tmp_path, text)), tmp_path / "run")


@pytest.mark.usefixtures("few_shapes")
def test_divergence_keeps_the_running_means_of_before(tmp_path: Path) -> None:
    text = (
        "arch Net {\n input 3x16x16\n a: conv 4 3x3\n batchnorm\n b: conv 4 3x3\n batchnorm\n"
        " fc: linear 10\n train { batch 20; steps 9; optimizer sgd lr=1e14 momentum=0.9 }\n}\n"
    )
    with pytest.raises(TrainingError, match="not a number") as stopped:
        train(job(loaded(tmp_path, text)), tmp_path / "run")
    step = int(str(stopped.value).split()[1].rstrip(":"))
    kept = load_file(tmp_path / "run" / "weights.safetensors")
    assert kept["a.batchnorm.num_batches_tracked"].item() == step - 1
    assert all(bool(tensor.isfinite().all()) for tensor in kept.values())
