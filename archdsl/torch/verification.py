"""A person's nn.Module held against a spec: where the two part, stage by stage, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from archdsl.api import Arch, SpecError, rendered
from archdsl.diagnostics import Severity
from archdsl.torch.compare import Comparison, Difference, Row
from archdsl.torch.network import Spec, loaded
from archdsl.torch.trace import BATCH, CannotRun, Dims, Stop, require_watchable, traced
from archdsl.words.arithmetic import Quantity

USUAL_SIZES = (28, 32, 64, 96, 112, 128, 192, 224, 227, 231, 256, 299, 384)
"""Heights and widths that networks are made for: tried with a module that stops."""

MAX_TOLD = 12
"""Differences that the text tells."""

MAX_NAMES = 36
"""Characters for a stage's layers by name, beyond which they are counted."""

_MARKS = {"agrees": "✓", "differs": "✗", "follows": "↳", "not reached": "·"}
_HEADER = ("", "stage", "in the module", "output", "the spec's", "parameters", "the spec's")
_LEFT = 3
"""Columns that are set to the left; the others hold figures."""


class Verification(NamedTuple):
    """What came of holding a module against a spec. As text it is a table and the differences."""

    module: str
    """The module's class."""
    arch: str
    spec: str
    """The file's name."""
    input: Dims
    """The spec's, CxHxW or F, with which the module was run."""
    rows: tuple[Row, ...]
    """The spec's stages."""
    differences: tuple[Difference, ...]
    """In the order in which an image meets them."""
    parameters: int
    """Numbers that the module learns, each counted once."""
    spec_parameters: int
    uncompared: tuple[tuple[str, int], ...]
    """Words of the spec whose layers are not compared, as `relu`, and how many these are."""
    by_shape: tuple[tuple[str, int], ...]
    """Those of which nothing is compared but shapes: joins, and what no module does."""

    @property
    def ok(self) -> bool:
        """Whether there is no difference."""
        return not self.differences

    def __str__(self) -> str:
        return "\n".join(_text(self))


def verify(module: nn.Module, spec: Spec, /, **parameters: Quantity) -> Verification:
    """Hold a module against a spec. `parameters` override the arch's own.

    A copy of the module without numbers is run with the spec's input on the meta device, in
    evaluation mode; the module stays as it is. Its layers that learn something or change a shape,
    whatever their names, are held against the spec's in the order in which they run: what they
    were made with, shapes, and parameters by count. What `forward` does by functions is seen by
    the shapes that come of it. Of layers that neither learn nor change a shape, dropout and local
    response norms are compared where the module has as many as the spec, and activations are not;
    `uncompared` tells which. Claims of the spec may be wrong, as long as its shapes are known.

    Raises:
        SpecError: no network can be had, or its shapes cannot be known.
        CannotRun: no copy of the module can be made, or it does not run.
        TypeError: it is no module, but a class, or something else.
    """
    require_watchable(module)
    arch = loaded(spec, parameters)
    _require_shapes(arch)
    image = arch.network.input.dims
    trace = traced(module, image)
    taken = None
    if trace.stop is not None:
        _require_batch(module, image, trace.stop)
        taken = _size_taken(module, image)
    comparison = Comparison(arch.analysis, trace, taken)
    comparison.run()
    return Verification(
        type(module).__name__,
        arch.name,
        arch.network.source.name,
        image,
        tuple(comparison.rows()),
        tuple(comparison.differences),
        trace.learned,
        arch.params or 0,
        tuple(comparison.uncompared()),
        tuple(comparison.by_shape()),
    )


def _require_shapes(arch: Arch) -> None:
    """Raises SpecError if the spec has errors other than wrong claims."""
    wrong = [d for d in arch.diagnostics if d.severity is Severity.ERROR and d.rule.code < "E4"]
    if wrong:
        raise SpecError(rendered(tuple(wrong)), arch.diagnostics)


def _require_batch(module: nn.Module, image: Dims, stop: Stop) -> None:
    """Raises CannotRun if a module that stops does so because it takes one image at a time."""
    if traced(module, image, batch=1).stop is None:
        raise CannotRun(
            f"{type(module).__name__} takes one image at a time, and is run with a batch of "
            f"{BATCH}: {stop.path} raises {stop.message}. Let `forward` take batches of any size"
        )


def _size_taken(module: nn.Module, image: Dims) -> Dims | None:
    """A usual size of images with which the module runs to its end."""
    if len(image) != 3:
        return None
    sizes = ((image[0], size, size) for size in USUAL_SIZES if (size, size) != image[1:])
    return next((size for size in sizes if traced(module, size).stop is None), None)


# --- as text ----------------------------------------------------------------------------------


def _text(found: Verification) -> Iterator[str]:
    verdict = "agrees with" if found.ok else "is not"
    yield f"{found.module} {verdict} {found.arch} of {found.spec}, run with {_dims(found.input)}"
    yield ""
    yield from _table(found)
    unseen = {"not compared": found.uncompared, "compared by shape alone": found.by_shape}
    lines = [f"{how}: {_counted(words)}" for how, words in unseen.items() if words]
    if lines:
        yield ""
        yield from lines
    shown = found.differences[:MAX_TOLD]
    if shown:
        count = len(found.differences)
        yield ""
        first = f", the first {MAX_TOLD}" if count > MAX_TOLD else ""
        yield f"{count:,} difference{'' if count == 1 else 's'}{first}:"
        yield from (f"  {difference.text}" for difference in shown)


def _counted(words: tuple[tuple[str, int], ...]) -> str:
    """`7 relu, 2 dropout`."""
    return ", ".join(f"{count:,} {word}" for word, count in words)


def _table(found: Verification) -> Iterator[str]:
    rows = [
        _HEADER,
        *map(_cells, found.rows),
        ("", "", "", "", "", f"{found.parameters:,}", f"{found.spec_parameters:,}"),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if place < _LEFT else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    return (
        _MARKS[row.status],
        row.stage,
        _names(row.modules) if row.modules else "–",
        _dims(row.output),
        _dims(row.spec_output),
        f"{row.parameters:,}",
        f"{row.spec_parameters:,}",
    )


def _names(paths: tuple[str, ...]) -> str:
    """The first layer and the last; where these are long, where they are and how many."""
    ends = paths[0], paths[-1]
    text = " … ".join(dict.fromkeys(ends))
    if len(text) <= MAX_NAMES:
        return text
    within = " … ".join(dict.fromkeys(path.partition(".")[0] for path in ends))
    return f"{within}, {len(paths)} layers"


def _dims(dims: Dims | None) -> str:
    return "–" if dims is None else "x".join(map(str, dims))
