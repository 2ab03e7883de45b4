"""What an nn.Module does with an image, layer by layer, without computing it.

A copy of the module without numbers is run on the meta device. The module itself is left as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

BATCH = 2
"""Images of the batch that is run; 1 would let many a mistake with the batch's axis pass."""

COMPILED = "_orig_mod"
"""What torch.compile calls the module in the one that it gives."""

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

Dims = tuple[int, ...]


HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)
"""What an nn.Module keeps its hooks in."""


class CannotRun(Exception):
    """A module that cannot be held against a spec, since no copy of it without numbers runs."""


class Run(NamedTuple):
    """One run of one layer. Shapes have the batch's axis; None where no tensor was seen."""

    path: str
    title: str
    """What a person calls it."""
    layer: nn.Module
    input: Dims | None
    output: Dims | None
    learned: int
    """Numbers that the layer learns."""
    fresh: int
    """Those of them that no run before has used."""

    @property
    def changes_shape(self) -> bool:
        return None not in (self.input, self.output) and self.input != self.output


class Stop(NamedTuple):
    """Where the module raised, what went in there, and what it said."""

    path: str
    input: Dims | None
    message: str
    run: Run | None
    """The layer's, if it is one that raised: a run without an output."""


class Trace(NamedTuple):
    """All runs of layers in the order in which they ended, and what else was found."""

    runs: tuple[Run, ...]
    output: Dims | None
    stop: Stop | None
    unused: dict[str, int]
    """Numbers learned that no layer which ran has, by the path of their module."""
    learned: int
    """Numbers learned in all of the module, each counted once."""


def traced(module: nn.Module, image: Dims, batch: int = BATCH) -> Trace:
    """What a module, put to evaluation, does with a batch of images CxHxW (or of F features).

    Raises CannotRun if no copy of it can be made, or if that needs the numbers that it has not.
    """
    trace = _Tracer(_without_numbers(module)).run((batch, *image))
    if trace.stop is not None and "meta" in trace.stop.message:
        raise CannotRun(
            f"{type(module).__name__} cannot be run without numbers: {trace.stop.path} raises "
            f"{trace.stop.message}. A copy is run on the meta device, where tensors have shapes "
            "and no numbers. `forward` must not look at numbers, as .item() and "
            "`if x.mean() > 0` do; tensors that it uses must be where x is: made with "
            "device=x.device, or kept by register_buffer"
        )
    return trace


def require_watchable(module: nn.Module) -> None:
    """Raises TypeError if it is no nn.Module, CannotRun if its layers cannot be watched."""
    if isinstance(module, type):
        name = module.__name__
        raise TypeError(f"verify takes a network, an instance: {name} is a class. Give {name}(…)")
    if not isinstance(module, nn.Module):
        raise TypeError(f"verify takes a network, an nn.Module, and not {type(module).__name__}")
    for inner in module.modules():
        name = type(inner).__name__
        if isinstance(inner, torch.jit.ScriptModule):
            raise CannotRun(
                f"{name} is compiled by torch.jit, whose layers cannot be watched: give the "
                "module that it was made of"
            )
        home = type(inner).__module__
        if home.startswith("torch.") and "quantized" in home.split("."):
            raise CannotRun(
                f"{name} is quantized, and has no weights to compare: give the module as it was "
                "before"
            )


