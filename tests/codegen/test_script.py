"""The script beside the module: its text as reviewed; it trains as `archdsl train` does."""

from __future__ import annotations

import ast
import contextlib
import gzip
import io
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from archdsl import load
from archdsl.api import Arch
from archdsl.cli import app
from archdsl.codegen import parts
from archdsl.codegen.script import module_name, script
from archdsl.codegen.trainable import SHAPES, TrainingError
from archdsl.training import Evaluation, Options, Silent, Stepped, job, train
from archdsl.training.parts import shapes
from archdsl.words.recipe import Folder
from tests.helpers import GOLDEN, ROOT, SPECS, assert_golden
from tests.training.conftest import write_folder

NETWORK = """
# What is trained.
arch Net(classes=CLASSES) {
  input INPUT
  conv1: conv 4 3x3 pad=1
         batchnorm
         relu
         maxpool 2x2 stride=2
  fc2:   dropout 0.2
         linear classes
  train {
    TRAIN
  }
}
"""

# What data, its input and classes, and a recipe of it: every word, and every use of it.
CASES = {
    "paper": (
        "3x16x16",
        10,
        "data shapes; batch 20; steps 7; optimizer sgd lr=0.05 momentum=0.9 weight_decay=5e-4 "
        "rule=paper; schedule step every=2 factor=0.5; evaluate every=3; seed 5",
    ),
    "average": (
        "1x12x20",
        3,
        'data folder "colours"; batch 8; epochs 1; optimizer sgd lr=0.05 momentum=0.9 '
        "rule=average correction=yes; schedule plateau factor=0.5 patience=1 drops=1",
    ),
    "stuck": (
        "3x12x12",
        3,
        'data folder "colours"; batch 12; steps 30; optimizer sgd lr=1e-14; '
        "schedule plateau factor=0.5 patience=3 drops=2; evaluate every=1",
    ),
    "imagenet": (
        "3x10x10",
        3,
        'data folder "colours"; augment resize=14 crop=10 flip=yes pca=0.1 mean=pixel; batch 9; '
        "epochs 3; optimizer sgd lr=0.02 momentum=0.9 weight_decay=1e-3; "
        "scale biases lr=2 decay=0; scale fc2 lr=3; schedule step every=1; evaluate crops=10",
    ),
    "centre": (
        "3x10x12",
        3,
        'data folder "colours"; augment resize=14; batch 10; steps 3; optimizer adamw',
    ),
    "mirrored": (
        "3x10x10",
        3,
        'data folder "colours"; augment resize=12 flip=yes; batch 10; steps 3; '
        "optimizer adam lr=0.01 betas=(0.8, 0.9) eps=1e-4 weight_decay=0.1; "
        "scale conv1 lr=0.5 decay=2; loss cross_entropy smoothing=0.1",
    ),
    "cropped": (
        "3x10x10",
        3,
        'data folder "colours"; augment resize=12 crop=10; batch 10; epochs 2; '
        "optimizer adamw lr=0.01; schedule milestones 1; evaluate every=2",
    ),
    "coloured": (
        "3x12x12",
        3,
        'data folder "colours"; augment pca=0.5 resize=16; batch 10; steps 3; '
        "optimizer sgd lr=0.1 momentum=0.5 nesterov=yes; evaluate crops=10",
    ),
    "cifar10": (
        "3x32x32",
        10,
        'data cifar10 "cifar"; augment crop=32 pad=4 flip=yes; batch 5; epochs 3; '
        "optimizer adamw lr=1e-3; schedule cosine warmup=1",
    ),
    "cifar100": (
        "3x16x16",
        100,
        'data cifar100 "cifar"; augment flip=yes mean=pixel; batch 4; steps 6; '
        "optimizer sgd lr=0.05; schedule milestones 2 4; evaluate every=2",
    ),
    "mnist": (
        "1x28x28",
        10,
        'data mnist "mnist"; batch 3; steps 8; optimizer sgd lr=0.05 momentum=0.9 rule=average; '
        "schedule cosine",
    ),
    "digits": (
        "1x20x20",
        10,
        'data mnist "mnist"; batch 3; epochs 3; optimizer adam; schedule cosine',
    ),
}


