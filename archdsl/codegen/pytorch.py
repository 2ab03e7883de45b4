"""A network to a PyTorch module, as a careful person would write it by hand.

Nothing of a spec becomes code except through `names` (identifiers), `repr` (numbers) and
`writer.prose` (the docstring).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePath
from typing import TypeAlias

from archdsl.analysis import Analysis
from archdsl.codegen import names, writer
from archdsl.network import Layer, Network, Stage
from archdsl.shape import Argument, Call, Shape
from archdsl.words.declaration import Initial, Kaiming, Normal, Uniform, Xavier

Symbols: TypeAlias = "dict[tuple[str, int, int], str]"
"""Which argument of which call of which layer (by path) is a parameter of `__init__`."""

_STAGE = '''def stage(**layers: nn.Module) -> nn.Sequential:
    """The layers one after the other, under their names."""
    return nn.Sequential(OrderedDict(layers))
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
        self.calls = calls(analysis)
        self.free: dict[str, int] = {}
        self.symbols: Symbols = {}
        for name, others in probes.items():
            found = _uses(name, analysis, others)
            default = self.network.parameters[name]
            if found and isinstance(default, int):
                self.free[name] = default
                self.symbols |= found
        stems = sorted({c.helper for cs in self.calls.values() for c in cs if c.helper})
        self.helpers = [_Helper(stem) for stem in stems]
        helpers = frozenset(name for helper in self.helpers for name in helper.names)
        self.class_name = names.class_name(self.network.name, helpers)
        self.parameters = names.parameters(self.free, helpers)
        self.stages = names.attributes(stage.name for stage in self.network.stages)

    def module(self) -> Module:
        blocks = [
            self.imports(),
            *(helper.body for helper in self.helpers),
            _STAGE.rstrip(),
            "\n".join(self.network_class()),
        ]
        header = "\n".join(writer.docstring([f"{self.class_name} in PyTorch.", _origin(self)], ""))
        first, *rest = blocks
        text = "\n\n\n".join([f"{header}\n\n{first}", *rest]) + "\n"
        return Module(text, self.class_name)

    def imports(self) -> str:
        plain: set[str] = set()
        of: dict[str, set[str]] = {"collections": {"OrderedDict"}, "torch": {"Tensor", "nn"}}
        for helper in self.helpers:
            plain |= helper.imports
            for source, imported in helper.from_imports.items():
                of.setdefault(source, set()).update(imported)
        lines = [(f"import {name}", name) for name in plain] + [
            (f"from {source} import {', '.join(sorted(imported))}", source)
            for source, imported in of.items()
        ]

        def group(third_party: bool) -> list[str]:
            chosen = [pair for pair in lines if pair[1].startswith("torch") == third_party]
            return [text for text, _ in sorted(chosen, key=lambda p: (p[0][0] == "f", p[1]))]

        return "\n\n".join("\n".join(group(third_party)) for third_party in (False, True))

    def network_class(self) -> Iterator[str]:
        yield f"class {self.class_name}(nn.Module):"
        yield from writer.docstring(_describe(self), "    ")
        yield ""
        parameters = [f"{self.parameters[n]}: int = {v!r}" for n, v in self.free.items()]
        yield from writer.call("def __init__", ["self", *parameters], "    ", tail=" -> None:")
        yield "        super().__init__()"
        for stage in self.network.stages:
            yield from self.stage(stage)
        initialise = list(_initialisation(self.network, self.stages))
        if initialise:
            yield "        self.reset_parameters()"
        yield ""
        yield "    def forward(self, x: Tensor) -> Tensor:"
        for stage in self.network.stages:
            yield f"        x = self.{self.stages[stage.name]}(x)"
        yield "        return x"
        if initialise:
            yield ""
            yield from initialise

    def stage(self, stage: Stage) -> Iterator[str]:
        yield f"        self.{self.stages[stage.name]} = stage("
        layers = names.attributes(layer.name for layer in stage.layers)
        taken = set(layers.values())
        for layer in stage.layers:
            flow = self.analysis.flow(layer)
            *before, last = enumerate(self.calls[layer.path])
            for index, call in before:
                plain = _auxiliary(call)
                name = f"{layer.name}_{plain}" if plain in taken else plain
                taken.add(name)
                yield from self.layer(layer, name, index, call, "")
            shown = flow.output != flow.input or layer.op.weighted
            comment = str(flow.output) if shown else ""
            yield from self.layer(layer, layers[layer.name], *last, comment)
        yield "        )"

    def layer(self, layer: Layer, name: str, index: int, call: Call, comment: str) -> Iterator[str]:
        arguments = [
            self.argument(layer, index, position, key, value)
            for position, (key, value) in enumerate(_arguments(call))
        ]
        head = f"{name}={call.target}"
        yield from writer.call(head, arguments, " " * 12, tail=",", comment=comment)

    def argument(
        self, layer: Layer, index: int, position: int, key: str | None, value: Argument
    ) -> str:
        symbol = self.symbols.get((layer.path, index, position))
        text = self.parameters[symbol] if symbol else _literal(value)
        return f"{key}={text}" if key else text


def calls(analysis: Analysis) -> dict[str, tuple[Call, ...]]:
    """The constructor calls of every layer, by path, computed on one device.

    LRN across channels keeps each device's channels apart, as on several devices.
    """
    found: dict[str, tuple[Call, ...]] = {}
    for layer in analysis.network.layers:
        x = analysis.flow(layer).input
        assert x is not None, "only networks that check are generated"
        split = analysis.places[layer.path].split_input
        found[layer.path] = layer.op.torch(x, analysis.network.devices if split else 1)
    return found


# --- parameters -------------------------------------------------------------------------------


def _uses(name: str, analysis: Analysis, others: Sequence[Analysis]) -> Symbols:
    """Where a parameter stands in the calls as itself; nothing if it changes anything else."""
    versions = [analysis, *others]
    values = [version.network.parameters[name] for version in versions]
    all_calls = [calls(version) for version in versions]
    symbols: Symbols = {}
    for path in all_calls[0]:
        per_version = [found.get(path, ()) for found in all_calls]
        if (
            len({tuple((c.target, len(c.args), len(c.kwargs)) for c in cs) for cs in per_version})
            > 1
        ):
            return {}
        for index, same_call in enumerate(zip(*per_version, strict=True)):
            listed = [_arguments(call) for call in same_call]
            for position, same_argument in enumerate(zip(*listed, strict=True)):
                if [value for _, value in same_argument] == values:
                    symbols[path, index, position] = name
                elif len({(type(value), value) for _, value in same_argument}) > 1:
                    return {}
    return symbols


def _arguments(call: Call) -> list[tuple[str | None, Argument]]:
    return [*((None, value) for value in call.args), *call.kwargs]


def _literal(value: Argument) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))})"
    if not isinstance(value, int | float | bool):
        raise TypeError(f"{value!r} is no number")
    return repr(value)


def _auxiliary(call: Call) -> str:
    """The name of a module that stands before a layer's own: `flatten`, `zeropad2d`."""
    return call.target.removeprefix("nn.").lower()


