"""A spec as an nn.Module, and hand-written modules held against specs."""

from __future__ import annotations

import copy
import inspect
import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl
from archdsl.torch import CannotRun, Verification, WeightsError, build, verify
from archdsl.torch.generated import imported
from tests.helpers import SPECS, network

# --- building ---------------------------------------------------------------------------------


def spec(folder: Path, body: str, header: str = "Net") -> Path:
    path = folder / "net.arch"
    path.write_text(network(body, header), encoding="utf-8")
    return path


def test_it_is_loaded_on_first_use() -> None:
    script = (
        "import sys, archdsl\n"
        "archdsl.load(sys.argv[1])\n"
        "from archdsl import *\n"
        "assert 'torch' not in sys.modules\n"
        "archdsl.torch.build(sys.argv[1])\n"
        "assert 'torch' in sys.modules and 'matplotlib' not in sys.modules"
    )
    command = [sys.executable, "-c", script, str(SPECS / "zoo" / "lenet5.arch")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_torch_it_says_what_to_install() -> None:
    script = (
        "import sys, archdsl\n"
        "sys.modules['torch'] = None\n"
        "try: archdsl.torch\n"
        "except ModuleNotFoundError as error: assert 'archdsl[train]' in str(error)\n"
        "else: raise AssertionError"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_build_gives_the_emitted_module() -> None:
    module = build(SPECS / "small.arch", classes=3)
    assert type(module).__name__ == "SmallAlexNet"
    assert module(torch.zeros(2, 3, 67, 67)).shape == (2, 3)
    text = archdsl.load(SPECS / "small.arch", parameters={"classes": 3}).pytorch()
    assert inspect.getsource(type(module)) in text
    assert copy.deepcopy(module) is not module
    assert type(build(SPECS / "small.arch", classes=3)) is type(module)
    assert type(build(SPECS / "small.arch")) is not type(module)


def test_build_takes_what_names_a_network(tmp_path: Path) -> None:
    path = tmp_path / "two.arch"
    one, two = network("input 8\nlinear n", "One(n=2, m=5)"), network("input 8\nlinear 3", "Two")
    path.write_text(one.replace("linear n", "linear n; linear m") + two, encoding="utf-8")
    assert type(build(f"{path}:Two")).__name__ == "Two"
    arch = archdsl.load(path, arch="One", parameters={"n": 4})
    for module, outputs in ((build(arch), 5), (build(arch, m=7), 7)):
        shapes = [tuple(p.shape) for p in module.parameters() if p.ndim == 2]
        assert shapes == [(4, 8), (outputs, 4)]


def test_build_raises_the_errors_of_specs(tmp_path: Path) -> None:
    with pytest.raises(archdsl.SpecError, match="No such file"):
        build(tmp_path / "none.arch")
    with pytest.raises(archdsl.SpecError, match="lossy-stride"):
        build(SPECS / "alexnet_224.arch")
    with pytest.raises(archdsl.SpecError, match="no parameter 'size'"):
        build(SPECS / "alexnet.arch", size=3)
    with pytest.raises(archdsl.SpecError, match="no network 'Other'"):
        build(f"{SPECS / 'alexnet.arch'}:Other")


def test_what_is_generated_is_imported_once_and_whole() -> None:
    first = imported("class A: pass", "a.py")
    assert imported("class A: pass", "a.py") is first
    assert imported("class A: pass", "b.py") is not first
    assert inspect.getsource(first.A).strip() == "class A: pass"
    before = set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        imported("1 / 0", "broken.py")
    assert set(sys.modules) == before


# --- weights ----------------------------------------------------------------------------------


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    path = spec(
        tmp_path, "input 3x8x8\na: conv 4 3x3; batchnorm\nb: linear classes", "N(classes=2)"
    )
    torch.manual_seed(1)
    trained = build(path)
    save_file(trained.state_dict(), tmp_path / "weights.safetensors")
    again = build(path, weights=tmp_path / "weights.safetensors")
    for name, tensor in trained.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(
            "input 8\na: linear n\nb: linear 4\nc: linear 1",
            r"weights of another network than Net: it has no c\.linear\.weight, c\.linear\.bias\. "
            r"Names are",
            id="missing",
        ),
        pytest.param(
            "input 8\na: linear n",
            r"it has, and the network has not, b\.linear\.bias, b\.linear\.weight\. ",
            id="unexpected",
        ),
        pytest.param(
            "input 8\na: linear n\nb: linear 3",
            r"b\.linear\.weight is 4x2 in the file and 3x2 in the network; "
            r"b\.linear\.bias is 4 in the file and 3 in the network\. Use the spec",
            id="shapes",
        ),
    ],
)
def test_weights_of_another_network(body: str, said: str, tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    held = build(spec(tmp_path, "input 8\na: linear n\nb: linear 4", "Net(n=2)"))
    save_file(held.state_dict(), weights)
    other = spec(tmp_path, body, "Net(n=2)")
    with pytest.raises(WeightsError, match=said):
        build(other, weights=weights)


def test_weights_of_another_parameter_say_its_value(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 8\na: linear n\nb: linear classes", "Net(n=2, classes=2)")
    save_file(build(path, classes=10).state_dict(), tmp_path / "w.safetensors")
    said = r"b\.linear\.weight is 10x2 in the file and 2x2 .* They fit with classes=10$"
    with pytest.raises(WeightsError, match=said):
        build(path, weights=tmp_path / "w.safetensors")


def test_files_that_hold_no_weights(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 8\na: linear 2")
    with pytest.raises(WeightsError, match=r"none\.safetensors cannot be read: No such file"):
        build(path, weights=tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match=r"is a folder: .*weights\.safetensors$"):
        build(path, weights=tmp_path)
    torch.save(build(path).state_dict(), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"w\.pt is no safetensors file .*save_file"):
        build(path, weights=tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("dtype", "name"), [(torch.int64, "I64"), (torch.complex64, "C64"), (torch.bool, "BOOL")]
)
def test_weights_that_are_no_real_numbers(dtype: torch.dtype, name: str, tmp_path: Path) -> None:
    path = spec(tmp_path, "input 8\na: linear 2")
    tensors = build(path).state_dict()
    tensors["a.linear.weight"] = tensors["a.linear.weight"].to(dtype)
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=rf"a\.linear\.weight is {name} in the file"):
        build(path, weights=tmp_path / "w.safetensors")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_another_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    path = spec(tmp_path, "input 3x8x8\na: conv 2 3x3; batchnorm")
    save_file(build(path).to(dtype).state_dict(), tmp_path / "w.safetensors")
    for device in ("cpu", "meta"):
        with torch.device(device):
            state = build(path, weights=tmp_path / "w.safetensors").state_dict()
        assert {each.dtype for each in state.values()} == {torch.float32, torch.int64}


def test_weights_on_the_meta_device(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 3x8x8\na: conv 2 3x3; batchnorm")
    trained = build(path).state_dict()
    save_file(trained, tmp_path / "w.safetensors")
    with torch.device("meta"):
        module = build(path, weights=tmp_path / "w.safetensors")
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert all(torch.equal(each, trained[name]) for name, each in module.state_dict().items())
    assert module(torch.zeros(2, 3, 8, 8)).shape == (2, 2, 6, 6)


def test_files_that_are_cut_off(tmp_path: Path) -> None:
    path, weights = spec(tmp_path, "input 8\na: linear 2"), tmp_path / "w.safetensors"
    save_file(build(path).state_dict(), weights)
    whole = weights.read_bytes()
    for length in (0, 5, 20, len(whole) - 4):
        weights.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"w\.safetensors is cut off or damaged"):
            build(path, weights=weights)


def test_what_names_no_spec_and_no_weights(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"a spec is the name of a \.arch file, .*, not 3$"):
        build(cast(Path, 3))
    path = spec(tmp_path, "input 8\na: linear 2")
    with pytest.raises(TypeError, match=r"name of a \.safetensors file, not 3$"):
        build(path, weights=cast(Path, 3))
    with pytest.raises(archdsl.SpecError, match="n must be a number, not '3'"):
        build(spec(tmp_path, "input 8\na: linear n", "Net(n=2)"), n=cast(int, "3"))


def test_parameters_may_be_numpys(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 3x8x8\na: conv n k", "Net(n=2, k=3x3)")
    three, one, five = (cast(int, numpy.int64(each)) for each in (3, 1, 5))
    weight, _ = build(path, n=five, k=(three, one)).parameters()
    assert weight.shape == (5, 3, 3, 1)


# --- hand-written networks --------------------------------------------------------------------


class AlexNet(nn.Module):
    """As in torchvision: Krizhevsky 2014."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding="same"),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=(3, 3), padding=(1, 1)),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool: nn.Module = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        y: Tensor = self.classifier(torch.flatten(x, 1))
        return y


class Block(nn.Module):
    """The basic block of He et al. 2015; `strides` are the first convolution's and the
    shortcut's, which ought to be `stride`."""

    def __init__(self, inputs: int, width: int, stride: int, strides: tuple[int, int]) -> None:
        super().__init__()
        main, shortcut = strides
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=main, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride=shortcut, bias=False), nn.BatchNorm2d(width)
            )

    def shortcut(self, x: Tensor) -> Tensor:
        return x if self.downsample is None else self.downsample(x)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ShortcutFirst(Block):
    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class InTurns(Block):
    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        shortcut = self.shortcut(x)
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    """`wrong` are the strides of the third group's convolution and of its shortcut."""

    def __init__(self, block: type[Block] = Block, wrong: tuple[int, int] = (2, 2)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(64)
        groups = [((64, 64), 1, (1, 1)), ((64, 128), 2, (2, 2)), ((128, 256), 2, wrong)]
        groups.append(((256, 512), 2, (2, 2)))
        self.groups = nn.ModuleList(
            nn.Sequential(block(i, o, stride, strides), block(o, o, 1, (1, 1)))
            for (i, o), stride, strides in groups
        )
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm(self.stem(x))), 3, stride=2, padding=1)
        for group in self.groups:
            x = group(x)
        y: Tensor = self.fc(x.mean((2, 3)))
        return y


