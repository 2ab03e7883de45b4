"""Two networks side by side: what stands beside what, in which colour, and in which words."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.analysis import Analysis
from archdsl.compiler import compile_bytes, compile_file
from archdsl.diagram.difference import difference
from archdsl.diagram.palette import PALETTES, Theme
from archdsl.diff import difference as compared
from archdsl.diff.view import text as table
from archdsl.styled import plain
from tests.diagram.helpers import labels, laid_out, needs_dot, overlapping
from tests.helpers import GOLDEN, SPECS, assert_golden, compiled, network

LIGHT = PALETTES[Theme.LIGHT]

BASE = """
c1: conv 16 3x3 pad=1
    batchnorm
    relu
c2: conv 16 3x3 pad=1
    relu
    conv 32 3x3 pad=1
    relu
    conv 32 3x3 pad=1
    relu
    maxpool 2
gone: conv 32 1x1
    relu
fc: globalavgpool
    linear 10
"""

EDITS = """
set c1.conv filters=24 kernel=5x5 pad=2
remove c1.batchnorm
set c2.conv_3 filters=64
remove gone
insert before fc { extra: sigmoid }
insert after c2 { dropout 0.2 }
"""


def picture(before: Analysis, after: Analysis, theme: Theme = Theme.LIGHT) -> str:
    return difference(compared(before, after), theme)


def edited(body: str, edits: str, blocks: str = "") -> str:
    text = f"{blocks}{network(f'input 3x32x32{body}', 'Base')}arch New from Base {{{edits}}}"
    result = compiled(text)
    assert result.ok, [d.message for d in result.diagnostics]
    before, after = result.archs
    return picture(before, after)


def spec(name: str) -> Analysis:
    return compile_file(SPECS / f"{name}.arch").archs[-1]


def rows(dot: str, node: str) -> list[list[str]]:
    """The lines of a pair of stages: what each cell says."""
    (line,) = [line for line in dot.splitlines() if line.startswith(f'  "{node}" [')]
    table = ElementTree.fromstring(line.partition("label=<")[2].removesuffix(">]"))
    found = [[" ".join(" ".join(cell.itertext()).split()) for cell in row] for row in table]
    return [cells for cells in found if any(cells)]


def filled(dot: str, colour: str) -> list[str]:
    """What stands on a colour, but for the legend."""
    body = dot.partition('\n  "@networks"')[2]
    return re.findall(rf'BGCOLOR="{colour}"[^>]*><FONT[^>]*>(?:<S>)?([^<]+)', body)


def test_the_picture_is_the_golden_file() -> None:
    assert_golden(GOLDEN / "diagram" / "difference.dot", edited(BASE, EDITS))


def test_what_belongs_together_stands_on_one_line() -> None:
    dot = edited(BASE, EDITS)
    # 3·9·16 + 16 + 2·16 parameters, and 3·25·24 + 24.
    assert rows(dot, "@0") == [
        ["c1 480 parameters", "+280.0 % parameters", "c1 1,824 parameters"],
        [
            *("conv 16 3x3 p1", "16×32×32"),
            "16 → 24 filters, kernel 3x3 → 5x5, pad 1 → 2",
            *("conv 24 5x5 p2", "24×32×32"),
        ],
        ["batchnorm", "", "removed", "", ""],
        ["relu", "", "", "relu", ""],
    ]


def test_nearly_all_is_not_said_to_be_all() -> None:
    """fc8 has 4096·1000 + 1000 parameters, then 192·10 + 10; with fc7's 2 to each feature before
    it that is 4,105,192 and 2,314. As the text has it."""
    sizes = ((4096, 1000), (192, 10))
    before, after = (
        compiled(network(f"input 1\nfc7: linear {one}\nfc8: linear {two}")).archs[0]
        for one, two in sizes
    )
    found = compared(before, after)
    said = labels(difference(found))
    assert "fc8 4,097,000 parameters −99.95 % parameters fc8 1,930 parameters" in said["@1"]
    assert "4,105,192 → 2,314 parameters (−99.9 %)" in said[""]
    text = "\n".join(map(plain, table(found)))
    assert re.search(r"parameters +4,105,192 → +2,314 +−4,102,878 +−99.9 %", text)


def test_long_runs_of_equal_parts_are_counted() -> None:
    found = rows(edited(BASE, EDITS), "@1")
    assert found[1:3] == [
        ["4 equal", "32×32×32", "", "4 equal", "32×32×32"],
        ["conv 32 3x3 p1", "", "32 → 64 filters", "conv 64 3x3 p1", "64×32×32"],
    ]
    assert found[-1] == ["", "", "added", "dropout", ""]


def test_stages_that_the_other_network_has_not_leave_a_blank() -> None:
    dot = edited(BASE, EDITS)
    assert rows(dot, "@2") == [
        ["gone 1,056 parameters", "removed", ""],  # 32·32 + 32
        ["conv 32 1x1", "32×16×16", "", ""],
        ["relu", "", "", ""],
    ]
    assert rows(dot, "@3") == [["", "added", "extra"], ["", "", "sigmoid", "64×16×16"]]


def test_colours_say_what_became_of_a_part() -> None:
    dot = edited(BASE, EDITS)
    assert filled(dot, LIGHT.removed.fill) == ["batchnorm", "conv 32 1x1", "relu"]
    assert filled(dot, LIGHT.added.fill) == ["dropout", "sigmoid"]
    assert filled(dot, LIGHT.changed.fill) == [
        *("conv 16 3x3 p1", "conv 24 5x5 p2"),
        *("conv 32 3x3 p1", "conv 64 3x3 p1"),
    ]
    assert re.findall("<S>([^<]+)", dot) == ["batchnorm", "conv 32 1x1", "relu"]


def test_a_shape_that_changed_is_marked_where_its_part_did_not() -> None:
    """fc has 64 channels where it had 32."""
    dot = edited(BASE, EDITS)
    assert rows(dot, "@4")[1] == ["globalavgpool", "32×1×1", "", "globalavgpool", "64×1×1"]
    marked = re.findall(rf'COLOR="{LIGHT.changed.line}">([^<]+)</FONT>', dot)
    assert {"32×1×1", "64×1×1"} <= set(marked)
    assert filled(dot, LIGHT.unknown.fill).count("globalavgpool") == 2


def test_the_heading_tells_every_change() -> None:
    heading = labels(edited(BASE, EDITS))[""]
    for told in (
        "Base → New",
        "parameters (",
        "~ c1: 16 → 24 filters, kernel 3x3 → 5x5, pad 1 → 2",
        "− c1: batchnorm removed",
        "+ c2: dropout inserted after maxpool",
        "removed changed added equal",
    ):
        assert told in heading


def test_what_is_replaced_stands_beside_what_replaces_it() -> None:
    dot = edited("\na: relu\n   lrn 5", "replace a.lrn with batchnorm")
    assert rows(dot, "@0")[2] == ["lrn 5", "", "lrn → batchnorm", "batchnorm", ""]
    dot = picture(spec("zoo/vgg16"), spec("one_device"))
    assert rows(dot, "@0")[1] == [
        *("stack 2 64", "64×112×112"),
        "replaced",
        *("conv 96 11x11 /4", "96×55×55"),
    ]


def test_what_moved_is_marked_in_both_places() -> None:
    """torchvision drops out before the layer, the paper after it."""
    found = rows(picture(spec("torchvision"), spec("alexnet")), "@5")
    assert found[1] == ["dropout", "256×6×6", "moved", "", ""]
    assert found[-1] == ["", "", "moved", "dropout", ""]


def test_a_use_and_a_repeat_tell_their_arguments_and_what_they_cannot_show() -> None:
    dot = picture(spec("zoo/resnet18"), spec("zoo/resnet50"))
    assert rows(dot, "@2")[1:] == [
        *(
            ["projected 128", "128×28×28", "changed inside", "projected 128 stride=2", "512×28×28"],
            ["basic 128", "", "basic → bottleneck, once → 3 times", "3 × bottleneck 128", ""],
        ),
    ]
    text = "block b(n, m=1) { conv n 1x1; conv m 1x1 }\n"
    dot = edited("\na: b 4\n   repeat 2 { b 4 }", "set a.b n=6\nset a.repeat count=5", text)
    assert [cells[2] for cells in rows(dot, "@0")[1:]] == ["n 4 → 6", "2 times → 5 times"]


def test_many_stages_that_agree_are_drawn_as_one() -> None:
    body = "\n" + "\n".join(f"s{n}x: relu" for n in range(6)) + "\nlast: linear 3"
    dot = edited(body, "set last.linear features=4")
    assert rows(dot, "@0") == [["s0x … s5x 6 stages agree", "", "s0x … s5x 6 stages agree"]]
    assert rows(dot, "@1")[1][2] == "3 → 4 features"


def test_equal_networks_are_said_to_be() -> None:
    heading = labels(picture(spec("alexnet"), spec("alexnet")))[""]
    assert heading == "AlexNet → AlexNet 60,965,224 parameters in both no difference"


def test_what_does_not_check_is_named() -> None:
    found = compared(spec("alexnet"), spec("alexnet_224"))
    dot = difference(found, errors=(0, 1))
    assert (
        "✗ alexnet_224.arch has 1 shape error: figures may be unknown or wrong" in labels(dot)[""]
    )
    assert rows(dot, "@0")[0][2] == "✗ conv1 34,944 parameters"
    assert rows(dot, "@1") == [["conv2 … fc8 7 stages agree", "", "conv2 … fc8 7 stages agree"]]


def test_of_a_very_long_stage_the_first_lines_are_drawn() -> None:
    body = "\na: " + "\n".join(["conv 4 1x1"] * 100)
    dot = edited(body, "set conv filters=5")
    found = rows(dot, "@0")
    assert len(found) == 1 + 80 + 1
    assert found[-1] == ["… 20 more", "", "", "… 20 more", ""]


def lines_down(dot: str) -> list[tuple[str, str, str, bool]]:
    """The edges that are drawn: from where to where, on which side, and whether to a stage."""
    found = []
    for tail, head, attributes in re.findall(
        r'^  "(@\w+)" -> "(@\w+)" \[(.*)\]$', dot, re.MULTILINE
    ):
        side = re.search(r'tailport="(\w+)_end:s"', attributes)
        if side:
            found.append((tail, head, side[1], "none" not in attributes))
    return found


def test_each_network_runs_down_its_side() -> None:
    """Through the place of a stage that is not there, and not past its last."""
    both = [("@networks", "@0"), ("@0", "@1")]
    assert lines_down(edited(BASE, EDITS)) == [
        *((*pair, "before", True) for pair in [*both, ("@1", "@2")]),
        *(("@2", "@3", "before", False), ("@3", "@4", "before", True)),
        *((*pair, "after", True) for pair in both),
        *(("@1", "@2", "after", False), ("@2", "@3", "after", True), ("@3", "@4", "after", True)),
    ]
    assert lines_down(edited("\na: relu\nb: relu", "remove b")) == [
        *((*pair, "before", True) for pair in both),
        ("@networks", "@0", "after", True),
    ]


@needs_dot
@pytest.mark.parametrize("names", ["original tanh", "original small", "torchvision alexnet"])
def test_stages_stand_straight_below_each_other(names: str) -> None:
    before, after = map(spec, names.split())
    places = laid_out(picture(before, after, Theme.DARK))
    assert overlapping(places) == []
    assert max(x for x, *_ in places.values()) - min(x for x, *_ in places.values()) <= 1
    widths = [width for _, _, width, _ in places.values()]
    assert max(widths) - min(widths) <= 1


@needs_dot
def test_a_line_runs_straight_where_a_stage_is_not_there() -> None:
    places = laid_out(edited(BASE, EDITS))
    assert max(x for x, *_ in places.values()) - min(x for x, *_ in places.values()) <= 1


def test_the_text_is_the_same_each_time_and_in_each_theme() -> None:
    light, again = edited(BASE, EDITS), edited(BASE, EDITS)
    assert light == again
    networks = spec("original"), spec("tanh")
    assert labels(picture(*networks, Theme.DARK)) == labels(picture(*networks))


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300))
def test_any_file_name_and_title_give_well_formed_labels(name: str) -> None:
    text = network("input 3x8x8\na: relu").encode()
    (first,) = compile_bytes(text, name).archs
    (second,) = compile_bytes(text.replace(b"relu", b"tanh"), name).archs
    assert set(labels(picture(first, second))) == {"", "@networks", "@0"}
