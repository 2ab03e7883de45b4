"""The words of a recipe as code of a training script: data, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import NamedTuple

from archdsl.codegen import literals
from archdsl.codegen.trainable import (
    SHAPES,
    TEST_SHAPES,
    TRAINING_SHAPES,
    Kept,
    Trainable,
    TrainingError,
    require_channels,
    require_classes,
    require_drawable,
    require_picture_channels,
)
from archdsl.words.recipe import (
    Adam,
    AdamW,
    Cifar10,
    Cifar100,
    Constant,
    Cosine,
    Folder,
    Milestones,
    Mnist,
    Parquet,
    Plateau,
    Sgd,
    Shapes,
    Step,
)
from archdsl.words.word import Word


class DataCode(NamedTuple):
    """How data is read: constants, and the definition of `load`."""

    constants: tuple[str, ...]
    code: str


@singledispatch
def data(source: object, task: Trainable, size: Kept) -> DataCode:
    raise NotImplementedError(f"no data is read for {type(source).__name__}")


@data.register
def _(source: Shapes, task: Trainable, size: Kept) -> DataCode:
    require_drawable("data shapes", size.height, size.width)
    require_classes("data shapes", SHAPES, task.classes)
    return DataCode(
        (f"TRAINING_IMAGES = {TRAINING_SHAPES:_}", f"TEST_IMAGES = {TEST_SHAPES:_}"),
        '''
def load() -> tuple[Examples, Examples]:
    """The training set and the held-out one: built in and synthetic."""
    return drawn(TRAINING_IMAGES, "train"), drawn(TEST_IMAGES, "test")


def drawn(count: int, split: str) -> Examples:
    images, labels = draw(count, SIZE, seed=0, split=split)
    return torch.from_numpy(images), torch.from_numpy(labels)
''',
    )


@data.register
def _(source: Folder, task: Trainable, size: Kept) -> DataCode:
    require_picture_channels(f'data folder "{source.path}"', task.input[0])
    return DataCode(
        (
            *literals.data_path(source.path),
            f"CLASSES = {task.classes}",
            f"SQUARE = {size.square}  "
            + ("# keep the centre square" if size.square else "# squeeze both sides to the size"),
        ),
        '''
def load() -> tuple[Examples, Examples]:
    """The training set and the held-out one: train/CLASS/*.jpg and val/CLASS/*.jpg."""
    try:
        training, held_out = splits(DATA)
    except ValueError as problem:
        sys.exit(f"{DATA}: {problem}")
    if len(training) != CLASSES:
        sys.exit(f"{DATA}: it has {len(training)} classes and the network {CLASSES}")
    return read(training), read(held_out)


def read(classes: dict[str, list[Path]]) -> Examples:
    paths = [path for paths in classes.values() for path in paths]
    labels = [label for label, paths in enumerate(classes.values()) for _ in paths]
    images = torch.from_numpy(decoded(paths, SIZE, SQUARE))
    return images.permute(0, 3, 1, 2), torch.tensor(labels)
''',
    )


@data.register
def _(source: Parquet, task: Trainable, size: Kept) -> DataCode:
    raise TrainingError(
        f'data parquet "{source.path}": a script does not read parquet files; train with '
        "archdsl train, or write the images as train/CLASS/*.png and val/CLASS/*.png"
    )


@data.register
def _(source: Cifar10, task: Trainable, size: Kept) -> DataCode:
    training = '[f"data_batch_{number}.bin" for number in range(1, 6)]'
    return _cifar(source, 10, training, '["test_batch.bin"]', task, size)


@data.register
def _(source: Cifar100, task: Trainable, size: Kept) -> DataCode:
    return _cifar(source, 100, '["train.bin"]', '["test.bin"]', task, size)


def _cifar(
    source: Cifar10 | Cifar100,
    classes: int,
    training: str,
    held_out: str,
    task: Trainable,
    size: Kept,
) -> DataCode:
    _require_packed(source, source.path, classes, 3, task, size)
    if source.path.endswith((".tar", ".tar.gz", ".tgz")):
        raise TrainingError(
            f'{source.phrase()} "{source.path}": a script does not read tarballs; extract it and '
            "name the folder of the binary version"
        )
    before = 1 if isinstance(source, Cifar100) else 0  # the byte of a coarse label
    images = _at_size("torch.from_numpy(images.copy())", (32, 32), size)
    return DataCode(
        literals.data_path(source.path),
        f'''
def load() -> tuple[Examples, Examples]:
    """The training set and the held-out one, of the "binary version"."""
    training = {training}
    return read(training), read({held_out})


def read(names: list[str]) -> Examples:
    for name in names:
        if not (DATA / name).is_file():
            sys.exit(f"{{DATA}}: it has no {{name}}, as the binary version has")
    raw = b"".join((DATA / name).read_bytes() for name in names)
    images, labels = cifar_records(raw, before={before})
    return {images}, torch.from_numpy(labels)
''',
    )


@data.register
def _(source: Mnist, task: Trainable, size: Kept) -> DataCode:
    _require_packed(source, source.path, 10, 1, task, size)
    images = _at_size("torch.from_numpy(images[:, None].copy())", (28, 28), size)
    return DataCode(
        literals.data_path(source.path),
        f'''
def load() -> tuple[Examples, Examples]:
    """The training set and the held-out one, of the four idx files."""
    return read("train"), read("t10k")


def read(prefix: str) -> Examples:
    images = values(f"{{prefix}}-images", 3)
    labels = values(f"{{prefix}}-labels", 1).astype(np.int64)
    pictures = {images}
    return pictures, torch.from_numpy(labels)


def values(stem: str, dimensions: int) -> NDArray[np.uint8]:
    """Of an idx file, gzipped or not, as either spelling has its name."""
    for name in (f"{{stem}}-idx{{dimensions}}-ubyte", f"{{stem}}.idx{{dimensions}}-ubyte"):
        if (DATA / name).exists():
            return idx((DATA / name).read_bytes())
        if (DATA / f"{{name}}.gz").exists():
            return idx(gzip.decompress((DATA / f"{{name}}.gz").read_bytes()))
    sys.exit(f"{{DATA}}: it has no {{stem}}-idx{{dimensions}}-ubyte, gzipped or not")
''',
    )


def _require_packed(
    source: Word, path: str, classes: int, channels: int, task: Trainable, size: Kept
) -> None:
    place = f'{source.phrase()} "{path}"'
    require_classes(place, classes, task.classes)
    require_channels(place, channels, (task.input[0], size.height, size.width))


def _at_size(images: str, own: tuple[int, int], size: Kept) -> str:
    return images if own == (size.height, size.width) else f"resized({images}, SIZE[1:])"


class OptimizerCode(NamedTuple):
    """An optimizer's class, its constants and the arguments that are no parameter group's."""

    target: str
    constants: Mapping[str, str]
    arguments: tuple[str, ...]


@singledispatch
def optimizer(word: object) -> OptimizerCode:
    raise NotImplementedError(f"no optimizer is written for {type(word).__name__}")


@optimizer.register
def _(word: Sgd) -> OptimizerCode:
    constants = {
        "LR": literals.number(word.lr),
        "MOMENTUM": literals.number(word.momentum),
        "WEIGHT_DECAY": literals.number(word.weight_decay),
    }
    momentum = "momentum=MOMENTUM"
    match word.rule:
        case "paper":
            return OptimizerCode("PaperMomentum", constants, (momentum,))
        case "average":
            constants["CORRECTION"] = str(word.correction)
            arguments = (momentum, "correction=CORRECTION")
            return OptimizerCode("AverageMomentum", constants, arguments)
    constants["NESTEROV"] = str(word.nesterov)
    return OptimizerCode(
        "torch.optim.SGD", constants, (momentum, "nesterov=NESTEROV", "fused=True")
    )


@optimizer.register
def _(word: Adam) -> OptimizerCode:
    return _adam("torch.optim.Adam", word)


@optimizer.register
def _(word: AdamW) -> OptimizerCode:
    return _adam("torch.optim.AdamW", word)


def _adam(target: str, word: Adam | AdamW) -> OptimizerCode:
    constants = {
        "LR": literals.number(word.lr),
        "BETAS": f"({', '.join(map(literals.number, word.betas))})",
        "EPS": literals.number(word.eps),
        "WEIGHT_DECAY": literals.number(word.weight_decay),
    }
    return OptimizerCode(target, constants, ("betas=BETAS", "eps=EPS", "fused=True"))


class ScheduleCode(NamedTuple):
    """How the learning rate changes: constants, and code in the places of the loop."""

    constants: tuple[str, ...] = ()
    factor: str = ""
    """What multiplies the learning rate of a step; nothing if nothing does."""
    code: str = ""
    """Definitions that `factor` uses."""
    state: str = ""
    """Before the loop."""
    evaluated: str = ""
    """After an evaluation."""


@singledispatch
def schedule(word: object, in_epochs: bool) -> ScheduleCode:
    raise NotImplementedError(f"no schedule is written for {type(word).__name__}")


@schedule.register
def _(word: Constant, in_epochs: bool) -> ScheduleCode:
    return ScheduleCode()


@schedule.register
def _(word: Step, in_epochs: bool) -> ScheduleCode:
    unit = unit_name(in_epochs)
    return ScheduleCode(
        (f"RATE_EVERY = {word.every}  # {unit}s", f"RATE_FACTOR = {literals.number(word.factor)}"),
        f"RATE_FACTOR ** ({unit} // RATE_EVERY)",
    )


@schedule.register
def _(word: Milestones, in_epochs: bool) -> ScheduleCode:
    return ScheduleCode(
        (
            *literals.numbers("MILESTONES", word.at),
            f"RATE_FACTOR = {literals.number(word.factor)}",
        ),
        f"RATE_FACTOR ** sum(mark <= {unit_name(in_epochs)} for mark in MILESTONES)",
    )


@schedule.register
def _(word: Plateau, in_epochs: bool) -> ScheduleCode:
    return ScheduleCode(
        (
            f"RATE_FACTOR = {literals.number(word.factor)}",
            f"PATIENCE = {word.patience}  # evaluations without a better one before a drop",
            f"DROPS = {word.drops}  # the next plateau ends training",
        ),
        "RATE_FACTOR**drops",
        state="drops, stale, best = 0, 0, math.inf\n",
        evaluated="""
if 1 - top1 < best:
    best, stale = 1 - top1, 0
else:
    stale += 1
    if stale == PATIENCE:
        if drops == DROPS:
            break
        drops, stale = drops + 1, 0
""",
    )


@schedule.register
def _(word: Cosine, in_epochs: bool) -> ScheduleCode:
    if not word.warmup:
        return ScheduleCode(
            factor=f"0.5 * (1 + math.cos(math.pi * step / {steps_name(in_epochs)}))"
        )
    unit = unit_name(in_epochs)
    warmup = "WARMUP * per_epoch" if in_epochs else "WARMUP"
    return ScheduleCode(
        (f"WARMUP = {word.warmup}  # {unit}s",),
        f"rate_factor(step, {steps_name(in_epochs)}, {warmup})",
        '''
def rate_factor(step: int, steps: int, warmup: int) -> float:
    """A straight climb over the warm-up, then half a cosine down to 0 at the end."""
    warmup = min(warmup, steps)
    if step < warmup:
        return (step + 1) / warmup
    rest = max(steps - warmup, 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / rest))
''',
    )


def steps_name(in_epochs: bool) -> str:
    """What the loop calls the number of its steps."""
    return "steps" if in_epochs else "STEPS"


def unit_name(in_epochs: bool) -> str:
    return "epoch" if in_epochs else "step"
