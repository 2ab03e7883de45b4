"""Joins, as they are written in a `forward`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archdsl.codegen import writer
from archdsl.shape import Call, helper_call

MAX_BRANCHES = 8
"""More branches than these are a module of runtime/ with its branches inside: a person would not
write them out."""


def is_written(call: Call, branches: int) -> bool:
    """Whether a join can be written in a `forward`; else it is the module that it calls."""
    return call in _WRITTEN and branches <= MAX_BRANCHES


def needs_torch(call: Call) -> bool:
    """Whether what is written for a join calls a function of torch's."""
    return _WRITTEN[call] is _concatenation


def statement(call: Call, branches: Sequence[str], indent: str) -> list[str]:
    """`x = …` for what the branches give."""
    return _WRITTEN[call](branches, indent)


def _sum(branches: Sequence[str], indent: str) -> list[str]:
    flat = f"{indent}x = {' + '.join(branches)}"
    if len(flat) <= writer.WIDTH:
        return [flat]
    first, *others = branches
    inner = f"{indent}    "
    return [f"{indent}x = (", f"{inner}{first}", *(f"{inner}+ {o}" for o in others), f"{indent})"]


def _concatenation(branches: Sequence[str], indent: str) -> list[str]:
    listed = f"[{', '.join(branches)}]"
    inner = f"{indent}    "
    if len(f"{inner}{listed}, dim=1") <= writer.WIDTH:
        return writer.call("x = torch.cat", [listed, "dim=1"], indent)
    return [
        f"{indent}x = torch.cat(",
        *writer.listing("", branches, inner, ",", "[]"),
        f"{inner}dim=1,",
        f"{indent})",
    ]


_WRITTEN: dict[Call, Callable[[Sequence[str], str], list[str]]] = {
    helper_call("add", "Add"): _sum,
    helper_call("concat", "Concat"): _concatenation,
}
"""By the call of the module that does the same. One with arguments does more: it stays a module."""
