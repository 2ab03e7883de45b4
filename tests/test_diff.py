"""What `diff` tells of two networks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from archdsl.cli import app
from archdsl.compiler import compile_file
from archdsl.diff import Difference, align, difference, view
from archdsl.diff.align import GAP, aligned, rising
from archdsl.styled import plain
from tests.helpers import GOLDEN, ROOT, SPECS, assert_golden, compiled, network

PAPER = """
arch AlexNet(classes=1000) {
  input 3x227x227
  devices 2
  conv1: conv 96 11x11 stride=4; relu; lrn size=5; maxpool 3x3 stride=2
  conv2: conv 256 5x5 pad=2 groups=2; relu; lrn size=5; maxpool 3x3 stride=2
  conv3: conv 384 3x3 pad=1; relu
  conv4: conv 384 3x3 pad=1 groups=2; relu
  conv5: conv 256 3x3 pad=1 groups=2; relu; maxpool 3x3 stride=2
  fc6:   linear 4096; relu; dropout 0.5
  fc7:   linear 4096; relu; dropout 0.5
  fc8:   linear classes
  init weights=normal(0, 0.01) bias=0
  init conv2 conv4 conv5 fc6 fc7 bias=1
  train {
    data      folder "data/ilsvrc12"
    epochs    90
    optimizer sgd lr=0.01 momentum=0.9 weight_decay=5e-4 rule=paper
    schedule  plateau
  }
}
"""

TORCHVISION = """
arch TorchvisionAlexNet(classes=1000) {
  input 3x224x224
  conv1: conv 64 11x11 stride=4 pad=2; relu; maxpool 3x3 stride=2
  conv2: conv 192 5x5 pad=2; relu; maxpool 3x3 stride=2
  conv3: conv 384 3x3 pad=1; relu
  conv4: conv 256 3x3 pad=1; relu
  conv5: conv 256 3x3 pad=1; relu; maxpool 3x3 stride=2
  fc6:   dropout 0.5; linear 4096; relu
  fc7:   dropout 0.5; linear 4096; relu
  fc8:   linear classes
}
"""

ORIGINAL = """
arch OriginalAlexNet(classes=1000) from AlexNet {
  devices 1
  set conv1 filters=100
  set conv2 filters=100 groups=1
  set conv4 groups=1
  set conv5 groups=1
  train { steps 27_000 }
}
"""

SMALL = """
arch SmallAlexNet(classes=10) from OriginalAlexNet {
  input 3x67x67
  set conv1 filters=64
  set conv2 filters=192
  set conv4 filters=256
  set fc6 features=384
  set fc7 features=192
  init weights=kaiming bias=0
  train { data shapes; batch 32; steps 850; optimizer adamw lr=5e-4; schedule cosine warmup=20 }
}
"""

RESIDUAL = """
block basic(width) {
  add { conv width 3x3 pad=1 bias=no; batchnorm; relu; conv width 3x3 pad=1 bias=no; batchnorm } {}
  relu
}
block reduce(width) {
  add {
    conv width 3x3 stride=2 pad=1 bias=no; batchnorm; relu
    conv width 3x3 pad=1 bias=no; batchnorm
  } { conv width 1x1 stride=2 bias=no; batchnorm }
  relu
}
arch ResNet18(classes=1000) {
  input 3x224x224
  stem:   conv 64 7x7 stride=2 pad=3 bias=no; batchnorm; relu; maxpool 3x3 stride=2 pad=1
  layer1: repeat 2 { basic 64 }
  layer2: reduce 128; basic 128
  layer3: reduce 256; basic 256
  layer4: reduce 512; basic 512
  head:   globalavgpool; linear classes
}
"""

RESNET34 = """
arch ResNet34(classes=1000) {
  input 3x224x224
  stem:   conv 64 7x7 stride=2 pad=3 bias=no; batchnorm; relu; maxpool 3x3 stride=2 pad=1
  layer1: repeat 3 { basic 64 }
  layer2: reduce 128; repeat 3 { basic 128 }
  layer3: reduce 256; repeat 5 { basic 256 }
  layer4: reduce 512; repeat 2 { basic 512 }
  head:   globalavgpool; linear classes
}
"""

# What the change list of each pair says was written by hand, from the two texts.
PAIRS = {
    "paper_torchvision": (PAPER, TORCHVISION),
    "original_small": (PAPER + ORIGINAL, PAPER + ORIGINAL + SMALL),
    "resnet18_34": (RESIDUAL, RESIDUAL + RESNET34),
}


def diff(before: str, after: str) -> Difference:
    """Of the last archs of two texts."""
    return difference(compiled(before).archs[-1], compiled(after).archs[-1])


def told(before: str, after: str) -> list[str]:
    return [change.text for change in diff(before, after).changes]


def lines(found: Difference) -> list[str]:
    return [plain(line) for line in view.text(found)]


@pytest.mark.parametrize("name", PAIRS)
def test_the_text_is_the_golden_one(name: str) -> None:
    text = "\n".join(lines(diff(*PAIRS[name]))) + "\n"
    assert_golden(GOLDEN / "diff" / f"{name}.txt", text)


# --- one edit, one line -----------------------------------------------------------------------

BASE = """
block fire(squeeze, expand) {
  conv squeeze 1x1
  relu
  concat { conv expand 1x1; relu } { conv expand 3x3 pad=1; relu }
}
arch Base(classes=10, width=32) {
  input 3x64x64
  devices 1
  conv1: conv width 7x7 stride=2 pad=3; relu; lrn size=5; maxpool 2x2
  fire2: fire 16 64
  fire3: fire 16 64
  conv4: conv 64 3x3 pad=1 groups=2; batchnorm; relu; lrn size=5
  res5:  repeat 3 { add { conv 64 3x3 pad=1; batchnorm } {}; relu }
  mix:   concat { conv 32 1x1 } { conv 32 3x3 pad=1 }
  fc6:   linear 100; relu; dropout 0.5
  fc7:   linear classes
  init weights=normal(0, 0.01) bias=0
  init fc6 bias=1
  train {
    batch 128; seed 1000; optimizer sgd lr=0.01 momentum=0.9
    scale fc6 lr=10; schedule step every=30
  }
}
"""

EDITS = [
    ("conv width 7x7", "conv 48 7x7", "conv1: 32 → 48 filters"),
    ("7x7 stride=2 pad=3", "7x7 stride=4 pad=3", "conv1: stride 2 → 4"),
    ("7x7 stride=2", "7x9 stride=2", "conv1: kernel 7x7 → 7x9"),
    ("stride=2 pad=3", "stride=2 pad=(3, 1)", "conv1: pad 3 → 3x1"),
    ("groups=2", "groups=4", "conv4: 2 → 4 groups"),
    ("groups=2", "groups=2 bias=no", "conv4: bias yes → no"),
    ("dropout 0.5", "dropout 0.3", "fc6.dropout: rate 0.5 → 0.3"),
    ("maxpool 2x2", "maxpool 2x2 stride=3", "conv1.maxpool: stride 2 → 3"),
    ("conv4: conv 64 3x3 pad=1", "conv4: conv 64 5x5 pad=same",
     "conv4: kernel 3x3 → 5x5, pad 1 → 2"),
    ("maxpool 2x2", "maxpool 3x3 stride=2", "conv1.maxpool: kernel 2x2 → 3x3"),
    ("maxpool 2x2", "avgpool 2x2 count_pad=yes", "conv1: maxpool → avgpool count_pad=yes"),
    ("maxpool 2x2", "avgpool 3x3", "conv1: maxpool → avgpool, kernel 2x2 → 3x3"),
    ("; dropout 0.5", "", "fc6: dropout removed"),
    ("relu; lrn size=5; maxpool", "lrn size=5; relu; maxpool", "conv1: lrn 5 moved after conv"),
    ("lrn size=5; maxpool", "lrn size=7; maxpool", "conv1.lrn: size 5 → 7"),
    ("lrn size=5", "lrn size=5 alpha=2e-4", "lrn: alpha 1e-4 → 2e-4 everywhere"),
    ("lrn size=5", "batchnorm", "lrn → batchnorm everywhere"),
    ("; lrn size=5", "", "lrn removed everywhere"),
    ("  mix:   concat { conv 32 1x1 } { conv 32 3x3 pad=1 }\n", "", "mix removed"),
    ("  fc7:", "  extra: linear 50; relu\n  fc7:", "extra inserted after fc6: linear 50 · relu"),
    ("fc7:", "last:", "fc7 renamed to last"),
    ("maxpool 2x2", "\n pool1: maxpool 2x2", "pool1 split off conv1: maxpool 2"),
    ("\n  fc7:   linear", "; linear", "fc7 merged into fc6"),
    ("input 3x64x64", "input 3x128x128", "input 3x64x64 → 3x128x128"),
    ("devices 1", "devices 2", "devices 1 → 2"),
    ("classes=10,", "classes=20,", "classes 10 → 20"),
    ("width=32", "width=48", "width 32 → 48"),
    ("width=32)", "width=32, depth=2)", "parameter depth=2 added"),
    ("repeat 3", "repeat 23", "res5: 3 → 23 times"),
    ("repeat 3", "repeat 1", "res5: 3 → once"),
    ("pad=1; batchnorm }", "pad=1; batchnorm; relu }",
     "res5: in every repeat: add.1: relu inserted after batchnorm"),
    ("fire2: fire 16", "fire2: fire 32", "fire2: squeeze 16 → 32"),
    ("fire 16 64", "fire 32 64", "fire: squeeze 16 → 32 everywhere"),
    ("conv squeeze 1x1", "conv squeeze 1x1; batchnorm",
     "in every fire: batchnorm inserted after conv"),
    ("conv expand 3x3", "conv (2*expand) 3x3", "in every fire: concat.2.conv: 64 → 128 filters"),
    ("{ conv 32 1x1 }", "{ conv 32 1x1 } { maxpool 3x3 stride=1 pad=1 }",
     "mix: branch 2 added: maxpool 3 /1 p1"),
    ("{ conv 32 3x3 pad=1 }", "{}", "mix.concat.2: conv 32 3x3 p1 removed"),
    ("normal(0, 0.01)", "xavier", "init: weights normal(0, 0.01) → xavier"),
    ("fc6 bias=1", "fc6 bias=2", "init: bias 1 → 2 in fc6"),
    ("lr=0.01", "lr=0.1", "optimizer: lr 0.01 → 0.1"),
    ("sgd lr=0.01 momentum=0.9", "adam", "optimizer sgd lr=0.01 momentum=0.9 → adam"),
    ("batch 128", "batch 64", "batch 128 → 64"),
    ("batch 128", "batch 128; augment flip=yes", "augment flip=yes added"),
    ("batch 128", "batch 128; steps 500", "training: 10 epochs → 500 steps"),
    ("batch 128", "batch 128; steps 27_000", "training: 10 epochs → 27_000 steps"),
    ("seed 1000", "seed 20_000", "seed 1000 → 20_000"),
    ("step every=30", "cosine", "schedule step every=30 → cosine"),
    ("fc6 lr=10", "fc6 lr=2", "scale fc6: lr 10 → 2"),
    ("scale fc6 lr=10; ", "", "scale fc6 removed"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), EDITS, ids=[line for _, _, line in EDITS])
def test_one_edit_is_one_change(old: str, new: str, line: str) -> None:
    assert old in BASE
    assert told(BASE, BASE.replace(old, new)) == [line]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: maxpool 2x2", "a: maxpool 2x2 stride=2"),
        ("a: maxpool 2x2", "a: maxpool 2x2 allow=lossy_stride"),
        ("a: relu", "a: relu allow=(two_activations, final_activation)"),
        ("a: add { relu } {}", "a: add allow=lossy_stride { relu } {}"),
        ("a: conv 8 3 pad=1", "a: conv 8 3 pad=same"),
        ("a: conv 8 3x5 pad=(1, 2)", "a: conv 8 3x5 pad=same"),
        ("a: conv 8 2 stride=2", "a: conv 8 2 stride=2 rounding=ceil"),
        ("a: avgpool 2x2", "a: avgpool 2x2 count_pad=yes"),
        ("a: repeat 2 { conv 8 3 pad=1 }", "a: repeat 2 { conv 8 3 pad=same }"),
        ("a: linear 8", "a: linear 8\ntrain {}"),
        ("a: linear 8", "a: linear 8\ntrain { epochs 10 }"),
    ],
)
def test_arguments_that_come_to_the_same_are_no_difference(before: str, after: str) -> None:
    """Over 32x32: torch's own default of a pool's stride is the kernel, a window of 2 and stride 2
    leaves no rest to round, and without padding there is none to count."""
    texts = [network(f"input 3x32x32\n{body}") for body in (before, after)]
    assert told(*texts) == told(*reversed(texts)) == []
    assert "  1 stage agrees" in lines(diff(*texts))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("a: conv 8 2 stride=2", "a: conv 8 2 stride=2 rounding=ceil", "a: rounding floor → ceil"),
        ("a: avgpool 2x2 pad=1", "a: avgpool 2x2 pad=1 count_pad=yes", "a: count_pad no → yes"),
    ],
)
def test_the_same_arguments_where_they_come_to_something(
    before: str, after: str, line: str
) -> None:
    """Over 33x33, where a window of 2 and stride 2 leaves a row and a column over."""
    assert told(*(network(f"input 3x33x33\n{body}") for body in (before, after))) == [line]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("c: repeat 1 { conv 8 3 }", "c: conv 8 3", "c: repeat around conv removed"),
        ("c: conv 8 3", "c: repeat 1 { conv 8 3 }", "c: repeat around conv added"),
        ("c: repeat 2 { conv 8 3 }", "c: conv 8 3", "c: conv 2 times → once"),
        ("relu; linear 10", "tanh; linear 10", "relu: relu → tanh"),
        ("conv 8 3", "relu", "conv: conv 8 3x3 replaced by relu"),
        ("relu; linear 10", "lrn; relu; linear 10", "relu: lrn 5 inserted before relu"),
        ("relu; linear 10", "s: relu; linear 10", "relu renamed to s"),
        ("", "a: relu", "a inserted: relu"),
        ("a: linear 8", "a: relu; tanh", "a: linear 8 replaced by relu · tanh"),
    ],
)
def test_what_is_told_of_small_networks(before: str, after: str, line: str) -> None:
    assert told(*(network(f"input 3x32x32\n{body}") for body in (before, after))) == [line]


def edited(*edits: str) -> str:
    return BASE + "arch Variant from Base {\n" + "\n".join(edits) + "\n}\n"


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ("replace relu with tanh", "relu → tanh everywhere"),
        ("replace relu with leakyrelu", "relu → leakyrelu everywhere"),
        ("remove fc6", "fc6 removed"),
        ("remove batchnorm", "batchnorm removed everywhere"),
        ("set res5.repeat.2.add.1.conv kernel=1 pad=0",
         "res5.repeat.2.add.1: kernel"),
        ("replace conv4 with { fire 8 32 }", "conv4 replaced by fire 8 32"),
        ("insert after conv4.conv { dropout 0.1 }", "conv4: dropout inserted after conv"),
        ("set fire3.fire.concat.2.conv filters=32", "fire3.fire.concat.2.conv: 64 → 32 filters"),
    ],
)  # fmt: skip
def test_an_edit_of_a_variant_is_one_change(edit: str, line: str) -> None:
    (found,) = told(BASE, edited(edit))
    assert found == line or found.startswith("res5.repeat.2.add.1.conv: kernel 3x3 → 1x1, pad 1 →")


def test_nearly_everywhere_says_where_not() -> None:
    changes = told(PAPER, PAPER + "arch V from AlexNet { replace relu with tanh\n"
                   "replace fc7.tanh with relu }")  # fmt: skip
    assert changes == ["relu → tanh in 6 of 7 places, not in fc7.relu"]


def test_the_same_of_several_stages_is_one_line() -> None:
    changes = told(BASE, edited("set fire2 squeeze=8", "set fc6 features=50", "set conv4 bias=no"))
    assert changes == ["fire2: squeeze 16 → 8", "conv4: bias yes → no", "fc6: 100 → 50 features"]
    groups = told(PAPER, PAPER.replace(" groups=2", ""))
    assert groups == ["conv2, conv4, conv5: 2 → 1 groups"]
    normed = told(TORCHVISION, re.sub(r"(conv \d.*?);", r"\1; batchnorm;", TORCHVISION))
    assert normed == ["batchnorm inserted after every conv"]


def test_what_follows_from_a_parameter_is_not_told_again() -> None:
    before = """
    block stack(width, deep) { repeat deep { conv (2*width) 3x3 pad=1; relu } }
    arch Net(size=32, width=8) {
      input (3, size, size)
      a: stack width 2
      b: conv (3*width) 1x1
    }
    """
    assert told(before, before.replace("width=8", "width=16")) == ["width 8 → 16"]
    assert told(before, before.replace("size=32", "size=64")) == ["size 32 → 64"]
    assert told(before, before.replace("stack width 2", "stack 9 2")) == ["a: width 8 → 9"]
    assert told(before, before.replace("width=8", "width=16").replace("(3*width)", "30")) == [
        "width 8 → 16",
        "b: 24 → 30 filters",
    ]
    # The literal is what it was, whatever the parameter would have made of it.
    literal = before.replace("width=8", "width=16").replace("(3*width)", "24")
    assert told(before, literal) == ["width 8 → 16"]


def test_an_argument_that_nothing_follows_from() -> None:
    before = "block pair(width, spare=1) { conv width 1x1; relu }\n" + network(
        "input 3x8x8\na: pair 4 7\nb: pair 4"
    )
    found = diff(before, before.replace("pair 4 7", "pair 4 8"))
    assert [change.text for change in found.changes] == ["a: spare 7 → 8"]
    gone = before.replace(", spare=1", "").replace("pair 4 7", "pair 4")
    assert told(before, gone) == []
    assert "  no difference" in lines(diff(before, gone))


def test_an_expression_that_comes_to_different_numbers_is_told_as_it_is_written() -> None:
    before = BASE.replace("fire3: fire 16 64", "fire3: fire 16 32")
    after = before.replace("conv expand 3x3", "conv (2*expand) 3x3")
    changes = told(before, after)
    assert changes == ["in every fire: concat.2.conv: filters expand → (2*expand)"]


def test_a_stage_that_stands_elsewhere_has_moved() -> None:
    body = "input 3x8x8\na: conv 4 1x1\nb: tanh\nc: relu"
    moved = "input 3x8x8\na: conv 4 1x1\nc: relu\nb: tanh"
    (line,) = told(network(body), network(moved))
    assert line in ("b moved after c", "c moved after a")


def test_stages_of_other_names_are_told_by_what_they_are_made_of() -> None:
    renamed = re.sub(r"\b(conv|fc)(\d):", r"\g<1>layer\2:", TORCHVISION)
    (line,) = told(TORCHVISION, renamed)
    assert line.startswith("conv1 renamed to convlayer1, conv2 renamed to convlayer2, ")
    less = re.sub(r"  convlayer4.*\n", "", renamed)
    assert told(TORCHVISION, less)[1] == "conv4 removed"


def test_initial_weights_are_compared_by_what_they_come_to() -> None:
    lines = "init weights=normal(0, 0.01) bias=0\n  init conv2 conv4 conv5 fc6 fc7 bias=1\n"
    each = "init conv2 conv4 bias=1\n  init conv5 fc6 fc7 bias=1\n  init conv1 conv3 fc8 bias=0\n"
    each += "  init weights=normal(0, 0.01)\n"
    assert lines in PAPER
    assert told(PAPER, PAPER.replace(lines, each)) == []
    assert told(PAPER, PAPER + "arch V from AlexNet { remove conv2 }") == ["conv2 removed"]


def test_initial_weights_of_a_new_stage_are_told_where_a_line_names_it() -> None:
    new = "arch V from AlexNet { insert before fc8 { extra: linear 100 }"
    assert told(PAPER, PAPER + new + " }") == ["extra inserted after fc7: linear 100"]
    assert told(PAPER, PAPER + new + "; init extra bias=2 }") == [
        "extra inserted after fc7: linear 100",
        "init: bias 2 in the new extra",
    ]


def test_a_layer_that_moved_and_changed_is_one_that_moved() -> None:
    changed = BASE.replace("lrn size=5; maxpool 2x2", "maxpool 3x3; lrn size=5")
    assert told(BASE, changed) in (
        ["conv1: maxpool 2 moved after relu", "conv1.maxpool: kernel 2x2 → 3x3"],
        ["conv1: lrn 5 moved after maxpool", "conv1.maxpool: kernel 2x2 → 3x3"],
    )


def test_claims_and_ways_of_writing_are_no_difference() -> None:
    other = TORCHVISION.replace("conv 64 11x11 stride=4 pad=2", "conv 64 11 pad=(2, 2) stride=4x4")
    other = other.replace("linear classes", "linear classes -> classes\nexpect params 1M")
    assert other != TORCHVISION
    assert told(TORCHVISION, other) == []


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.arch")), ids=lambda path: path.stem)
def test_a_network_does_not_differ_from_itself(path: Path) -> None:
    for before, after in zip(compile_file(path).archs, compile_file(path).archs, strict=True):
        found = difference(before, after)
        assert found.changes == ()
        assert all(pair.agree for pair in found.stages)
        assert "  no difference" in lines(found)


LAYERS = st.lists(
    st.sampled_from(["conv 4 3x3 pad=1", "conv 8 1x1", "relu", "tanh", "lrn", "maxpool 1x1",
                     "add { relu } {}", "add { tanh; relu } {}", "repeat 2 { relu }", "twin 4"]),
    max_size=8,
)  # fmt: skip


@given(LAYERS, LAYERS)
def test_no_change_means_the_same_layers(old: list[str], new: list[str]) -> None:
    block = "block twin(width) { conv width 1x1; conv width 1x1 }\n"
    texts = [block + network("\n".join(["input 3x8x8", *layers])) for layers in (old, new)]
    found = diff(*texts)
    same = [
        [(layer.path, layer.op) for layer in side.network.layers]
        for side in (found.before, found.after)
    ]
    assert (found.changes == ()) == (old == new)
    assert found.changes or same[0] == same[1]
    assert max(map(len, lines(found))) <= 80


@given(LAYERS.filter(lambda layers: len(layers) > 1), st.data())
def test_a_stage_that_is_removed_is_one_change_that_names_it(
    layers: list[str], data: st.DataObject
) -> None:
    block = "block twin(width) { conv width 1x1; conv width 1x1 }\n"
    stages = [f"stage{'abcdefgh'[n]}: {layer}" for n, layer in enumerate(layers)]
    gone = data.draw(st.integers(0, len(stages) - 1))
    left = [stage for n, stage in enumerate(stages) if n != gone]
    texts = [block + network("\n".join(["input 3x8x8", *some])) for some in (stages, left)]
    name = stages[gone].partition(":")[0]
    assert told(*texts) == [f"{name} removed"]


# --- the table --------------------------------------------------------------------------------


def test_the_table_has_what_check_computes() -> None:
    found = diff(PAPER, TORCHVISION)
    text = "\n".join(lines(found))
    assert re.search(r"conv1 +96x27x27 → +64x27x27 +34,944 → +23,296 +105.4 M → +70.3 M", text)
    # SOURCES: 60,965,224 and 61,100,840 parameters, 724,406,816 and 714,188,480 MACs.
    assert re.search(r"parameters +60,965,224 → +61,100,840 +\+135,616 +\+0.2 %", text)
    assert re.search(r"MACs +724,406,816 → +714,188,480 +−10,218,336 +−1.4 %", text)


def test_stages_that_agree_are_summed_up() -> None:
    text = lines(diff(BASE, BASE.replace("dropout 0.5", "dropout 0.3")))
    assert "  7 stages agree" in text
    assert not any(line.startswith("  conv1") for line in text)
    assert any(line.startswith("  fc6 ") for line in text)


def test_what_is_not_known_is_a_question_mark() -> None:
    after = network("input 3x8x8\na: conv 4 30x30\nb: linear 10")
    found = diff(network("input 3x8x8\na: conv 4 3x3\nb: linear 10"), after)
    text = "\n".join(plain(line) for line in view.text(found, {"spec.arch": 2}))
    assert re.search(r"a +4x6x6 → +\? +112 → +\?", text)
    assert re.search(r"parameters +1,562 → +\?", text)
    assert "spec.arch has 2 shape errors: figures may be unknown or wrong\n" in text
    assert text.endswith("archdsl check spec.arch")


def test_columns_are_as_wide_as_what_they_are_called() -> None:
    before = network("input 8\na: linear 3")
    text = lines(diff(before, before.replace("linear 3", "linear 3\nb: relu")))
    (header,) = [line for line in text if "stage " in line and "agrees" not in line]
    assert header.split() == ["stage", "output", "params", "MACs"]


def test_wide_figures_and_names_fit() -> None:
    name = "a" * 60
    before = network(f"input 3x1000x1000\n{name}: conv 4096 3x3 pad=1\nb: conv 4096 3x3 pad=1")
    found = diff(before, before.replace("4096", "8192").replace("pad=1\nb", "pad=1; relu\nb"))
    assert max(map(len, lines(found)[2:])) <= 80


# --- alignment --------------------------------------------------------------------------------


def number_distance(x: int, y: int) -> int | None:
    return min(abs(x - y), 5) if abs(x - y) <= 5 else None


def least(before: list[int], after: list[int]) -> int:
    """The least distance, by the textbook's table."""
    row = [GAP * j for j in range(len(after) + 1)]
    for i, x in enumerate(before, 1):
        above, row = row, [GAP * i]
        for j, y in enumerate(after, 1):
            cost = number_distance(x, y)
            ways = [row[-1] + GAP, above[j] + GAP]
            row.append(min(ways if cost is None else [*ways, above[j - 1] + cost]))
    return row[-1]