def emitted(text: str, folder: Path, name: str) -> Arch:
    """A spec's network; its module and script stand in the folder."""
    path = folder / f"{name}.arch"
    path.write_text(text, encoding="utf-8")
    arch = load(path)
    (folder / f"{name}.py").write_text(arch.pytorch(), encoding="utf-8")
    written = script(arch.analysis, job(arch).class_name, name)
    (folder / f"{name}_train.py").write_text(written, encoding="utf-8")
    return arch


def case(name: str) -> str:
    size, classes, train = CASES[name]
    text = NETWORK.replace("INPUT", size).replace("CLASSES", str(classes))
    return text.replace("TRAIN", train.replace("; ", "\n    "))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with little data of every kind, as it is published."""
    draws = np.random.default_rng(3)

    def noise(*size: int) -> bytes:
        return draws.integers(0, 256, size, dtype=np.uint8).tobytes()

    def cifar(count: int, before: bytes, classes: int) -> bytes:
        return b"".join(before + bytes([i % classes]) + noise(3072) for i in range(count))

    write_folder(tmp_path / "colours", {"train": 12, "val": 4}, size=(15, 18))
    (tmp_path / "cifar").mkdir()
    (tmp_path / "cifar" / "batches.meta.txt").write_text(" ".join("abcdefghij"))
    (tmp_path / "cifar" / "fine_label_names.txt").write_text(" ".join(map(str, range(100))))
    for n in range(1, 6):
        (tmp_path / "cifar" / f"data_batch_{n}.bin").write_bytes(cifar(3 + n, b"", 10))
    (tmp_path / "cifar" / "test_batch.bin").write_bytes(cifar(7, b"", 10))
    (tmp_path / "cifar" / "train.bin").write_bytes(cifar(13, b"\x07", 100))
    (tmp_path / "cifar" / "test.bin").write_bytes(cifar(5, b"\x09", 100))
    (tmp_path / "mnist").mkdir()
    for prefix, count in (("train", 10), ("t10k", 4)):
        size = count.to_bytes(4, "big")
        sides = (28).to_bytes(4, "big") * 2
        images = b"\0\0\x08\x03" + size + sides + noise(count, 28, 28)
        labels = b"\0\0\x08\x01" + size + bytes(range(count))
        (tmp_path / "mnist" / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (tmp_path / "mnist" / f"{prefix}-labels-idx1-ubyte").write_bytes(labels)
    for room in ("training.data.sources", "codegen.ingredients"):
        monkeypatch.setattr(f"archdsl.{room}.TRAINING_SHAPES", 100)
        monkeypatch.setattr(f"archdsl.{room}.TEST_SHAPES", 30)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Listener(Silent):
    """What a run says, as the script prints it."""

    def __init__(self) -> None:
        self.losses: list[str] = []
        self.judged: list[tuple[str, ...]] = []

    def stepped(self, event: Stepped) -> None:
        self.losses.append(f"{event.loss:.4f}")

    def evaluated(self, event: Evaluation) -> None:
        shares = f"{100 * event.top1:.2f}", f"{100 * event.top5:.2f}"
        self.judged.append((str(event.step), f"{event.loss:.4f}", *shares))


def ran(path: Path) -> str:
    """What a script prints; it is run in this process, so that both have the same threads."""
    printed = io.StringIO()
    sys.path.insert(0, str(path.parent))
    try:
        with torch.random.fork_rng(), contextlib.redirect_stdout(printed):
            runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.path.remove(str(path.parent))
        sys.modules.pop(path.stem.removesuffix("_train"), None)
    return printed.getvalue()


def assert_trains_alike(arch: Arch, folder: Path, name: str) -> None:
    """The script's losses, evaluations and weights are those of `archdsl train`, to the bit."""
    heard = Listener()
    train(job(arch), folder / "run", Options(device="cpu", precision="fp32"), heard)
    shown = ran(folder / f"{name}_train.py")
    assert re.findall(r"  loss (\S+)  lr", shown) == heard.losses
    found = re.findall(
        r"^step (\d+)  held-out loss (\S+)  top-1 (\S+) %  top-5 (\S+) %", shown, re.M
    )
    assert found == heard.judged
    for theirs, ours in ((name, "weights"), (f"{name}_normalisation", "normalisation")):
        script_made = load_file(folder / f"{theirs}.safetensors")
        run_made = load_file(folder / "run" / f"{ours}.safetensors")
        assert script_made.keys() == run_made.keys()
        for key, tensor in run_made.items():
            assert torch.equal(script_made[key], tensor), key