# --- docstrings -------------------------------------------------------------------------------


def _describe(file: _File) -> list[str]:
    analysis, network = file.analysis, file.network
    costs = analysis.costs
    assert costs is not None
    output: Shape | None = (
        analysis.shapes.output_of(network.stages[-1]) if network.stages else network.input
    )
    assert output is not None
    result = f"{output} logits" if not output.is_map else str(output)
    figures = (
        f"Input {network.input}, output {result}; {costs.params:,} parameters, {costs.macs:,} MACs."
    )
    title = network.title or f"{network.name}."
    devices = (
        f"Divided over {network.devices} devices where it was designed; "
        "this module computes the same numbers on one."
        if network.devices > 1
        else ""
    )
    return [title, figures, devices]


def _origin(file: _File) -> str:
    return f"Generated by archdsl from {PurePath(file.network.source.name).name}."


# --- initial weights --------------------------------------------------------------------------


def _initialisation(network: Network, attributes: Mapping[str, str]) -> Iterator[str]:
    """`reset_parameters`, as the `init` lines say; nothing if there are none."""
    weights, biases = initial_values(network)
    if not weights and not biases:
        return
    weighted = [s.name for s in network.stages if any(layer.op.weighted for layer in s.layers)]
    yield "    def reset_parameters(self) -> None:"
    yield '        """Initial weights and biases; what is not named keeps PyTorch\'s default."""'
    yield "        for name, module in self.named_modules():"
    yield "            if not isinstance(module, nn.Conv2d | nn.Linear):"
    yield "                continue"
    indent = " " * 12
    weight_groups, bias_groups = _grouped(weights), _grouped(biases)
    if any(len(stages) < len(weighted) for _, stages in [*weight_groups, *bias_groups]):
        yield f'{indent}stage_name = name.partition(".")[0]'
    calls = [
        (_initial_call(distribution), [attributes[stage] for stage in stages])
        for distribution, stages in weight_groups
    ]
    yield from _by_stage(calls, len(weighted), indent)
    if bias_groups:
        yield f"{indent}if module.bias is not None:"
        calls = [
            (_constant(value), [attributes[stage] for stage in stages])
            for value, stages in bias_groups
        ]
        yield from _by_stage(calls, len(weighted), indent + "    ")