NUMBERS = st.lists(st.integers(0, 12), max_size=9)


@given(NUMBERS, NUMBERS)
def test_alignment_is_of_least_distance(before: list[int], after: list[int]) -> None:
    pairs = aligned(before, after, number_distance)
    assert [i for i, _ in pairs if i is not None] == list(range(len(before)))
    assert [j for _, j in pairs if j is not None] == list(range(len(after)))
    costs = [
        GAP if i is None or j is None else number_distance(before[i], after[j]) for i, j in pairs
    ]
    assert sum(cost for cost in costs if cost is not None) == least(before, after)


def test_alignment_of_long_sequences_goes_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "BUDGET", 30)
    before, after = list(range(0, 600, 6)), list(range(1, 500, 7))
    pairs = aligned(before, after, number_distance)
    assert [i for i, _ in pairs if i is not None] == list(range(100))
    assert [j for _, j in pairs if j is not None] == list(range(72))


@given(st.permutations(range(7)))
def test_rising_places_are_the_most_that_rise(places: list[int]) -> None:
    found = [places[position] for position in rising(places)]
    assert found == sorted(found)
    subsets = [[place for n, place in enumerate(places) if bits >> n & 1] for bits in range(2**7)]
    assert len(found) == max(len(some) for some in subsets if some == sorted(some))


