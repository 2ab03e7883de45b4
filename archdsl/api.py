"""The Python API: a spec as an object with its figures. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from archdsl.analysis import Analysis, Costs, Verdict
from archdsl.compiler import Compilation, compile_file
from archdsl.diagnostics import Diagnostic, Findings, Severity
from archdsl.diagnostics.render import text
from archdsl.diagnostics.suggest import did_you_mean
from archdsl.network import Network
from archdsl.shape import Shape
from archdsl.source import Source
from archdsl.styled import plain
from archdsl.words.arithmetic import Quantity
from archdsl.words.recipe import Recipe


class SpecError(Exception):
    """A spec from which no network can be had, or not the one asked for.

    `diagnostics` are the findings; the message is what `archdsl check` prints of them.
    """

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


class CheckResult(NamedTuple):
    """What `archdsl check` finds: `ok` if there is no error, the findings, the claims' verdicts."""

    ok: bool
    diagnostics: tuple[Diagnostic, ...]
    claims: tuple[Verdict, ...]

    def __str__(self) -> str:
        return rendered(self.diagnostics)


@dataclass(frozen=True)
class Arch:
    """A network with everything that is known of it. Figures are None where a shape is unknown."""

    analysis: Analysis
    diagnostics: tuple[Diagnostic, ...]

    def __repr__(self) -> str:
        return f"<Arch {self.name} of {self.network.source.name}>"

    @property
    def network(self) -> Network:
        return self.analysis.network

    @property
    def name(self) -> str:
        return self.network.name

    @property
    def costs(self) -> Costs | None:
        """All figures of the whole network."""
        return self.analysis.costs

    @property
    def params(self) -> int | None:
        """Numbers learned: weights, biases, and what normalisation and prelu learn."""
        return self.costs.params if self.costs else None

    @property
    def weights(self) -> int | None:
        """Weights of convolutions and linear layers, biases not counted."""
        return self.costs.weights if self.costs else None

    @property
    def macs(self) -> int | None:
        """Multiply–accumulates per image of convolutions and linear layers."""
        return self.costs.macs if self.costs else None

    @property
    def activations(self) -> int | None:
        """Numbers per image: the input and the output of every layer that computes."""
        return self.costs.activations if self.costs else None

    @property
    def output(self) -> Shape | None:
        """The output's shape: F for a vector, CxHxW for a map."""
        return self.analysis.output

    def shape(self, path: str) -> Shape | None:
        """The output shape of a stage (`conv1`), a layer (`conv1.relu`) or another part, such as
        a branch (`mix.concat.2`). Raises KeyError."""
        flows = self.analysis.shapes.flows
        if path not in flows:
            help = " ".join(did_you_mean(path, flows))
            raise KeyError(f"{self.name} has no {path!r}: {help}")
        return flows[path].output

    def recipe(self, lines: Iterable[str | Source] = ()) -> Recipe | None:
        """How it is trained; None where the spec does not say.

        `lines` are said anew: `batch 32` or `schedule cosine` as in a `train` block, or
        `set optimizer lr=0.1` to change one argument. Raises SpecError where one is wrong, or the
        network does not check.
        """
        said = [line if isinstance(line, Source) else Source("recipe", line) for line in lines]
        network = self.network
        if not said:
            return network.recipe
        from archdsl.lower.restate import restated

        require_checked(self)
        findings = Findings()
        found = restated(
            network.definition,
            {name: network.parameters[name] for name in network.overridden},
            {stage.name for stage in network.stages},
            said,
            findings,
        )
        if found is None:
            raise SpecError(rendered(tuple(findings)), tuple(findings))
        return found

    def check(self) -> CheckResult:
        """The findings about this network's file, and the verdicts on this network's claims."""
        ok = all(d.severity is not Severity.ERROR for d in self.diagnostics)
        return CheckResult(ok, self.diagnostics, self.analysis.verdicts)

    def pytorch(self) -> str:
        """A standalone PyTorch module as text. Raises SpecError if the network does not check."""
        from archdsl.codegen.probes import probes
        from archdsl.codegen.pytorch import module

        require_checked(self)
        return module(self.analysis, probes(self.analysis)).text


def load(
    path: str | PathLike[str],
    *,
    arch: str | None = None,
    parameters: Mapping[str, Quantity] | None = None,
) -> Arch:
    """The network of a .arch file; the one named `arch` where the file has several.

    `parameters` override the arch's own. Raises SpecError where no network can be read. A network
    with wrong shapes or claims loads: `check()` says what is wrong with it.
    """
    for name, value in (parameters or {}).items():
        sizes = value if isinstance(value, tuple) else (value,)
        if any(isinstance(size, bool) or not isinstance(size, int | float) for size in sizes):
            raise SpecError(f"parameters: {name} must be a number, not {value!r}")
    chosen = select(compile_file(Path(path), parameters, arch), str(path), arch)
    unknown = set(parameters or ()) - set(chosen.network.parameters)
    if unknown:
        known = ", ".join(chosen.network.parameters) or "none"
        raise SpecError(f"{path} has no parameter '{min(unknown)}'. It has: {known}.")
    return chosen


def select(compilation: Compilation, name: str, arch: str | None) -> Arch:
    """One arch of a compiled file. Raises SpecError."""
    if arch is not None:
        require_arch(compilation, name, arch)
    if not compilation.archs and not compilation.diagnostics:
        raise SpecError(f"{name} has no network: it defines blocks and lets for other files to use")
    if not compilation.archs:
        raise SpecError(rendered(compilation.diagnostics), compilation.diagnostics)
    if len(compilation.archs) > 1:
        names = ", ".join(analysis.network.name for analysis in compilation.archs)
        first = compilation.archs[0].network.name
        raise SpecError(f"{name} has several networks: {names}. Name one of them: {name}:{first}")
    return Arch(compilation.archs[0], compilation.diagnostics)


def require_arch(compilation: Compilation, name: str, arch: str) -> None:
    """Raises SpecError if a file that could be read neither has nor uses an arch of that name."""
    if compilation.module is not None:
        known = compilation.module.visible.archs
        if arch not in known:
            listed = ", ".join(known) or "none"
            raise SpecError(f"{name} has no network '{arch}'. It has: {listed}.")


def require_checked(arch: Arch) -> None:
    """Raises SpecError if the network's file has errors."""
    if not (result := arch.check()).ok:
        raise SpecError(str(result), arch.diagnostics)


def rendered(diagnostics: tuple[Diagnostic, ...]) -> str:
    """The findings as plain text."""
    return "\n".join(plain(line) for finding in diagnostics for line in text(finding))