def _by_stage(
    statements: Sequence[tuple[str, Sequence[str]]], weighted: int, indent: str
) -> Iterator[str]:
    """Each statement under the condition that the stage is one of those it is for."""
    keyword = "if"
    left = weighted
    for statement, stages in statements:
        if len(stages) == weighted:
            yield f"{indent}{statement}"
            return
        if len(stages) == left:
            yield f"{indent}else:"
        else:
            quoted = [f'"{stage}"' for stage in stages]
            if len(quoted) == 1:
                yield f"{indent}{keyword} stage_name == {quoted[0]}:"
            else:
                yield from writer.listing(f"{keyword} stage_name in ", quoted, indent, ":")
        yield f"{indent}    {statement}"
        keyword = "elif"
        left -= len(stages)


def _constant(value: object) -> str:
    match value:
        case 0.0:
            return "nn.init.zeros_(module.bias)"
        case 1.0:
            return "nn.init.ones_(module.bias)"
    return f"nn.init.constant_(module.bias, {value!r})"


def initial_values(network: Network) -> tuple[dict[str, Initial], dict[str, float]]:
    """The distribution of weights and the value of biases by stage; later `init` lines win."""
    weights: dict[str, Initial] = {}
    biases: dict[str, float] = {}
    for init in network.inits:
        word = init.word
        for stage in network.stages:
            if word.stages and stage.name not in word.stages:
                continue
            if not any(layer.op.weighted for layer in stage.layers):
                continue
            if word.weights is not None:
                weights[stage.name] = word.weights
            if word.bias is not None:
                biases[stage.name] = float(word.bias)
    return weights, biases


def _grouped(values: Mapping[str, object]) -> list[tuple[object, list[str]]]:
    groups: list[tuple[object, list[str]]] = []
    for stage, value in values.items():
        group = next((stages for known, stages in groups if known == value), None)
        if group is None:
            groups.append((value, [stage]))
        else:
            group.append(stage)
    return sorted(groups, key=lambda group: len(group[1]))  # the largest goes into the `else`


def _initial_call(distribution: object) -> str:
    match distribution:
        case Normal(mean=mean, std=std):
            return f"nn.init.normal_(module.weight, mean={mean!r}, std={std!r})"
        case Uniform(low=low, high=high):
            return f"nn.init.uniform_(module.weight, a={low!r}, b={high!r})"
        case Xavier():
            return "nn.init.xavier_uniform_(module.weight)"
        case Kaiming():
            return 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")'
    raise TypeError(f"{distribution!r} is no distribution")


# --- helpers ----------------------------------------------------------------------------------


class _Helper:
    """A file of runtime/, read as text: what it imports, and the rest."""

    def __init__(self, stem: str) -> None:
        text = files("archdsl.runtime").joinpath(f"{stem}.py").read_text(encoding="utf-8")
        self.imports: set[str] = set()
        self.from_imports: dict[str, set[str]] = {}
        self.names: set[str] = set()
        end = 0
        for node in ast.parse(text).body:
            match node:
                case ast.Import(names=aliases):
                    self.imports |= {_alias(alias) for alias in aliases}
                    self.names |= {alias.asname or alias.name for alias in aliases}
                case ast.ImportFrom(module=str(source), names=aliases):
                    if source != "__future__":
                        imported = {_alias(alias) for alias in aliases}
                        self.from_imports.setdefault(source, set()).update(imported)
                        self.names |= {alias.asname or alias.name for alias in aliases}
                case ast.Expr():
                    pass  # the file's docstring
                case _:
                    if isinstance(node, ast.ClassDef | ast.FunctionDef):
                        self.names.add(node.name)
                    continue
            end = node.end_lineno or end
        self.body = "\n".join(text.splitlines()[end:]).strip()


def _alias(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name
