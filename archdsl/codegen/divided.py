"""The stages of a network on several devices as calls: as towers in one process, or as ranks.

They have the stages and layers of the fused module under their names. Each layer is there with a
device's part of its channels, and between the layers stands what moves channels from device to
device; `layout` finds where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from archdsl.analysis import Analysis
from archdsl.codegen import names, writer
from archdsl.codegen.calls import Symbols, arguments, calls, stem
from archdsl.codegen.layout import Held, Layout, Move, Moves, Route, Step
from archdsl.codegen.values import literal
from archdsl.codegen.writer import Construction
from archdsl.network import Branches, Group, Layer, Repeat, Use
from archdsl.shape import Argument, Call, Shape, even_part

MAX_HEIGHT = 3
"""Calls with others in them, inside one another. A deeper body gets a name of its own."""

_INDENT = " " * 8

_JOINT = {
    Layout.TOWERS: {"nn.Dropout": "TowerDropout", "Concat": "TowerConcat", "Add": "TowerAdd"},
    Layout.RANKS: {"nn.Dropout": "RankDropout"},
}
"""What takes the place of a class that has to know of all devices."""


class Decisive(Exception):
    """A parameter that decides more than how many features a layer has: it is written out."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Made(NamedTuple):
    """A call, or a variable that holds it; and how many calls with parts stand in one another."""

    part: Construction | str
    height: int = 0


