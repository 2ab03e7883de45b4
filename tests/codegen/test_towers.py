"""Towers: the network divided over devices in one process gives what it gives on one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from safetensors.torch import load_file, save_file
from torch import nn

from archdsl import load
from archdsl.codegen.layout import Layout
from tests.codegen.divided import CLOSE, SPECS, Passed, arch_of, class_of, cloned, filled, image
from tests.codegen.programs import programs
from tests.helpers import SPECS as FOLDER

ON_CPU = ("cpu",) * 4


def pair(name: str, folder: Path) -> tuple[nn.Module, nn.Module]:
    """A network on one device, and its towers with the same weights."""
    arch = arch_of(name, folder)
    fused = filled(class_of(arch, Layout.FUSED, folder)())
    devices = ON_CPU[: arch.network.devices]
    towers = class_of(arch, Layout.TOWERS, folder)(devices=devices).double()
    towers.load_state_dict(fused.state_dict())
    return fused, towers


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluating"])
@pytest.mark.parametrize("name", SPECS)
def test_the_numbers_are_those_of_one_device(name: str, training: bool, tmp_path: Path) -> None:
    """Outputs, gradients of all parameters and of the image, and running means; dropout too."""
    fused, towers = pair(name, tmp_path)
    images = image(arch_of(name, tmp_path))
    expected = Passed(fused.train(training), images)
    assert expected.differs(Passed(towers.train(training), images)) < CLOSE
    assert expected.output.abs().max() > 1e-3
    assert max(g.abs().max() for g in expected.gradients.values()) > 1e-3


def test_dropout_draws_the_mask_of_channels_last(tmp_path: Path) -> None:
    """The order in memory is the order of the draws."""
    fused, towers = pair("Joins", tmp_path)
    images = image(arch_of("Joins", tmp_path)).contiguous(memory_format=torch.channels_last)
    for network in (fused, towers):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    expected, found = Passed(fused.train(), images), Passed(towers.train(), images)
    assert expected.differs(found) < CLOSE


@pytest.mark.parametrize("name", SPECS)
def test_the_state_is_that_of_one_device(name: str, tmp_path: Path) -> None:
    """Names, shapes, and after a way through both layouts and a file every bit."""
    fused, towers = pair(name, tmp_path)
    before = cloned(fused)
    written = towers.state_dict()
    assert {n: t.shape for n, t in written.items()} == {n: t.shape for n, t in before.items()}
    save_file(written, tmp_path / "towers.safetensors")
    with torch.no_grad():
        for parameter in (*fused.parameters(), *towers.parameters()):
            parameter.zero_()
    state = load_file(tmp_path / "towers.safetensors")
    for network in (fused, towers):
        network.load_state_dict(state)
        after = network.state_dict()
        assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    _, towers = pair("Paper", tmp_path)
    state = towers.state_dict()
    with pytest.raises(RuntimeError, match=r"conv1\.conv"):
        towers.load_state_dict({name: t for name, t in state.items() if "conv1" not in name})
    state["conv1.conv.weight"] = state["conv1.conv.weight"][:6]
    with pytest.raises(RuntimeError, match=r"size mismatch for conv1\.conv"):
        towers.load_state_dict(state)


@pytest.mark.parametrize("classes", [2, 5, 8])
def test_the_classes_are_an_argument(classes: int, tmp_path: Path) -> None:
    arch = arch_of("Paper", tmp_path)
    fused = filled(class_of(arch, Layout.FUSED, tmp_path)(classes=classes))
    cls = class_of(arch, Layout.TOWERS, tmp_path)
    towers = cls(classes=classes, devices=("cpu", "cpu")).double()
    towers.load_state_dict(fused.state_dict())
    images = image(arch)
    assert Passed(fused, images).differs(Passed(towers, images)) < CLOSE


def test_it_takes_as_many_devices_as_the_network_has(tmp_path: Path) -> None:
    cls = class_of(arch_of("Four", tmp_path), Layout.TOWERS, tmp_path)
    with pytest.raises(ValueError, match="it takes 4 devices, not 2"):
        cls(devices=("cpu", "cpu"))


def test_init_is_that_of_the_whole_layers(tmp_path: Path) -> None:
    """Xavier's deviation follows from all of a layer's outputs: √(2 / (in + out))."""
    text = """arch X { input 600
      devices 2
      f: linear 1000
      g: linear 1000
      init weights=xavier bias=2
    }"""
    (tmp_path / "x.arch").write_text(text, encoding="utf-8")
    cls = class_of(load(tmp_path / "x.arch"), Layout.TOWERS, tmp_path)
    torch.manual_seed(0)
    state = cls(devices=("cpu", "cpu")).state_dict()
    assert state["f.linear.weight"].std().item() == pytest.approx((2 / 1600) ** 0.5, rel=0.01)
    assert state["g.linear.weight"].std().item() == pytest.approx((2 / 2000) ** 0.5, rel=0.01)
    assert state["f.linear.bias"].eq(2).all()


def test_alexnet_exchanges_what_the_paper_draws(tmp_path: Path) -> None:
    """On devices without memory: 43,264 + 9,216 + 4,096 + 4,096 numbers per image are received."""
    arch = load(FOLDER / "alexnet.arch")
    with torch.device("meta"):
        network = class_of(arch, Layout.TOWERS, tmp_path)(devices=("meta", "meta"))
    received: list[int] = []

    def count(_: nn.Module, xs: tuple[list[torch.Tensor]], ys: list[torch.Tensor]) -> None:
        received.append(sum(y[0].numel() - x[0].numel() for x, y in zip(xs[0], ys, strict=True)))

    for module in network.modules():
        if type(module).__name__ == "Gather":
            module.register_forward_hook(count)
    y = network(torch.empty(1, 3, 227, 227, device="meta"))
    assert y.shape == (1, 1000)
    assert received == [43_264, 9_216, 4_096, 4_096]
    parts = [p.shape for n, p in network.named_parameters() if n.startswith("conv2.")]
    assert parts == [(128, 48, 5, 5), (128,), (128, 48, 5, 5), (128,)]


def test_random_networks_give_the_numbers_of_one_device(tmp_path: Path) -> None:
    """Joins, repetitions and blocks inside one another, with groups or none, in training."""
    spec = tmp_path / "net.arch"
    seen: list[str] = []

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(programs())
    def check(text: str) -> None:
        assume("devices 2" in text)
        spec.write_text(text, encoding="utf-8")
        arch = load(spec)
        fused = filled(class_of(arch, Layout.FUSED, tmp_path)())
        towers = class_of(arch, Layout.TOWERS, tmp_path)(devices=("cpu", "cpu")).double()
        towers.load_state_dict(fused.state_dict())
        images = image(arch, 3)
        # batchnorm multiplies what is lost where the numbers hardly vary
        assert Passed(fused, images).differs(Passed(towers, images)) < 1e-9, text
        seen.append(text)

    check()
    for drawn in ("concat {", "add {", "repeat", "dropout", "linear", "groups=2", "batchnorm"):
        assert any(drawn in text for text in seen), drawn
