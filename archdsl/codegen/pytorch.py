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

from archdsl.analysis import Analysis
from archdsl.codegen import names, writer
from archdsl.codegen.calls import Symbols, calls, symbols
from archdsl.codegen.constructor import Constructor
from archdsl.codegen.initial import reset_parameters
from archdsl.network import Network, Repeat

_STAGE = '''def stage(**layers: nn.Module) -> nn.Sequential:
    """The layers one after the other, under their names."""
    return nn.Sequential(OrderedDict(layers))
'''

_REPEAT = '''def repeat(*iterations: nn.Module) -> nn.Sequential:
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
        self.free: dict[str, int] = {}
        free_symbols: Symbols = {}
        for name, others in probes.items():
            found = symbols(name, analysis, others)
            default = self.network.parameters[name]
            if found and isinstance(default, int):
                self.free[name] = default
                free_symbols |= found
        made = calls(analysis)
        stems = sorted({call.helper for group in made.values() for call in group if call.helper})
        self.helpers = [_Helper(stem) for stem in stems]
        helpers = frozenset(name for helper in self.helpers for name in helper.names)
        self.class_name = names.class_name(self.network.name, helpers)
        self.parameters = names.parameters(self.free, helpers)
        self.stages = names.attributes(stage.name for stage in self.network.stages)
        self.constructor = Constructor(
            analysis, made, self.stages, free_symbols, self.parameters, helpers
        )

    def module(self) -> Module:
        blocks = [
            self.imports(),
            *(helper.body for helper in self.helpers),
            _STAGE.rstrip(),
            *([_REPEAT.rstrip()] if self.repeats() else []),
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

    def repeats(self) -> bool:
        return any(isinstance(part, Repeat) for part in self.network.parts)

    def network_class(self) -> Iterator[str]:
        yield f"class {self.class_name}(nn.Module):"
        yield from writer.docstring(_describe(self), "    ")
        yield ""
        parameters = [f"{self.parameters[n]}: int = {v!r}" for n, v in self.free.items()]
        yield from writer.call("def __init__", ["self", *parameters], "    ", tail=" -> None:")
        yield "        super().__init__()"
        yield from self.constructor.statements()
        initialise = list(reset_parameters(self.network, self.stages))
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


# --- docstrings -------------------------------------------------------------------------------


def _describe(file: _File) -> list[str]:
    analysis, network = file.analysis, file.network
    costs = analysis.costs
    assert costs is not None
    output = analysis.output
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