def _without_numbers(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode and without hooks whose tensors are on the meta device, and
    shared where those of the module are."""
    name = type(module).__name__
    if any(map(is_lazy, (*module.parameters(), *module.buffers()))):
        raise CannotRun(f"{name} has lazy layers that have seen no image: run it on one first")
    memo: dict[int, Any] = {}
    for inner in module.modules():
        for hooks in HOOKS:
            memo[id(getattr(inner, hooks))] = OrderedDict()
        for value in vars(inner).values():
            if isinstance(value, Tensor):  # a plain attribute: no buffer, yet a part of it
                memo[id(value)] = torch.empty_like(value, device="meta")
    for parameter in module.parameters():
        empty = torch.empty_like(parameter, device="meta")
        memo[id(parameter)] = nn.Parameter(empty, requires_grad=parameter.requires_grad)
    for buffer in module.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    try:
        return deepcopy(module, memo).eval()
    except Exception as error:  # what a class of the user's raises when it is copied
        raise CannotRun(f"{name} cannot be copied, and only a copy is run: {error}") from error


def _layers(module: nn.Module, path: str, seen: set[nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """The layers of a module by path: what has no modules inside, or is torch's own and no
    container. What else learns something by itself is one too, beside those in it."""
    if module in seen:
        return
    seen.add(module)
    children = list(module.named_children())
    whole = not children or is_torchs(module)
    if whole or next(module.parameters(recurse=False), None) is not None:
        yield path, module
    if not whole:
        for name, child in children:
            yield from _layers(child, f"{path}.{name}" if path else name, seen)


def _name(path: str) -> str:
    """What a person calls the module of a path: without what torch.compile puts around it."""
    kept = [part for part in path.split(".") if part != COMPILED]
    return ".".join(kept) or "the module"


def _uncompiled(module: nn.Module) -> AbstractContextManager[None]:
    """In which what torch.compile made runs as it was written, layer by layer."""
    compiled = any(hasattr(inner, COMPILED) for inner in module.modules())
    # To ask for it loads the compiler, which takes seconds.
    return torch.compiler.set_stance("force_eager") if compiled else nullcontext()


def is_torchs(module: nn.Module) -> bool:
    """Whether it is a layer of torch's, or of a class made of one."""
    own = {cls for cls in type(module).__mro__ if cls.__module__.startswith("torch.nn.modules.")}
    return bool(own - {nn.Module}) and not isinstance(module, CONTAINERS)


class _Tracer:
    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.layers = {layer: _name(path) for path, layer in _layers(module, "", set())}
        self.paths = {inner: _name(path) for path, inner in module.named_modules()}
        self.used: set[int] = set()
        self.entered: list[tuple[nn.Module, Dims | None]] = []
        """The modules that are being run, each with its input: a stack."""
        self.runs: list[Run] = []

    def run(self, dims: Dims) -> Trace:
        for inner in self.paths:
            inner.register_forward_pre_hook(self._enter, with_kwargs=True)
            inner.register_forward_hook(self._leave)
        output, stop = None, None
        try:
            # What `forward` itself makes, such as torch.zeros(…), has no numbers either.
            with torch.no_grad(), torch.device("meta"), _uncompiled(self.module):
                output = _shape(self.module(torch.empty(dims, dtype=self._dtype())))
        except Exception as error:  # whatever a forward of the user's raises
            stop = self._stop(error)
        unused = {} if stop is not None else self._unused()
        learned = sum(parameter.numel() for parameter in self.module.parameters())
        return Trace(tuple(self.runs), output, stop, unused, learned)

    def _dtype(self) -> torch.dtype:
        of_parameters = (p.dtype for p in self.module.parameters() if p.is_floating_point())
        return next(of_parameters, torch.get_default_dtype())

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.entered.append((module, _shape((*args, *kwargs.values()))))

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        entered, x = self.entered.pop()
        while entered is not module:  # one that raised what `forward` has caught
            entered, x = self.entered.pop()
        if module in self.layers:
            self.runs.append(self._run(module, x, _shape(output)))

    def _run(self, module: nn.Module, x: Dims | None, output: Dims | None) -> Run:
        path = self.layers[module]
        inside = list(module.parameters(recurse=is_torchs(module)))
        fresh = [p for p in inside if id(p) not in self.used]
        self.used |= {id(p) for p in inside}
        counts = sum(p.numel() for p in inside), sum(p.numel() for p in fresh)
        title = f"{path} ({type(module).__name__})"
        return Run(path, title, module, x, output, *counts)

    def _stop(self, error: Exception) -> Stop:
        module, x = self.entered[-1] if self.entered else (self.module, None)
        run = self._run(module, x, None) if module in self.layers else None
        if run is not None:
            self.runs.append(run)
        first, *_ = f"{error}".splitlines() or [""]
        name = type(error).__name__
        return Stop(self.paths[module], x, f"{name}: {first}" if first else name, run)

    def _unused(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, parameter in self.module.named_parameters():
            if id(parameter) not in self.used:
                owner = _name(name.rpartition(".")[0])
                found[owner] = found.get(owner, 0) + parameter.numel()
        return found


def _shape(value: Any) -> Dims | None:
    """The shape of a tensor, or of the first one in a tuple or list."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, tuple | list):
        return next((tuple(v.shape) for v in value if isinstance(v, Tensor)), None)
    return None