@pytest.mark.parametrize("name", CASES)
def test_the_script_trains_as_archdsl_does(name: str, data: Path) -> None:
    assert_trains_alike(emitted(case(name), data, name), data, name)


def test_small_trains_as_archdsl_does(data: Path) -> None:
    text = (SPECS / "small.arch").read_text(encoding="utf-8")
    few = text.replace("steps     850", "steps     3").replace("every=170", "every=2")
    assert few.count("steps     3") == few.count("every=2") == 1
    assert_trains_alike(emitted(few, data, "small"), data, "small")


def test_the_cases_hold_every_word_of_a_recipe() -> None:
    from archdsl.words.recipe import Data, Optimizer, Schedule

    told = " ".join(recipe for _, _, recipe in CASES.values())
    words = {*Data.words, *Optimizer.words, *Schedule.words} - {"constant", "parquet"}
    assert all(re.search(rf"\b{word}\b", told) for word in words)


def test_a_folder_is_looked_through_alike(data: Path) -> None:
    """Tiny ImageNet's layout, and test/ where there is no val/."""
    colours = data / "colours"
    (colours / "val").rename(colours / "test")
    for folder in sorted((colours / "train").iterdir()):
        images = folder.rename(folder.with_name("images"))
        folder.mkdir()
        images.rename(folder / "images")
    assert_trains_alike(emitted(case("average"), data, "average"), data, "average")


@pytest.mark.parametrize(
    ("name", "gone", "message"),
    [
        ("cifar10", "cifar/data_batch_3.bin", "it has no data_batch_3.bin, as the binary version"),
        ("mnist", "mnist/t10k-labels-idx1-ubyte", "it has no t10k-labels-idx1-ubyte, gzipped or"),
        ("average", "colours/val", "it has no val/ folder"),
    ],
)
def test_a_script_says_what_is_missing(name: str, gone: str, message: str, data: Path) -> None:
    emitted(case(name), data, name)
    (data / gone).rename(data / "elsewhere")
    with pytest.raises(SystemExit, match=message):
        ran(data / f"{name}_train.py")


