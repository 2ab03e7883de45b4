"""A network to a PyTorch module, as a careful person would write it by hand.

Nothing of a spec becomes code except through `names` (identifiers), `repr` (numbers) and
`writer.prose` (the docstring).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from archdsl.analysis import Analysis
from archdsl.codegen import joins, names, writer
from archdsl.codegen.calls import calls, free
from archdsl.codegen.constructor import Constructor
from archdsl.codegen.definitions import Definitions
from archdsl.codegen.helpers import Helpers
from archdsl.codegen.initial import reset_parameters
from archdsl.codegen.parts import Import
from archdsl.codegen.sketch import Sketcher
from archdsl.network import Branches, Layer, Network

STAGE = '''def stage(**layers: nn.Module) -> nn.Sequential:
    """The layers one after the other, under their names."""
    return nn.Sequential(OrderedDict(layers))
'''

_REPEAT = '''def repeat(iterations: Iterable[nn.Module]) -> nn.Sequential:
    """The iterations one after the other, under their numbers from 1."""
    return stage(**{str(number): body for number, body in enumerate(iterations, 1)})
'''


@dataclass(frozen=True, slots=True)
class Module:
    """The text of a generated file, and the name of the network's class in it."""

    text: str
    class_name: str


def module(analysis: Analysis, probes: Mapping[str, Sequence[Analysis]]) -> Module:
    """The file for a network that checks.

    `probes` holds, for each parameter of the arch, the network at other values of it. A parameter
    that shows up as itself in the constructor calls, and changes nothing else, becomes an
    argument of `__init__`; the others are written as numbers.
    """
    return _File(analysis, probes).module()


class _File:
    def __init__(self, analysis: Analysis, probes: Mapping[str, Sequence[Analysis]]) -> None:
        self.analysis = analysis
        self.network: Network = analysis.network
        found = free(analysis, probes)
        self.free = {name: self.network.parameters[name] for name in found}
        symbols = {at: name for name, places in found.items() for at in places}
        made = calls(analysis)
        self.stages = Sketcher(analysis, made, symbols).stages()
        joined = [
            (call, len(layer.branches))
            for layer in self.network.layers
            if isinstance(layer, Branches)
            for call in made[layer.path]
        ]
        self.written = {call for call, count in joined if joins.is_written(call, count)}
        modules = {call for call, count in joined if not joins.is_written(call, count)}
        plain = (
            call
            for layer in self.network.layers
            if not isinstance(layer, Branches)
            for call in made[layer.path]
        )
        taken = {call.helper: {call.target} for call in (*modules, *plain) if call.helper}
        self.helpers = Helpers(dict(sorted(taken.items())))
        self.class_name = names.class_name(self.network.name, self.helpers.names)
        definitions = Definitions(self.stages, {*self.helpers.names, self.class_name})
        file_names = self.helpers.names | {definition.name for definition in definitions}
        self.parameters = names.parameters(self.free, file_names)
        self.attributes = names.attributes(stage.name for stage in self.network.stages)
        self.constructor = Constructor(definitions, file_names)

    def module(self) -> Module:
        own = [*self.constructor.texts(), "\n".join(self.network_class())]
        repeats = any(_calls("repeat", text) for text in own)
        stages = repeats or any(_calls("stage", text) for text in own)
        blocks = [
            self.imports(stages, repeats),
            *self.helpers.texts,
            *([STAGE.rstrip()] if stages else []),
            *([_REPEAT.rstrip()] if repeats else []),
            *own,
        ]
        about = [f"{self.class_name} in PyTorch.", origin(self.network)]
        header = "\n".join(writer.docstring(about, ""))
        first, *rest = blocks
        text = "\n\n\n".join([f"{header}\n\n{first}", *rest]) + "\n"
        return Module(text, self.class_name)

    def imports(self, stages: bool, repeats: bool) -> str:
        own = [Import("torch", "Tensor"), Import("torch", "nn")]
        if stages:
            own.append(Import("collections", "OrderedDict"))
        if repeats:
            own.append(Import("collections.abc", "Iterable"))
        if any(map(joins.needs_torch, self.written)):
            own.append(Import("torch"))
        return self.helpers.imports(own)

    def network_class(self) -> Iterator[str]:
        yield f"class {self.class_name}(nn.Module):"
        yield from writer.docstring(_describe(self), "    ")
        yield ""
        parameters = [f"{self.parameters[n]}: int = {v!r}" for n, v in self.free.items()]
        yield from writer.call("def __init__", ["self", *parameters], "    ", tail=" -> None:")
        yield "        super().__init__()"
        attributes = [self.attributes[stage.name] for stage in self.network.stages]
        yield from self.constructor.stages(self.stages, attributes, self.parameters)
        initialise = list(reset_parameters(self.network, self.attributes))
        if initialise:
            yield "        self.reset_parameters()"
        yield ""
        yield "    def forward(self, x: Tensor) -> Tensor:"
        for stage in self.network.stages:
            yield f"        x = self.{self.attributes[stage.name]}(x)"
        yield "        return x"
        if initialise:
            yield ""
            yield from initialise


def _calls(function: str, text: str) -> bool:
    return re.search(rf"(?<![.\w]){function}\(", text) is not None


# --- docstrings -------------------------------------------------------------------------------


def _describe(file: _File) -> list[str]:
    network = file.network
    devices = (
        f"Divided over {network.devices} devices where it was designed; "
        "this module computes the same numbers on one."
        if network.devices > 1
        else ""
    )
    return [*about(file.analysis), devices, _stored(network)]


def about(analysis: Analysis) -> tuple[str, str]:
    """What a module is of, and its figures."""
    network, costs, output = analysis.network, analysis.costs, analysis.output
    assert costs is not None and output is not None
    result = f"{output} logits" if not output.is_map else str(output)
    figures = (
        f"Input {network.input}, output {result}; {costs.params:,} parameters, {costs.macs:,} MACs."
    )
    return network.title or f"{network.name}.", figures


def _stored(network: Network) -> str:
    """How weights are called that are in branches or repetitions, by an example."""
    numbered = [layer.path for layer in network.layers if layer.op.weighted and _numbered(layer)]
    if not numbered:
        return ""
    example = max(numbered, key=lambda path: path.count("."))
    return f"Branches and repetitions are numbered in the names of weights: {example}.weight."


def _numbered(layer: Layer) -> bool:
    """Whether a layer's path has numbers, and is otherwise as it is in the module."""
    parts = layer.path.split(".")
    words = [part for part in parts if not part.isdecimal()]
    return len(words) < len(parts) and all(names.attributes([word])[word] == word for word in words)


def origin(network: Network) -> str:
    """What a generated text says of where it came from; parameters that were set with it."""
    given = [f"{name}={network.parameters[name]}" for name in sorted(network.overridden)]
    told = f" with {', '.join(given)}" if given else ""
    return f"Generated by archdsl from {PurePath(network.source.name).name}{told}."