def alexnet(classes: int = 1000) -> AlexNet:
    """Without numbers, which take their time to draw."""
    with torch.device("meta"):
        return AlexNet(classes)


def told(verification: Verification) -> list[str]:
    assert verification.ok == (not verification.differences)
    text = str(verification)
    for difference in verification.differences[:12]:
        assert difference.text in text
    return [difference.text for difference in verification.differences]


def test_a_hand_written_alexnet_agrees_with_its_spec() -> None:
    module = alexnet()
    found = verify(module, SPECS / "torchvision.arch")
    assert found.ok and "agrees with TorchvisionAlexNet" in str(found)
    assert found.parameters == found.spec_parameters == 61_100_840  # as torchvision documents
    assert [row.status for row in found.rows] == ["agrees"] * 8
    assert found.rows[1].modules == ("features.3", "features.5")
    assert found.rows[1].output == (192, 13, 13)
    assert str(found).splitlines()[3:5] == [
        "✓  conv1  features.0 … features.2     64x27x27    64x27x27      23,296      23,296",
        "✓  conv2  features.3 … features.5    192x13x13   192x13x13     307,392     307,392",
    ]
    assert not verify(module, SPECS / "torchvision.arch", classes=10).ok
    assert verify(alexnet(10), SPECS / "torchvision.arch", classes=10).ok


