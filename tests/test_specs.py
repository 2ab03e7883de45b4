"""The shipped networks: what they claim, what others print of them, what torch makes of them."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from archdsl import load
from archdsl.api import Arch
from archdsl.cli import app
from archdsl.compiler import compile_file
from archdsl.network import Branches
from archdsl.words.recipe import Plateau, Recipe, Sgd
from tests.helpers import GOLDEN, ROOT, SPECS, assert_golden

FILES = {path.relative_to(SPECS).with_suffix("").as_posix(): path for path in SPECS.rglob("*.arch")}
ARCHS = {
    name: re.findall(r"^arch (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    for name, path in sorted(FILES.items())
}

WRONG = {
    "alexnet_224": [
        "conv1 never sees the last row and column of its 224x224 input",
        "conv1 has 290,400 neurons, not 253,440",
    ],
    "one_device": ["OneDeviceAlexNet has 2,079,811 activations, not 2,240,000"],
    "torchvision": [
        "conv1 gives 64x55x55, not 96x55x55",
        "conv2 gives 192x27x27, not 256x27x27",
        "conv4 gives 256x13x13, not 384x13x13",
        "the input has 150,528 neurons, not 154,587",
    ],
    "two_gpu_table": [
        "fc8 gives 4096, not 1000",
        "conv3's traffic is 0, not at least 1",
    ],
}
"""The sources that are wrong, each with what is found."""

CLEAN = [(name, arch) for name, archs in ARCHS.items() if name not in WRONG for arch in archs]


@cache
def loaded(name: str, arch: str) -> Arch:
    return load(FILES[name], arch=arch)


def of(name: str) -> Arch:
    """The network of a file that has one."""
    (arch,) = ARCHS[name]
    return loaded(name, arch)


def params(name: str) -> dict[str, int]:
    """The parameters of each stage that has any."""
    arch = of(name)
    found = {}
    for stage in arch.network.stages:
        costs = arch.analysis.parts[stage.path]
        assert costs is not None
        if costs.params:
            found[stage.name] = costs.params
    return found


# --- what check says --------------------------------------------------------------------------


def test_the_sources_and_the_classics_are_there() -> None:
    sources = """ablations alexnet alexnet_224 one_device original small tanh torchvision
        two_gpu_table"""
    zoo = """densenet121 googlenet lenet5 mobilenet_v1 nin resnet18 resnet50 squeezenet1_1 vgg16
        zfnet"""
    assert {*sources.split(), *(f"zoo/{name}" for name in zoo.split())} <= set(FILES)
    assert set(WRONG) <= set(FILES)


@pytest.mark.parametrize("name", sorted(FILES.keys() - WRONG))
def test_it_checks_clean_and_every_claim_holds(name: str) -> None:
    compilation = compile_file(FILES[name])
    assert compilation.diagnostics == ()
    assert [analysis.network.name for analysis in compilation.archs] == ARCHS[name]
    for analysis in compilation.archs:
        assert analysis.verdicts, "a spec claims something"
        assert all(verdict.holds for verdict in analysis.verdicts)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_source(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.message for finding in of(name).diagnostics] == WRONG[name]
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["check", f"specs/{name}.arch"])
    assert done.exit_code == 1
    assert_golden(GOLDEN / "specs" / f"{name}.txt", done.stdout)


@pytest.mark.parametrize("name", WRONG)
def test_every_claim_of_a_wrong_source_is_judged(name: str) -> None:
    verdicts = of(name).analysis.verdicts
    assert verdicts and all(verdict.holds is not None for verdict in verdicts)


@pytest.mark.parametrize("name", sorted(FILES))
def test_it_cites_its_source(name: str) -> None:
    """The comment above the first arch, or of a file of blocks the first one, names a year."""
    text = FILES[name].read_text(encoding="utf-8")
    above = r"((?:^#.*\n)+)" + (rf"arch {ARCHS[name][0]}\b" if ARCHS[name] else "")
    comment = re.search(above, text, re.MULTILINE)
    assert comment is not None and re.search(r"\b(19|20)\d\d\b", comment[1])


# --- figures of the sources and of those who published counts ---------------------------------

TOTALS = {  # parameters and macs, without the bias additions
    ("alexnet", "AlexNet"): (60_965_224, 724_406_816),
    ("one_device", "OneDeviceAlexNet"): (62_378_344, 1_135_256_096),
    ("torchvision", "TorchvisionAlexNet"): (61_100_840, 714_188_480),
    ("original", "OriginalAlexNet"): (61_476_108, 782_886_812),
    ("tanh", "TanhAlexNet"): (61_476_108, 782_886_812),
    ("small", "SmallAlexNet"): (2_644_234, 39_696_960),
}
PARAMETERS = {
    ("ablations", "WithoutConv2"): 200_686_616,
    ("ablations", "WithoutConv345"): 90_391_308,
    ("ablations", "WithoutFc7"): 44_694_796,
    # Neither normalisation by neighbours nor dropout nor pooling learns anything.
    ("ablations", "WithoutLRN"): 61_476_108,
    ("ablations", "WithoutDropout"): 61_476_108,
    ("ablations", "WithoutOverlap"): 61_476_108,
    ("zoo/lenet5", "LeNet5"): 61_706,
    ("zoo/zfnet", "ZFNet"): 62_357_608,
    ("zoo/nin", "NiN"): 966_986,
    ("zoo/googlenet", "GoogLeNet"): 6_998_552,  # the BVLC model for Caffe
    ("zoo/mobilenet_v1", "MobileNet"): 4_231_976,  # Keras: 4,253,864 without 21,888 not trained
    # torchvision's documentation, num_params of each model's weights
    ("zoo/vgg16", "VGG16"): 138_357_544,
    ("zoo/resnet18", "ResNet18"): 11_689_512,
    ("zoo/resnet50", "ResNet50"): 25_557_032,
    ("zoo/resnet50_2015", "ResNet50Original"): 25_557_032,
    ("zoo/densenet121", "DenseNet121"): 7_978_856,
    ("zoo/squeezenet1_1", "SqueezeNet"): 1_235_496,
    ("zoo/squeezenet1_1_224", "SqueezeNet224"): 1_235_496,
}
GIGAMACS = {  # torchvision's documentation, GIPS, which counts a multiply-add once
    "torchvision": 0.714,
    "zoo/vgg16": 15.470,
    "zoo/resnet18": 1.814,
    "zoo/resnet50": 4.089,
    "zoo/densenet121": 2.834,
    "zoo/squeezenet1_1_224": 0.349,
}


@pytest.mark.parametrize("key", TOTALS)
def test_the_figures_of_the_sources(key: tuple[str, str]) -> None:
    arch = loaded(*key)
    assert (arch.params, arch.macs) == TOTALS[key]


@pytest.mark.parametrize("key", PARAMETERS)
def test_the_published_parameters(key: tuple[str, str]) -> None:
    assert loaded(*key).params == PARAMETERS[key]


def test_every_clean_network_has_an_independent_figure() -> None:
    assert set(CLEAN) <= {*TOTALS, *PARAMETERS}


@pytest.mark.parametrize("name", GIGAMACS)
def test_the_published_multiply_adds(name: str) -> None:
    macs = of(name).macs
    assert macs is not None and round(macs / 1e9, 3) == GIGAMACS[name]


def test_the_weights_and_activations_of_alexnets() -> None:
    assert (of("alexnet").weights, of("alexnet").activations) == (60_954_656, 2_079_811)
    assert (of("one_device").weights, of("one_device").activations) == (62_367_776, 2_079_811)


def test_small_at_the_size_of_its_paper() -> None:
    arch = load(SPECS / "small.arch", parameters={"size": 227, "classes": 1000})
    assert arch.params == 6_275_944


def test_the_multiply_adds_of_the_original_resnet_50() -> None:
    """Each of the three 3x3 convolutions that stride in torchvision's is preceded by a 1x1 on a
    map of four times the size."""
    difference = sum(
        3 * size * size * (4 * width // 2) * width
        for width, size in ((128, 28), (256, 14), (512, 7))
    )
    macs, original = of("zoo/resnet50").macs, of("zoo/resnet50_2015").macs
    assert macs is not None and original == macs - difference


def test_resnet_101_is_a_variant_of_resnet_50(tmp_path: Path) -> None:
    """The figures are those that torchvision documents for resnet101."""
    path = tmp_path / "resnet101.arch"
    path.write_text(
        f"""use "{(SPECS / "zoo" / "resnet50.arch").as_posix()}"
        arch ResNet101 from ResNet50 {{
          set conv4_x.repeat count=22
          expect depth 101
          expect params 44_549_160
          expect macs 7.801G
        }}
        """,
        encoding="utf-8",
    )
    assert load(path).check().ok


# --- stage by stage, by hand ------------------------------------------------------------------


def conv(kernel: int, before: int, after: int) -> int:
    """Parameters of a convolution with biases."""
    return kernel * kernel * before * after + after


def normed(kernel: int, before: int, after: int) -> int:
    """Parameters of a convolution without biases and of the batch normalisation after it."""
    return kernel * kernel * before * after + 2 * after


def test_the_stages_of_lenet() -> None:
    assert params("zoo/lenet5") == {
        "C1": 156,
        "C3": 2_416,
        "C5": 48_120,
        "F6": 10_164,
        "output": 850,
    }


def test_the_stages_of_vgg() -> None:
    assert params("zoo/vgg16") == {
        "conv1": conv(3, 3, 64) + conv(3, 64, 64),
        "conv2": conv(3, 64, 128) + conv(3, 128, 128),
        "conv3": conv(3, 128, 256) + 2 * conv(3, 256, 256),
        "conv4": conv(3, 256, 512) + 2 * conv(3, 512, 512),
        "conv5": 3 * conv(3, 512, 512),
        "fc6": conv(7, 512, 4096),
        "fc7": conv(1, 4096, 4096),
        "fc8": conv(1, 4096, 1000),
    }


INCEPTIONS = {  # table 1 of the paper: input, #1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, projection
    "inception3a": (192, 64, 96, 128, 16, 32, 32),
    "inception3b": (256, 128, 128, 192, 32, 96, 64),
    "inception4a": (480, 192, 96, 208, 16, 48, 64),
    "inception4b": (512, 160, 112, 224, 24, 64, 64),
    "inception4c": (512, 128, 128, 256, 24, 64, 64),
    "inception4d": (512, 112, 144, 288, 32, 64, 64),
    "inception4e": (528, 256, 160, 320, 32, 128, 128),
    "inception5a": (832, 256, 160, 320, 32, 128, 128),
    "inception5b": (832, 384, 192, 384, 48, 128, 128),
}


def test_the_stages_of_googlenet() -> None:
    expected = {"conv1": conv(7, 3, 64), "conv2": conv(1, 64, 64) + conv(3, 64, 192)}
    for name, (x, one, reduce3, three, reduce5, five, projection) in INCEPTIONS.items():
        expected[name] = (
            conv(1, x, one)
            + conv(1, x, reduce3)
            + conv(3, reduce3, three)
            + conv(1, x, reduce5)
            + conv(5, reduce5, five)
            + conv(1, x, projection)
        )
    expected["output"] = conv(1, 1024, 1000)
    assert params("zoo/googlenet") == expected


def test_the_stages_of_squeezenet() -> None:
    fires = {  # input, squeeze, each expand
        "fire2": (64, 16, 64),
        "fire3": (128, 16, 64),
        "fire4": (128, 32, 128),
        "fire5": (256, 32, 128),
        "fire6": (256, 48, 192),
        "fire7": (384, 48, 192),
        "fire8": (384, 64, 256),
        "fire9": (512, 64, 256),
    }
    expected = {"conv1": conv(3, 3, 64)}
    for name, (x, squeeze, expand) in fires.items():
        expected[name] = conv(1, x, squeeze) + conv(1, squeeze, expand) + conv(3, squeeze, expand)
    expected["conv10"] = conv(1, 512, 1000)
    assert params("zoo/squeezenet1_1") == expected


def test_the_stages_of_resnet_18() -> None:
    expected = {"conv1": normed(7, 3, 64), "conv2_x": 4 * normed(3, 64, 64)}
    for name, width in (("conv3_x", 128), ("conv4_x", 256), ("conv5_x", 512)):
        half = width // 2
        expected[name] = (
            normed(3, half, width) + normed(1, half, width) + 3 * normed(3, width, width)
        )
    assert params("zoo/resnet18") == expected | {"fc": conv(1, 512, 1000)}


@pytest.mark.parametrize("name", ["zoo/resnet50", "zoo/resnet50_2015"])
def test_the_stages_of_resnet_50(name: str) -> None:
    expected = {"conv1": normed(7, 3, 64)}
    before = 64
    for stage, width, units in (("2", 64, 3), ("3", 128, 4), ("4", 256, 6), ("5", 512, 3)):
        after = 4 * width
        inner = normed(3, width, width) + normed(1, width, after)
        expected[f"conv{stage}_x"] = (
            normed(1, before, after)
            + normed(1, before, width)
            + (units - 1) * normed(1, after, width)
            + units * inner
        )
        before = after
    assert params(name) == expected | {"fc": conv(1, 2048, 1000)}


def test_the_stages_of_densenet() -> None:
    expected, channels = {"conv1": normed(7, 3, 64)}, 64
    for number, layers in enumerate((6, 12, 24, 16), 1):
        expected[f"dense{number}"] = sum(
            2 * x + normed(1, x, 128) + 9 * 128 * 32
            for x in range(channels, channels + 32 * layers, 32)
        )
        channels += 32 * layers
        if number < 4:
            expected[f"transition{number}"] = 2 * channels + channels * channels // 2
            channels //= 2
    expected["classification"] = 2 * channels + conv(1, channels, 1000)
    assert params("zoo/densenet121") == expected


def test_the_shares_of_mobilenets_layers() -> None:
    """Table 2 of the paper, in per cent of the weights, and of the multiply-adds of the 1x1s."""
    arch = of("zoo/mobilenet_v1")
    weights = {"pointwise": 0, "depthwise": 0, "first": 0, "fc": 0}
    macs = 0
    for layer in arch.network.layers:
        costs = arch.analysis.layers[layer.path]
        if costs is None or not costs.weights:
            continue
        if layer.name == "linear":
            kind = "fc"
        elif layer.path.startswith("conv1"):
            kind = "first"
        else:
            kind = "pointwise" if " 1x1" in layer.brief else "depthwise"
        weights[kind] += costs.weights
        macs += costs.macs if kind == "pointwise" else 0
    shares = {
        kind: round(100 * count / sum(weights.values()), 2) for kind, count in weights.items()
    }
    assert shares == {"pointwise": 74.59, "depthwise": 1.06, "first": 0.02, "fc": 24.33}
    assert arch.macs is not None and round(100 * macs / arch.macs, 2) == 94.86


def test_the_devices_of_the_table_meet_in_the_fully_connected_layers_only() -> None:
    arch = of("two_gpu_table")
    stages = arch.network.stages
    assert [
        stage.name for stage in stages if arch.analysis.received(stage)
    ] == "fc6 fc7 fc8".split()


# --- "Tweaking the AlexNet" -------------------------------------------------------------------


def words(arch: Arch) -> dict[str, list[str]]:
    return {stage.name: [layer.op.word for layer in stage.layers] for stage in arch.network.stages}


def test_tanh_is_the_original_with_tanh_for_relu() -> None:
    original = words(of("original"))
    assert words(of("tanh")) == {
        stage: ["tanh" if word == "relu" else word for word in listed]
        for stage, listed in original.items()
    }
    assert sum(word == "relu" for listed in original.values() for word in listed) == 7


@pytest.mark.parametrize(
    ("name", "removed", "words_removed"),
    [
        ("WithoutConv2", {"conv2"}, set()),
        ("WithoutConv345", {"conv3", "conv4", "conv5"}, set()),
        ("WithoutFc7", {"fc7"}, set()),
        ("WithoutLRN", set(), {"lrn"}),
        ("WithoutDropout", set(), {"dropout"}),
        ("WithoutOverlap", set(), set()),
    ],
)
def test_an_ablation_lacks_what_it_says(
    name: str, removed: set[str], words_removed: set[str]
) -> None:
    assert words(loaded("ablations", name)) == {
        stage: [word for word in listed if word not in words_removed]
        for stage, listed in words(of("original")).items()
        if stage not in removed
    }


def test_pooling_that_does_not_overlap_gives_the_same_sizes() -> None:
    arch, original = loaded("ablations", "WithoutOverlap"), of("original")
    for stage in ("conv1", "conv2", "conv5"):
        assert arch.shape(stage) == original.shape(stage)


def recipe(arch: Arch) -> Recipe:
    assert arch.network.recipe is not None
    return arch.network.recipe


def test_the_recipe_is_the_one_of_2012() -> None:
    """Section 5 of Krizhevsky et al.; how long is from "Tweaking the AlexNet"."""
    for name in ("alexnet", "original"):
        found = recipe(of(name))
        assert found.batch == 128
        assert found.optimizer == Sgd(lr=0.01, momentum=0.9, weight_decay=5e-4, rule="paper")
        assert isinstance(found.schedule, Plateau)
        assert (found.schedule.factor, found.schedule.drops) == (0.1, 3)
    assert (recipe(of("alexnet")).epochs, recipe(of("alexnet")).steps) == (90, None)
    assert recipe(of("original")).steps == 27_000


def test_the_variants_inherit_the_recipe() -> None:
    original = recipe(of("original"))
    assert recipe(of("tanh")) == original
    for name in ARCHS["ablations"]:
        assert recipe(loaded("ablations", name)) == original


# --- the emitted modules ----------------------------------------------------------------------


def built(arch: Arch, folder: Path) -> nn.Module:
    """An instance of the class in the emitted file."""
    path = folder / "emitted.py"
    path.write_text(arch.pytorch(), encoding="utf-8")
    specification = importlib.util.spec_from_file_location("emitted", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    network = getattr(module, arch.name)()
    assert isinstance(network, nn.Module)
    return network


@pytest.mark.parametrize(("name", "arch_name"), CLEAN)
def test_the_module_has_the_checkers_parameters_and_shapes(
    name: str, arch_name: str, tmp_path: Path
) -> None:
    arch = loaded(name, arch_name)
    with torch.device("meta"):
        module = built(arch, tmp_path)
        x = torch.empty(2, *arch.network.input.dims)
    assert sum(parameter.numel() for parameter in module.parameters()) == arch.params
    shapes: dict[str, tuple[int, ...]] = {}

    def record(path: str) -> None:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            shapes[path] = tuple(output.shape[1:])

        module.get_submodule(path).register_forward_hook(hook)

    # A join is written in the `forward` of what it is in.
    layers = [layer for layer in arch.network.layers if not isinstance(layer, Branches)]
    for layer in layers:
        record(layer.path)
    module(x).sum().backward()
    learned = dict(module.named_parameters())
    assert [path for path, parameter in learned.items() if parameter.grad is None] == []
    assert shapes == {
        layer.path: shape.dims for layer in layers if (shape := arch.shape(layer.path)) is not None
    }


@pytest.mark.parametrize("name", ["small", "zoo/lenet5", "zoo/squeezenet1_1"])
def test_it_computes_and_learns(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    arch = of(name)
    module = built(arch, tmp_path)
    output = module(torch.randn(2, *arch.network.input.dims))
    nn.functional.cross_entropy(output, torch.tensor([0, 1])).backward()  # type: ignore[no-untyped-call]
    assert output.isfinite().all()
    for path, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), path
        assert parameter.grad.any(), path
