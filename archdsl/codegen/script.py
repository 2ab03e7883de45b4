"""A recipe to a script that trains the generated module, as a person would write it: one loop.

It computes what `archdsl train` does, from the same seed to the same weights, and needs no archdsl:
what the two share are the definitions of training/parts, which are copied. Nothing of a spec
becomes code except through `names` (identifiers), `repr` (numbers), `_string` (paths) and
`writer.prose` (comments).
"""

from __future__ import annotations

import keyword
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import NamedTuple

from archdsl.analysis import Analysis
from archdsl.codegen import parts, writer
from archdsl.codegen.parts import Import
from archdsl.codegen.trainable import (
    SHAPES,
    TEST_SHAPES,
    TRAINING_SHAPES,
    Kept,
    Trainable,
    TrainingError,
    kept,
    require_channels,
    require_classes,
    require_drawable,
    require_picture_channels,
    trainable,
)
from archdsl.diff.values import ordered, text
from archdsl.words.recipe import (
    Adam,
    AdamW,
    Augment,
    Cifar10,
    Cifar100,
    Constant,
    Cosine,
    Folder,
    Milestones,
    Mnist,
    Plateau,
    Recipe,
    Sgd,
    Shapes,
    Step,
)
from archdsl.words.word import Quoted, Reference, Word

_PARTS = {
    "groups": ("parameter_groups",),
    "momentum": ("PaperMomentum", "AverageMomentum"),
    "windows": ("windows",),
    "statistics": ("moments", "deviation", "pixel_mean", "components"),
    "randomness": ("derive", "generator"),
    "packed": ("cifar_records", "idx", "resized"),
    "pictures": ("listing", "decoded"),
    "shapes": ("draw",),
}
"""What a script may use of each file of training/parts, in the order in which it is copied."""

_IMPORTS = (
    Import("gzip"),
    Import("math"),
    Import("sys"),
    Import("time"),
    Import("pathlib", "Path"),
    Import("collections.abc", "Iterator"),
    Import("numpy", alias="np"),
    Import("torch"),
    Import("numpy.typing", "NDArray"),
    Import("safetensors.torch", "save_file"),
    Import("torch", "Tensor"),
    Import("torch", "nn"),
    Import("torch.nn", "functional"),
)
"""What a script's own text may use; what the copied definitions use is read in their files."""

_PACKAGES = ("PIL", "numpy", "safetensors", "torch")


def module_name(file: str) -> str:
    """The name by which the script imports a module's file.

    Raises:
        TrainingError: no import statement can name such a file, or it would hide a library.
    """
    stem = file.removesuffix(".py")
    remedy = "choose another name with -o, such as -o network.py"
    if stem == file or not (stem.isascii() and stem.isidentifier()) or keyword.iskeyword(stem):
        raise TrainingError(f"the script imports the module, which {file} cannot be: {remedy}")
    if stem in _PACKAGES or stem in sys.stdlib_module_names:
        raise TrainingError(f"{file} would hide Python's own {stem} from the script: {remedy}")
    return stem


def script(analysis: Analysis, class_name: str, module: str) -> str:
    """The script that trains the class of this name in `module`, for a network that checks.

    A network without a recipe gets the recipe's defaults, as `archdsl train` gives it.

    Raises:
        TrainingError: the recipe does not fit the network.
    """
    return _Script(analysis, class_name, module).text()


# --- the words of a recipe --------------------------------------------------------------------


class _Data(NamedTuple):
    """How data is read: constants, and the definition of `load`."""

    constants: tuple[str, ...]
    code: str


@singledispatch
def _data(source: object, task: Trainable, size: Kept) -> _Data:
    raise NotImplementedError(f"no data is read for {type(source).__name__}")


