"""Lines of a recipe said anew for one run, as `archdsl train --recipe LINE` has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl import Arch, SpecError, load
from archdsl.words.recipe import AdamW, Augment, Constant, Cosine, Recipe, Sgd

SPEC = """
arch Net(classes=10) {
  input 3x16x16
  conv1: conv 8 3x3 pad=1
  fc2: linear classes
  train {
    batch 64
    steps 90
    optimizer adamw lr=0.1 betas=(0.8, 0.9)
    scale biases lr=2
    scale fc2 lr=10
    schedule cosine warmup=5
  }
}
arch Bare { input 3x16x16; fc: linear 10 }
"""


@pytest.fixture
def net(tmp_path: Path) -> Arch:
    return written(tmp_path, "Net")


def written(folder: Path, name: str) -> Arch:
    spec = folder / "net.arch"
    spec.write_text(SPEC, encoding="utf-8")
    return load(spec, arch=name)


def said(arch: Arch, *lines: str) -> Recipe:
    found = arch.recipe(lines)
    assert found is not None
    return found


def test_without_lines_it_is_the_specs_own(tmp_path: Path, net: Arch) -> None:
    assert net.recipe() is net.network.recipe
    assert written(tmp_path, "Bare").recipe() is None


def test_a_line_takes_the_place_of_the_specs(net: Arch) -> None:
    found = said(net, "batch 32", "optimizer sgd lr=1", "augment flip=yes")
    assert found.batch == 32
    assert found.optimizer == Sgd(lr=1)
    assert found.augment == Augment(flip=True)
    assert found.schedule == Cosine(warmup=5)
    assert net.recipe() == net.network.recipe


def test_set_changes_one_argument_and_keeps_the_others(net: Arch) -> None:
    found = said(net, "set optimizer lr=0.5", "set schedule warmup=7")
    assert found.optimizer == AdamW(lr=0.5, betas=(0.8, 0.9))
    assert found.schedule == Cosine(warmup=7)


def test_set_of_a_line_that_the_spec_has_not_changes_the_default(tmp_path: Path) -> None:
    """The default is SGD with a momentum of 0.9, and no augmentation."""
    bare = written(tmp_path, "Bare")
    assert said(bare, "set optimizer lr=0.5").optimizer == Sgd(lr=0.5, momentum=0.9)
    assert said(bare, "set augment flip=yes").augment == Augment(flip=True)
    assert said(bare, "set evaluate crops=10", "set loss smoothing=0.1").evaluate.crops == 10


def test_a_repeatable_line_replaces_the_one_of_the_same_target(net: Arch) -> None:
    found = said(net, "scale fc2 lr=3", "scale conv1 decay=0")
    assert [(line.target, line.lr, line.decay) for line in found.scale] == [
        ("biases", 2, 1),
        ("fc2", 3, 1),
        ("conv1", 1, 0),
    ]


def test_a_line_is_removed(net: Arch) -> None:
    found = said(net, "remove schedule", "remove scale")
    assert (found.schedule, found.scale) == (Constant(), ())


def test_of_a_repeatable_line_there_is_no_default(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Bare's recipe has no line 'scale' to be changed"):
        written(tmp_path, "Bare").recipe(["set scale lr=3"])


@pytest.mark.parametrize(
    ("line", "default", "advised"),
    [
        ("set schedule warmup=3", "schedule constant", "schedule cosine warmup=3"),
        (
            "set schedule factor=0.5",
            "schedule constant",
            "schedule step every factor=0.5  or  schedule milestones at factor=0.5  or  "
            "schedule plateau factor=0.5",
        ),
        ("set schedule factor=0.5 drops=2", "schedule constant", "schedule plateau factor=0.5 dr"),
        ("set optimizer lr=0.1 eps=1", "optimizer sgd", "optimizer adam lr=0.1 eps=1  or  "),
        ('set data path="a b"', "data shapes", 'data cifar10 path="a b"  or  data cifar100'),
    ],
)
def test_what_the_default_does_not_take_is_written_as_a_line(
    tmp_path: Path, line: str, default: str, advised: str
) -> None:
    """What is advised is true: a line with these arguments is one."""
    bare = written(tmp_path, "Bare")
    with pytest.raises(SpecError) as raised:
        bare.recipe([line])
    (found,) = raised.value.diagnostics
    assert found.message.startswith(f"{default}, the default, has no argument '")
    assert found.primary is not None and found.primary.span.source.text == line
    assert not found.secondary
    (help,) = found.help
    assert help.startswith(f"write  {advised}")
    *_, last = help.removeprefix("write  ").split("  or  ")
    assert bare.recipe([last]) is not None


def test_a_misspelt_argument_of_a_default_is_told(tmp_path: Path) -> None:
    for line, meant in (("set optimizer lrr=1", "lr"), ("set schedule warmpu=3", "warmup")):
        with pytest.raises(SpecError, match=rf"the default, has no [^?]*did you mean '{meant}'\?"):
            written(tmp_path, "Bare").recipe([line])


def test_epochs_take_the_place_of_steps(net: Arch) -> None:
    found = said(net, "epochs 4")
    assert (found.epochs, found.steps) == (4, None)


def test_later_lines_win_and_parameters_are_known(net: Arch) -> None:
    assert said(net, "batch 8", "batch (4*classes)").batch == 40


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("set optimizer lrr=1", "adamw has no argument 'lrr'"),
        ("set conv1 filters=3", "Net's recipe has no line 'conv1' to be changed"),
        ("schedule cosin", "'cosin' is no schedule"),
        ("conv 3 3x3", "'conv' belongs in an arch or a block"),
        ("batch 0", "batch's size must be a whole number from 1"),
        ("batch", "batch needs size"),
        ("set", "set needs target"),
        ("remove conv1", "Net's recipe has no line 'conv1' to be changed"),
        ("insert after conv1 { relu }", "Net's recipe has no line 'after' to be changed"),
        ("replace optimizer with schedule", ""),
        ("batch (", ""),
    ],
)
def test_a_wrong_line_is_told_where_it_stands(net: Arch, line: str, told: str) -> None:
    with pytest.raises(SpecError) as raised:
        net.recipe([line])
    assert told in str(raised.value)
    assert raised.value.diagnostics
    place = raised.value.diagnostics[0].primary
    assert place is not None and place.span.source.text == line


def test_a_network_with_errors_has_no_recipe_to_change(tmp_path: Path) -> None:
    spec = tmp_path / "bad.arch"
    spec.write_text("arch Bad { input 3x8x8; conv 4 9x9 }", encoding="utf-8")
    with pytest.raises(SpecError, match="conv"):
        load(spec).recipe(["batch 3"])