# --- the command ------------------------------------------------------------------------------


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["diff", *arguments], input=stdin)


def test_exit_codes(tmp_path: Path) -> None:
    paper, other = tmp_path / "paper.arch", tmp_path / "other.arch"
    paper.write_text(PAPER, encoding="utf-8")
    other.write_text(PAPER + TORCHVISION, encoding="utf-8")
    assert run(str(paper), str(paper)).exit_code == 0
    changed = run(str(paper), f"{other}:TorchvisionAlexNet")
    assert changed.exit_code == 1 and "devices 2 → 1" in changed.stdout
    several = run(str(paper), str(other))
    assert several.exit_code == 2 and "several networks" in several.stderr
    assert run(str(paper), str(tmp_path / "missing.arch")).exit_code == 2
    piped = run(str(paper), "-", stdin=PAPER)
    assert piped.exit_code == 0 and "<stdin>" in piped.stdout
    assert run("-", "-", stdin=PAPER).exit_code == 2
    broken = tmp_path / "broken.arch"
    broken.write_text("arch Broken { conv 3 }", encoding="utf-8")
    assert run(str(paper), str(broken)).exit_code == 2


def test_set_goes_to_each_that_has_the_parameter(tmp_path: Path) -> None:
    sized, fixed = tmp_path / "sized.arch", tmp_path / "fixed.arch"
    sized.write_text(network("input 8\nfc: linear size", "Net(size=2)"), encoding="utf-8")
    fixed.write_text(network("input 8\nfc: linear 5", "Net"), encoding="utf-8")
    assert "fc: 2 → 5 features" in run(str(sized), str(fixed)).stdout
    same = run(str(sized), str(fixed), "--set", "size=5")
    assert "features" not in same.stdout and "parameter size=5 removed" in same.stdout
    unknown = run(str(sized), str(fixed), "--set", "sise=5")
    assert unknown.exit_code == 2 and "did you mean 'size'?" in unknown.stderr


