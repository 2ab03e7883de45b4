"""The layers that ran beside those of the spec: which is which, and where they part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Literal, NamedTuple

from archdsl.analysis import Analysis
from archdsl.diff.align import GAP, aligned
from archdsl.network import Branches, Group, Item, Stage, subgroups
from archdsl.torch.expected import expected
from archdsl.torch.settings import FROM_INPUT, differing, settings, text
from archdsl.torch.trace import BATCH, Dims, Run, Trace

Status = Literal["agrees", "differs", "follows", "not reached"]


class Row(NamedTuple):
    """One stage: what there is of it in the module, and what the spec says.

    Outputs, CxHxW or F, are of the stage's last layer that both have. `follows` says that the
    stage has other shapes only because of a difference before it; `not reached`, that the module
    stops before it.
    """

    stage: str
    modules: tuple[str, ...]
    """The module's layers by path, in the order of the spec."""
    output: Dims | None
    spec_output: Dims | None
    parameters: int
    spec_parameters: int
    status: Status


class Difference(NamedTuple):
    """One place where the module is not what the spec says, with the reason in words."""

    stage: str | None
    """The spec's; None if it is of no stage."""
    layer: str | None
    """The spec's layer by path, if it is one's."""
    module: str | None
    """The module's layer by path, if it is one's."""
    text: str


class _Met(NamedTuple):
    """What the walk met in a stage: a layer of the module, of the spec, or of both."""

    here: Run | None
    there: Run | None


_Axes = frozenset[str]
"""Axes in which two shapes differ: batch, channels, space."""

_NONE: _Axes = frozenset()