def test_a_hand_written_alexnet_parts_from_the_paper() -> None:
    found = verify(alexnet(), SPECS / "alexnet.arch")
    assert told(found) == [
        "conv1: features.0 has out_channels=64 padding=2, the spec out_channels=96 padding=0: "
        "64x56x56 against 96x55x55",
        "conv2: features.3 has out_channels=192 groups=1, the spec out_channels=256 groups=2: "
        "192x27x27 against 256x27x27",
        "conv4: features.8 has out_channels=256 groups=1, the spec out_channels=384 groups=2: "
        "256x13x13 against 384x13x13",
        "conv5: features.10 has groups=1, the spec groups=2",
    ]
    statuses = {row.stage: row.status for row in found.rows}
    assert statuses["conv2"] == "differs" and statuses["conv3"] == "follows"
    assert statuses["fc8"] == "agrees"
    second = found.differences[1]
    assert (second.stage, second.layer, second.module) == ("conv2", "conv2.conv", "features.3")
    assert (found.parameters, found.spec_parameters) == (61_100_840, 60_965_224)


@pytest.mark.parametrize("block", [Block, ShortcutFirst, InTurns])
def test_a_hand_written_resnet(block: type[Block]) -> None:
    spec = SPECS / "zoo" / "resnet18.arch"
    right = verify(ResNet18(block), spec)
    assert right.ok, str(right)
    assert right.parameters == 11_689_512  # as torchvision documents
    wrong = verify(ResNet18(block, wrong=(1, 1)), spec)
    where = [(d.stage, d.module) for d in wrong.differences]
    assert where == [
        ("conv4_x", "groups.2.0.conv1"),
        ("conv4_x", "groups.2.0.downsample.0"),
    ]
    assert (
        "has stride=1, the spec stride=2: 256x28x28 against 256x14x14" in wrong.differences[0].text
    )
    statuses = {row.stage: row.status for row in wrong.rows}
    assert (statuses["conv3_x"], statuses["conv5_x"]) == ("agrees", "follows")


