"""The Python API."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from tests.helpers import SPECS, network


def test_a_network_with_its_figures() -> None:
    net = archdsl.load(SPECS / "alexnet.arch")
    assert net.name == "AlexNet"
    assert (net.params, net.weights) == (60_965_224, 60_954_656)
    assert (net.macs, net.activations) == (724_406_816, 2_079_811)
    assert str(net.output) == "1000"
    assert str(net.shape("conv1")) == "96x27x27"
    assert str(net.shape("conv1.lrn")) == "96x55x55"
    with pytest.raises(KeyError):
        net.shape("conv9")


def test_check_says_what_is_wrong() -> None:
    good = archdsl.load(str(SPECS / "alexnet.arch")).check()
    assert good.ok and str(good) == "" and len(good.claims) == 13
    typo = archdsl.load(SPECS / "alexnet_224.arch").check()
    assert not typo.ok
    assert [d.rule.name for d in typo.diagnostics] == ["lossy-stride", "wrong-claim"]
    assert "54.25" in str(typo)


def test_parameters_and_arch(tmp_path: Path) -> None:
    path = tmp_path / "two.arch"
    text = network("input 8\nlinear n", "One(n=2)") + network("input 8\nlinear 3", "Two")
    path.write_text(text, encoding="utf-8")
    assert archdsl.load(path, arch="One", parameters={"n": 5}).params == 45
    assert archdsl.load(path, arch="Two").params == 27
    with pytest.raises(archdsl.SpecError, match="One, Two"):
        archdsl.load(path)
    with pytest.raises(archdsl.SpecError, match="Three"):
        archdsl.load(path, arch="Three")


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(archdsl.SpecError, match="No such file") as missing:
        archdsl.load(tmp_path / "missing.arch")
    assert missing.value.diagnostics[0].rule.name == "unreadable-file"
    (tmp_path / "empty.arch").write_text("", encoding="utf-8")
    with pytest.raises(archdsl.SpecError, match="is empty"):
        archdsl.load(tmp_path / "empty.arch")


def test_pytorch_refuses_what_does_not_check() -> None:
    with pytest.raises(archdsl.SpecError, match="lossy-stride"):
        archdsl.load(SPECS / "alexnet_224.arch").pytorch()


def test_parameters_are_numbers_that_the_arch_has() -> None:
    with pytest.raises(archdsl.SpecError, match="classes must be a number"):
        archdsl.load(SPECS / "alexnet.arch", parameters={"classes": "x"})  # type: ignore[dict-item]
    with pytest.raises(archdsl.SpecError, match="no parameter 'nope'"):
        archdsl.load(SPECS / "alexnet.arch", parameters={"nope": 3})


def test_an_arch_is_named_and_knows_its_parts() -> None:
    arch = archdsl.load(SPECS / "alexnet.arch")
    assert repr(arch) == f"<Arch AlexNet of {SPECS / 'alexnet.arch'}>"
    with pytest.raises(KeyError, match="AlexNet has no 'conv9': did you mean 'conv"):
        arch.shape("conv9")
