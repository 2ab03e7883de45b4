"""Edits of what stands beside the layers: the input's size, parameters, devices and claims."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archdsl.analysis.repair.candidate import (
    READING,
    Candidate,
    Change,
    Family,
    added_to_variant,
    inherited,
)
from archdsl.definitions import Definition
from archdsl.diagnostics import Edit, Findings
from archdsl.lower import Expander, lower
from archdsl.network import Network
from archdsl.shape import Shape
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.bind import Bound
from archdsl.words.declaration import Expect

REACH = 32
"""How far from the written input size other sizes are tried, in pixels."""

DEVICES = (1, 2, 4, 8)

_READ_AS = {
    "params": ("weights",),
    "weights": ("params",),
    "macs": ("flops",),
    "flops": ("macs",),
    "neurons": ("activations",),
    "activations": ("neurons",),
}
"""What a figure is often taken for."""

# --- the input, the devices -------------------------------------------------------------------


def of_input(network: Network) -> Family:
    """Other sizes of a written CxHxW input, the nearest first; both sides by the same step."""
    span = network.input_span
    if not network.input.is_map or span.text.replace("×", "x") != str(network.input):
        return
    claimed = any(layer.claim for layer in network.layers)
    channels, height, width = network.input.dims
    for step in _steps(height, width):
        shape = Shape((channels, height + step, width + step))
        title = f"input {shape}"
        variant = inherited(network, span)
        yield Candidate(
            title=title,
            edits=(added_to_variant(network, title) if variant else Edit(span, str(shape)),),
            change=_with_input(shape),
            about=("input",),
            size=abs(step) / max(height, height + step),
            remark="a wrong number corrected" if claimed else "",
        )


def _with_input(shape: Shape) -> Change:
    return lambda network: network.with_changes(input=shape)


def _steps(height: int, width: int) -> Iterator[int]:
    """To sizes as far as REACH, the nearest first, then to those that differ in one digit; none to
    a size of less than half."""
    near = [signed for step in range(1, REACH + 1) for signed in (step, -step)]
    slips = [other - height for other in _one_digit_off(height)] if height == width else []
    far = sorted((step for step in slips if abs(step) > REACH), key=abs)
    yield from (step for step in (*near, *far) if 2 * (min(height, width) + step) > height)


def _one_digit_off(number: int) -> Iterator[int]:
    """Numbers with as many digits, one of which is another: 227 for 277."""
    digits = str(number)
    for place, now in enumerate(digits):
        for digit in "0123456789":
            if digit != now and (place or digit != "0"):
                yield int(digits[:place] + digit + digits[place + 1 :])


def of_parameters(network: Network) -> Iterator[Family]:
    """Other values of the parameters that the input's size is written with."""
    for name in dict.fromkeys(_NAME.findall(network.input_span.text)):
        value = network.parameters.get(name)
        if isinstance(value, int):
            yield _parameter(network, name, value)


_NAME = re.compile(r"[A-Za-z_]\w*")


def _parameter(network: Network, name: str, value: int) -> Family:
    place = _default_place(network.definition, name)
    given = name in network.overridden
    if place is None and not given:
        return
    for step in _steps(value, value):
        title = f"{name}={value + step}"
        yield Candidate(
            title=f"--set {title}" if given else title,
            edits=() if given or place is None else (Edit(place, str(value + step)),),
            change=_with_parameter(name, value + step),
            about=("parameter", name),
            cost=READING,
            size=abs(step) / max(value, value + step),
        )


def _default_place(arch: Definition, name: str) -> Span | None:
    """Where a parameter's default is written as a number in the arch's header."""
    header = arch.statement.arguments[0].value
    if isinstance(header, tree.Call):
        for argument in header.arguments:
            if argument.key is not None and argument.key.text == name:
                return argument.value.span if isinstance(argument.value, tree.Number) else None
    return None


def _with_parameter(name: str, value: int) -> Change:
    def change(network: Network) -> Network:
        given = {known: network.parameters[known] for known in network.overridden}
        expander = Expander(Findings())
        other = lower(network.definition, {**given, name: value}, expander)
        # Claims are made of the defaults, and this is what the default would be.
        return other.with_changes(overridden=network.overridden) if other else network

    return change


def of_devices(network: Network) -> Family:
    """Other numbers of devices, where the spec says how many."""
    span = network.devices_span
    if span is None or inherited(network, span) or not re.fullmatch(r"devices\s+\d+", span.text):
        return
    for devices in DEVICES:
        if devices != network.devices:
            yield Candidate(
                title=f"devices {devices}",
                edits=(Edit(span, f"devices {devices}"),),
                change=_with_devices(devices),
                about=("devices",),
                size=abs(devices - network.devices) / max(devices, network.devices),
            )


def _with_devices(devices: int) -> Change:
    return lambda network: network.with_changes(devices=devices)


# --- claims -----------------------------------------------------------------------------------


def of_claim(expect: Bound[Expect]) -> Family:
    """A claim of one quantity read as that of another that it is often taken for."""
    written = expect.arguments["quantity"]
    for quantity in _READ_AS.get(expect.word.quantity, ()):
        head = expect.statement.head
        before, after = written.start - head.start, written.end - head.start
        yield Candidate(
            title=f"{head.text[:before]}{quantity}{head.text[after:]}",
            edits=(Edit(written, quantity),),
            change=_read_as(expect, quantity),
            about=("quantity", head),
            size=0.0,
            remark=f"true of the {quantity}",
        )


def _read_as(expect: Bound[Expect], quantity: str) -> Change:
    def change(network: Network) -> Network:
        word = expect.word.model_copy(update={"quantity": quantity})
        other = expect._replace(word=word)
        expects = tuple(other if e is expect else e for e in network.expects)
        return network.with_changes(expects=expects)

    return change