@_data.register
def _(source: Shapes, task: Trainable, size: Kept) -> _Data:
    require_drawable("data shapes", size.height, size.width)
    require_classes("data shapes", SHAPES, task.classes)
    return _Data(
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


@_data.register
def _(source: Folder, task: Trainable, size: Kept) -> _Data:
    require_picture_channels(f'data folder "{source.path}"', task.input[0])
    return _Data(
        (
            *_path(source.path),
            f"CLASSES = {task.classes}",
            f"SQUARE = {size.square}  "
            + ("# keep the centre square" if size.square else "# squeeze both sides to the size"),
        ),
        '''
def load() -> tuple[Examples, Examples]:
    """The training set and the held-out one: train/CLASS/*.jpg and val/CLASS/*.jpg."""
    training, held_out = listing(DATA / "train"), listing(DATA / "val")
    if list(training) != list(held_out) or len(training) != CLASSES:
        sys.exit(
            f"{DATA}: train/ has {len(training)} classes and val/ {len(held_out)}; "
            f"both need the same {CLASSES}"
        )
    return read(training), read(held_out)


def read(classes: dict[str, list[Path]]) -> Examples:
    paths = [path for paths in classes.values() for path in paths]
    labels = [label for label, paths in enumerate(classes.values()) for _ in paths]
    images = torch.from_numpy(decoded(paths, SIZE, SQUARE))
    return images.permute(0, 3, 1, 2), torch.tensor(labels)
''',
    )


@_data.register
def _(source: Cifar10, task: Trainable, size: Kept) -> _Data:
    training = '[f"data_batch_{number}.bin" for number in range(1, 6)]'
    return _cifar(source, 10, training, '["test_batch.bin"]', task, size)


@_data.register
def _(source: Cifar100, task: Trainable, size: Kept) -> _Data:
    return _cifar(source, 100, '["train.bin"]', '["test.bin"]', task, size)


def _cifar(
    source: Cifar10 | Cifar100,
    classes: int,
    training: str,
    held_out: str,
    task: Trainable,
    size: Kept,
) -> _Data:
    _require_packed(source, source.path, classes, 3, task, size)
    before = 1 if isinstance(source, Cifar100) else 0  # the byte of a coarse label
    images = _at_size("torch.from_numpy(images.copy())", (32, 32), size)
    return _Data(
        _path(source.path),
        f'''
def load() -> tuple[Examples, Examples]:
    """The training set and the held-out one, of the "binary version"."""
    training = {training}
    return read(training), read({held_out})


def read(names: list[str]) -> Examples:
    raw = b"".join((DATA / name).read_bytes() for name in names)
    images, labels = cifar_records(raw, before={before})
    return {images}, torch.from_numpy(labels)
''',
    )


@_data.register
def _(source: Mnist, task: Trainable, size: Kept) -> _Data:
    _require_packed(source, source.path, 10, 1, task, size)
    images = _at_size("torch.from_numpy(images[:, None].copy())", (28, 28), size)
    return _Data(
        _path(source.path),
        f'''
def load() -> tuple[Examples, Examples]:
    """The training set and the held-out one, of the four idx files."""
    return read("train"), read("t10k")


def read(prefix: str) -> Examples:
    images = values(f"{{prefix}}-images-idx3-ubyte")
    labels = values(f"{{prefix}}-labels-idx1-ubyte").astype(np.int64)
    pictures = {images}
    return pictures, torch.from_numpy(labels)


def values(name: str) -> NDArray[np.uint8]:
    """Of an idx file, gzipped or not."""
    if (DATA / name).exists():
        return idx((DATA / name).read_bytes())
    return idx(gzip.decompress((DATA / f"{{name}}.gz").read_bytes()))
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


class _Optimizer(NamedTuple):
    """An optimizer's class, its constants and the arguments that are no parameter group's."""

    target: str
    constants: Mapping[str, str]
    arguments: tuple[str, ...]


@singledispatch
def _optimizer(word: object) -> _Optimizer:
    raise NotImplementedError(f"no optimizer is written for {type(word).__name__}")


@_optimizer.register
def _(word: Sgd) -> _Optimizer:
    constants = {
        "LR": _number(word.lr),
        "MOMENTUM": _number(word.momentum),
        "WEIGHT_DECAY": _number(word.weight_decay),
    }
    momentum = "momentum=MOMENTUM"
    match word.rule:
        case "paper":
            return _Optimizer("PaperMomentum", constants, (momentum,))
        case "average":
            constants["CORRECTION"] = str(word.correction)
            arguments = (momentum, "correction=CORRECTION")
            return _Optimizer("AverageMomentum", constants, arguments)
    constants["NESTEROV"] = str(word.nesterov)
    return _Optimizer("torch.optim.SGD", constants, (momentum, "nesterov=NESTEROV", "fused=True"))


@_optimizer.register
def _(word: Adam) -> _Optimizer:
    return _adam("torch.optim.Adam", word)


@_optimizer.register
def _(word: AdamW) -> _Optimizer:
    return _adam("torch.optim.AdamW", word)


def _adam(target: str, word: Adam | AdamW) -> _Optimizer:
    constants = {
        "LR": _number(word.lr),
        "BETAS": f"({', '.join(map(_number, word.betas))})",
        "EPS": _number(word.eps),
        "WEIGHT_DECAY": _number(word.weight_decay),
    }
    return _Optimizer(target, constants, ("betas=BETAS", "eps=EPS", "fused=True"))


class _Schedule(NamedTuple):
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
def _schedule(word: object, in_epochs: bool) -> _Schedule:
    raise NotImplementedError(f"no schedule is written for {type(word).__name__}")


@_schedule.register
def _(word: Constant, in_epochs: bool) -> _Schedule:
    return _Schedule()


@_schedule.register
def _(word: Step, in_epochs: bool) -> _Schedule:
    unit = _unit(in_epochs)
    return _Schedule(
        (f"RATE_EVERY = {word.every}  # {unit}s", f"RATE_FACTOR = {_number(word.factor)}"),
        f"RATE_FACTOR ** ({unit} // RATE_EVERY)",
    )


@_schedule.register
def _(word: Milestones, in_epochs: bool) -> _Schedule:
    return _Schedule(
        (
            *_numbers("MILESTONES", word.at),
            f"RATE_FACTOR = {_number(word.factor)}",
        ),
        f"RATE_FACTOR ** sum(mark <= {_unit(in_epochs)} for mark in MILESTONES)",
    )


@_schedule.register
def _(word: Plateau, in_epochs: bool) -> _Schedule:
    return _Schedule(
        (
            f"RATE_FACTOR = {_number(word.factor)}",
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


@_schedule.register
def _(word: Cosine, in_epochs: bool) -> _Schedule:
    if not word.warmup:
        return _Schedule(factor=f"0.5 * (1 + math.cos(math.pi * step / {_length(in_epochs)}))")
    unit = _unit(in_epochs)
    warmup = "WARMUP * per_epoch" if in_epochs else "WARMUP"
    return _Schedule(
        (f"WARMUP = {word.warmup}  # {unit}s",),
        f"rate_factor(step, {_length(in_epochs)}, {warmup})",
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


def _length(in_epochs: bool) -> str:
    """What the loop calls the number of its steps."""
    return "steps" if in_epochs else "STEPS"


def _unit(in_epochs: bool) -> str:
    return "epoch" if in_epochs else "step"


# --- the script -------------------------------------------------------------------------------


class _Script:
    def __init__(self, analysis: Analysis, class_name: str, module: str) -> None:
        self.class_name = class_name
        self.module = module
        self.task = trainable(analysis)
        self.recipe: Recipe = self.task.recipe
        _, height, width = self.task.input
        self.kept = kept(self.recipe, height, width)
        self.augment = self.recipe.augment or Augment()
        self.in_epochs = self.recipe.steps is None
        self.data = _data(self.recipe.data, self.task, self.kept)
        self.optimizer = _optimizer(self.recipe.optimizer)
        self.schedule = _schedule(self.recipe.schedule, self.in_epochs)

    @property
    def larger(self) -> bool:
        """Whether images are kept larger than the network's input."""
        return (self.kept.height, self.kept.width) != self.task.input[1:]

    @property
    def random(self) -> bool:
        """Whether training images are varied at random."""
        return bool(self.augment.crop or self.augment.flip or self.augment.pca)

    def text(self) -> str:
        body = _stacked(
            [
                _banner("the loop"),
                self.main(),
                self.schedule.code,
                _banner("the data"),
                self.data.code,
                _banner("what the network sees"),
                _NORMALISED,
                *self.views(),
                _banner("evaluation"),
                self.evaluate(),
            ]
        )
        in_body = parts.names(body)
        constants = "\n".join(self.constants(in_body))
        own = in_body | parts.names(constants)
        copied = {
            stem: sorted(own & set(public)) for stem, public in _PARTS.items() if own & set(public)
        }
        definitions = [parts.definitions(stem, wanted) for stem, wanted in copied.items()]
        used = own | parts.names("\n".join(definitions))
        known = [*_IMPORTS, *(line for stem in copied for line in parts.imports(stem))]
        libraries = [line for line in dict.fromkeys(known) if line.binds in used]
        alias = "" if self.class_name == "Network" else " as Network"
        header = [
            "\n".join(writer.docstring(self.describe(libraries), "")),
            parts.import_lines(libraries),
            parts.import_from(self.module, [f"{self.class_name}{alias}"]),
        ]
        blocks = [
            "\n\n".join([*header, _banner("the recipe"), constants]),
            body,
            _banner("what archdsl train uses as well"),
            *definitions,
            'if __name__ == "__main__":\n    main()',
        ]
        return _stacked(blocks) + "\n"

    def describe(self, libraries: Sequence[Import]) -> list[str]:
        packages = {line.source.partition(".")[0] for line in libraries} & set(_PACKAGES)
        needed = sorted("pillow" if name == "PIL" else name for name in packages)
        return [
            f"Trains {self.class_name} by its recipe: python {self.module}_train.py",
            f"Generated by archdsl from {self.task.spec_name}; needs {', '.join(needed)}. "
            "From the seed to the weights it computes what archdsl train does on one device.",
        ]

    # --- constants ----------------------------------------------------------------------------

    def constants(self, used: set[str]) -> Iterator[str]:
        """The recipe's values, under its lines; sizes only where the code uses them."""
        recipe, size = self.recipe, self.kept
        if used & {"SIZE", "CHANNELS", "HEIGHT", "WIDTH"}:
            yield "# The network's input."
            yield "CHANNELS, HEIGHT, WIDTH = {}, {}, {}".format(*self.task.input)
            yield ""
        yield from self.line("data")
        yield from self.data.constants
        yield from self.line("augment")
        if "SIZE" in used:
            sides = f"{size.height}, {size.width}" if self.larger else "HEIGHT, WIDTH"
            yield f"SIZE = (CHANNELS, {sides})  # as images are kept"
        if self.augment.crop:
            yield f"PAD = {self.augment.pad}  # zeros on each side before a window is cut"
        if self.augment.pca:
            yield f"PCA = {_number(self.augment.pca)}  # std of the noise along the components"
        yield from self.line("batch")
        yield f"BATCH = {recipe.batch}"
        length = "epochs" if self.in_epochs else "steps"
        yield from self.line(length)
        yield f"{length.upper()} = {getattr(recipe, length)}"
        yield from self.line("seed")
        yield f"SEED = {recipe.seed}"
        yield from self.line("optimizer")
        yield from (f"{name} = {value}" for name, value in self.optimizer.constants.items())
        if recipe.scale:
            yield "# A stage or all biases; what multiplies their rate, and what their decay."
            yield "SCALES = ["
            for scale in recipe.scale:
                values = [f'"{scale.target}"', _number(scale.lr), _number(scale.decay)]
                yield from writer.listing("", values, "    ", ",")
            yield "]"
        yield from self.line("schedule")
        yield from self.schedule.constants
        yield from self.line("loss")
        yield f"SMOOTHING = {_number(recipe.loss.smoothing)}"
        yield from self.line("evaluate")
        if recipe.evaluate.every is not None:
            yield f"EVALUATE_EVERY = {recipe.evaluate.every}  # {_unit(self.in_epochs)}s"
        yield ""
        yield 'DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")'
        yield from _text("WEIGHTS", f"{self.module}.safetensors")
        yield from _text("NORMALISATION", f"{self.module}_normalisation.safetensors")
        yield ""
        yield "Examples = tuple[Tensor, Tensor]"
        yield '"""Images NxCxHxW in uint8 and their classes, N in int64."""'

    def line(self, slot: str) -> Iterator[str]:
        """The spec's line, or what holds without one, as comments."""
        value = getattr(self.recipe, slot)
        said = _said(value) if isinstance(value, Word) else text(value)
        if said.partition(" ")[0] != slot:
            said = f"{slot} {said}"
        if value is None:
            said = f"no {slot}"
        elif slot not in self.recipe.model_fields_set:
            said = f"{said} (by default)"
        yield from textwrap.wrap(
            writer.prose(said),
            writer.WIDTH,
            initial_indent="# ",
            subsequent_indent="#   ",
            break_long_words=False,
            break_on_hyphens=False,
        )

    # --- the loop -----------------------------------------------------------------------------

    def main(self) -> str:
        recipe = self.recipe
        groups = bool(recipe.scale)
        changes = bool(self.schedule.factor)
        pca = bool(self.augment.pca)
        lines = _Lines(
            "def main() -> None:",
            '    """Train the network, judge it on held-out images, save its weights."""',
            "    (images, labels), held_out = load()",
            "    per_epoch = len(images) // BATCH  # a last batch that is not whole is left out",
            "    if not per_epoch:",
            '        sys.exit(f"batch {BATCH}: the training set has {len(images):,} images")',
        )
        steps, evaluate_every = _length(self.in_epochs), "EVALUATE_EVERY"
        if self.in_epochs:
            lines.add("    steps = EPOCHS * per_epoch")
        if recipe.evaluate.every is None:
            evaluate_every = "per_epoch"
        elif self.in_epochs:
            evaluate_every = "evaluate_every"
            lines.add("    evaluate_every = EVALUATE_EVERY * per_epoch")
        if self.augment.mean == "pixel":
            lines.add(
                "    _, covariance = moments(images)",
                "    mean = pixel_mean(images).to(DEVICE)",
            )
        else:
            lines.add(
                "    channel_mean, covariance = moments(images)",
                "    mean = channel_mean.float()[None, :, None, None].to(DEVICE)",
            )
        lines.add("    std = deviation(covariance).to(DEVICE)")
        if pca:
            lines.add("    colours = components(covariance)")
        lines.add(
            "",
            '    torch.manual_seed(derive(SEED, "weights", 0))',
            "    network = Network()",
            "    network.to(DEVICE, memory_format=torch.channels_last)  "
            "# type: ignore[call-overload]",
        )
        lines.add(*self.make_optimizer(groups))
        lines.add("    criterion = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)")
        lines.add(*_indented(self.schedule.state, 4))
        lines.add(
            "",
            "    began = time.perf_counter()",
            f"    for step in range({steps}):",
            "        epoch, within = divmod(step, per_epoch)",
            "        if not within:",
            '            draws = generator(SEED, "order", epoch)',
            "            order = torch.randperm(len(images), generator=draws)",
            "        batch = order[within * BATCH : (within + 1) * BATCH]",
            "        x = normalised(images[batch].to(DEVICE), mean, std)",
        )
        if self.random:
            lines.add(f"        x = varied(x, step{', colours, std' if pca else ''})")
        elif self.larger:
            lines.add("        x = centre(x)")
        rate = "LR"
        if changes:
            rate = "factor * LR"
            own = 'group["full_lr"]' if groups else "LR"
            lines.add(
                f"        factor = {self.schedule.factor}",
                "        for group in optimizer.param_groups:",
                f'            group["lr"] = factor * {own}',
            )
        lines.add(
            "",
            "        network.train()",
            '        torch.manual_seed(derive(SEED, "dropout", step))',
            "        logits = network(x.contiguous(memory_format=torch.channels_last))",
            "        loss = criterion(logits, labels[batch].to(DEVICE))",
            "        optimizer.zero_grad(set_to_none=True)",
            "        loss.backward()",
            "        if not math.isfinite(loss.item()):",
            '            sys.exit(f"step {step + 1}: the loss is {loss.item()}; lower LR")',
            "        optimizer.step()",
            "",
            "        done = step + 1",
            f"        if done % max(1, {steps} // 20) == 0 or done == {steps}:",
            "            speed = done * BATCH / (time.perf_counter() - began)",
            "            print(",
            f'                f"step {{done}}/{{{steps}}}  epoch {{done / per_epoch:.2f}}  "',
            f'                f"loss {{loss.item():.4f}}  lr {{{rate}:.3g}}  "',
            '                f"{speed:.0f} images/s"',
            "            )",
            f"        if done % {evaluate_every} == 0 or done == {steps}:",
            "            held_out_loss, top1, top5 = evaluate(network, held_out, mean, std)",
            "            print(",
            '                f"step {done}  held-out loss {held_out_loss:.4f}  "',
            '                f"top-1 {100 * top1:.2f} %  top-5 {100 * top5:.2f} %"',
            "            )",
            *_indented(self.schedule.evaluated, 12),
            "",
            "    tensors = network.state_dict().items()",
            "    save_file({name: t.cpu().contiguous() for name, t in tensors}, WEIGHTS)",
            '    save_file({"mean": mean[0].cpu(), "std": std[0].cpu()}, NORMALISATION)',
            '    print(f"{WEIGHTS} and {NORMALISATION} are written")',
        )
        return str(lines)

    def make_optimizer(self, groups: bool) -> Iterator[str]:
        if groups:
            yield "    groups = parameter_groups(network, SCALES, LR, WEIGHT_DECAY)"
            first = ["groups"]
        else:
            first = ["network.parameters()", "lr=LR", "weight_decay=WEIGHT_DECAY"]
        yield from writer.call(
            f"optimizer = {self.optimizer.target}", [*first, *self.optimizer.arguments], "    "
        )

    # --- what the network sees ----------------------------------------------------------------

    def views(self) -> Iterator[str]:
        """The functions between normalised images and the network's input."""
        if self.random:
            yield self.varied()
        ten = self.recipe.evaluate.crops == 10
        if ten:
            yield _TEN_CROPS
        if self.larger and (not ten or not self.augment.crop):
            yield _CENTRE

    def varied(self) -> str:
        augment = self.augment
        head = "def varied(x: Tensor, step: int) -> Tensor:"
        if augment.pca:
            head = "def varied(x: Tensor, step: int, colours: Tensor, std: Tensor) -> Tensor:"
        lines = _Lines(
            head,
            '    """Normalised images NxCxhxw as the network sees them at one step."""',
            '    draws = generator(SEED, "augment", step)',
        )
        if augment.pca:
            lines.add(
                "    weights = torch.randn(len(x), CHANNELS, generator=draws) * PCA",
                "    noise = (weights @ colours.T)[:, :, None, None] * 255 / std.cpu()",
                "    x = x + noise.to(DEVICE)",
            )
        if augment.crop:
            lines.add(
                "    down, across = SIZE[1] + 2 * PAD - HEIGHT, SIZE[2] + 2 * PAD - WIDTH",
                "    top = torch.randint(down + 1, (len(x),), generator=draws)",
                "    left = torch.randint(across + 1, (len(x),), generator=draws)",
                "    mirrored = torch.rand(len(x), generator=draws) < 0.5"
                if augment.flip
                else "    mirrored = torch.zeros(len(x), dtype=torch.bool)",
                "    return windows(x, top, left, mirrored, (HEIGHT, WIDTH), PAD)",
            )
            return str(lines)
        cut = "centre(x)" if self.larger else "x"
        if not augment.flip:
            lines.add(f"    return {cut}")
            return str(lines)
        if self.larger:
            lines.add("    x = centre(x)")
        lines.add(
            "    mirrored = (torch.rand(len(x), generator=draws) < 0.5).to(DEVICE)",
            "    return torch.where(mirrored[:, None, None, None], x.flip(-1), x)",
        )
        return str(lines)

    def evaluate(self) -> str:
        lines = _Lines(
            "@torch.inference_mode()",
            "def evaluate(",
            "    network: nn.Module, held_out: Examples, mean: Tensor, std: Tensor",
            ") -> tuple[float, float, float]:",
            '    """Loss in nats, and the shares of images right at once and within five."""',
            "    images, labels = held_out",
            "    loss, top1, top5 = 0.0, 0, 0",
            "    network.eval()",
            "    for start in range(0, len(images), BATCH):",
            "        x = images[start : start + BATCH].to(DEVICE)",
            "        y = labels[start : start + BATCH].to(DEVICE)",
            "        x = normalised(x, mean, std)",
        )
        if self.recipe.evaluate.crops == 10:
            lines.add(
                "        scores = [log_probabilities(network, view) for view in ten_crops(x)]",
                "        # The mean of the ten softmaxes.",
                "        score = torch.logsumexp(torch.stack(scores), dim=0) - math.log(10)",
            )
        else:
            seen = "centre(x)" if self.larger else "x"
            lines.add(f"        score = log_probabilities(network, {seen})")
        lines.add(
            '        loss += functional.nll_loss(score, y, reduction="sum").item()',
            "        right = score.topk(min(5, score.shape[1])).indices == y[:, None]",
            "        top1 += int(right[:, 0].sum())",
            "        top5 += int(right.sum())",
            "    return loss / len(images), top1 / len(images), top5 / len(images)",
            "",
            "",
            "def log_probabilities(network: nn.Module, x: Tensor) -> Tensor:",
            "    logits = network(x.contiguous(memory_format=torch.channels_last))",
            "    return functional.log_softmax(logits, dim=1)",
        )
        return str(lines)


_NORMALISED = '''
def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """uint8 images with zero mean and unit deviation over the training set."""
    return images.float().sub_(mean).div_(std)
'''

_CENTRE = '''
def centre(x: Tensor) -> Tensor:
    """The middle of images NxCxhxw, at the network's size."""
    top, left = (x.shape[2] - HEIGHT) // 2, (x.shape[3] - WIDTH) // 2
    return x[:, :, top : top + HEIGHT, left : left + WIDTH]
'''

_TEN_CROPS = '''
def ten_crops(x: Tensor) -> Iterator[Tensor]:
    """The centre and the corners of images, and their mirror images."""
    down, across = x.shape[2] - HEIGHT, x.shape[3] - WIDTH
    corners = [(0, 0), (0, across), (down, 0), (down, across)]
    for top, left in [(down // 2, across // 2), *corners]:
        cut = x[:, :, top : top + HEIGHT, left : left + WIDTH]
        yield cut
        yield cut.flip(-1)
'''


class _Lines:
    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def add(self, *lines: str) -> None:
        self.lines += lines

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _banner(title: str) -> str:
    return f"# --- {title} ".ljust(writer.WIDTH, "-")


def _stacked(blocks: Iterable[str]) -> str:
    """Blocks with two blank lines between them, as ruff leaves definitions."""
    return "\n\n\n".join(block.strip("\n") for block in blocks if block)


def _indented(block: str, columns: int) -> list[str]:
    return textwrap.indent(block.strip("\n"), " " * columns).splitlines()


# --- literals and imports ---------------------------------------------------------------------


def _said(word: Word) -> str:
    """A line of the spec: its word, and the arguments that it gives."""
    found = [word.word]
    for name in ordered(type(word)):
        value = getattr(word, name)
        if name not in word.model_fields_set:
            continue
        if type(word).arguments()[name].variadic:
            found += map(text, value)
        else:
            bare = isinstance(value, Quoted | Reference)
            found.append(text(value) if bare else f"{name}={text(value)}")
    return " ".join(found)


def _number(value: float) -> str:
    return repr(float(value))


def _numbers(name: str, values: Sequence[int]) -> list[str]:
    if len(values) == 1:
        return [f"{name} = ({values[0]},)"]
    return writer.listing(f"{name} = ", list(map(str, values)), "", "")


def _path(path: str) -> tuple[str, ...]:
    return tuple(writer.call("DATA = Path", [_string(path)], ""))


def _text(name: str, value: str) -> list[str]:
    line = f"{name} = {_string(value)}"
    if len(line) <= writer.WIDTH or len(_string(value)) + 4 > writer.WIDTH:
        return [line]
    return [f"{name} = (", f"    {_string(value)}", ")"]


def _string(value: str) -> str:
    """A literal in the quotes that Black and ruff choose."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    escaped = "".join(repr(char)[1:-1] for char in value)
    return f"{quote}{escaped.replace(quote, chr(92) + quote)}{quote}"
