"""Devices: what each holds, and what they receive from each other."""

from __future__ import annotations

from tests.helpers import analysed


def received(body: str) -> dict[str, int]:
    analysis = analysed(body)
    return {path: place.received for path, place in analysis.places.items() if place.received}


def test_layers_that_read_all_channels_receive_the_other_devices() -> None:
    body = """
input 4x8x8
devices 2
a: conv 8 3x3 pad=1
b: conv 8 3x3 pad=1 groups=2
c: conv 6 3x3 pad=1
d: linear 10
e: linear 7
f: linear 3
"""
    # Each of two devices receives the half it lacks: the whole tensor once, both together.
    assert received(body) == {
        "c.conv": 8 * 8 * 8,
        "d.linear": 6 * 8 * 8,
        "e.linear": 10,
        "f.linear": 7,
    }
    # Each of four receives three quarters.
    four = "input 4x8x8\ndevices 4\na: conv 8 3x3\nb: conv 8 3x3 groups=4\nc: conv 8 3x3"
    assert received(four) == {"c.conv": 3 * 8 * 4 * 4}


def test_one_device_receives_nothing() -> None:
    assert received("input 4x8x8\na: conv 8 3x3\nb: linear 10") == {}


def test_the_input_is_whole_and_softmax_gathers() -> None:
    places = analysed(
        "input 4x8x8\ndevices 2\nmaxpool 2\na: conv 8 3x3\nrelu\nb: linear 10\nsoftmax\nc: linear 4"
    ).places
    assert not places["maxpool.maxpool"].split_output
    assert places["a.relu"].split_input and places["a.relu"].split_output
    assert places["b.softmax"].received == 10
    assert not places["b.softmax"].split_output
    assert places["c.linear"].received == 0  # softmax left the whole vector on both