def test_a_script_reads_the_other_spelling_of_mnist(data: Path) -> None:
    for path in sorted((data / "mnist").iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert_trains_alike(emitted(case("mnist"), data, "mnist"), data, "mnist")


def test_it_runs_where_archdsl_is_not(data: Path) -> None:
    emitted(case("paper"), data, "paper")
    hidden = (
        "import runpy, sys\n"
        "sys.modules['archdsl'] = None\n"
        "sys.path.insert(0, '.')\n"
        "runpy.run_path('paper_train.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False, cwd=data
    )
    assert done.returncode == 0, done.stderr
    assert (data / "paper.safetensors").exists()
    assert "PIL" not in (data / "paper_train.py").read_text(encoding="utf-8")


def test_scripts_pass_ruff_and_strict_mypy(data: Path) -> None:
    for name in CASES:
        emitted(case(name), data, name)
    for spec in ("small", "alexnet"):
        emitted((SPECS / f"{spec}.arch").read_text(encoding="utf-8"), data, spec)
    long = "Averyverylongnameofanetwork" * 5
    hostile = f"arch {long} {{ input 3x32x32; {long}: linear 10\n train {{ scale {long} lr=2\n"
    path = "data/" + "x" * 90
    emitted(
        f'{hostile} data cifar10 "{path}"\n optimizer sgd lr=1e-7 }} }}\n', data, f"n{'o' * 80}"
    )
    for n, place in enumerate((r"it\'s", r"a\"b", r"\"it\'s\"", r"\"\'", r"\\")):
        emitted(case("mnist").replace('"mnist"', f'"{place}"'), data, f"quoted{n}")
    scripts = sorted(path.name for path in data.glob("*_train.py"))
    assert len(scripts) == len(CASES) + 8
    for command in (
        ["ruff", "check", "--isolated", "--no-cache"],
        ["ruff", "format", "--isolated", "--no-cache", "--check", "--diff"],
        ["mypy", "--strict", "--config-file=", "--cache-dir=/dev/null"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command, *scripts],
            capture_output=True,
            text=True,
            check=False,
            cwd=data,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    for name in CASES:
        lines = (data / f"{name}_train.py").read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) <= 88, name


@pytest.mark.parametrize("name", ["alexnet", "small"])
def test_the_script_is_the_golden_one(name: str) -> None:
    arch = load(SPECS / f"{name}.arch")
    found = script(arch.analysis, job(arch).class_name, name)
    assert_golden(GOLDEN / "scripts" / f"{name}_train.py", found)
    assert found == script(arch.analysis, job(arch).class_name, name)


def test_every_definition_and_constant_is_used(data: Path) -> None:
    for name in CASES:
        emitted(case(name), data, name)
        tree = ast.parse((data / f"{name}_train.py").read_text(encoding="utf-8"))
        loaded = {
            n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
        }
        defined = set()
        for node in tree.body:
            match node:
                case ast.FunctionDef(name=own) | ast.ClassDef(name=own):
                    defined.add(own)
                case ast.Assign(targets=[ast.Name(id=own)]):
                    defined.add(own)
        assert defined <= loaded, name


def test_what_is_copied_is_the_text_of_the_parts() -> None:
    text = (GOLDEN / "scripts" / "small_train.py").read_text(encoding="utf-8")
    folder = ROOT / "archdsl" / "training" / "parts"
    for stem in ("shapes", "randomness"):
        source = (folder / f"{stem}.py").read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                segment = ast.get_source_segment(source, node)
                assert segment is not None and segment in text


def test_parts_stand_alone() -> None:
    allowed = {"torch", "numpy", "PIL"} | set(sys.stdlib_module_names)
    stems = {path.stem for path in (ROOT / "archdsl" / "training" / "parts").glob("*.py")}
    for stem in stems - {"__init__"}:
        assert {line.source.partition(".")[0] for line in parts.imports(stem)} <= allowed, stem


def test_only_what_is_used_of_a_part_is_copied() -> None:
    copied = parts.definitions("momentum", ["AverageMomentum"])
    assert "class _Momentum" in copied and "PaperMomentum" not in copied
    assert parts.definitions("folders", ["splits"]).startswith("SUFFIXES = ")
    with pytest.raises(KeyError):
        parts.definitions("momentum", ["Nothing"])


def test_without_a_train_block_the_recipes_defaults_stand(data: Path) -> None:
    text = "arch Net { input 3x16x16; linear 10 }\n"
    arch = emitted(text, data, "plain")
    found = (data / "plain_train.py").read_text(encoding="utf-8")
    assert "# epochs 10 (by default)\nEPOCHS = 10\n" in found
    assert "# optimizer sgd lr=0.01 momentum=0.9 (by default)\nLR = 0.01\n" in found
    assert job(arch).recipe.epochs == 10


def test_a_line_says_what_the_spec_says(data: Path) -> None:
    emitted(case("imagenet"), data, "net")
    found = (data / "net_train.py").read_text(encoding="utf-8")
    assert "# augment resize=14 crop=10 flip=yes pca=0.1 mean=pixel\n" in found
    assert "# evaluate crops=10\n" in found
    assert '    ("biases", 2.0, 0.0),\n    ("fc2", 3.0, 1.0),\n' in found


def test_no_text_of_a_spec_becomes_code(data: Path) -> None:
    path = r'"x\" + __import__(\"os\").system(\"touch owned\") + \\N{BULLET} \"'
    arch = emitted(case("average").replace('"colours"', path + '"'), data, "net")
    text = (data / "net_train.py").read_text(encoding="utf-8")
    source = job(arch).recipe.data
    (named,) = [
        node.value.args[0].value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.args[0], ast.Constant)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "Path"
    ]
    assert isinstance(source, Folder) and named == source.path
    assert "__import__" in source.path
    with pytest.raises(SystemExit, match="it has no train/ folder"):
        ran(data / "net_train.py")
    assert not (data / "owned").exists()


