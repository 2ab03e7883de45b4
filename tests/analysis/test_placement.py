"""Devices: what each holds, and what they receive from each other."""

from __future__ import annotations

import pytest

from tests.helpers import analysed, messages


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


def test_branches_that_read_the_same_tensor_receive_it_once() -> None:
    body = """
input 4x8x8
devices 2
a: conv 8 3x3 pad=1
b: concat { conv 4 1x1 } { conv 4 1x1; relu; conv 6 1x1 } { conv 2 1x1 groups=2 } {}
c: conv 2 1x1
"""
    # Both branches read all of a, which is gathered once; the second gathers its relu as well.
    # The join has 4 + 6 + 2 + 8 channels, of which each device holds half.
    assert received(body) == {
        "b.concat.1.conv": 8 * 64,
        "b.concat.2.conv_2": 4 * 64,
        "c.conv": 20 * 64,
    }


def test_what_flattens_or_names_a_tensor_does_not_send_it_again() -> None:
    body = """
input 4x8x8
devices 2
a: conv 8 3x3 pad=1
b: add { identity; linear 6 } { flatten; linear 6 } { relu; linear 6 }
"""
    # relu makes new numbers, which are sent for themselves.
    assert received(body) == {"b.add.1.linear": 8 * 64, "b.add.3.linear": 8 * 64}


def test_a_join_of_divided_and_whole_branches_is_divided() -> None:
    body = """
input 4x8x8
devices 2
a: concat { conv 4 3x3 pad=1 } {}
b: conv 8 3x3 pad=1 groups=2
c: add { conv 8 1x1 groups=2 } { softmax }
d: conv 2 1x1
"""
    analysis = analysed(body)
    split = {path: place.split_output for path, place in analysis.places.items()}
    assert split == {
        "a.concat.1.conv": True,
        "a.concat": True,
        "b.conv": True,
        "c.add.1.conv": True,
        "c.add.2.softmax": False,
        "c.add": True,
        "d.conv": True,
    }
    assert received(body) == {"c.add.2.softmax": 8 * 64, "d.conv": 8 * 64}


def test_channels_that_the_devices_do_not_divide_cannot_be_joined() -> None:
    assert messages("input 3x8x8\ndevices 2\na: concat { conv 4 3x3 pad=1 } {}\nlinear 2") == [
        "E303 a joins 3 channels with channels that are divided, and 2 devices do not divide 3"
    ]


@pytest.mark.parametrize(
    "outer", ["concat {{ {} }} {{ linear 2 }}", "add {{ {} }} {{ linear 12 }}"]
)
def test_vectors_that_are_not_held_evenly_are_not_joined_again(outer: str) -> None:
    """Of 7 features the first of two devices has 4, of 5 it has 3: together 7 of 12, not 6.

    Of 8 and 4 it has 4 and 2, which are 6 of 12. What reads all features may read uneven ones.
    """
    body = "input 8\ndevices 2\na: linear 4\nb: {}\nlinear 2"
    uneven = outer.format("concat { linear 7 } { linear 5 }; relu")
    assert messages(body.format(uneven)) == [
        "E303 b joins features that the devices do not hold evenly: a concat before it made "
        "them of vectors that they do not divide"
    ]
    assert messages(body.format(outer.format("concat { linear 8 } { linear 4 }; relu"))) == []
    assert messages(body.format("concat { linear 7 } { linear 5 }")) == []


def test_traffic_of_a_block_or_of_a_repeat() -> None:
    body = """
input 4x8x8
devices 4
a: conv 8 3x3 pad=1
b: repeat 3 { conv 8 1x1; conv 8 1x1 groups=4 }
expect b traffic 4608
expect b.repeat.2 traffic 1536
expect traffic 4608
"""
    # Each of three iterations gathers 8x8x8: three of four devices lack each number.
    assert 3 * 3 * 8 * 64 == 4608
    assert messages(body) == []
