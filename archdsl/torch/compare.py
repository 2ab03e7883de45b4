"""The layers that ran beside those of the spec: where the two part, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Literal, NamedTuple

from archdsl.analysis import Analysis
from archdsl.diff.align import Pair
from archdsl.network import Branches, Group, Item, Layer, Stage, Use, subgroups
from archdsl.torch.expected import expected
from archdsl.torch.fit import Axes, axes_apart, exchanged, fitted
from archdsl.torch.kinds import is_kind, other_kind
from archdsl.torch.quiet import quiet
from archdsl.torch.settings import FROM_INPUT, differing, settings, text
from archdsl.torch.trace import BATCH, Dims, Run, Trace

Status = Literal["agrees", "differs", "follows", "not reached"]


class Row(NamedTuple):
    """One stage: what there is of it in the module, and what the spec says.

    Outputs are CxHxW or F. `follows` says that the stage has other shapes only because of a
    difference before it; `not reached`, that the module stops before it.
    """

    stage: str
    modules: tuple[str, ...]
    """The module's layers by path, in the order of the spec."""
    output: Dims | None
    """What the module has where the stage ends; None where no layer tells it."""
    spec_output: Dims
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


_NONE: Axes = frozenset()


class Comparison:
    """A walk through the spec's tree with the module's layers beside it.

    `taken` is a size of images with which a module that stops does not stop.
    """

    def __init__(self, analysis: Analysis, trace: Trace, taken: Dims | None = None) -> None:
        self.analysis = analysis
        self.trace = trace
        self.taken = taken
        self.differences: list[Difference] = []
        self.layers = expected(analysis)
        runs = [run for run in trace.runs if run.learned or run.changes_shape]
        order, pairs = fitted(analysis, self.layers, runs)
        matched = {order[i].path: runs[j] for i, j in pairs if i is not None and j is not None}
        self.matched = exchanged(analysis, self.layers, matched)
        self.extras = _extras(order, runs, pairs)
        self.unreached = self._unreached(order)
        self.flow = list(filter(self._flows, analysis.network.layers))
        """The spec's layers that are compared, and the joins, in the order of the text."""
        self.quiet = list(quiet(analysis, trace))
        self.met: dict[str, list[_Met]] = {}
        self.stage = ""
        self.halt: str | None = None
        """The stage in which the module stops."""
        self.explained = False
        """Whether that it stops has been told."""
        self.nearby: list[str] = []
        """What only one of the two has and that changes shapes, since the last layer of both."""
        self.around: Axes = _NONE
        """The axes that this changes."""
        self.join: Branches | None = None
        """The join whose result is the next layer's input."""
        self.joins: dict[str, tuple[str, Axes]] = {}
        """By path, the stage of a join, and in which axes it gives something else."""

    def _unreached(self, order: Sequence[Run]) -> frozenset[str]:
        """The spec's layers, by path, that come after all that ran before the module stopped."""
        if self.trace.stop is None:
            return frozenset()
        ran = [place for place, each in enumerate(order) if each.path in self.matched]
        after = order[ran[-1] + 1 :] if ran else order
        last = self.matched[order[ran[-1]].path] if ran else None
        if last is not None and last is self.trace.stop.run:
            return frozenset(each.path for each in after)
        # A function may have done what learns nothing.
        reached = takewhile(lambda each: not each.learned, after)
        return frozenset(each.path for each in after) - {each.path for each in reached}

    def run(self) -> None:
        """Find all differences."""
        stages = self.analysis.network.stages
        self.met = {stage.name: [] for stage in stages}
        self.stage = stages[0].name if stages else ""
        broken = self._extra(self.extras.get(None, []), _NONE)
        for stage in stages:
            self.stage = stage.name
            broken = self._group(stage, broken)
        if self.trace.stop is None:
            self._output(broken)
        elif not self.explained:
            self._stopped()
        for layer, run, other in self.quiet:
            if other:
                self._tell_quiet(layer, run, other)
        places = {stage.name: place for place, stage in enumerate(stages)}
        self.differences.sort(key=lambda each: places.get(each.stage or "", 0))
        for owner, count in self.trace.unused.items():
            what = f"{owner}: no layer that runs has its {_learned(count)}"
            self.differences.append(Difference(None, None, owner, what))

    # --- one layer --------------------------------------------------------------------------

    def _group(self, group: Group, broken: Axes) -> Axes:
        if self._is_absent(group):
            return self._absent(group.path, group, broken)
        for item in group.items:
            broken = self._item(item, broken)
        return broken

    def _item(self, item: Item, broken: Axes) -> Axes:
        if isinstance(item, Branches):
            return self._branches(item, broken)
        if isinstance(item, Use) and self._is_absent(item.body):
            return self._absent(item.path, item.body, broken)
        for inner in subgroups(item):
            broken = self._group(inner, broken)
        there = self.layers.get(item.path)
        return broken if there is None else self._layer(there, broken)

    def _branches(self, item: Branches, broken: Axes) -> Axes:
        given, axes = self.join, _NONE
        for branch in item.branches:
            self.join = given
            axes |= self._group(branch, broken)
        self.join = item
        self.joins[item.path] = self.stage, _NONE
        return axes

    def _layer(self, there: Run, broken: Axes) -> Axes:
        """Compare one layer. `broken` are the axes in which its input differs for a reason that
        has been told; those of its output are returned."""
        if there.path in self.unreached:
            return broken
        here = self.matched.get(there.path)
        self.met[self.stage].append(_Met(here, there))
        if here is None:
            broken = self._missing(there, broken)
        else:
            broken = self._joined(here, there, broken)
            if there.learned:
                self._input(here, there, broken)
            self._own(here, there)
            broken = axes_apart(here.output, there.output)
        return self._extra(self.extras.get(there.path, []), broken)

    def _extra(self, runs: Sequence[Run], broken: Axes) -> Axes:
        """What only the module has."""
        learning = [run for run in runs if run.learned and not self._stops(run)]
        home = self._home(learning)
        if home is not None:
            count = f"{sum(run.learned for run in learning):,} numbers in {len(learning)} layers"
            self._new(f"{home} learns {count}", learning[0].input, learning[-1].output, home)
        for run in runs:
            self.met[self.stage].append(_Met(run, None))
            if self._stops(run):
                self.halt = self.stage
            elif run.learned:
                broken |= axes_apart(run.input, run.output)
                if home is None:
                    what = f"{run.title} learns {run.learned:,} numbers"
                    self._new(what, run.input, run.output, run.path)
            else:
                self._around(f"{run.title} gives {_shape(run.output)} before it", run)
        return broken

    def _new(self, what: str, taken: Dims | None, given: Dims | None, path: str) -> None:
        does = f"{_shape(taken)} to {_shape(given)}"
        self._tell(f"{what}, {does}: the spec has nothing like it here", module=path)

    def _home(self, runs: Sequence[Run]) -> str | None:
        """The module of which these, several, are all layers that learn something."""
        parts = [run.path.split(".") for run in runs]
        shared = [names[0] for names in zip(*parts, strict=False) if len(set(names)) == 1]
        home = ".".join(shared)
        if len(runs) < 2 or not home:
            return None
        inside = [each for each in self.trace.runs if each.path.startswith(f"{home}.")]
        return home if sum(bool(each.learned) for each in inside) == len(runs) else None

    def _stops(self, run: Run) -> bool:
        """Whether a run is the one in which the module stops."""
        return self.trace.stop is not None and run is self.trace.stop.run

    def _is_absent(self, group: Group) -> bool:
        """Whether several layers learn something in a group of the spec, and the module has
        nothing of it."""
        inside = [self.layers[each.path] for each in group.layers if each.path in self.layers]
        known = any(each.path in self.matched or each.path in self.unreached for each in inside)
        return not known and sum(bool(each.learned) for each in inside) > 1

    def _absent(self, path: str, group: Group, broken: Axes) -> Axes:
        inside = [self.layers[each.path] for each in group.layers if each.path in self.layers]
        learning = [each for each in inside if each.learned]
        count = f"{_learned(sum(each.learned for each in learning))} in {len(learning)} layers"
        self._tell(f"{path}, with {count}, is not in the module", path)
        self.met[self.stage] += [_Met(None, each) for each in inside]
        flow = self.analysis.shapes.flows[group.path]
        assert flow.input is not None and flow.output is not None, "only what is known is compared"
        broken |= axes_apart((BATCH, *flow.input.dims), (BATCH, *flow.output.dims))
        for each in inside:
            broken = self._extra(self.extras.get(each.path, []), broken)
        return broken

    def _missing(self, there: Run, broken: Axes) -> Axes:
        """What only the spec has."""
        what = f"{there.title} ({type(there.layer).__name__})"
        if not there.learned:  # `forward` may do it by a function, and then shapes agree
            self._around(f"no module is like {what}, which gives {_shape(there.output)}", there)
            return broken
        self._tell(f"{what}, with {_learned(there.learned)}, is not in the module", there.path)
        return broken | axes_apart(there.input, there.output)

    def _around(self, what: str, run: Run) -> None:
        self.nearby.append(what)
        self.around |= axes_apart(run.input, run.output)

    def _joined(self, here: Run, there: Run, broken: Axes) -> Axes:
        """Tell of a join before a layer that gives something else, where its branches do not
        explain it and nothing stands between."""
        join, self.join = self.join, None
        if join is None:
            return broken
        stage, told = self.joins[join.path]
        found = axes_apart(here.input, there.input)
        between = bool(self.nearby) and (_is_flat(there.input) or found <= self.around)
        if found <= broken | told or between:
            return broken | told
        shapes = f"{_shape(here.input)}, {_shape(there.input)} in the spec"
        what = f"{join.title}: after {join.op.word} {here.path} gets {shapes}"
        self.differences.append(Difference(stage, join.path, here.path, what))
        self.joins[join.path] = stage, found
        return broken | found

    def _input(self, here: Run, there: Run, broken: Axes) -> None:
        """Tell of another input than the spec's, if what came before does not explain it."""
        found = axes_apart(here.input, there.input)
        if found and not (found <= broken or (_is_flat(there.input) and broken)):
            shapes = f"{_shape(here.input)}, {_shape(there.input)} in the spec"
            told = [f"{there.title}: {here.path} gets {shapes}", *self.nearby]
            self._tell("; ".join(told), there.path, here.path)
        self.nearby.clear()
        self.around = _NONE

    def _own(self, here: Run, there: Run) -> None:
        """Tell of what is the layer's own: its settings, what it learns, what it gives."""
        if self._stops(here):
            self._halting(here, there)
            return
        if other_kind(here, there):
            kinds = f"{type(here.layer).__name__}, the spec {type(there.layer).__name__}"
            self._tell(f"{there.title}: {here.path} is {kinds}", there.path, here.path)
            return
        own = _settings(here, there, apart=FROM_INPUT)
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

    def _halting(self, here: Run, there: Run) -> None:
        """Tell of what a layer was made with in which the module stops."""
        self.halt = self.stage
        own = _settings(here, there)
        if own:
            mine, its = (" ".join(each) for each in zip(*own, strict=True))
            told = f"{there.title}: {here.path} has {mine}, the spec {its}"
            self.explained = any(name.partition("=")[0] in FROM_INPUT for name, _ in own)
            if self.explained:
                told += f", and stops with {_shape(here.input)}{self._remedy()}"
            self._tell(told, there.path, here.path)

    def _tell_quiet(self, layer: Layer, run: Run, other: Sequence[tuple[str, str]]) -> None:
        mine, its = (" ".join(each) for each in zip(*other, strict=True))
        stages = self.analysis.network.stages
        home = next(stage.name for stage in stages if layer in stage.layers)
        what = f"{layer.title}: {run.path} has {mine}, the spec {its}"
        self.differences.append(Difference(home, layer.path, run.path, what))

    # --- the end ----------------------------------------------------------------------------

    def _output(self, broken: Axes) -> None:
        output = self.analysis.output
        assert output is not None, "only what is known is compared"
        meant = (BATCH, *output.dims)
        found = axes_apart(self.trace.output, meant)
        if found and not found <= broken:
            given = f"the output is {_shape(self.trace.output)}, {_shape(meant)} in the spec"
            self._tell("; ".join([given, *self.nearby]))

    def _stopped(self) -> None:
        stop = self.trace.stop
        assert stop is not None
        given = f", which gets {_shape(stop.input)}" if stop.input is not None else ""
        told = f"it stops in {stop.path}{given}: {stop.message}{self._remedy()}"
        if self.halt is None:
            at = next(filter(self._halts, self.analysis.network.stages), None)
            self.halt = at.name if at is not None else self.stage
        self.differences.append(Difference(self.halt, None, stop.path, told))

    def _remedy(self) -> str:
        if self.taken is None:
            return ""
        image = _shape((BATCH, *self.analysis.network.input.dims))
        return f". It runs with {_shape((BATCH, *self.taken))}; the spec's input is {image}"

    def _halts(self, stage: Stage) -> bool:
        """Whether the module does not reach all of a stage."""
        return any(layer.path in self.unreached for layer in stage.layers)

    def _tell(self, told: str, layer: str | None = None, module: str | None = None) -> None:
        self.differences.append(Difference(self.stage, layer, module, told))

    # --- what is shown ----------------------------------------------------------------------

    def rows(self) -> Iterator[Row]:
        """Every stage of the spec."""
        differ = {difference.stage for difference in self.differences}
        halted, end = False, 0
        for stage in self.analysis.network.stages:
            met = self.met[stage.name]
            runs = [each.here for each in met if each.here is not None]
            both = [(here, there) for here, there in met if here is not None and there is not None]
            costs = self.analysis.parts[stage.path]
            meant = self.analysis.shapes.flows[stage.path].output
            assert meant is not None, "only what is known is compared"
            follows = any(h.input != t.input or h.output != t.output for h, t in both)
            status: Status = "follows" if follows else "agrees"
            if stage.name in differ:
                status = "differs"
            elif halted:
                status = "not reached"
            halted = halted or self._halts(stage) or stage.name == self.halt
            end += sum(map(self._flows, stage.layers))
            given = None if halted else self._given(stage, end)
            yield Row(
                stage.name,
                tuple(dict.fromkeys(run.path for run in runs)),
                None if given is None else given[1:],
                meant.dims,
                sum(run.fresh for run in runs),
                costs.params if costs is not None else 0,
                status,
            )

    def _given(self, stage: Stage, end: int) -> Dims | None:
        """What the module has where a stage ends, with the batch's axis, if a layer tells it.
        `end` is the place in `flow` after the stage's last layer."""
        met = self.met[stage.name]
        if met and met[-1].there is None and met[-1].here is not None and met[-1].here.learned:
            return met[-1].here.output
        last = self.flow[end - 1] if end else None
        if last is not None and last.path in self.matched:
            return self.matched[last.path].output
        if end == len(self.flow):
            return self.trace.output
        following = self.layers.get(self.flow[end].path)
        here = self.matched.get(following.path) if following is not None else None
        flow = self.analysis.shapes.flows[stage.path].output
        if here is not None and flow is not None and len(here.input or ()) == 1 + len(flow.dims):
            return here.input
        return self._sum(last) if isinstance(last, Branches) else None

    def _flows(self, layer: Layer) -> bool:
        """Whether a layer is compared, or is a join."""
        return isinstance(layer, Branches) or layer.path in self.layers

    def _sum(self, join: Branches) -> Dims | None:
        """What a join gives that gives what each branch does, as a sum is of the shape of its
        parts. Of others the branches do not tell it."""
        flows = self.analysis.shapes.flows
        if any(flows[branch.path].output != flows[join.path].output for branch in join.branches):
            return None
        found: set[Dims | None] = set()
        for branch in join.branches:
            *_, last = ["", *(each.path for each in filter(self._flows, branch.layers))]
            if last in self.matched:
                found.add(self.matched[last].output)
        return found.pop() if len(found) == 1 else None

    def uncompared(self) -> Iterator[tuple[str, int]]:
        """The spec's layers of which nothing is compared, by word."""
        seen = {*self.layers, *(each.layer.path for each in self.quiet)}
        layers = self.analysis.network.layers
        yield from Counter(
            each.op.word
            for each in layers
            if not isinstance(each, Branches) and each.path not in seen
        ).items()

    def by_shape(self) -> Iterator[tuple[str, int]]:
        """The joins, and the layers without a module, of which only shapes are compared."""
        yield from Counter(
            each.op.word
            for each in self.flow
            if isinstance(each, Branches)
            or not (self.layers[each.path].learned or each.path in self.matched)
        ).items()


def _extras(
    order: Sequence[Run], runs: Sequence[Run], pairs: Iterable[Pair]
) -> dict[str | None, list[Run]]:
    """What only the module has, by the spec's layer that it follows; by None what is first."""
    found: dict[str | None, list[Run]] = {}
    last = None
    for i, j in pairs:
        if i is not None:
            last = order[i].path
        elif j is not None:
            found.setdefault(last, []).append(runs[j])
    return found


def _settings(here: Run, there: Run, apart: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """What the two layers were made with, here and there, where they differ; what follows from
    the input, and is told where that is, `apart`."""
    if not is_kind(here, there):
        return []
    kind = type(there.layer)
    other = differing(settings(here.layer, kind), settings(there.layer, kind))
    return [
        (f"{name}={text(mine)}", f"{name}={text(its)}")
        for name, mine, its in other
        if name not in apart
    ]


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