@pytest.mark.parametrize("name", ["Network", "Path", "main", "torch", "Tensor", "SEED"])
def test_an_arch_may_be_called_what_the_script_uses(name: str, data: Path) -> None:
    assert_trains_alike(
        emitted(case("paper").replace("arch Net(", f"arch {name}("), data, "net"), data, "net"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input 8; linear 10", "the input is 8; training takes CxHxW"),
        ("input 3x8x8; conv 10 3x3", "the output is 10x6x6; to train"),
        ("input 3x8x8; linear 10; softmax", r"ends in linear\.softmax"),
        ("input 3x8x8; flatten", "no parameters, so nothing to train"),
        ("input 3x8x8; linear 7", "data shapes: it has 10 classes and the network's output is 7"),
        ("input 3x7x7; linear 10", "7x7 is too small to draw a figure in"),
        ('input 3x28x28; linear 10; train { data mnist "m" }', "make it 1x28x28"),
        ('input 2x8x8; linear 3; train { data folder "f" }', "have 1 or 3 channels"),
        ('input 3x8x8; linear 10; train { data cifar100 "c" }', "it has 100 classes"),
        ('input 3x8x8; linear 10; train { data cifar10 "c.tar.gz" }', "does not read tarballs"),
        ('input 3x8x8; linear 10; train { data parquet "c" }', "does not read parquet files"),
        ("input 3x8x8; linear 10; train { augment crop=9 }", "the network's input is 8x8"),
        ("input 3x8x8; linear 10; train { evaluate crops=10 }", "where all crops are the same"),
        (
            "input 3x8x8; a: relu; b: linear 10 bias=no; train { scale a lr=2 }",
            "scale a: the network has no parameters there",
        ),
        (
            "input 3x8x8; b: linear 10 bias=no; train { scale biases lr=2 }",
            "scale biases: the network has no parameters there",
        ),
    ],
)
def test_a_recipe_that_does_not_fit_is_an_error(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    body = text.replace("; train", "\ntrain").replace("; ", "\n")
    path.write_text(f"arch Net {{\n{body}\n}}\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=message):
        script(load(path).analysis, "Net", "net")


@pytest.mark.parametrize("file", ["net", "my-net.py", "class.py", "3.py", "é.py", ".py", "net.txt"])
def test_a_module_that_no_statement_imports_is_refused(file: str) -> None:
    with pytest.raises(TrainingError, match="the script imports the module, which"):
        module_name(file)


@pytest.mark.parametrize("file", ["torch.py", "numpy.py", "random.py", "PIL.py"])
def test_a_module_that_hides_a_library_is_refused(file: str) -> None:
    with pytest.raises(TrainingError, match="would hide Python's own"):
        module_name(file)
    assert module_name("small.py") == "small"


def test_emit_writes_the_script_beside_the_module(tmp_path: Path) -> None:
    output = tmp_path / "small.py"
    result = CliRunner().invoke(
        app, ["emit", str(SPECS / "small.arch"), "-o", str(output), "--train"]
    )
    assert result.exit_code == 0
    beside = tmp_path / "small_train.py"
    assert result.stdout == f"{output}\n{beside}\n"
    arch = load(SPECS / "small.arch")
    assert output.read_text(encoding="utf-8") == arch.pytorch()
    golden = GOLDEN / "scripts" / "small_train.py"
    assert beside.read_text(encoding="utf-8") == golden.read_text(encoding="utf-8")


def test_a_script_is_written_without_torch(tmp_path: Path) -> None:
    hidden = (
        "import sys\n"
        "for name in ('torch', 'numpy', 'PIL', 'safetensors'): sys.modules[name] = None\n"
        "from archdsl.cli import app\n"
        "app(sys.argv[1:])"
    )
    command = ["emit", str(SPECS / "small.arch"), "-o", str(tmp_path / "small.py"), "--train"]
    done = subprocess.run(
        [sys.executable, "-c", hidden, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_script_without_a_modules_file_is_refused() -> None:
    result = CliRunner().invoke(app, ["emit", str(SPECS / "small.arch"), "--train"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "name the module, such as -o network.py" in result.stderr


def test_where_no_script_can_be_there_is_no_module(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text("arch Net { input 3x8x8; linear 7 }\n", encoding="utf-8")
    output = tmp_path / "net.py"
    result = CliRunner().invoke(app, ["emit", str(path), "-o", str(output), "--train"])
    assert result.exit_code == 2
    assert "--train: data shapes: it has 10 classes" in result.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_the_figures_are_as_many_as_the_network_is_told() -> None:
    assert len(shapes.FIGURES) == SHAPES