def test_a_stride_that_keeps_branches_from_being_added() -> None:
    found = verify(ResNet18(wrong=(1, 2)), SPECS / "zoo" / "resnet18.arch")
    first, last = found.differences
    assert first.layer == "conv4_x.projected.add.1.unit.conv"
    assert "has stride=1, the spec stride=2" in first.text
    assert last.module == "groups.2.0"
    assert last.text.startswith("it stops in groups.2.0, which gets 128x28x28: RuntimeError: ")
    statuses = {row.stage: row.status for row in found.rows}
    assert (statuses["conv4_x"], statuses["conv5_x"]) == ("differs", "not reached")


def test_every_emitted_module_agrees_with_its_spec() -> None:
    names = ("densenet121", "googlenet", "mobilenet_v1", "resnet50_2015", "squeezenet1_1")
    for name in names:
        path = SPECS / "zoo" / f"{name}.arch"
        with torch.device("meta"):
            found = verify(build(path), path)
        assert found.ok, str(found)
        assert found.parameters == archdsl.load(path).params


# --- what hand-written modules do --------------------------------------------------------------

BODY = """
input 3x8x8
a: conv 4 3x3 pad=1
   relu
b: conv 4 3x3 pad=1
   relu
   maxpool 2x2
c: linear 10
"""


