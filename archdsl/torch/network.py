"""A spec as the nn.Module that is emitted for it, with weights from a file if they are given."""

from collections.abc import Mapping
from operator import index
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

FLOATING = ("F", "BF")
"""How the names begin that safetensors has for dtypes of floating-point numbers."""

_Dims: TypeAlias = "tuple[int, ...]"


class WeightsError(Exception):
    """Weights that cannot be read or are those of another network: the message says what to do."""


def build(
    spec: Spec, /, *, weights: str | PathLike[str] | None = None, **parameters: Quantity
) -> nn.Module:
    """The network of a spec: an instance of exactly the module that `archdsl emit` writes.

    `parameters` override the arch's own. `weights` is a .safetensors file with the tensors of the
    module's state_dict under their names there, such as a run's weights.safetensors; without it
    the weights are initial ones, as `init` says. Under torch.device("meta") a network with weights
    from a file has these, on the CPU.

    Raises:
        SpecError: no network can be had, or it does not check.
        WeightsError: the weights cannot be read, or do not fit.
        TypeError: `spec` or `weights` is nothing that names one.
    """
    if weights is not None and not isinstance(weights, str | PathLike):
        raise TypeError(f"weights is the name of a .safetensors file, not {_kind(weights)}")
    arch = loaded(spec, parameters)
    require_checked(arch)
    network = _instance(arch)
    if weights is not None:
        path = Path(weights)
        tensors = _tensors(path, network, arch)
        # What is on the meta device takes no numbers: the file's tensors take its place.
        empty = torch.get_default_device().type == "meta"
        network.load_state_dict(tensors, assign=empty)
    return network


def loaded(spec: Spec, parameters: Mapping[str, Quantity]) -> Arch:
    """The network that a spec means, with `parameters` overridden.

    Raises SpecError, and TypeError if it is nothing that means one.
    """
    if not isinstance(spec, str | PathLike | Arch):
        raise TypeError(
            "a spec is the name of a .arch file, FILE.arch:Name, or what archdsl.load gives, "
            f"not {_kind(spec)}"
        )
    parameters = {name: _number(value) for name, value in parameters.items()}
    if isinstance(spec, Arch):
        if not parameters:
            return spec
        network = spec.network
        kept = {name: network.parameters[name] for name in network.overridden}
        return load(network.source.name, arch=spec.name, parameters={**kept, **parameters})
    path, name = files.target(fspath(spec))
    return load(path, arch=name, parameters=parameters)


def _number(value: Quantity) -> Quantity:
    """Whole numbers of any kind, such as numpy's, as Python's; the rest as it is."""
    if isinstance(value, tuple):
        return tuple(each if isinstance(each, float) else _whole(each) for each in value)
    return value if isinstance(value, float) else _whole(value)


def _whole(value: int) -> int:
    return index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else value


def _kind(value: object) -> str:
    return f"a class, {value.__name__}" if isinstance(value, type) else f"{value!r}"


def _instance(arch: Arch) -> nn.Module:
    made = module(arch.analysis, probes(arch.analysis))
    home = imported(made.text, f"archdsl emit {arch.network.source.name}:{arch.name}")
    return cast(nn.Module, getattr(home, made.class_name)())


# --- weights ----------------------------------------------------------------------------------


def _tensors(path: Path, network: nn.Module, arch: Arch) -> dict[str, torch.Tensor]:
    """The tensors of a file that are those of the network, in its dtypes. Raises WeightsError."""
    held, kinds = _held(path)
    state = network.state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
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
    for name, tensor in state.items():
        if tensor.is_floating_point() and not kinds[name].startswith(FLOATING):
            raise WeightsError(
                f"{path}: {name} is {kinds[name]} in the file, and is to be of floating-point "
                f"numbers ({tensor.dtype}): write it as such, by .float()"
            )
    # Tensors of files are on the CPU, whatever the default is.
    return {name: tensor.to(state[name].dtype) for name, tensor in load_file(path).items()}


def _held(path: Path) -> tuple[dict[str, _Dims], dict[str, str]]:
    """The shapes and dtypes (`F32`) that a .safetensors file holds, by name.

    Raises WeightsError.
    """
    if path.is_dir():
        raise WeightsError(
            f"{path} is a folder: name the file, such as a run's {path / 'weights.safetensors'}"
        )
    try:
        with safe_open(path, framework="pt") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            shapes = {name: tuple(part.get_shape()) for name, part in parts.items()}
            return shapes, {name: part.get_dtype() for name, part in parts.items()}
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        if _begins(path):
            raise WeightsError(
                f"{path} is cut off or damaged ({error}): copy or write it anew"
            ) from error
        raise WeightsError(
            f"{path} is no safetensors file ({error}). What torch.save wrote of a state_dict is "
            "written anew by safetensors.torch.save_file(torch.load(FILE, weights_only=True), …)"
        ) from error


def _begins(path: Path) -> bool:
    """Whether a file begins as safetensors files do, by 8 bytes of a length and a JSON object.

    What is shorter may have been to be one.
    """
    with path.open("rb") as file:
        return file.read(9)[8:] in (b"", b"{")


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
