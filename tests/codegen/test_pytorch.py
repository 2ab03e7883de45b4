"""The generated module: the text as reviewed, and what it does when it is run."""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest
import torch
from torch import nn

from archdsl import load
from archdsl.codegen import names
from archdsl.codegen.calls import calls
from archdsl.shape import Shape
from archdsl.words.declaration import Initial, Kaiming, Normal, Uniform, Xavier
from tests.codegen.generated import (
    built,
    expected_outputs,
    expected_parameters,
    imported,
    loaded,
    outputs,
)
from tests.codegen.specs import SOUND, arch_of
from tests.helpers import GOLDEN, ROOT, SPECS, assert_golden


@pytest.mark.parametrize("name", SOUND)
def test_the_module_is_the_golden_one(name: str) -> None:
    assert_golden(GOLDEN / "modules" / f"{name}.py", arch_of(name).pytorch())


def test_goldens_are_of_specs() -> None:
    assert {path.stem for path in (GOLDEN / "modules").glob("*.py")} == set(SOUND)


def test_goldens_pass_ruff_and_strict_mypy() -> None:
    modules = sorted(map(str, (GOLDEN / "modules").glob("*.py")))
    assert modules
    for command in (
        ["ruff", "check", "--isolated"],
        ["ruff", "format", "--isolated", "--check"],
        ["mypy", "--strict", "--config-file="],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command, *modules],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SOUND)
def test_the_module_has_the_checkers_shapes_and_parameters(name: str, tmp_path: Path) -> None:
    arch = arch_of(name)
    with torch.device("meta"):
        module = built(arch, tmp_path)
    seen = outputs(module, torch.empty(2, *arch.network.input.dims, device="meta"))
    expected = expected_outputs(arch.analysis)
    assert {path: seen[path] for path in expected} == expected
    assert sum(p.numel() for p in module.parameters()) == arch.params


def test_weights_are_stored_under_stage_and_word(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "input 3x8x8\na: conv 4 3x3\nrelu\nb: linear 2\nbatchnorm\nprelu")
    assert list(built(arch, tmp_path).state_dict()) == [
        "a.conv.weight",
        "a.conv.bias",
        "b.linear.weight",
        "b.linear.bias",
        "b.batchnorm.weight",
        "b.batchnorm.bias",
        "b.batchnorm.running_mean",
        "b.batchnorm.running_var",
        "b.batchnorm.num_batches_tracked",
        "b.prelu.weight",
    ]


INITIALISED = [name for name in SOUND if arch_of(name).network.inits]


@pytest.mark.parametrize("name", INITIALISED)
def test_initial_weights_are_as_init_says(name: str, tmp_path: Path) -> None:
    """Mean, spread and bounds of every weight, and every bias, by the last line that says one."""
    torch.manual_seed(0)
    arch = arch_of(name)
    module = built(arch, tmp_path)
    learned = expected_parameters(arch.analysis)
    for path in (layer.path for layer in arch.network.layers if layer.op.weighted):
        words = [bound.word for bound in arch.network.inits]
        words = [word for word in words if not word.stages or path.split(".")[0] in word.stages]
        weight = module.get_parameter(f"{path}.weight").detach()
        distribution = [word.weights for word in words if word.weights is not None][-1]
        mean, std, bound = moments(distribution, weight)
        error = std / weight.numel() ** 0.5
        assert abs(weight.mean().item() - mean) < 5 * error, path
        assert abs(weight.std().item() - std) < 5 * error, path
        assert weight.abs().max().item() <= bound, path
        if f"{path}.bias" in learned:
            value = [word.bias for word in words if word.bias is not None][-1]
            assert torch.all(module.get_parameter(f"{path}.bias") == value), path


def moments(distribution: Initial, weight: torch.Tensor) -> tuple[float, float, float]:
    """Mean, standard deviation and largest absolute value, by the formulas of their authors."""
    fan_out, fan_in = weight.shape[0] * weight[0, 0].numel(), weight[0].numel()
    match distribution:
        case Normal(mean=mean, std=std):
            return mean, std, inf
        case Kaiming():  # He et al. 2015: every output's variance is that of the input, after relu
            return 0, (2 / fan_in) ** 0.5, inf
        case Xavier():  # Glorot and Bengio 2010, equation 16
            limit = (6 / (fan_in + fan_out)) ** 0.5
            return 0, limit / 3**0.5, limit
        case Uniform(low=low, high=high):
            return (low + high) / 2, (high - low) / 12**0.5, max(-low, high)
    raise AssertionError(distribution)


def test_init_lines_are_of_several_kinds() -> None:
    assert {"alexnet", "original", "small", "tanh", "composed"} <= set(INITIALISED)