class Small(nn.Module):
    """BODY, with functions where the spec has layers that learn nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.three = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.two(F.relu(self.one(x))))
        y: Tensor = self.three(F.max_pool2d(x, 2).flatten(1))
        return y


def test_functions_leave_no_module_and_agree(tmp_path: Path) -> None:
    assert verify(Small(), spec(tmp_path, BODY)).ok


def test_the_module_stays_as_it_is(tmp_path: Path) -> None:
    module = Small().half()
    module.register_buffer("steps", torch.ones(2))
    module.two.eval()
    module.one.weight.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    attributes = {name: dict(vars(inner)) for name, inner in module.named_modules()}
    state = torch.get_rng_state()
    assert verify(module, spec(tmp_path, BODY)).ok
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training and not module.two.training
    for name, tensor in module.state_dict().items():
        assert tensor.device.type == "cpu" and torch.equal(tensor, before[name])
    for name, inner in module.named_modules():
        assert vars(inner) == attributes[name]
        assert not inner._forward_hooks and not inner._forward_pre_hooks


def test_a_layer_used_twice_learns_once(tmp_path: Path) -> None:
    class Twice(Small):
        def forward(self, x: Tensor) -> Tensor:
            x = F.relu(self.two(self.two(F.relu(self.one(x)))))
            y: Tensor = self.three(F.max_pool2d(x, 2).flatten(1))
            return y

    body = (
        BODY.replace("c: linear", "again: conv 4 3x3 pad=1\nc: linear")
        .replace("   maxpool 2x2\n", "")
        .replace("c: linear", "maxpool 2x2\nc: linear")
    )
    found = verify(Twice(), spec(tmp_path, body))
    assert told(found) == ["again: two has 0 parameters that no layer before it has, the spec 148"]
    assert found.spec_parameters - found.parameters == 4 * 4 * 9 + 4


def test_layers_that_share_weights(tmp_path: Path) -> None:
    module = Small()
    module.one = nn.Conv2d(4, 4, 3, padding=1)
    module.two.weight = module.one.weight
    found = verify(module, spec(tmp_path, BODY.replace("3x8x8", "4x8x8")))
    assert told(found) == ["b: two has 4 parameters that no layer before it has, the spec 148"]


def test_a_layer_that_never_runs(tmp_path: Path) -> None:
    class Auxiliary(Small):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Sequential(nn.Linear(64, 3))

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                self.head(torch.zeros(1, 64))
            return super().forward(x)

    module = Auxiliary()
    assert module.training
    found = verify(module, spec(tmp_path, BODY))
    assert told(found) == ["head.0: no layer that runs has its 195 parameters"]
    assert found.differences[0].stage is None


def test_another_size_of_images(tmp_path: Path) -> None:
    found = verify(Small(), spec(tmp_path, BODY.replace("8x8", "12x12")))
    assert [row.status for row in found.rows] == ["agrees", "agrees", "differs"]
    assert told(found) == [
        "c: three has in_features=64, the spec in_features=144, and stops with 144"
    ]
    sized = alexnet()
    sized.avgpool = nn.Identity()
    big = spec(tmp_path, "input 3x200x200\na: conv 64 11x11 stride=4 pad=2")
    assert told(verify(sized, big))[-1].endswith(
        "It runs with 3x224x224; the spec's input is 3x200x200"
    )


def test_a_forward_that_reads_numbers(tmp_path: Path) -> None:
    class Reads(Small):
        def forward(self, x: Tensor) -> Tensor:
            x = self.one(x)
            return x if x.sum().item() > 0 else super().forward(x)

    said = r"Reads cannot be run without numbers: the module raises RuntimeError: .*item\(\)"
    with pytest.raises(CannotRun, match=said):
        verify(Reads(), spec(tmp_path, BODY))


def test_tensors_that_are_elsewhere(tmp_path: Path) -> None:
    class Scaled(Small):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.ones(3, 1, 1)  # no buffer

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x * self.scale)

    class Elsewhere(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.cat([x, torch.zeros(1, 3, 8, 8, device="cpu")]))

    path = spec(tmp_path, BODY)
    assert verify(Scaled(), path).ok
    with pytest.raises(CannotRun, match=r"the module raises .* device=x\.device, or .*_buffer"):
        verify(Elsewhere(), path)


def test_one_image_at_a_time(tmp_path: Path) -> None:
    class Single(Small):
        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[0] == 1
            return super().forward(x)

    class Never(Small):
        def forward(self, x: Tensor) -> Tensor:
            x = self.one(x)
            raise AssertionError

    path = spec(tmp_path, BODY)
    said = "Single takes one image at a time, .* of 2: the module raises AssertionError"
    with pytest.raises(CannotRun, match=said):
        verify(Single(), path)
    (text,) = told(verify(Never(), path))
    assert text == "it stops in the module, which gets 3x8x8: AssertionError"


def test_hooks_are_not_called(tmp_path: Path) -> None:
    def called(*_: object) -> None:
        raise ZeroDivisionError

    module = Small()
    module.one.register_forward_hook(called)
    module.two.register_forward_hook(called, with_kwargs=True, always_call=True)
    module.register_forward_pre_hook(called)
    module.three.register_forward_pre_hook(called, with_kwargs=True)
    module.three.register_full_backward_hook(called)
    assert verify(module, spec(tmp_path, BODY)).ok
    with pytest.raises(ZeroDivisionError):
        module(torch.zeros(1, 3, 8, 8))


def test_an_error_that_forward_catches(tmp_path: Path) -> None:
    class Tries(Small):
        def forward(self, x: Tensor) -> Tensor:
            try:
                self.three(x)
            except RuntimeError:
                return super().forward(x)
            raise AssertionError("a linear layer took an image")

    assert verify(Tries(), spec(tmp_path, BODY)).ok


@pytest.mark.parametrize(
    ("module", "error", "said"),
    [
        pytest.param(Small, TypeError, r"Small is a class\. Give Small\(…\)", id="class"),
        pytest.param(3, TypeError, "an nn.Module, and not int", id="number"),
    ],
)
def test_what_is_no_module(
    module: nn.Module, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        verify(module, spec(tmp_path, BODY))


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_modules_whose_layers_cannot_be_watched(tmp_path: Path) -> None:
    path = spec(tmp_path, BODY)
    with pytest.raises(CannotRun, match=r"compiled by torch\.jit"):
        verify(nn.Sequential(torch.jit.ScriptModule()), path)
    quantized = torch.ao.nn.quantized.dynamic.Linear(64, 10)  # type: ignore[no-untyped-call]
    with pytest.raises(CannotRun, match="Linear is quantized"):
        verify(nn.Sequential(quantized), path)


def test_a_forward_that_makes_tensors(tmp_path: Path) -> None:
    class Makes(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + torch.zeros(10)

    assert verify(Makes(), spec(tmp_path, BODY)).ok


def test_what_is_compiled_runs_as_it_was_written(tmp_path: Path) -> None:
    path = spec(tmp_path, BODY)
    compiled = cast(nn.Module, torch.compile(Small(), backend="eager"))
    found = verify(compiled, path)
    assert found.ok and found.rows[0].modules == ("one",)
    assert verify(nn.Sequential(compiled), path).rows[0].modules == ("0.one",)


def test_one_layer_is_a_module(tmp_path: Path) -> None:
    found = verify(nn.Conv2d(3, 4, 3), spec(tmp_path, "input 3x8x8\nconv 4 3x3 pad=1"))
    assert told(found) == [
        "conv.conv: the module has padding=0, the spec padding=1: 4x6x6 against 4x8x8"
    ]
    assert verify(nn.Flatten(), spec(tmp_path, "input 3x8x8\nflatten")).ok


def test_long_names_are_counted() -> None:
    path = SPECS / "zoo" / "resnet18.arch"
    with torch.device("meta"):
        text = str(verify(build(path), path))
    assert "✓  conv3_x  conv3_x, 10 layers" in text


def test_a_module_that_cannot_be_copied(tmp_path: Path) -> None:
    module = Small()
    vars(module)["stream"] = (line for line in "")
    with pytest.raises(CannotRun, match=r"Small cannot be copied, .*generator"):
        verify(module, spec(tmp_path, BODY))


def test_layers_that_only_one_of_the_two_has(tmp_path: Path) -> None:
    class More(Small):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            x = F.relu(self.two(F.relu(self.norm(self.one(x)))))
            y: Tensor = self.three(F.max_pool2d(x, 2).flatten(1))
            return y

    more = verify(More(), spec(tmp_path, BODY))
    assert told(more) == [
        "norm (BatchNorm2d) learns 8 numbers, 4x8x8 to 4x8x8: the spec has nothing like it here"
    ]
    body = BODY.replace("b: conv", "batchnorm\nb: conv")
    fewer = verify(Small(), spec(tmp_path, body))
    assert told(fewer) == ["a.batchnorm (BatchNorm2d), with 8 parameters, is not in the module"]


def test_what_functions_do_is_seen_by_the_shapes(tmp_path: Path) -> None:
    class NoPool(Small):
        def __init__(self) -> None:
            super().__init__()
            self.three = nn.Linear(256, 10)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.three(self.two(self.one(x)).flatten(1))
            return y

    (text,) = told(verify(NoPool(), spec(tmp_path, BODY)))
    assert text == (
        "c: three gets 256, 64 in the spec; "
        "no module is like b.maxpool (MaxPool2d), which gives 4x4x4"
    )


def test_a_batch_that_is_cut_otherwise(tmp_path: Path) -> None:
    class Views(Small):
        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.three(self.two(self.one(x)).view(-1, 64))  # 256 numbers an image
            return y

    texts = told(verify(Views(), spec(tmp_path, BODY)))
    assert texts[0].startswith("c: three gets 8x64 in all, for a batch of 2,")


def test_a_class_of_ones_own_counts_by_what_it_learns(tmp_path: Path) -> None:
    class Dense(nn.Module):
        def __init__(self, outputs: int) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.zeros(64, outputs))
            self.shift = nn.Parameter(torch.zeros(outputs))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.matrix + self.shift

    module = Small()
    module.three = Dense(10)  # type: ignore[assignment]
    assert verify(module, spec(tmp_path, BODY)).ok
    module.three = Dense(9)  # type: ignore[assignment]
    assert not verify(module, spec(tmp_path, BODY)).ok


def test_lazy_layers_run_first(tmp_path: Path) -> None:
    module = Small()
    module.two = nn.LazyConv2d(4, 3, padding=1)
    with pytest.raises(CannotRun, match="run it on one first"):
        verify(module, spec(tmp_path, BODY))
    module(torch.zeros(1, 3, 8, 8))
    assert verify(module, spec(tmp_path, BODY)).ok


def test_weights_that_are_computed(tmp_path: Path) -> None:
    module = Small()
    nn.utils.parametrizations.weight_norm(module.one)
    (text,) = told(verify(module, spec(tmp_path, BODY)))
    assert text == "a: one has 116 parameters, the spec 112"  # a length for each filter


def test_an_output_of_another_shape(tmp_path: Path) -> None:
    class Twice(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).unsqueeze(1)

    assert told(verify(Twice(), spec(tmp_path, BODY))) == ["the output is 1x10, 10 in the spec"]


def test_verify_needs_the_shapes_of_a_spec_and_not_its_claims(tmp_path: Path) -> None:
    with pytest.raises(archdsl.SpecError, match="lossy-stride"):
        verify(Small(), SPECS / "alexnet_224.arch")
    assert verify(Small(), spec(tmp_path, BODY + "expect params 3")).ok


# --- what is compared, and where it is told -----------------------------------------------------

JOINED = """
input 3x8x8
a: concat { conv 4 3x3 pad=1 } { conv 6 1x1 }
b: conv 5 3x3 pad=1
c: globalavgpool
   linear 10
