"""The file of a network that is divided over devices: towers in one process, or ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.analysis import Analysis
from archdsl.codegen import names, pytorch, writer
from archdsl.codegen.calls import free
from archdsl.codegen.divided import Decisive, Divided
from archdsl.codegen.helpers import Helpers
from archdsl.codegen.initial import reset_parameters
from archdsl.codegen.layout import Layout
from archdsl.codegen.parts import Import
from archdsl.codegen.pytorch import Module
from archdsl.network import Repeat, Stage
from archdsl.shape import Shape

RESERVED = frozenset(
    "Any Callable DEVICES Options OrderedDict ParamSpec Sequence Tower Towers ValueError dist each "
    "device devices group list part place share_state tower whole_layers xs".split()
)
"""What the texts of layouts use, beside what every generated text does."""

_ABOUT = {
    Layout.TOWERS: "divided over devices in one process",
    Layout.RANKS: "divided over processes",
}

_REPEAT = '''def repeat(*iterations: nn.Module) -> nn.Sequential:
    """The iterations one after the other, under their numbers from 1."""
    return stage(**{str(number): body for number, body in enumerate(iterations, 1)})
'''

_EACH = '''Options = ParamSpec("Options")


def each(
    layer: Callable[Options, nn.Module], *args: Options.args, **options: Options.kwargs
) -> Towers:
    """The layer on each of the %d devices."""
    return Towers(*(layer(*args, **options) for _ in range(%d)))
'''

_DEVICES = 'DEVICES = [f"cuda:{number}" for number in range(%d)]'


def module(analysis: Analysis, probes: Mapping[str, Sequence[Analysis]], layout: Layout) -> Module:
    """The file of a network that checks, in a layout. Its `devices` are more than one, or fused.

    `probes` are those of `pytorch.module`.
    """
    if layout is Layout.FUSED:
        return pytorch.module(analysis, probes)
    file = _File(analysis, probes, layout)
    return Module(file.text(), file.class_name)


class _File:
    def __init__(
        self, analysis: Analysis, probes: Mapping[str, Sequence[Analysis]], layout: Layout
    ) -> None:
        self.analysis = analysis
        self.network = analysis.network
        self.layout = layout
        self.attributes = names.attributes(stage.name for stage in self.network.stages)
        found = free(analysis, probes)
        self.free = {name: self.network.parameters[name] for name in found}
        while True:
            self.parameters = names.parameters(self.free, RESERVED)
            places = {place: name for name in self.free for place in found[name]}
            try:
                self.body = Divided(
                    analysis, layout, self.attributes, places, self.parameters, RESERVED
                )
                break
            except Decisive as parameter:
                del self.free[parameter.name]
        self.initialise = self._reset_parameters()
        self.helpers = Helpers(self._needed())
        self.class_name = names.class_name(self.network.name, RESERVED | self.helpers.names)

    def text(self) -> str:
        each = any("each(" in line for line in self.body.lines)
        many = (self.network.devices,) * 2
        blocks = [
            self._imports(each),
            *self.helpers.texts,
            pytorch.STAGE.rstrip(),
            *([_REPEAT.rstrip()] if self._repeats() else []),
            *([(_EACH % many).rstrip()] if each else []),
            *([_DEVICES % self.network.devices] if self._many() else []),
            "\n".join(self._class()),
        ]
        about = f"{self.class_name} in PyTorch, {_ABOUT[self.layout]}."
        first, *rest = blocks
        header = "\n".join(writer.docstring([about, pytorch.origin(self.network)], ""))
        return "\n\n\n".join([f"{header}\n\n{first}", *rest]) + "\n"

    def _imports(self, each: bool) -> str:
        own = [
            Import("collections", "OrderedDict"),
            Import("torch", "Tensor"),
            Import("torch", "nn"),
        ]
        if self.layout is Layout.TOWERS:
            own += [Import("collections.abc", "Sequence"), Import("torch")]
        else:
            own.append(Import("torch.distributed", alias="dist"))
        if each:
            own += [Import("collections.abc", "Callable"), Import("typing", "ParamSpec")]
        return self.helpers.imports(own)

    def _needed(self) -> dict[str, set[str]]:
        """The names that are taken from each file of runtime/."""
        needed = {stem: set(wanted) for stem, wanted in self.body.used.items()}
        always = {Layout.TOWERS: {"place"}, Layout.RANKS: {"Tower", "share_state"}}
        needed.setdefault(self.layout.value, set()).update(always[self.layout])
        if self.initialise:
            needed[self.layout.value].add("whole_layers")
        return needed

    def _many(self) -> bool:
        """Whether there are more devices than a line lists."""
        return self.layout is Layout.TOWERS and self.network.devices > 2

    def _repeats(self) -> bool:
        return any(isinstance(part, Repeat) for part in self.network.parts)

    # --- the class ------------------------------------------------------------------------------

    def _class(self) -> Iterator[str]:
        towers = self.layout is Layout.TOWERS
        yield f"class {self.class_name}(nn.Module):"
        yield from writer.docstring(self._describe(), "    ")
        yield ""
        arguments = ["self", *(f"{self.parameters[n]}: int = {v!r}" for n, v in self.free.items())]
        if towers:
            usual = "DEVICES" if self._many() else '("cuda:0", "cuda:1")'
            arguments.append(f"devices: Sequence[str | torch.device] = {usual}")
        else:
            arguments.append("group: dist.ProcessGroup | None = None")
        yield from writer.call("def __init__", arguments, "    ", tail=" -> None:")
        yield "        super().__init__()"
        yield from self._places(towers)
        yield from self.body.lines
        if self.initialise:
            yield "        self.reset_parameters()"
        if towers:
            yield "        place(self, self.devices)"
        else:
            yield from self._shared()
        yield ""
        yield from self._forward(towers)
        if self.initialise:
            yield ""
            yield from self.initialise

    def _places(self, towers: bool) -> Iterator[str]:
        count = self.network.devices
        if towers:
            yield "        self.devices = [torch.device(device) for device in devices]"
            yield f"        if len(self.devices) != {count}:"
            yield f'            raise ValueError(f"it takes {count} devices, not {{len(devices)}}")'
        else:
            yield "        tower = Tower(group)"
            yield f"        if tower.size != {count}:"
            yield f'            raise ValueError(f"it takes {count} processes, not {{tower.size}}")'
            if self.initialise:
                yield "        self.tower = tower"

    def _shared(self) -> Iterator[str]:
        given = ["self", "tower"]
        if self.body.alike:
            listed = ", ".join(f'"{name}"' for name in self.body.alike)
            given.append(f"whole=[{listed}]")
        yield from writer.call("share_state", given, " " * 8)

    def _forward(self, towers: bool) -> Iterator[str]:
        """The stages, each with what the devices hold after it: the columns of the paper."""
        x = "xs" if towers else "x"
        yield "    def forward(self, x: Tensor) -> Tensor:"
        if towers:
            yield "        xs = [x.to(self.devices[0])]"
        lines = [f"        {x} = self.{self.attributes[s.name]}({x})" for s in self.network.stages]
        width = max(map(len, lines), default=0)
        for line, stage in zip(lines, self.network.stages, strict=True):
            received = self.analysis.received(stage)
            if received:
                yield f"        # The devices receive {received:,} numbers of an image."
            yield f"{line}  # {' ' * (width - len(line))}{self._columns(stage)}"
        if towers:
            yield "        y: Tensor = xs[0]"
        yield f"        return {'y' if towers else 'x'}"

    def _columns(self, stage: Stage) -> str:
        """`128x13x13 | 128x13x13`: what each device holds after a stage."""
        output = self.analysis.shapes.flows[stage.path].output
        assert output is not None, "only networks that check are generated"
        sizes = self.body.route.after[stage.name] or (output.channels,)
        return " | ".join(str(Shape((size, *output.dims[1:]))) for size in sizes)

    def _describe(self) -> list[str]:
        count = self.network.devices
        if self.layout is Layout.TOWERS:
            where = (
                f"{count} columns, one on each device: each computes its part of every layer's "
                "channels, and they exchange them where a layer reads all. Its state_dict is that "
                "of the network on one device. Move it by `devices`, not by `to`."
            )
        else:
            where = (
                f"One of {count} columns, each in a process of its own: it computes its part of "
                "every layer's channels, and they exchange them where a layer reads all. Its "
                "state_dict is that of the network on one device, and every process must ask for "
                "it. `group` holds the processes, all of them by default."
            )
        return [*pytorch.about(self.analysis), where]

    def _reset_parameters(self) -> list[str]:
        whole = f", whole={self.body.alike!r}" if self.body.alike else ""
        given = "self" if self.layout is Layout.TOWERS else f"self, self.tower{whole}"
        layers = [f"        for name, module in whole_layers({given}):"]
        return list(reset_parameters(self.network, self.attributes, layers))
