"""Names in generated code: a spec's own, but for those that Python or torch have taken."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection, Iterable

MODULE_NAMES = frozenset(
    """
    T_destination add_module append apply bfloat16 bind buffers call_super_init children compile
    cpu cuda double dump_patches eval extend extra_repr float forward get_buffer get_extra_state
    get_parameter get_submodule half insert ipu load_state_dict modules mtia named_buffers
    named_children named_modules named_parameters parameters pop register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ reset_parameters
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
    zero_grad
    """.split()
)
"""What nn.Module and nn.Sequential own, and what the generated class defines."""

FILE_NAMES = frozenset(
    "Iterable OrderedDict Tensor annotations nn repeat stage torch".split()
) | set(dir(builtins))
"""What a generated file imports and defines beside its classes, or takes from Python."""

LOCAL_NAMES = frozenset(
    """
    OrderedDict Tensor bool float int isinstance module name nn range repeat self stage super torch
    tuple x
    """.split()
)
"""What a generated method or function uses, which its parameters must not hide."""


def attributes(names: Iterable[str]) -> dict[str, str]:
    """The stages or layers of one module as its attributes, no two alike."""
    return _distinct(names, MODULE_NAMES)


def class_name(name: str, helpers: frozenset[str]) -> str:
    """An arch's name as a class."""
    return _distinct([name], FILE_NAMES | helpers)[name]


def parameters(names: Iterable[str], helpers: frozenset[str]) -> dict[str, str]:
    """An arch's parameters as those of `__init__`, no two alike."""
    return _distinct(names, LOCAL_NAMES | helpers)


def definition(name: str, is_class: bool, taken: Collection[str]) -> str:
    """A block, or another part of the network, as a class or function: `DenseLayer`, `unit`."""
    camel = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    wanted = camel if is_class and camel.isidentifier() else name
    number, found = 1, _distinct([wanted], FILE_NAMES | LOCAL_NAMES)[wanted]
    while found in taken:
        number += 1
        found = f"{wanted}_{number}"
    return found


def variable(name: str, taken: Collection[str]) -> str:
    """A parameter or variable of a class or function that is no name of the spec's arch."""
    return _beside(_distinct([name], LOCAL_NAMES)[name], taken)


def auxiliary(name: str, layer: str, taken: Collection[str]) -> str:
    """A module that stands before a layer's own: its own name, or with the layer's before it."""
    return _beside(f"{layer}_{name}" if name in taken else name, taken)


def _beside(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _distinct(names: Iterable[str], taken: frozenset[str]) -> dict[str, str]:
    """Each name, with `_` after it until it is free. Identifiers only: it becomes code.

    Names that begin with `_` are torch's own, and with `__` Python mangles them in a class, unless
    they end in `__` as well.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(f"{name!r} is no identifier")
    free = {
        name: name
        for name in wanted
        if name not in taken and not keyword.iskeyword(name) and not name.startswith("_")
    }
    for name in wanted:
        if name not in free:
            candidate = f"{name}__" if name.startswith("__") else f"{name}_"
            while candidate in free.values() or candidate in taken:
                candidate += "_"
            free[name] = candidate
    return free