def test_colour_is_asked_for() -> None:
    path = str(SPECS / "alexnet.arch")
    assert "\x1b[" in run(path, path, "--color", "always").stdout
    assert "\x1b[" not in run(path, path).stdout


def test_errors_are_counted_and_not_printed() -> None:
    """The spec has one of shapes, E301, and one of claims, E402."""
    specs = str(SPECS / "alexnet.arch"), str(SPECS / "alexnet_224.arch")
    shown = run(*specs)
    assert "alexnet_224.arch has 1 shape error: figures" in shown.stdout
    assert "lossy-stride" not in shown.stdout + shown.stderr
    document = json.loads(run(*specs, "--format", "json").stdout)
    assert [document[side]["errors"] for side in ("before", "after")] == [0, 1]


def test_wrong_claims_are_of_no_concern(tmp_path: Path) -> None:
    path = tmp_path / "a.arch"
    path.write_text(
        network("input 8\na: linear 3", "A")
        + "arch Claims from A { expect params 4 }\n"
        + network("input 8\na: linear 3 -> 4", "Shape"),
        encoding="utf-8",
    )
    for name in ("Claims", "Shape"):
        shown = run(f"{path}:A", f"{path}:{name}")
        assert shown.exit_code == 0 and "no difference" in shown.stdout
        assert "error" not in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    ("variant", "code"),
    [
        ("arch D from A { set optimizer lr=0.2; set seed value=4 }", "E215"),
        ("arch D from A { set a units=4 }", "E202"),
        ("arch D { input 8; a: liner 3 }", "E201"),
        ("arch D from A { train { batch 0 } }", "E204"),
    ],
)
def test_a_network_with_wrong_statements_cannot_be_compared(
    tmp_path: Path, variant: str, code: str
) -> None:
    path = tmp_path / "a.arch"
    body = "input 8\na: linear 3\ntrain { optimizer sgd lr=0.1 }"
    path.write_text(network(body, "A") + variant, encoding="utf-8")
    for specs in ((f"{path}:A", f"{path}:D"), (f"{path}:D", f"{path}:D")):
        shown = run(*specs)
        assert (shown.exit_code, shown.stdout) == (2, "")
        assert shown.stderr.count(f"error[{code}") == 1
        assert shown.stderr.endswith(
            f"archdsl: cannot compare {path}:D: edits or statements there have errors\n"
        )