"""


class Joined(nn.Module):
    """JOINED, with `after` channels after the join."""

    def __init__(self, after: int = 10) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, padding=1)
        self.two = nn.Conv2d(3, 6, 1)
        self.three = nn.Conv2d(after, 5, 3, padding=1)
        self.four = nn.Linear(5, 10)

    def joined(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.two(x)], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.four(self.three(self.joined(x)).mean((2, 3)))
        return y


def test_the_output_of_a_stage_that_ends_in_a_join(tmp_path: Path) -> None:
    found = verify(Joined(), spec(tmp_path, JOINED))
    assert found.ok
    outputs = [(row.output, row.spec_output) for row in found.rows]
    assert outputs == [((10, 8, 8), (10, 8, 8)), ((5, 8, 8), (5, 8, 8)), ((10,), (10,))]
    # What learns something after a join, and is not in the spec, is of the join's stage.
    first, _ = verify(Joined(), spec(tmp_path, JOINED.replace("b: conv 5 3x3 pad=1\n", ""))).rows
    assert first.modules == ("one", "two", "three")
    assert (first.output, first.spec_output) == ((5, 8, 8), (10, 8, 8))


def test_what_no_layer_tells_is_not_shown(tmp_path: Path) -> None:
    class Ends(Joined):
        def __init__(self) -> None:
            super().__init__()
            self.four = nn.Linear(10, 10)
            del self.three

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.four(self.joined(x).mean((2, 3)))
            return y

    found = verify(Ends(), spec(tmp_path, JOINED.replace("b: conv 5 3x3 pad=1\n", "")))
    assert found.ok
    assert (found.rows[0].output, found.rows[0].spec_output) == (None, (10, 8, 8))
    assert [line.split()[4:7] for line in str(found).splitlines() if "one … two" in line] == [
        ["two", "–", "10x8x8"]
    ]


def test_a_join_that_is_dropped_is_told_where_it_is(tmp_path: Path) -> None:
    class Dropped(Joined):
        def joined(self, x: Tensor) -> Tensor:
            self.two(x)
            y: Tensor = self.one(x)
            return y

    found = verify(Dropped(4), spec(tmp_path, JOINED))
    assert told(found) == ["a: after concat three gets 4x8x8, 10x8x8 in the spec"]
    (difference,) = found.differences
    assert (difference.stage, difference.layer) == ("a", "a.concat")
    assert [row.status for row in found.rows] == ["differs", "follows", "agrees"]
    assert found.rows[0].output == (4, 8, 8)


POOLED = """
input 3x8x8
a: conv 4 3x3 pad=1
   batchnorm
   relu
   maxpool 2x2
