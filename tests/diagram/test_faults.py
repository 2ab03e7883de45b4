"""Faults: which stage they belong to, which parts they mark, and in how many words."""

from __future__ import annotations

from archdsl.diagram.faults import Faults
from archdsl.network import Part
from tests.helpers import compiled, network

BLOCKS = """
block unit { conv 4 3x3 pad=1 -> 4x7x7; relu }
block pair { concat { conv 4 1x1 } { conv 4 3x3 } }
"""


def faults(body: str) -> tuple[Faults, dict[str, Part]]:
    """The faults of a network, and its parts by path."""
    (analysis,) = compiled(BLOCKS + network(f"input 4x8x8\n{body}")).archs
    return Faults(analysis), {part.path: part for part in analysis.network.parts}


def test_a_claim_in_a_use_is_a_fault_of_the_stage_around_it() -> None:
    found, parts = faults("a: relu\nb: relu\n   unit")
    assert found.of("a") == ()
    assert found.of("b") == ("✗ b.unit.conv claims 4×7×7, gives 4×8×8",)
    assert [path for path, part in parts.items() if found.on(part)] == ["b.unit.conv", "b.unit"]


def test_a_figure_claimed_of_a_stage_needs_no_name() -> None:
    found, _ = faults("a: repeat 2 { conv 4 1x1 }\nexpect a params 3\nexpect a.repeat.2 params 5")
    # 4·4 weights and 4 biases, twice.
    assert found.of("a") == (
        "✗ claims params 3, has 40",
        "✗ a.repeat.2 claims params 5, has 20",
    )


def test_faults_stand_in_the_order_of_the_parts() -> None:
    body = "a: conv 4 1x1 -> 4x7x7\n   maxpool 3 stride=2\n   relu -> 4x1x1\nexpect a params 5"
    assert [line.split()[1] for line in faults(body)[0].of("a")] == [
        "claims",
        "a.maxpool",
        "a.relu",
        "claims",
    ]


def test_names_keep_their_letters() -> None:
    found, _ = faults("x1: relu\n    maxpool 2 -> 4x3x3")
    assert found.of("x1") == ("✗ x1.maxpool claims 4×3×3, gives 4×4×4",)


def test_branches_that_do_not_fit_are_a_fault_of_the_join_and_not_of_their_layers() -> None:
    found, parts = faults("a: pair")
    assert found.of("a") == (
        "✗ a.pair.concat cannot join 4x8x8, from branch 1, and 4x6x6, from branch 2",
    )
    assert [path for path, part in parts.items() if found.on(part)] == ["a.pair.concat", "a.pair"]


def test_a_fault_in_one_iteration_marks_the_repeat() -> None:
    found, parts = faults("a: repeat 3 { maxpool 2; relu }\n   maxpool 2")
    marked = [path for path, part in parts.items() if found.on(part)]
    assert marked == ["a.maxpool"]
    found, parts = faults("a: repeat 4 { maxpool 2 }")
    assert found.on(parts["a.repeat"])
    assert not found.on(parts["a.repeat.1.maxpool"])
    assert found.on(parts["a.repeat.4.maxpool"])


def test_more_than_five_faults_of_a_stage_are_counted() -> None:
    lines = "\n".join(f"expect a params {n}" for n in range(1, 8))
    found, _ = faults(f"a: conv 4 1x1\n{lines}")
    assert found.of("a") == (
        *(f"✗ claims params {n}, has 20" for n in range(1, 5)),
        "✗ 3 more",
    )


def test_claims_of_the_whole_network_are_of_no_stage() -> None:
    found, _ = faults("a: relu\nexpect params 3\nexpect input neurons 7")
    assert found
    assert found.of("a") == ()
    assert found.general == ("✗ claims params 3, has 0", "✗ input claims neurons 7, has 256")
    assert not found.within("a")


def test_what_devices_cannot_divide_is_a_fault_of_the_first_layer_alone() -> None:
    """Of what follows it nothing is known."""
    found, parts = faults("devices 2\na: conv 4 1x1\nb: conv 7 1x1\nc: conv 5 1x1")
    assert [found.of(stage) for stage in "abc"] == [
        (),
        ("✗ b has 7 filters, which 2 devices do not divide",),
        (),
    ]
    assert [path for path, part in parts.items() if found.on(part)] == ["b.conv"]


def test_a_layer_that_nothing_is_known_of_is_no_fault_of_the_devices() -> None:
    found, _ = faults("devices 2\na: blub 3\nb: conv 7 1x1")
    assert found.within("a")
    assert not found.within("b")
    assert found.of("b") == ()