def test_later_init_lines_win_and_distributions_are_torchs(tmp_path: Path) -> None:
    body = """
input 64x8x8
a: conv 64 3x3
b: conv 64 3x3
c: linear 300
d: linear 300 bias=no
init weights=uniform(-0.5, 0.5) bias=0.25
init b weights=kaiming
init c weights=xavier bias=-1
"""
    torch.manual_seed(0)
    module = built(loaded(tmp_path, body), tmp_path)
    weights = {name: p for name, p in module.named_parameters() if name.endswith("weight")}
    assert weights["a.conv.weight"].std().item() == pytest.approx(1 / 12**0.5, rel=0.05)
    assert weights["b.conv.weight"].std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    limit = (6 / (64 * 4 * 4 + 300)) ** 0.5
    assert weights["c.linear.weight"].abs().max().item() == pytest.approx(limit, rel=0.01)
    biases = {name: p for name, p in module.named_parameters() if name.endswith("bias")}
    values = {name: set(p.tolist()) for name, p in biases.items()}
    assert values == {"a.conv.bias": {0.25}, "b.conv.bias": {0.25}, "c.linear.bias": {-1.0}}


def test_without_init_torchs_defaults_stay(tmp_path: Path) -> None:
    assert "reset_parameters" not in loaded(tmp_path, "input 8\nlinear 2").pytorch()


def test_a_parameter_that_changes_nothing_else_is_an_argument(tmp_path: Path) -> None:
    module = built(load(SPECS / "alexnet.arch"), tmp_path, classes=7)
    assert module.get_submodule("fc8.linear").weight.shape == (7, 4096)
    text = load(SPECS / "small.arch").pytorch()
    assert "def __init__(self, classes: int = 10) -> None:" in text  # and size is a number


def test_a_width_reaches_every_layer_that_it_changes(tmp_path: Path) -> None:
    body = "input 3x8x8\na: conv width 3x3 pad=1\nbatchnorm\nb: conv 5 3x3\nglobalavgpool\nlinear 2"
    arch = loaded(tmp_path, body, "Net(width=4)")
    module = built(arch, tmp_path, width=6)
    assert module.get_submodule("a.conv").weight.shape == (6, 3, 3, 3)
    assert module.get_submodule("b.conv").weight.shape == (5, 6, 3, 3)
    assert module(torch.zeros(2, 3, 8, 8)).shape == (2, 2)
    # 4 · 6 · 6 inputs of the linear layer are no longer the width itself: a number then.
    fixed = loaded(tmp_path, "input 3x8x8\nconv width 3x3\nlinear 2", "Net(width=4)")
    assert "def __init__(self) -> None:" in fixed.pytorch()


def test_two_parameters_of_one_value_are_kept_apart(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "input 8\nlinear a\nlinear b\nlinear a", "Net(a=4, b=4)")
    shapes = [tuple(p.shape) for p in built(arch, tmp_path, a=2, b=3).parameters() if p.ndim == 2]
    assert shapes == [(2, 8), (3, 2), (2, 3)]


def test_set_changes_the_default(tmp_path: Path) -> None:
    arch = load(SPECS / "small.arch", parameters={"classes": 100})
    assert "classes: int = 100" in arch.pytorch()


def test_lrn_is_normalised_per_device(tmp_path: Path) -> None:
    body = "input 4x8x8\ndevices 2\nlrn\na: conv 8 3x3\nlrn"
    text = loaded(tmp_path, body).pytorch()
    assert text.count("towers=2") == 1  # the input is whole on both devices


def test_names_that_python_or_torch_own_get_an_underscore(tmp_path: Path) -> None:
    labels = ("half", "lambda", "_modules", "__x", "forward")
    body = "\n".join(["input 8", *(f"{label}: linear 4" for label in labels)])
    module = built(loaded(tmp_path, body), tmp_path)
    assert [name for name, _ in module.named_children()] == [
        "half_",
        "lambda_",
        "_modules_",
        "__x__",
        "forward_",
    ]
    assert module(torch.zeros(2, 8)).shape == (2, 4)
    hidden = loaded(tmp_path, "input 8\nlinear super", "torch(super=4)")
    assert "class torch_(nn.Module)" in hidden.pytorch()
    smaller = imported(hidden.pytorch(), tmp_path).torch_(super_=3)
    assert smaller(torch.zeros(1, 8)).shape == (1, 3)


def test_every_name_of_torchs_is_known() -> None:
    taken = set(dir(nn.Sequential()))
    assert {name for name in taken if not name.startswith("_")} <= names.MODULE_NAMES


