"""A recipe to a script that trains the generated module, as a person would write it: one loop.

It computes what `archdsl train` does, from the same seed to the same weights, and needs no archdsl:
what the two share are the definitions of training/parts, which are copied. Nothing of a spec
becomes code except through `names` (identifiers), `repr` (numbers), `literals.string` (paths) and
`writer.prose` (comments).
"""

from __future__ import annotations

import keyword
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from archdsl.analysis import Analysis
from archdsl.codegen import ingredients, literals, parts, writer
from archdsl.codegen.parts import Import
from archdsl.codegen.trainable import (
    TrainingError,
    kept,
    trainable,
)
from archdsl.diff.values import ordered, text
from archdsl.words.recipe import (
    Augment,
    Recipe,
)
from archdsl.words.word import Quoted, Reference, Word

_PARTS = {
    "groups": ("parameter_groups",),
    "momentum": ("PaperMomentum", "AverageMomentum"),
    "windows": ("windows",),
    "statistics": ("moments", "deviation", "pixel_mean", "components"),
    "randomness": ("derive", "generator"),
    "packed": ("cifar_records", "idx", "resized"),
    "folders": ("splits",),
    "pictures": ("decoded",),
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
        self.data = ingredients.data(self.recipe.data, self.task, self.kept)
        self.optimizer = ingredients.optimizer(self.recipe.optimizer)
        self.schedule = ingredients.schedule(self.recipe.schedule, self.in_epochs)

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
            std = literals.number(self.augment.pca)
            yield f"PCA = {std}  # std of the noise along the components"
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
                values = [
                    f'"{scale.target}"',
                    literals.number(scale.lr),
                    literals.number(scale.decay),
                ]
                yield from writer.listing("", values, "    ", ",")
            yield "]"
        yield from self.line("schedule")
        yield from self.schedule.constants
        yield from self.line("loss")
        yield f"SMOOTHING = {literals.number(recipe.loss.smoothing)}"
        yield from self.line("evaluate")
        if recipe.evaluate.every is not None:
            unit = ingredients.unit_name(self.in_epochs)
            yield f"EVALUATE_EVERY = {recipe.evaluate.every}  # {unit}s"
        yield ""
        yield 'DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")'
        yield from literals.text_constant("WEIGHTS", f"{self.module}.safetensors")
        yield from literals.text_constant(
            "NORMALISATION", f"{self.module}_normalisation.safetensors"
        )
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
        steps, evaluate_every = ingredients.steps_name(self.in_epochs), "EVALUATE_EVERY"
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
