"""Values of a spec as Python text, in the form that Black and ruff give them."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.codegen import writer


def number(value: float) -> str:
    """A rate or factor, with its point."""
    return repr(float(value))


def numbers(name: str, values: Sequence[int]) -> list[str]:
    """A constant that is a tuple."""
    if len(values) == 1:
        return [f"{name} = ({values[0]},)"]
    return writer.listing(f"{name} = ", list(map(str, values)), "", "")


def data_path(path: str) -> tuple[str, ...]:
    """The constant that says where data is."""
    return tuple(writer.call("DATA = Path", [string(path)], ""))


def text_constant(name: str, value: str) -> list[str]:
    """A constant that is text, on two lines where one is too long."""
    line = f"{name} = {string(value)}"
    if len(line) <= writer.WIDTH or len(string(value)) + 4 > writer.WIDTH:
        return [line]
    return [f"{name} = (", f"    {string(value)}", ")"]


def string(value: str) -> str:
    """A literal in the quotes that Black and ruff choose."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    escaped = "".join(repr(char)[1:-1] for char in value)
    return f"{quote}{escaped.replace(quote, chr(92) + quote)}{quote}"