b: conv 6 3x3 pad=1
   lrn
   globalavgpool
c: dropout 0.5
   linear 10
"""


def pooled(**other: nn.Module) -> nn.Sequential:
    """POOLED, with other layers under the names of its own."""
    layers: dict[str, nn.Module] = {
        "one": nn.Conv2d(3, 4, 3, padding=1),
        "norm": nn.BatchNorm2d(4),
        "pool": nn.MaxPool2d(2),
        "two": nn.Conv2d(4, 6, 3, padding=1),
        "mean": nn.AdaptiveAvgPool2d(1),
        "flat": nn.Flatten(),
        "three": nn.Linear(6, 10),
    }
    made = nn.Sequential()
    for name, layer in {**layers, **other}.items():
        made.add_module(name, layer)
    return made


@pytest.mark.parametrize(
    ("name", "layer", "said"),
    [
        ("pool", nn.AvgPool2d(2), "a.maxpool: pool is AvgPool2d, the spec MaxPool2d"),
        ("norm", nn.GroupNorm(2, 4), "a.batchnorm: norm is GroupNorm, the spec BatchNorm2d"),
        (
            "mean",
            nn.AdaptiveMaxPool2d(1),
            "b.globalavgpool: mean is AdaptiveMaxPool2d, the spec AdaptiveAvgPool2d",
        ),
    ],
)
def test_layers_of_another_kind(name: str, layer: nn.Module, said: str, tmp_path: Path) -> None:
    assert told(verify(pooled(**{name: layer}), spec(tmp_path, POOLED))) == [said]


def test_layers_of_another_kind_that_do_the_same(tmp_path: Path) -> None:
    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3), keepdim=True)

    path = spec(tmp_path, POOLED)
    for name, layer in {
        "pool": nn.AdaptiveMaxPool2d(4),
        "mean": nn.AvgPool2d(4),
        "norm": nn.SyncBatchNorm(4),
    }.items():
        assert verify(pooled(**{name: layer}), path).ok, name
    assert verify(pooled(mean=Mean()), path).ok


def test_what_is_not_compared_is_said(tmp_path: Path) -> None:
    path = spec(tmp_path, POOLED)
    text = str(verify(pooled(), path))
    assert text.endswith("\nnot compared: 1 relu, 1 lrn, 1 dropout")
    assert str(verify(Joined(), spec(tmp_path, JOINED))).endswith(
        "\n\ncompared by shape alone: 1 concat, 1 globalavgpool"
    )


def test_a_layer_that_is_made_for_another_input(tmp_path: Path) -> None:
    found = verify(pooled(one=nn.Conv2d(1, 4, 3, padding=1)), spec(tmp_path, POOLED))
    assert told(found) == ["a: one has in_channels=1, the spec in_channels=3, and stops with 3x8x8"]
    assert [row.status for row in found.rows] == ["differs", "not reached", "not reached"]
    found = verify(pooled(three=nn.Linear(5, 10)), spec(tmp_path, POOLED))
    assert told(found) == [
        "c.linear: three has in_features=5, the spec in_features=6, and stops with 6"
    ]
    assert [row.status for row in found.rows] == ["agrees", "agrees", "differs"]


@pytest.mark.parametrize("block", [Block, ShortcutFirst])
def test_a_block_that_is_left_out_or_put_in(block: type[Block]) -> None:
    path = SPECS / "zoo" / "resnet18.arch"
    fewer = ResNet18(block)
    fewer.groups[1] = next(fewer.groups[1].children())
    found = verify(fewer, path)
    # Two 3x3 convolutions of 128 channels, and two normalizations of as many.
    count = 2 * 128 * 128 * 9 + 2 * 2 * 128
    assert told(found) == [
        f"conv3_x.basic, with {count:,} parameters in 4 layers, is not in the module"
    ]
    assert [row.stage for row in found.rows if row.status != "agrees"] == ["conv3_x"]
    assert found.rows[2].output == (128, 28, 28)
    more = ResNet18(block)
    more.groups[1].add_module("2", block(128, 128, 1, (1, 1)))
    found = verify(more, path)
    assert told(found) == [
        f"groups.1.2 learns {count:,} numbers in 4 layers, 128x28x28 to 128x28x28: "
        "the spec has nothing like it here"
    ]
    assert [row.stage for row in found.rows if row.status != "agrees"] == ["conv3_x"]


def test_of_equal_layers_the_last_is_left_out_or_put_in() -> None:
    first = ResNet18()
    first.groups[0].insert(0, Block(64, 64, 1, (1, 1)))  # type: ignore[operator]
    found = verify(first, SPECS / "zoo" / "resnet18.arch")
    assert [(d.stage, d.module) for d in found.differences] == [("conv2_x", "groups.0.2")]
    # What the module does not reach is not left out.
    wrong = alexnet()
    wrong.classifier[1] = nn.Linear(6400, 4096)
    found = verify(wrong, SPECS / "torchvision.arch")
    assert told(found) == [
        "fc6.linear: classifier.1 has in_features=6400, the spec in_features=9216, "
        "and stops with 9216"
    ]
    assert [row.status for row in found.rows[5:]] == ["differs", "not reached", "not reached"]


def test_dropout_and_local_response_norms(tmp_path: Path) -> None:
    body = POOLED.replace("lrn", "lrn size=5 alpha=0.0001 beta=0.75 k=2")
    path = spec(tmp_path, body)

    def module(alpha: float, p: float) -> nn.Sequential:
        two = nn.Sequential(
            nn.Conv2d(4, 6, 3, padding=1), nn.LocalResponseNorm(5, alpha, 0.75, k=2)
        )
        return pooled(two=two, flat=nn.Sequential(nn.Flatten(), nn.Dropout(p)))

    # As nn.LocalResponseNorm documents: alpha is divided by the size.
    right = verify(module(0.0005, 0.5), path)
    assert right.ok and right.uncompared == (("relu", 1),)
    assert told(verify(module(0.0001, 0.4), path)) == [
        "b.lrn: two.1 has alpha=0.0001, the spec alpha=0.0005, as torch divides it by the size",
        "c: flat.1 has p=0.4, the spec p=0.5",
    ]
    # Where one of several dropouts is left out, which is which is not known.
    assert verify(pooled(flat=nn.Flatten()), path).uncompared == (
        ("relu", 1),
        ("lrn", 1),
        ("dropout", 1),
    )