class Comparison:
    """A walk through the spec's tree with the module's layers beside it."""

    def __init__(self, analysis: Analysis, trace: Trace) -> None:
        self.analysis = analysis
        self.trace = trace
        self.differences: list[Difference] = []
        self.layers = expected(analysis)
        runs = [run for run in trace.runs if run.learned or run.changes_shape]
        order = _Order(self.layers, [run for run in runs if run.learned]).of(analysis)
        pairs = list(aligned(order, runs, _distance))
        self.matched = {order[i].path: runs[j] for i, j in pairs if i is not None and j is not None}
        self.before, self.after = _extras(order, runs, pairs)
        self.unreached = self._unreached(order)
        self.met: dict[str, list[_Met]] = {}
        self.stage = ""
        self.nearby: list[str] = []
        """What only one of the two has and that changes shapes, since the last layer of both."""

    def _unreached(self, order: Sequence[Run]) -> frozenset[str]:
        """The spec's layers, by path, that come after all that ran before the module stopped."""
        if self.trace.stop is None:
            return frozenset()
        ran = [place for place, each in enumerate(order) if each.path in self.matched]
        after = order[ran[-1] + 1 :] if ran else order
        # A function may have done what learns nothing.
        reached = takewhile(lambda each: not each.learned, after)
        return frozenset(each.path for each in after) - {each.path for each in reached}

    def run(self, taken: Dims | None) -> None:
        """Find all differences. `taken` is a size of images with which the module does not stop."""
        broken = _NONE
        for stage in self.analysis.network.stages:
            self.stage = stage.name
            self.met[stage.name] = []
            broken = self._group(stage, broken)
        broken = self._extra(self.after, broken)
        if self.trace.stop is None:
            self._output(broken)
        else:
            self._stopped(taken)
        for owner, count in self.trace.unused.items():
            what = f"{owner}: no layer that runs has its {_learned(count)}"
            self.differences.append(Difference(None, None, owner, what))

    # --- one layer --------------------------------------------------------------------------

    def _group(self, group: Group, broken: _Axes) -> _Axes:
        for item in group.items:
            broken = self._item(item, broken)
        return broken

    def _item(self, item: Item, broken: _Axes) -> _Axes:
        if isinstance(item, Branches):
            return _NONE.union(*[self._group(branch, broken) for branch in item.branches])
        for inner in subgroups(item):
            broken = self._group(inner, broken)
        there = self.layers.get(item.path)
        return broken if there is None else self._layer(there, broken)

    def _layer(self, there: Run, broken: _Axes) -> _Axes:
        """Compare one layer. `broken` are the axes in which its input differs for a reason that
        has been told; those of its output are returned."""
        broken = self._extra(self.before[there.path], broken)
        if there.path in self.unreached:
            return broken
        here = self.matched.get(there.path)
        self.met[self.stage].append(_Met(here, there))
        if here is None:
            return self._missing(there, broken)
        if there.learned:
            self._input(here, there, broken)
        self._own(here, there)
        return _axes(here.output, there.output)

    def _extra(self, runs: Iterable[Run], broken: _Axes) -> _Axes:
        """What only the module has."""
        for run in runs:
            self.met[self.stage].append(_Met(run, None))
            if run.learned:
                does = f"{_shape(run.input)} to {_shape(run.output)}"
                what = f"{run.title} learns {run.learned:,} numbers, {does}"
                self._tell(f"{what}: the spec has nothing like it here", module=run.path)
                broken |= _axes(run.input, run.output)
            else:
                self.nearby.append(f"{run.title} gives {_shape(run.output)} before it")
        return broken

    def _missing(self, there: Run, broken: _Axes) -> _Axes:
        """What only the spec has."""
        what = f"{there.title} ({type(there.layer).__name__})"
        if not there.learned:  # `forward` may do it by a function, and then shapes agree
            self.nearby.append(f"no module is like {what}, which gives {_shape(there.output)}")
            return broken
        self._tell(f"{what}, with {_learned(there.learned)}, is not in the module", there.path)
        return broken | _axes(there.input, there.output)

    def _input(self, here: Run, there: Run, broken: _Axes) -> None:
        """Tell of another input than the spec's, if what came before does not explain it."""
        found = _axes(here.input, there.input)
        if found and not (found <= broken or (_is_flat(there.input) and broken)):
            shapes = f"{_shape(here.input)}, {_shape(there.input)} in the spec"
            told = [f"{there.title}: {here.path} gets {shapes}", *self.nearby]
            self._tell("; ".join(told), there.path, here.path)
        self.nearby.clear()

    def _own(self, here: Run, there: Run) -> None:
        """Tell of what is the layer's own: its settings, what it learns, what it gives."""
        own = _settings(here, there)
        if not own and here.fresh < here.learned:
            own = [(f"{_learned(here.fresh)} that no layer before it has", f"{there.learned:,}")]
        if not own and here.input == there.input:
            if here.learned != there.learned:
                own = [(_learned(here.learned), f"{there.learned:,}")]
            elif here.output != there.output:
                own = [("another output", "this")]
        if own:
            mine, its = (" ".join(each) for each in zip(*own, strict=True))
            told = f"{there.title}: {here.path} has {mine}, the spec {its}"
            if here.output != there.output:
                told += f": {_shape(here.output)} against {_shape(there.output)}"
            self._tell(told, there.path, here.path)

    # --- the end ----------------------------------------------------------------------------

    def _output(self, broken: _Axes) -> None:
        output = self.analysis.output
        assert output is not None, "only what is known is compared"
        meant = (BATCH, *output.dims)
        found = _axes(self.trace.output, meant)
        if found and not found <= broken:
            given = f"the output is {_shape(self.trace.output)}, {_shape(meant)} in the spec"
            self._tell("; ".join([given, *self.nearby]))

    def _stopped(self, taken: Dims | None) -> None:
        stop = self.trace.stop
        assert stop is not None
        image = _shape((BATCH, *self.analysis.network.input.dims))
        given = f", which gets {_shape(stop.input)}" if stop.input is not None else ""
        told = f"it stops in {stop.path}{given}: {stop.message}"
        if taken is not None:
            told += f". It does not with {_shape((BATCH, *taken))}; the spec's input is {image}"
        elif "meta" in stop.message:
            told += ". It is run on the meta device, where tensors have shapes and no numbers"
        at = next(filter(self._halts, self.analysis.network.stages), None)
        stage = at.name if at is not None else self.stage
        self.differences.append(Difference(stage, None, stop.path, told))

    def _halts(self, stage: Stage) -> bool:
        """Whether the module does not reach all of a stage."""
        return any(layer.path in self.unreached for layer in stage.layers)

    def _tell(self, told: str, layer: str | None = None, module: str | None = None) -> None:
        self.differences.append(Difference(self.stage, layer, module, told))

    def rows(self) -> Iterator[Row]:
        """Every stage of the spec."""
        differ = {difference.stage for difference in self.differences}
        halted = False
        for stage in self.analysis.network.stages:
            met = self.met[stage.name]
            runs = [each.here for each in met if each.here is not None]
            both = [(here, there) for here, there in met if here is not None and there is not None]
            costs = self.analysis.parts[stage.path]
            follows = any(h.input != t.input or h.output != t.output for h, t in both)
            status: Status = "follows" if follows else "agrees"
            if stage.name in differ:
                status = "differs"
            elif halted:
                status = "not reached"
            halted = halted or self._halts(stage)
            here, there = both[-1] if both else (None, None)
            yield Row(
                stage.name,
                tuple(dict.fromkeys(run.path for run in runs)),
                _without_batch(here),
                _without_batch(there),
                sum(run.fresh for run in runs),
                costs.params if costs is not None else 0,
                status,
            )