class Divided:
    """The statements that make a network's stages in a layout, and what they use.

    `free` says where in the fused calls parameters stand that become arguments, which
    `parameters` names.

    Raises:
        Decisive: one of them cannot.
    """

    def __init__(
        self,
        analysis: Analysis,
        layout: Layout,
        attributes: Mapping[str, str],
        free: Symbols,
        parameters: Mapping[str, str],
        reserved: frozenset[str],
    ) -> None:
        self.analysis = analysis
        self.devices = analysis.network.devices
        self.layout = layout
        self.free = free
        self.parameters = parameters
        self.route = Route(analysis)
        self.fused = calls(analysis)
        self.taken = {*reserved, *parameters.values()}
        self.lines: list[str] = []
        self.used: dict[str, set[str]] = {}
        """The names that are taken from each file of runtime/."""
        self.alike: list[str] = []
        """The layers with weights that every device has whole, by their places in the module."""
        self.symbol: str | None = None
        """The parameter that says how many features there are, where they are divided."""
        stages = analysis.network.stages
        for number, stage in enumerate(stages, 1):
            attribute = attributes[stage.name]
            made = self._chain(stage, attribute, self.route.last if number == len(stages) else ())
            self._assign(f"self.{attribute}", made.part)

    # --- groups ---------------------------------------------------------------------------------

    def _assign(self, name: str, made: Construction | str) -> None:
        assert isinstance(made, Construction)
        variables = all(isinstance(part, str) for part in made.parts)
        assigned = replace(made, prefix=f"{name} = ")
        self.lines += writer.construction(assigned, _INDENT, on_one_line=variables)

    def _body(self, group: Group, prefix: str, where: str, ends: Moves = ()) -> _Made:
        """A branch, iteration or block's body; a variable that holds it if it is deep."""
        made = self._chain(group, where, ends)
        if made.height < MAX_HEIGHT:
            assert isinstance(made.part, Construction)
            return made._replace(part=replace(made.part, prefix=prefix))
        name = names.variable(group.path.replace(".", "_"), self.taken)
        self.taken.add(name)
        self._assign(name, made.part)
        return _Made(f"{prefix}{name}")

    def _chain(self, group: Group, where: str, ends: Moves = ()) -> _Made:
        keys = names.attributes(item.name for item in group.items)
        taken = set(keys.values())
        made: list[_Made] = []
        for item in group.items:
            key = keys[item.name]
            prefix, place = f"{key}=", f"{where}.{key}"
            match item:
                case Branches():
                    made += self._moves(self.route.steps[item.path].moves, item.name, taken)
                    made.append(self._join(item, prefix, place))
                case Layer():
                    made += self._moves(self.route.steps[item.path].moves, item.name, taken)
                    made += self._layer(item, prefix, place, taken)
                case Repeat():
                    iterations = [
                        self._body(body, "", f"{place}.{number}")
                        for number, body in enumerate(item.iterations, 1)
                    ]
                    made.append(_outer("repeat", prefix, iterations))
                case Use():
                    made.append(self._body(item.body, prefix, place))
                case _:
                    made.append(self._body(item, prefix, place))
        made += self._moves(ends, "last", taken)
        return _outer("stage", "", made) if made else _Made(Construction("nn.Identity"))

    def _join(self, join: Branches, prefix: str, where: str) -> _Made:
        step = self.route.steps[join.path]
        before = self.symbol
        branches = []
        for number, (branch, ends) in enumerate(zip(join.branches, step.ends, strict=True), 1):
            self.symbol = before
            branches.append(self._body(branch, "", f"{where}.{number}", ends))
            if self.symbol:
                raise Decisive(self.symbol)
        (call,) = self.fused[join.path]
        # Each device joins its channels, one part; on one device the parts must be told apart.
        target = _JOINT[self.layout].get(call.target, call.target)
        self._use(call, target)
        return _outer(target, prefix, branches, self._comment(join, step))

    def _moves(self, moves: Moves, before: str, taken: set[str]) -> Iterator[_Made]:
        for move, sizes in moves:
            name = names.auxiliary(move.value.lower(), before, taken)
            taken.add(name)
            self._need(move.value)
            yield _Made(Construction(move.value, f"{name}=", arguments=self._given(move, sizes)))
            if move is not Move.OWN:
                self.symbol = None

    def _given(self, move: Move, sizes: tuple[int, ...]) -> tuple[str, ...]:
        """The arguments of a move."""
        if self.symbol and move is Move.OWN:
            raise Decisive(self.symbol)
        if self.layout is Layout.TOWERS:
            given = {Move.SPREAD: ("self.devices",), Move.OWN: tuple(map(str, sizes))}
            return given.get(move, ())
        if move is Move.OWN:
            return ("tower", *map(str, sizes))
        return ("tower", *self._uneven(sizes))

    def _uneven(self, sizes: tuple[int, ...]) -> tuple[str, ...]:
        """All processes' channels, where one does not know them by its own."""
        if self.symbol:
            return (f"*tower.parts({self.parameters[self.symbol]})",)
        return tuple(map(str, sizes)) if len(set(sizes)) > 1 else ()

    # --- layers ---------------------------------------------------------------------------------

    def _layer(self, layer: Layer, prefix: str, where: str, taken: set[str]) -> Iterator[_Made]:
        step = self.route.steps[layer.path]
        copies = 1 if step.held is Held.ALIKE else self.devices
        columns = list(zip(*(self._calls(layer, step, d) for d in range(copies)), strict=True))
        *before, last = range(len(columns))
        for index in before:
            name = names.auxiliary(stem(columns[index][0]), layer.name, taken)
            taken.add(name)
            yield _Made(self._made(layer, step, index, columns[index], f"{name}="))
        comment = self._comment(layer, step)
        yield _Made(replace(self._made(layer, step, last, columns[last], prefix), comment=comment))
        if step.held is Held.ALIKE and self._has_state(layer):
            self.alike.append(f"{where}.")

    def _calls(self, layer: Layer, step: Step, device: int) -> tuple[Call, ...]:
        """The layer's calls as one device has them."""
        x = self.analysis.flow(layer).input
        assert x is not None, "only networks that check are generated"
        if step.held is Held.ALIKE:
            return layer.op.torch(x)
        if step.held is Held.OWN:
            x = Shape((step.sizes[device], *x.dims[1:]))
        return layer.op.on_device(device, self.devices).torch(x)

    def _has_state(self, layer: Layer) -> bool:
        costs = self.analysis.layers[layer.path]
        norm = self.fused[layer.path][-1].target.startswith("nn.BatchNorm")  # has running means
        return norm or bool(costs and costs.params)

    def _made(
        self, layer: Layer, step: Step, index: int, column: Sequence[Call], prefix: str
    ) -> Construction:
        """One of the calls that a layer takes, on all devices."""
        call = column[0]
        joint = _JOINT[self.layout].get(call.target) if step.held is Held.OWN else None
        target = joint or call.target
        self._use(call, target)
        devices = self._texts(layer, index, column)
        if self.layout is Layout.RANKS:
            known = ("tower", *self._uneven(step.sizes)) if joint else ()
            return Construction(target, prefix, arguments=(*devices[0], *known))
        if joint:
            return Construction(target, prefix, arguments=devices[0])
        self._need("Towers")
        if len(devices) > 1 and len(set(devices)) == 1:
            return Construction("each", prefix, arguments=(target, *devices[0]))
        parts = tuple(Construction(target, arguments=given) for given in devices)
        return Construction("Towers", prefix, parts)

    def _texts(self, layer: Layer, index: int, column: Sequence[Call]) -> list[tuple[str, ...]]:
        """The arguments of a call on each device; the same text for all in ranks."""
        fused = arguments(self.fused[layer.path][index])
        places = {(key or place): (place, value) for place, (key, value) in enumerate(fused)}
        texts: list[list[str]] = [[] for _ in column]
        symbol = None
        for place, row in enumerate(zip(*map(arguments, column), strict=True)):
            key = row[0][0]
            at, whole = places.get(key or place, (None, None))
            found = self.free.get((layer.path, index, at)) if at is not None else None
            values = [value for _, value in row]
            divided = found is not None and values != [whole] * len(values)
            for device, text in enumerate(self._values(values, whole, found)):
                texts[device].append(f"{key}={text}" if key else text)
            symbol = found if divided else symbol
        self._divides(layer, symbol)
        return [tuple(device) for device in texts]

    def _values(
        self, values: list[Argument], whole: Argument | None, symbol: str | None
    ) -> list[str]:
        """An argument's text on each device, where `whole` is what it is on one."""
        name = self.parameters[symbol] if symbol else None
        if len(set(map(repr, values))) == 1 and (symbol is None or values[0] == whole):
            return [name or literal(values[0])] * len(values)
        even = isinstance(whole, int) and values == [
            even_part(whole, device, self.devices) for device in range(len(values))
        ]
        if symbol and not even:
            raise Decisive(symbol)
        if self.layout is Layout.RANKS:
            if even:
                return [f"tower.part({name or whole})"] * len(values)
            listed = ", ".join(map(literal, values))
            return [f"({listed})[tower.rank]"] * len(values)
        if symbol:
            self._need("part")
            return [f"part({name}, {d}, {self.devices})" for d in range(len(values))]
        return list(map(literal, values))

    def _divides(self, layer: Layer, symbol: str | None) -> None:
        """Note by which parameter what the layer gives is divided."""
        output = self.analysis.flow(layer).output
        assert output is not None, "only networks that check are generated"
        if symbol and output.is_map:
            raise Decisive(symbol)  # channels of a map must divide, whatever it is
        if layer.op.weighted:
            self.symbol = symbol

    def _comment(self, layer: Layer, step: Step) -> str:
        """What the layer gives on the devices, where that is worth saying."""
        flow = self.analysis.flow(layer)
        output = flow.output
        assert output is not None, "only networks that check are generated"
        if output == flow.input and not layer.op.weighted and not isinstance(layer, Branches):
            return ""
        sizes = self.route.outputs[layer.path]
        if not sizes:
            return str(output)
        shapes = [str(Shape((size, *output.dims[1:]))) for size in sizes]
        if self.layout is Layout.RANKS:
            return f"{sizes[0]} of {output}"
        if len(set(shapes)) == 1:
            return f"{self.devices} × {shapes[0]}"
        return " + ".join(shapes)

    # --- what is used ---------------------------------------------------------------------------

    def _use(self, call: Call, target: str) -> None:
        if target != call.target:
            self._need(target)
        elif call.helper:
            self.used.setdefault(call.helper, set()).add(target)

    def _need(self, name: str) -> None:
        self.used.setdefault(self.layout.value, set()).add(name)


def _outer(target: str, prefix: str, made: Sequence[_Made], comment: str = "") -> _Made:
    height = 1 + max((part.height for part in made), default=0)
    parts = tuple(part.part for part in made)
    return _Made(Construction(target, prefix, parts, comment=comment), height)