def test_what_cannot_be_had_is_told_once(tmp_path: Path) -> None:
    folder = run(str(tmp_path), str(tmp_path))
    assert (folder.exit_code, folder.stderr.count("\n")) == (2, 1)
    assert "is a folder: diff compares two networks" in folder.stderr
    missing = str(tmp_path / "missing.arch")
    assert run(missing, missing).stderr.count("E001") == 1
    library = tmp_path / "library.arch"
    library.write_text("block one(n) { linear n }", encoding="utf-8")
    assert "has no network" in run(str(library), str(library)).stderr


def test_json_has_the_documented_fields_and_no_others(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    section = text.partition("# `archdsl diff A B --format json`")[2].partition("\n# ")[0]
    fields = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    fields += re.findall(r"^\*\*[A-Z]+\*\*: ((?:.+\n?)+)", section, re.MULTILINE)
    fields += re.findall(r"`(\{.*?\})`", section)
    documented = set(re.findall(r'[`"](\w+)[`"]', " ".join(fields) + section)) - {
        "network", "layers", "training", "changed", "added", "removed", "replaced", "moved",
        "renamed", "true", "false", "null", "check", "3x3",
    }  # fmt: skip
    before, after = tmp_path / "a.arch", tmp_path / "b.arch"
    before.write_text(PAPER, encoding="utf-8")
    after.write_text(TORCHVISION, encoding="utf-8")

    def keys(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
            for inner in value.values():
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    shown = run(str(before), str(after), "--format", "json")
    assert shown.exit_code == 1
    document = json.loads(shown.stdout)
    assert set(keys(document)) == documented
    assert document["before"]["params"] == 60_965_224
    conv1 = next(change for change in document["changes"] if "filters" in change["text"])
    assert conv1 == {
        "about": "layers",
        "kind": "changed",
        "text": "conv1: 96 → 64 filters, pad 0 → 2",
        "places": ["conv1"],
        "arguments": [
            {"name": "filters", "before": 96, "after": 64},
            {"name": "pad", "before": "0", "after": "2"},
        ],
    }
    assert document["stages"][0]["after"] == {
        "name": "conv1",
        "output": [64, 27, 27],
        "params": 23_296,
        "macs": 70_276_800,
    }