def test_no_text_of_a_spec_becomes_code(tmp_path: Path) -> None:
    hostile = '# Title """ + __import__("os").system("touch owned") + """ \\N{BULLET} \\ end"\n'
    arch = loaded(tmp_path, "input 8\nlinear 2", comment=hostile)
    text = arch.pytorch()
    (definition,) = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    called = {
        node.func.id
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called == {"super", "stage", "OrderedDict"}
    assert "__import__" in str(ast.get_docstring(definition))  # words, as they were written
    imported(text, tmp_path)
    assert not (Path.cwd() / "owned").exists()
    for name in ("a b", "a-b", "1a", "é", ""):
        with pytest.raises(ValueError, match="no identifier"):
            names.attributes([name])


def test_invisible_characters_of_a_title_are_dropped(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "input 8\nlinear 2", comment="# a\u202eb\u200bc\x85d\n")
    text = arch.pytorch()
    assert not set("\u202e\u200b\x85") & set(text)


def test_helpers_are_the_files_of_runtime(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "input 4x8x8\nlrn\nlrn across=space")
    text = arch.pytorch()
    for stem in ("local_response_norm", "spatial_response_norm"):
        source = (ROOT / "archdsl" / "runtime" / f"{stem}.py").read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                segment = ast.get_source_segment(source, node)
                assert segment is not None and segment in text
    assert "archdsl." not in text and "import archdsl" not in text
    assert built(arch, tmp_path)(torch.ones(1, 4, 8, 8)).shape == (1, 4, 8, 8)


def test_a_layers_own_modules_keep_clear_of_others(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "input 3x8x8\na: linear 2\nflatten\nb: flatten\nlinear 2")
    names = [name for name, _ in built(arch, tmp_path).named_modules() if "." in name]
    assert names == ["a.linear_flatten", "a.linear", "a.flatten", "b.flatten", "b.linear"]


def test_a_convolution_rounded_up_sees_the_far_edge(tmp_path: Path) -> None:
    arch = loaded(tmp_path, "input 1x6x6\nconv 1 3x3 stride=2 rounding=ceil bias=no")
    module = built(arch, tmp_path)
    torch.nn.init.ones_(module.get_parameter("conv.conv.weight"))
    y = module(torch.ones(1, 1, 6, 6))
    assert y.shape == (1, 1, 3, 3)
    assert y[0, 0].tolist() == [[9, 9, 6], [9, 9, 6], [6, 6, 4]]


def test_shapes_chain(tmp_path: Path) -> None:
    analysis = load(SPECS / "alexnet.arch").analysis
    flows = [analysis.flow(layer) for layer in analysis.network.layers]
    assert all(before.output == after.input for before, after in pairwise(flows))
    assert flows[0].input == Shape((3, 227, 227))
    assert set(calls(analysis)) == {layer.path for layer in analysis.network.layers}


def test_names_made_free_stay_apart(tmp_path: Path) -> None:
    body = "input 8\neval: linear 4\neval_: linear x\neval__: linear x_"
    arch = loaded(tmp_path, body, "Net(x=5, x_=6)")
    module = built(arch, tmp_path)
    assert [name for name, _ in module.named_children()] == ["eval___", "eval_", "eval__"]
    assert sum(p.numel() for p in module.parameters()) == arch.params


@pytest.mark.parametrize("name", ["F", "Any", "range", "tuple", "LocalResponseNorm", "_Normalise"])
def test_an_arch_may_be_called_what_the_file_uses(name: str, tmp_path: Path) -> None:
    arch = loaded(tmp_path, "input 4x8x8\nlrn\nlrn across=space\nlinear size", f"{name}(size=3)")
    module = getattr(imported(arch.pytorch(), tmp_path), f"{name}_")
    assert module(size=2)(torch.ones(1, 4, 8, 8)).shape == (1, 2)


def test_a_parameter_may_be_called_like_a_helper(tmp_path: Path) -> None:
    arch = loaded(
        tmp_path, "input 4x8x8\nlrn\nlinear LocalResponseNorm", "Net(LocalResponseNorm=3)"
    )
    assert built(arch, tmp_path, LocalResponseNorm_=2)(torch.ones(1, 4, 8, 8)).shape == (1, 2)


def test_a_parameter_of_0_is_a_number(tmp_path: Path) -> None:
    body = "input 3x8x8\nconv 8 3x3 pad=p bias=no\nconv 8 3x3 pad=q\nbatchnorm affine=no\ndropout 0"
    text = loaded(tmp_path, body, "Net(p=0, q=0)").pytorch()
    assert "def __init__(self) -> None:" in text and "bias=False" in text


def test_a_default_computed_from_another_parameter_ties_both(tmp_path: Path) -> None:
    text = loaded(tmp_path, "input 8\na: linear n\nb: linear m", "Net(n=4, m=(2*n))").pytorch()
    assert "def __init__(self, m: int = 8) -> None:" in text  # n would have to change m too


@pytest.mark.parametrize(
    "title", ["a" * 79 + " \\N{bad} rest", '"quoted" title', 'ends in a "quote"', "\\", '"' * 9]
)
def test_any_title_makes_a_docstring(title: str, tmp_path: Path) -> None:
    text = loaded(tmp_path, "input 8\nlinear 2", comment=f"# {title}\n").pytorch()
    imported(text, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--check", "generated.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + text
