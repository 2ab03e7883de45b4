"""From a spec to a job."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import archdsl
from archdsl.training import Options, TrainingError, job, train
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
    monkeypatch.setattr("archdsl.training.data.sources.TRAINING_SHAPES", 60)
    monkeypatch.setattr("archdsl.training.data.sources.TEST_SHAPES", 20)


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


COMPOSED = """\
block unit(n) { conv n 3x3 pad=1; batchnorm; relu }
arch Net {
  input 3x16x16
  stem: maxpool 4
        concat { unit 4 } { conv 4 1x1 }
  res:  repeat 2 { add { unit 8 } {} }
  fc1:  linear 12
  fc10: linear 10
  train { batch 20; steps 2; optimizer sgd lr=0.1; %s }
}
"""


@pytest.mark.usefixtures("few_shapes")
def test_joins_repeats_and_blocks_are_trained(tmp_path: Path) -> None:
    asked = job(loaded(tmp_path, COMPOSED % "seed 3"))
    one = load_file(train(asked, tmp_path / "one", Options(steps=1)).run / "weights.safetensors")
    two = load_file(train(asked, tmp_path / "two").run / "weights.safetensors")
    assert "res.repeat.2.add.1.unit.batchnorm.running_mean" in two
    assert two["res.repeat.2.add.1.unit.batchnorm.num_batches_tracked"].item() == 2
    # A bias before a batchnorm has no gradient but rounding.
    still = {name for name in two if torch.allclose(one[name], two[name], atol=1e-7)}
    assert all(name.endswith("unit.conv.bias") for name in still)


@pytest.mark.usefixtures("few_shapes")
def test_a_scaled_stage_is_all_that_is_in_it_and_no_other(tmp_path: Path) -> None:
    settings = "scale res lr=0; scale fc1 lr=0"
    asked = job(loaded(tmp_path, COMPOSED % settings))
    one = load_file(train(asked, tmp_path / "one", Options(steps=1)).run / "weights.safetensors")
    two = load_file(train(asked, tmp_path / "two").run / "weights.safetensors")
    learned = {name for name in two if name.endswith(("weight", "bias"))}
    still = {name for name in learned if torch.equal(one[name], two[name])}
    assert still == {name for name in learned if name.split(".")[0] in ("res", "fc1")}
    assert "fc10.linear.weight" in learned - still


@pytest.mark.usefixtures("few_shapes")
def test_a_join_whose_sum_is_no_number_is_named(tmp_path: Path) -> None:
    text = "arch Net { input 3x16x16; a: add { linear 10 } { linear 10 }; train { batch 20 } }"
    asked = job(loaded(tmp_path, text))
    poisoned = asked.module.replace('+ self.add["2"](x)', '+ self.add["2"](x) / 0')
    assert poisoned != asked.module
    with pytest.raises(TrainingError, match="; a is the first layer whose output is not"):
        train(replace(asked, module=poisoned), tmp_path / "run")


# --- files that the spec uses -----------------------------------------------------------------


def written(root: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


UNIT = "block unit(n) { conv n 1x1; relu }\n"
SPREAD = {
    "specs/net.arch": 'use "parts/blocks.arch"\nuse "../shared/widths.arch"\n'
    "arch Net { input 3x16x16; a: both 4; fc: linear width\n train { batch 20; steps 1 } }\n",
    "specs/parts/blocks.arch": 'use "deep/unit.arch"\nuse "../../other/widths.arch"\n'
    "block both(n) { unit n; unit other }\n",
    "specs/parts/deep/unit.arch": UNIT,
    "shared/widths.arch": "let width=10\n",
    "other/widths.arch": "let other=6\n",
}


@pytest.mark.usefixtures("few_shapes")
def test_a_run_keeps_every_file_that_the_network_came_from(tmp_path: Path) -> None:
    written(tmp_path, SPREAD)
    run = train(job(archdsl.load(tmp_path / "specs/net.arch")), tmp_path / "run").run
    # Some lie outside of the spec's folder, so all of it is kept as it lies in its own.
    kept = {"net.arch": "specs/net.arch", **{f"used/{name}": name for name in SPREAD}}
    found = {str(path.relative_to(run)) for path in run.rglob("*.arch")}
    assert found == set(kept)
    config = json.loads((run / "config.json").read_text())
    told = {file["file"]: file["sha256"] for file in [config["spec"], *config["used"]]}
    assert told.keys() == kept.keys()
    for place, name in kept.items():
        text = (run / place).read_bytes()
        assert text == SPREAD[name].encode()
        assert told[place] == hashlib.sha256(text).hexdigest()
    again = archdsl.load(run / "used/specs/net.arch")
    assert again.check().ok
    assert again.pytorch() == (run / "model.py").read_text()


@pytest.mark.usefixtures("few_shapes")
def test_a_spec_whose_files_lie_below_it_checks_in_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "arch Base(width=6) { input 3x16x16; a: unit width; fc: linear 10\n"
    written(
        tmp_path,
        {
            "specs/net.arch": 'use "parts/../parts/base.arch"\narch Net from Base { set a n=5 }\n',
            "specs/parts/base.arch": f'use "../unit.arch"\n{base} train {{ batch 20; steps 1 }} }}',
            "specs/unit.arch": UNIT,
        },
    )
    monkeypatch.chdir(tmp_path / "specs" / "parts")
    arch = archdsl.load("../net.arch")
    run = train(job(arch), tmp_path / "run").run
    again = archdsl.load(run / "net.arch")
    assert again.check().ok
    assert again.pytorch() == arch.pytorch() == (run / "model.py").read_text()
    assert not (run / "used").exists()


@pytest.mark.usefixtures("few_shapes")
def test_no_file_takes_the_place_of_the_runs_own(tmp_path: Path) -> None:
    used = ("model.py", "used/used/width.arch", "config.json/unit.arch", "../used")
    uses = "".join(f'use "{name}"\n' for name in used)
    written(
        tmp_path,
        {
            "specs/net.arch": f"{uses}arch Net {{ input 3x16x16; a: unit b; fc: linear (c*d)\n"
            "train { batch 20; steps 1 } }\n",
            "specs/model.py": "let b=4\n",
            "specs/used/used/width.arch": "let c=5\n",
            "specs/config.json/unit.arch": UNIT,
            "used": "let d=2\n",
        },
    )
    run = train(job(archdsl.load(tmp_path / "specs/net.arch")), tmp_path / "run").run
    assert (run / "used/specs/model.py").read_text() == "let b=4\n"
    assert (run / "used/specs/used/used/width.arch").read_text() == "let c=5\n"
    assert (run / "used/used").read_text() == "let d=2\n"
    assert (run / "used/specs/config.json/unit.arch").read_text() == UNIT
    assert archdsl.load(run / "used/specs/net.arch").check().ok
    assert "class Net" in (run / "model.py").read_text()
    assert json.loads((run / "config.json").read_text())["spec"]["file"] == "net.arch"


@pytest.mark.usefixtures("few_shapes")
def test_a_used_file_may_be_called_like_the_folder(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "specs/net.arch": 'use "used"\nuse "../b.arch"\n'
            "arch Net { input 3x16x16; a: linear b; fc: linear c; train { batch 20; steps 1 } }\n",
            "specs/used": "let c=10\n",
            "b.arch": "let b=4\n",
        },
    )
    run = train(job(archdsl.load(tmp_path / "specs/net.arch")), tmp_path / "run").run
    assert {path.name for path in (run / "used").iterdir()} == {"specs", "b.arch"}
    assert archdsl.load(run / "used/specs/net.arch").check().ok
