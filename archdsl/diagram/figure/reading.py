"""From an analysed network to the maps of its figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from archdsl.analysis import Analysis
from archdsl.diagram.faults import Faults
from archdsl.diagram.figure.maps import Fold, Kernel, Made, Map, folded
from archdsl.network import Body, Branches, Group, Item, Layer, Part, Repeat, Stage, Use, subgroups
from archdsl.shape import Family, Shape, Sliding
from archdsl.words.merge import Concat
from archdsl.words.sliding import SlidingOp
from archdsl.words.word import Unbound

MAX_SECTIONS = 32
"""Of more channels that are put together, no borders are drawn."""

MANY_LAYERS = 8
"""Of a block with more layers with weights, it is told how many."""


def maps(analysis: Analysis, faults: Faults, fold: Fold) -> list[Map]:
    """The maps from the input to the output, in order."""
    return _Reader(analysis, faults, fold).read()


class _Reader:
    def __init__(self, analysis: Analysis, faults: Faults, fold: Fold) -> None:
        self.analysis = analysis
        self.flows = analysis.shapes.flows
        self.faults = faults
        self.fold = fold
        self.found: list[Map] = []
        self.notes: list[str] = []

    def read(self) -> list[Map]:
        network = self.analysis.network
        self.found.append(Map(network.input, Made.GIVEN))
        for stage in network.stages:
            if self.fold is Fold.STAGES and sum(map(_is_drawn, stage.layers)) > 1:
                self._whole(stage, stage.layers[-1], stage.name)
            else:
                self._group(stage)
        self._end()
        return folded(self.found) if self.fold >= Fold.RUNS else self.found

    def _group(self, group: Group) -> None:
        for item in group.items:
            self._item(item)

    def _item(self, item: Item) -> None:
        match item:
            case Stage():
                self._group(item)
            case Branches():
                self._whole(item, item, item.brief)
            case Layer():
                self._layer(item)
            case Repeat():
                self._repeat(item)
            case Use():
                self._use(item)

    def _use(self, use: Use) -> None:
        layers = use.body.layers
        joins = any(isinstance(layer, Branches) for layer in layers)
        several = sum(map(_is_drawn, layers)) > 1 and not _is_run(use.body)
        if layers and (joins or (several and self.fold >= Fold.BLOCKS)):
            self._whole(use, layers[-1], use.block.name.text)
        else:
            self._group(use.body)

    def _repeat(self, repeat: Repeat) -> None:
        """As a run of equal maps where it gives one, else as one map of what comes out."""
        before, notes = len(self.found), list(self.notes)
        for iteration in repeat.iterations:
            self._group(iteration)
        if len(repeat.iterations) < 2:
            return
        made = folded(self.found[before:])
        if len(made) > 1:
            del self.found[before:]
            self.notes = notes
            last = repeat.iterations[-1]
            self._whole(repeat, last.layers[-1], _named(last))
            times, sections = len(repeat.iterations), self._growth(repeat)
            whole = replace(self.found[before], sections=sections, inside="")
            made = [replace(whole, times=times, alike=False)]
        self.found[before:] = made

    def _whole(self, item: Item, last: Layer, name: str) -> None:
        """One map for all that is in a part or a stage."""
        path = item.path
        wrong = self.faults.on(item) if isinstance(item, Part) else bool(self.faults.of(path))
        costs = self.analysis.parts.get(path)
        joins = [layer for layer in _layers(item) if isinstance(layer, Branches)]
        self._add(
            Map(
                self.flows[path].output,
                Made.INSIDE,
                self._parts(last),
                Family.JOINING if joins else Family.CONVOLUTION,
                name,
                sections=self._sections(item, joins[-1]) if joins else (),
                crosses=bool(costs and costs.traffic),
                wrong=wrong,
                inside=_inside(item),
            )
        )

    def _layer(self, layer: Layer) -> None:
        flow, op = self.analysis.flow(layer), layer.op
        wrong = self.faults.on(layer) or isinstance(op, Unbound)
        if _is_drawn(layer) or (wrong and flow.output is None):
            self._add(self._drawn(layer, flow.input, flow.output, wrong))
        elif op.look is Family.POOLING:
            self.notes.append(op.prose or op.word)
        if wrong and not self.found[-1].wrong:
            self.found[-1] = replace(self.found[-1], wrong=True)

    def _drawn(self, layer: Layer, x: Shape | None, output: Shape | None, wrong: bool) -> Map:
        op = layer.op
        place = self.analysis.places.get(layer.path)
        kernel = None
        if isinstance(op, SlidingOp) and self.flows[layer.path].sound and x is not None:
            height, width = op.axes(x)
            kernel = self._kernel(height, width)
            if height.stride > 1 or width.stride > 1:
                self.notes.append(_stride(height.stride, width.stride))
        made = Made.DENSE if output is not None and not output.is_map else Made.INSIDE
        return Map(
            output,
            Made.KERNEL if kernel else made,
            self._parts(layer),
            None if isinstance(op, Unbound) else op.look,
            kernel=kernel,
            crosses=place is not None and not place.split_input,
            wrong=wrong,
        )

    def _kernel(self, height: Sliding, width: Sliding) -> Kernel | None:
        """A window on the map that was drawn last, to its scale, though that may be pooled first:
        as in the AlexNet paper, a 5x5 window on the map of 55x55."""
        shape = self.found[-1].shape
        if shape is None or not shape.is_map:
            return None
        _, rows, columns = shape.dims
        return Kernel(height.kernel, width.kernel, (height.extent / rows, width.extent / columns))

    def _add(self, made: Map) -> None:
        """Add a map, with what was noted since the one before."""
        self.found.append(replace(made, notes=tuple(dict.fromkeys(self.notes))))
        self.notes.clear()

    def _end(self) -> None:
        """The output, once for all devices: as a map of its own where the last drawn is not it."""
        output = self.analysis.output
        last = self.found[-1]
        if output is not None and last.shape != output:
            look = Family.POOLING if self.notes else last.look
            self._add(Map(output, Made.INSIDE, look=look))
        elif last.made is not Made.GIVEN:
            crosses = last.crosses or bool(last.parts)
            self.found[-1] = replace(last, parts=(), crosses=crosses)

    def _parts(self, layer: Layer) -> tuple[int, ...]:
        """The channels of each device of what a layer gives; empty where they are not divided."""
        place, output = self.analysis.places.get(layer.path), self.flows[layer.path].output
        devices = self.analysis.network.devices
        if place is None or output is None or not place.split_output:
            return ()
        least = (output.channels - sum(place.longer)) // devices
        return tuple(
            least + sum(device < first for first in place.longer) for device in range(devices)
        )

    def _sections(self, item: Item, join: Branches) -> tuple[int, ...]:
        """The channels of each branch of a join that gives what comes out of the part."""
        shapes = [self.flows[branch.path].output for branch in join.branches]
        same = self.flows[join.path].output == self.flows[item.path].output
        if not isinstance(join.op, Concat) or not same or len(shapes) > MAX_SECTIONS:
            return ()
        return tuple(shape.channels for shape in shapes if shape is not None)

    def _growth(self, repeat: Repeat) -> tuple[int, ...]:
        """The channels that go into a repeat, and those that each time adds to them."""
        flows = [self.flows[iteration.path] for iteration in repeat.iterations]
        counts = [shape.channels for shape in (flows[0].input, *(f.output for f in flows)) if shape]
        added = [after - before for before, after in pairwise(counts)]
        is_known = len(counts) == len(flows) + 1
        if not is_known or min(added) <= 0 or len(counts) > MAX_SECTIONS:
            return ()
        return counts[0], *added


def _layers(item: Item) -> Iterator[Layer]:
    """All layers in a part or a stage."""
    if isinstance(item, Layer):
        yield item
    for group in subgroups(item):
        yield from group.layers


def _is_drawn(layer: Layer) -> bool:
    """Whether a map is drawn of what it gives."""
    return layer.op.weighted or isinstance(layer.op, Unbound)


def _inside(item: Item) -> str:
    """How many layers with weights there are, of a stage or of a large block."""
    words = [layer.op.word for layer in _layers(item) if _is_drawn(layer)]
    if not isinstance(item, Stage) and len(words) <= MANY_LAYERS:
        return ""
    return f"{len(words):,} {words[0] if len(set(words)) == 1 else 'layers'}"


def _is_run(body: Body) -> bool:
    """Whether all that is drawn of a body is one repeat, of one such layer."""
    drawn = [item for item in body.items if any(map(_is_drawn, _layers(item)))]
    return len(drawn) == 1 and isinstance(drawn[0], Repeat)


def _named(iteration: Body) -> str:
    """What a repeat repeats: a block by its name; else nothing that has a name."""
    uses = [item for item in iteration.items if isinstance(item, Use)]
    return uses[0].block.name.text if len(uses) == 1 == len(iteration.items) else "repeat"


def _stride(height: int, width: int) -> str:
    return f"Stride of {height}" if height == width else f"Stride of {height}×{width}"
