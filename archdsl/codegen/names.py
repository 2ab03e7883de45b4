"""Names in generated code: a spec's own, but for those that Python or torch have taken."""

from __future__ import annotations

import keyword

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

FILE_NAMES = frozenset("OrderedDict Tensor annotations nn stage torch".split())
"""What a generated file imports and defines beside its classes."""

LOCAL_NAMES = FILE_NAMES | frozenset(
    "classmethod int float isinstance module name self super x".split()
)
"""What a generated method uses, which its parameters must not hide."""


def attribute(name: str) -> str:
    """A stage's or layer's name as an attribute of a module."""
    return _free(name, MODULE_NAMES)


def class_name(name: str, helpers: frozenset[str]) -> str:
    """An arch's name as a class."""
    return _free(name, FILE_NAMES | helpers | LOCAL_NAMES)


def parameter(name: str) -> str:
    """An arch's parameter as one of `__init__`."""
    return _free(name, LOCAL_NAMES)


def _free(name: str, taken: frozenset[str]) -> str:
    """The name, with a trailing `_` where it is taken. Identifiers only: it becomes code.

    Names that begin with `_` are torch's own, and with `__` Python mangles them in a class, unless
    they end in `__` as well.
    """
    if not (name.isascii() and name.isidentifier()):
        raise ValueError(f"{name!r} is no identifier")
    if name.startswith("__"):
        return f"{name}__"
    private = name.startswith("_")
    return f"{name}_" if private or name in taken or keyword.iskeyword(name) else name