def _extras(
    order: Sequence[Run],
    runs: Sequence[Run],
    pairs: Iterable[tuple[int | None, int | None]],
) -> tuple[dict[str, list[Run]], list[Run]]:
    """What only the module has, by the spec's layer that it comes before; what comes at the end."""
    before: dict[str, list[Run]] = {}
    waiting: list[Run] = []
    for i, j in pairs:
        if i is not None:
            before[order[i].path] = waiting
            waiting = []
        elif j is not None:
            waiting.append(runs[j])
    return before, waiting


def _is_kind(here: Run, there: Run) -> bool:
    return isinstance(here.layer, type(there.layer))


def _distance(there: Run, here: Run) -> int | None:
    """How unlike two layers are; None if they are of two kinds."""
    if _is_kind(here, there):
        kind = type(there.layer)
        other = list(differing(settings(here.layer, kind), settings(there.layer, kind)))
        # What follows from the input weighs less than what a person wrote.
        weight = sum(1 if name in FROM_INPUT else 2 for name, _, _ in other)
        return min(weight, 2 * GAP - 1)
    # A class of the user's own, told by what it learns.
    return GAP if there.learned and here.learned == there.learned else None


def _settings(here: Run, there: Run) -> list[tuple[str, str]]:
    """What the two layers were made with, here and there, where they differ."""
    if not _is_kind(here, there):
        return []
    kind = type(there.layer)
    other = differing(settings(here.layer, kind), settings(there.layer, kind))
    return [  # what follows from the input is told where that is
        (f"{name}={text(mine)}", f"{name}={text(its)}")
        for name, mine, its in other
        if name not in FROM_INPUT
    ]


class _Order:
    """The spec's layers in the order in which the module seems to run the branches of joins."""

    def __init__(self, layers: dict[str, Run], runs: Sequence[Run]) -> None:
        self.layers = layers
        self.runs = runs
        self.at = 0
        """How many of the layers that learn stand before."""

    def of(self, analysis: Analysis) -> list[Run]:
        return [each for stage in analysis.network.stages for each in self._group(stage)]

    def _group(self, group: Group) -> Iterator[Run]:
        for item in group.items:
            if isinstance(item, Branches):
                yield from self._branches(item)
                continue
            for inner in subgroups(item):
                yield from self._group(inner)
            there = self.layers.get(item.path)
            if there is not None:
                self.at += bool(there.learned)
                yield there

    def _branches(self, join: Branches) -> Iterator[Run]:
        """The branch that fits best what runs next, then the next one."""
        left = list(join.branches)
        while left:
            chosen = min(left, key=self._misfit)  # of equals the first in the text
            left.remove(chosen)
            yield from self._group(chosen)

    def _misfit(self, branch: Group) -> float:
        """How unlike the layers of a branch are to those that run next, on average."""
        found = (self.layers.get(layer.path) for layer in branch.layers)
        learning = [each for each in found if each is not None and each.learned]
        following = self.runs[self.at : self.at + len(learning)]
        apart = [_distance(*pair) for pair in zip(learning, following, strict=False)]
        far = 2 * GAP
        apart += [far] * (len(learning) - len(apart))
        return sum(far if d is None else d for d in apart) / max(1, len(apart))


def _axes(here: Dims | None, there: Dims | None) -> _Axes:
    """The axes in which two shapes differ; all where one is not known."""
    if here is None or there is None or len(here) != len(there):
        return frozenset(("batch", "channels", "space"))
    parts = {"batch": slice(0, 1), "channels": slice(1, 2), "space": slice(2, None)}
    return frozenset(name for name, part in parts.items() if here[part] != there[part])


def _without_batch(run: Run | None) -> Dims | None:
    return None if run is None or run.output is None else run.output[1:]


def _is_flat(dims: Dims | None) -> bool:
    """Whether channels, height and width are one axis."""
    return dims is not None and len(dims) == 2


def _shape(dims: Dims | None) -> str:
    """`96x55x55`; with the batch where that is not what went into the module."""
    if dims is None:
        return "no tensor"
    if len(dims) > 1 and dims[0] == BATCH:
        return "x".join(map(str, dims[1:]))
    return f"{'x'.join(map(str, dims))} in all, for a batch of {BATCH},"


def _learned(count: int) -> str:
    return f"{count:,} parameter{'' if count == 1 else 's'}"
