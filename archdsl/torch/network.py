"""A spec as the nn.Module that is emitted for it, with weights from a file if they are given."""

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from archdsl import files
from archdsl.api import Arch, SpecError, load, require_checked
from archdsl.codegen.probes import probes
from archdsl.codegen.pytorch import module
from archdsl.torch.generated import imported
from archdsl.words.arithmetic import Quantity

Spec: TypeAlias = str | PathLike[str] | Arch
"""A .arch file, FILE.arch:Name, or what archdsl.load gives."""

MAX_NAMED = 4
"""Tensors that a message about weights names."""

_Dims: TypeAlias = "tuple[int, ...]"


class WeightsError(Exception):
    """Weights that cannot be read or are those of another network: the message says what to do."""


def build(
    spec: Spec, /, *, weights: str | PathLike[str] | None = None, **parameters: Quantity
) -> nn.Module:
    """The network of a spec: an instance of exactly the module that `archdsl emit` writes.

    `parameters` override the arch's own. `weights` is a .safetensors file with the tensors of the
    module's state_dict under their names there, such as a run's weights.safetensors; without it
    the weights are initial ones, as `init` says.

    Raises:
        SpecError: no network can be had, or it does not check.
        WeightsError: the weights cannot be read, or do not fit.
    """
    arch = loaded(spec, parameters)
    require_checked(arch)
    network = _instance(arch)
    if weights is not None:
        path = Path(weights)
        network.load_state_dict(_tensors(path, network, arch))
    return network


def loaded(spec: Spec, parameters: Mapping[str, Quantity]) -> Arch:
    """The network that a spec means, with `parameters` overridden. Raises SpecError."""
    if isinstance(spec, Arch):
        if not parameters:
            return spec
        network = spec.network
        kept = {name: network.parameters[name] for name in network.overridden}
        return load(network.source.name, arch=spec.name, parameters={**kept, **parameters})
    path, name = files.target(fspath(spec))
    return load(path, arch=name, parameters=parameters)


def _instance(arch: Arch) -> nn.Module:
    made = module(arch.analysis, probes(arch.analysis))
    home = imported(made.text, f"archdsl emit {arch.network.source.name}:{arch.name}")
    return cast(nn.Module, getattr(home, made.class_name)())


# --- weights ----------------------------------------------------------------------------------


def _tensors(path: Path, network: nn.Module, arch: Arch) -> dict[str, torch.Tensor]:
    """The tensors of a file that are those of the network. Raises WeightsError."""
    held = _shapes(path)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if held.keys() != wanted.keys():
        raise WeightsError(_other_names(path, arch, held, wanted))
    wrong = [name for name, dims in wanted.items() if held[name] != dims]
    if wrong:
        shown = "; ".join(
            f"{name} is {_text(held[name])} in the file and {_text(wanted[name])} in the network"
            for name in wrong[:MAX_NAMED]
        )
        raise WeightsError(
            f"{path}: {shown}{_more(wrong)}. {_remedy(arch, held, wanted[wrong[0]], wrong[0])}"
        )
    return load_file(path)


def _shapes(path: Path) -> dict[str, _Dims]:
    """The shapes that a .safetensors file holds, by name. Raises WeightsError."""
    if path.is_dir():
        raise WeightsError(
            f"{path} is a folder: name the file, such as a run's {path / 'weights.safetensors'}"
        )
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is no safetensors file ({error}). What torch.save wrote of a state_dict is "
            "written anew by safetensors.torch.save_file(torch.load(FILE, weights_only=True), …)"
        ) from error


def _other_names(
    path: Path, arch: Arch, held: Mapping[str, _Dims], wanted: Mapping[str, _Dims]
) -> str:
    missing = [name for name in wanted if name not in held]
    surplus = [name for name in held if name not in wanted]
    said = [
        f"{what} {', '.join(found[:MAX_NAMED])}{_more(found)}"
        for what, found in (("has no", missing), ("has, and the network has not,", surplus))
        if found
    ]
    return (
        f"{path} holds the weights of another network than {arch.name}: it {'; it '.join(said)}. "
        "Names are those of the emitted module's state_dict: use the spec that these weights were "
        "trained with, such as the one in the run's folder"
    )


def _remedy(arch: Arch, held: Mapping[str, _Dims], wanted: _Dims, name: str) -> str:
    """The value of a parameter at which all weights fit; else where to look."""
    differing = zip(held[name], wanted, strict=False)
    for found, expected in differing:
        for parameter, value in arch.network.parameters.items():
            if found != expected and value == expected and _fits(arch, parameter, found, held):
                return f"They fit with {parameter}={found}"
    return "Use the spec, and the values of its parameters, that these weights were trained with"


def _fits(arch: Arch, parameter: str, value: int, held: Mapping[str, _Dims]) -> bool:
    """Whether the network with another value of one parameter has the shapes of the file."""
    try:
        other = loaded(arch, {parameter: value})
        require_checked(other)
    except SpecError:
        return False
    with torch.device("meta"):
        tensors: Mapping[str, Any] = _instance(other).state_dict()
    return held == {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _more(names: list[str]) -> str:
    rest = len(names) - MAX_NAMED
    return f" and {rest} more" if rest > 0 else ""


def _text(dims: _Dims) -> str:
    return "x".join(map(str, dims)) or "one number"
