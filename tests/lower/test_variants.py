"""Variants: what each edit does, in order, to names as they then are."""

from __future__ import annotations

import random

import pytest

from archdsl.network import Network, Repeat, Use
from archdsl.words.recipe import AdamW, Cosine, Recipe, Sgd
from tests.helpers import compiled

BASE = """
block pair(n, kernel=3) { conv n kernel pad=1; relu }
arch Base(width=8, classes=10) {
  input 3x16x16
  conv1: conv width 3x3 pad=1 -> 8x16x16
         relu
         lrn
         maxpool 2
  conv2: conv 16 3x3 pad=1 stride=1
         relu
         lrn
  mix:   repeat 2 { pair 16; add { conv 16 1x1; relu } { } }
  fc3:   linear 32
         relu
         dropout
  fc4:   linear classes

  expect params ~1k
  init weights=normal(0, 0.01) bias=0
  init conv2 fc3 bias=1
  init fc4 bias=2

  train {
    batch     64
    epochs    9
    optimizer sgd lr=0.1 momentum=0.9
    scale     biases lr=2
    scale     fc3 lr=10
    schedule  milestones 3 6 factor=0.5
  }
}
"""


def varied(edits: str, header: str = "Net", **parameters: int) -> Network:
    """The variant of BASE with these edits, which has no findings."""
    result = compiled(f"{BASE}arch {header} from Base {{\n{edits}\n}}\n", **parameters)
    found = [d.message for d in result.diagnostics if not d.message.startswith("Base ")]
    assert found == []
    return result.archs[-1].network


def stages(network: Network) -> dict[str, list[str]]:
    """Every stage with its layers: those of the top, in a few characters."""
    return {stage.name: [layer.brief for layer in stage.layers] for stage in network.stages}


def changed(edits: str) -> dict[str, list[str] | None]:
    """The stages that are not as in the base; None for one that is gone."""
    before, after = stages(varied("")), stages(varied(edits))
    names = [*after, *(name for name in before if name not in after)]
    return {name: after.get(name) for name in names if after.get(name) != before.get(name)}


CONV1 = ["conv 8 3x3 p1", "relu", "lrn 5", "maxpool 2"]
MIX = ["conv 16 3x3 p1", "relu", "conv 16 1x1", "relu", "add of 2"] * 2


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ("set conv1 filters=4", {"conv1": ["conv 4 3x3 p1", "relu", "lrn 5", "maxpool 2"]}),
        (
            "set conv2.conv kernel=5 pad=2 stride=2",
            {"conv2": ["conv 16 5x5 /2 p2", "relu", "lrn 5"]},
        ),
        (
            "set conv1.maxpool stride=1",
            {"conv1": ["conv 8 3x3 p1", "relu", "lrn 5", "maxpool 2 /1"]},
        ),
        (
            "set conv1 filters=(2*width)",
            {"conv1": ["conv 16 3x3 p1", "relu", "lrn 5", "maxpool 2"]},
        ),
        ("remove conv2", {"conv2": None}),
        ("remove conv2.lrn", {"conv2": ["conv 16 3x3 p1", "relu"]}),
        (
            "remove lrn",
            {"conv1": ["conv 8 3x3 p1", "relu", "maxpool 2"], "conv2": ["conv 16 3x3 p1", "relu"]},
        ),
        ("remove conv2.conv", {"conv2": ["relu", "lrn 5"]}),  # the label goes on the next layer
        ("remove conv1\nremove fc4\nremove mix", {"conv1": None, "fc4": None, "mix": None}),
        (
            "replace relu with tanh",
            {
                "conv1": ["conv 8 3x3 p1", "tanh", "lrn 5", "maxpool 2"],
                "conv2": ["conv 16 3x3 p1", "tanh", "lrn 5"],
                "mix": ["conv 16 3x3 p1", "tanh", "conv 16 1x1", "tanh", "add of 2"] * 2,
                "fc3": ["linear 32", "tanh", "dropout"],
            },
        ),
        ("replace fc3.relu with gelu", {"fc3": ["linear 32", "gelu", "dropout"]}),
        (
            "replace conv1.maxpool with avgpool",  # keeps the kernel, which both have
            {"conv1": ["conv 8 3x3 p1", "relu", "lrn 5", "avgpool 2"]},
        ),
        ("replace conv2 with identity", {"conv2": ["identity"]}),
        ("replace conv2 with { conv 4 1x1; tanh }", {"conv2": ["conv 4 1x1", "tanh"]}),
        (
            "replace conv2 with { relu; other: tanh }",
            {"conv2": ["relu"], "other": ["tanh"]},
        ),
        ("replace conv2 with { other: tanh; relu }", {"other": ["tanh", "relu"], "conv2": None}),
        (
            "replace lrn with { batchnorm }",
            {
                "conv1": ["conv 8 3x3 p1", "relu", "batchnorm", "maxpool 2"],
                "conv2": ["conv 16 3x3 p1", "relu", "batchnorm"],
            },
        ),
        ("replace conv2 with {}", {"conv2": None}),
        ("remove dropout", {"fc3": ["linear 32", "relu"]}),
        ("insert after fc3 { extra: linear 5; relu }", {"extra": ["linear 5", "relu"]}),
        ("insert after fc3 { tanh }", {"fc3": ["linear 32", "relu", "dropout", "tanh"]}),
        ("insert before fc4 { tanh }", {"fc3": ["linear 32", "relu", "dropout", "tanh"]}),
        ("insert before fc4.linear { tanh }", {"fc4": ["tanh", "linear 10"]}),
        (
            "insert after conv2.relu { more: conv 4 1x1 }",
            {"conv2": ["conv 16 3x3 p1", "relu"], "more": ["conv 4 1x1", "lrn 5"]},
        ),
        ("insert before conv1 { tanh }", {"tanh": ["tanh"]}),
        (
            "insert after lrn { tanh }",
            {
                "conv1": ["conv 8 3x3 p1", "relu", "lrn 5", "tanh", "maxpool 2"],
                "conv2": ["conv 16 3x3 p1", "relu", "lrn 5", "tanh"],
            },
        ),
        ("set mix count=1", {"mix": MIX[:5]}),
        ("remove mix.repeat.2.add", {"mix": MIX[:7]}),
        ("remove pair", {"mix": ["conv 16 1x1", "relu", "add of 2"] * 2}),
        ("remove mix.repeat.1.add.1.relu", {"mix": [*MIX[:3], *MIX[4:]]}),
        ("replace add with concat", {"mix": [*MIX[:4], "concat of 2", *MIX[5:9], "concat of 2"]}),
        # To names as they then are.
        (
            "remove conv1.relu\nremove lrn\nset conv1.maxpool kernel=4",
            {"conv1": ["conv 8 3x3 p1", "maxpool 4"], "conv2": ["conv 16 3x3 p1", "relu"]},
        ),
        (
            "insert after fc3 { extra: linear 5; relu }\n"
            "replace extra.relu with tanh\nset extra features=6",
            {"extra": ["linear 6", "tanh"]},
        ),
        (
            "replace relu with tanh\ninsert after fc4 { relu }",
            {
                "conv1": ["conv 8 3x3 p1", "tanh", "lrn 5", "maxpool 2"],
                "conv2": ["conv 16 3x3 p1", "tanh", "lrn 5"],
                "mix": ["conv 16 3x3 p1", "tanh", "conv 16 1x1", "tanh", "add of 2"] * 2,
                "fc3": ["linear 32", "tanh", "dropout"],
                "fc4": ["linear 10", "relu"],
            },
        ),
    ],
)
def test_edits(edits: str, expected: dict[str, list[str] | None]) -> None:
    assert changed(edits) == expected


def test_what_is_expanded_anew_keeps_the_edits_made_before() -> None:
    edits = """
      replace relu with tanh
      remove mix.repeat.1.add.1.conv
      insert after mix.repeat.2.add { gelu }
      set mix count=3
      replace tanh with silu
    """
    assert stages(varied(edits))["mix"] == [
        *("conv 16 3x3 p1", "silu", "silu", "add of 2"),
        *("conv 16 3x3 p1", "silu", "conv 16 1x1", "silu", "add of 2", "gelu"),
        *("conv 16 3x3 p1", "silu", "conv 16 1x1", "silu", "add of 2"),
    ]
    edits = """
      remove relu
      insert after conv2 { more: pair 4 }
      set more n=5
      set mix.repeat.1.pair n=16 kernel=3
    """
    network = varied(edits)
    assert stages(network)["more"] == ["conv 5 3x3 p1", "relu"]  # it came after the removal
    assert stages(network)["mix"][:2] == ["conv 16 3x3 p1", "conv 16 1x1"]


def test_parameters_are_the_bases_with_new_defaults() -> None:
    network = varied("set conv2 filters=(width + classes)", "Net(width=6)")
    assert network.parameters == {"width": 6, "classes": 10}
    assert network.overridden == frozenset()
    assert stages(network)["conv1"][0] == "conv 6 3x3 p1"
    assert stages(network)["conv2"][0] == "conv 16 3x3 p1"
    wider = varied("set conv2 filters=16", "Net(width=6)", classes=3)
    assert wider.parameters == {"width": 6, "classes": 3}
    assert wider.overridden == {"classes"}


def test_a_default_of_the_base_follows_the_parameter_it_is_computed_from() -> None:
    text = """
arch Base(width=4, wide=(2*width)) { input 8; linear wide }
arch Net(width=5) from Base { }
arch Next(wide=1) from Net { }
"""
    archs = compiled(text).archs
    assert [arch.network.parameters for arch in archs] == [
        {"width": 4, "wide": 8},
        {"width": 5, "wide": 10},
        {"width": 5, "wide": 1},
    ]


def test_claims_are_not_inherited_and_new_ones_are_judged() -> None:
    text = BASE + (
        "arch Net from Base {\n set conv1 filters=4\n expect conv1 params 112\n"
        " insert after fc4 { linear 2 -> 2; relu -> 3 }\n}\narch Next from Net { expect depth 9 }\n"
    )
    base, net, following = compiled(text).archs
    assert [v.text for v in base.verdicts] == ["conv1 -> 8x16x16", "params ~1k"]
    assert [(v.text, v.holds) for v in net.verdicts] == [
        ("conv1 params 112", True),
        ("fc4.linear_2 -> 2", True),
        ("fc4.relu -> 3", False),
    ]
    assert [(v.text, v.holds) for v in following.verdicts] == [("depth 9", True)]


def test_a_restated_line_replaces_the_bases() -> None:
    network = varied(
        "input 3x20x20\ndevices 2\ntrain { steps 7; scale fc3 lr=5; scale fc4 decay=0 }\n"
        "init fc4 bias=3"
    )
    assert (str(network.input), network.devices) == ("3x20x20", 2)
    recipe = network.recipe
    assert recipe is not None
    assert (recipe.batch, recipe.epochs, recipe.steps) == (64, None, 7)
    assert recipe.optimizer == Sgd(lr=0.1, momentum=0.9)
    assert [(s.target, s.lr, s.decay) for s in recipe.scale] == [
        ("biases", 2, 1),
        ("fc3", 5, 1),
        ("fc4", 1, 0),
    ]
    assert [init.word.bias for init in network.inits] == [0, 1, 2, 3]


def test_keys_of_a_recipe_line_are_set_and_lines_removed() -> None:
    recipe = varied(
        "set optimizer lr=0.5 nesterov=yes\nset schedule factor=0.1\nset batch size=3"
    ).recipe
    assert recipe is not None
    assert recipe.optimizer == Sgd(lr=0.5, momentum=0.9, nesterov=True)
    assert (recipe.schedule.at, recipe.schedule.factor, recipe.batch) == ((3, 6), 0.1, 3)  # type: ignore[attr-defined]
    recipe = varied("remove schedule\nremove scale\ntrain { optimizer adamw lr=1e-3 }").recipe
    assert recipe is not None
    assert (recipe.schedule, recipe.scale) == (Recipe().schedule, ())
    assert recipe.optimizer == AdamW(lr=1e-3)


def test_a_recipe_can_be_new() -> None:
    text = "arch A { input 8; linear 2 }\narch B from A { train { schedule cosine warmup=2 } }"
    a, b = compiled(text).archs
    assert a.network.recipe is None
    assert b.network.recipe is not None
    assert b.network.recipe.schedule == Cosine(warmup=2)


def test_inherited_lines_forget_the_stages_that_are_gone() -> None:
    network = varied("remove fc3\nremove conv2")
    assert [(init.word.stages, init.word.bias) for init in network.inits] == [
        ((), 0),
        (("fc4",), 2),
    ]
    assert network.recipe is not None
    assert [scale.target for scale in network.recipe.scale] == ["biases"]


def test_own_lines_must_name_stages_that_are_there() -> None:
    text = (
        f"{BASE}arch Net from Base {{\nremove fc3\ninit fc3 bias=1\ntrain {{ scale fc3 lr=2 }}\n}}"
    )
    found = [d.message for d in compiled(text).diagnostics if "Net" in d.message]
    assert found == ["Net has no stage 'fc3'"]  # once, with both places


def test_variants_of_variants_across_files_keep_their_own_lets() -> None:
    text = """
let n=3
block part { conv n 1x1 }
arch A(k=1) { input 3x8x8; a: conv n 1x1; b: part }
arch B(k=2) from A { insert after a { c: conv (n + k) 1x1 } }
arch C(k=5) from B { remove a; set b.part.conv filters=(10*k); replace c with { d: part } }
"""
    archs = compiled(text).archs
    assert [[layer.brief for layer in arch.network.layers] for arch in archs] == [
        ["conv 3 1x1", "conv 3 1x1"],
        ["conv 3 1x1", "conv 5 1x1", "conv 3 1x1"],
        ["conv 3 1x1", "conv 50 1x1"],
    ]


def test_a_finding_shows_the_edit_and_the_bases_line() -> None:
    """Kernel 40 does not fit 16x16; the base, where it is 3, has nothing wrong with it."""
    text = BASE + "arch Net from Base {\n  set conv2 kernel=40 pad=0\n}\n"
    found = [d for d in compiled(text).diagnostics if "conv2" in d.message]
    (finding,) = found
    assert finding.primary is not None
    assert finding.primary.span.text == "kernel=40"
    places = {label.text: label.span.text for label in finding.secondary}
    assert places["in the base"] == "conv 16 3x3 pad=1 stride=1"


def test_what_an_edit_breaks_further_down_shows_the_edit() -> None:
    text = """
arch Base {
  input 3x16x16
  a: conv 4 3x3 pad=1
  b: conv 4 1x1 groups=2
}
arch Net from Base { set a filters=5 }
"""
    (finding,) = compiled(text).diagnostics
    assert finding.message == "b has 5 input channels, which 2 groups do not divide"
    assert finding.primary is not None
    assert finding.primary.span.text == "groups=2"
    assert [(label.text, label.span.text) for label in finding.secondary] == [
        ("5x16x16 comes from here", "set a filters=5"),
        ("in the variant Net", "arch Net from Base"),
    ]


def test_a_mistake_of_the_base_is_told_once() -> None:
    text = """
arch Base { input 3x8x8; a: conv 4 9x9; b: rely }
arch Net from Base { remove b }
arch Mended from Base { remove b; set a kernel=3 }
"""
    result = compiled(text)
    assert [d.message for d in result.diagnostics] == [
        "a's 9x9 window is larger than its padded 8x8 input",
        "'rely' is no word of the language",
    ]


def test_several_variants_that_break_the_same_line_are_all_told() -> None:
    text = """
arch Base { input 3x8x8; a: conv 4 3x3; b: conv 4 6x6 }
arch Net from Base { set a stride=2 }
arch Next from Base { set a stride=3 }
"""
    assert [d.message for d in compiled(text).diagnostics if "window" in d.message] == [
        "b's 6x6 window is larger than its padded 3x3 input",
        "b's 6x6 window is larger than its padded 2x2 input",
    ]


def test_an_argument_is_set_once() -> None:
    text = BASE + "arch Net from Base { set conv2 kernel=5 kernel=7 pad=3 }"
    assert [d.message for d in compiled(text).diagnostics if "twice" in d.message] == [
        "conv's kernel is given twice"
    ]


def test_a_stage_goes_before_a_recipe_line_of_its_name() -> None:
    text = """
arch Base { input 8; batch: linear 2; relu; train { batch 7 } }
arch Net from Base { set batch features=3 }
arch Next from Base { remove batch.relu; remove batch }
"""
    _, net, following = (arch.network for arch in compiled(text).archs)
    assert [layer.brief for layer in net.layers] == ["linear 3", "relu"]
    assert (following.layers, following.recipe and following.recipe.batch) == ((), 7)


def test_a_repeat_of_none_can_be_set() -> None:
    text = """
arch Base { input 8; a: repeat 0 { linear 2 } }
arch Net from Base { set a count=2 }
"""
    assert len(compiled(text).archs[1].network.layers) == 2


def test_edits_are_bounded() -> None:
    """A kilobyte whose edits would look through 10^8 layers, and expand them anew each time."""
    edits = "set a count=3_000; remove tanh\n" * 25
    text = "block part { repeat 30 { relu } }\narch Base { input 8; a: repeat 2_999 { part } }\n"
    found = compiled(f"{text}arch Net from Base {{\n{edits}}}").diagnostics
    assert "E305" in [d.rule.code for d in found]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        # One mistake, one error: claims of what was not built are not judged.
        ("remove conv3\nexpect params 7", ["Base has no stage, layer or word 'conv3'"]),
        # A set that is wrong leaves what was there, so that later edits find it.
        (
            "set mix cont=7\nset mix.repeat.2.pair n=3 kernl=2\nremove mix.repeat.2.pair.conv",
            ["repeat has no argument 'cont'", "pair has no argument 'kernl'"],
        ),
        (
            "remove mix.repeat.2",
            ["'mix.repeat.2' is a branch or an iteration, and edits are of what is in it"],
        ),
    ],
)
def test_what_is_wrong_with_edits(edits: str, expected: list[str]) -> None:
    found = compiled(f"{BASE}arch Net from Base {{\n{edits}\n}}\n").diagnostics
    assert [d.message for d in found if not d.message.startswith("Base has 3")] == expected


def test_parameters_stand_with_the_variants_name() -> None:
    found = compiled(BASE + "arch Net from Base(classes=3) { remove conv2 }").diagnostics
    (finding,) = [d for d in found if "params" not in d.message]
    assert finding.message.startswith("new defaults of parameters stand with the variant's name")
    assert finding.help == ("write  arch Net(classes=3) from Base",)


REPLAYED = """
block part(n) { conv n 3x3 pad=1; relu }
arch A { input 3x8x8; s: relu; part 4; part 8 }
"""


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        # part_2 is called part once part is gone, and keeps what was done to it; and no more.
        ("remove s.part_2.conv; remove s.part; set s.part n=16", ["relu", "relu"]),
        ("remove s.part.conv; remove s.part; set s.part n=16", ["relu", "conv 16 3x3 p1", "relu"]),
        # A block that came in knows nothing of the edits before it, nor of the one that brought it.
        (
            "remove relu; replace s.part with pair; set s.pair n=5",
            ["conv 5 1x1", "relu", "conv 8 3x3 p1"],
        ),
        ("replace conv with pair; set pair n=5", ["relu", *["conv 5 1x1", "relu", "relu"] * 2]),
    ],
)
def test_what_is_expanded_anew_has_its_own_edits(edits: str, expected: list[str]) -> None:
    text = "block pair(n=1) { conv n 1x1; relu }\n" + REPLAYED + f"arch B from A {{ {edits} }}\n"
    result = compiled(text)
    assert [d.message for d in result.diagnostics] == []
    assert [layer.brief for layer in result.archs[1].network.layers] == expected


def test_a_word_is_set_at_every_depth() -> None:
    text = """
arch A { input 3x8x8; s: repeat 2 { repeat 2 { conv 3 3x3 pad=1 } } }
arch B from A { set repeat count=3 }
"""
    assert len(compiled(text).archs[1].network.layers) == 9


def test_a_new_stage_has_no_lines_of_an_old_one_of_its_name() -> None:
    text = """
arch Base {
  input 3x8x8
  a: conv 4 1x1
  b: linear 10
  init a weights=xavier
  train { scale a lr=2 }
}
arch Without from Base { remove a }
arch Again from Without { insert before b { a: conv 4 3x3 } }
arch Once from Base { remove a; insert before b { a: conv 4 3x3 }; init a bias=1 }
"""
    _, _, again, once = (arch.network for arch in compiled(text).archs)
    assert again.inits == ()
    assert again.recipe is not None and again.recipe.scale == ()
    assert [init.word.bias for init in once.inits] == [1]


def test_new_defaults_are_computed_from_the_parameters_before_them() -> None:
    text = """
let one=1
arch A(a=3, b=(a+1)) { input 3x8x8; conv a 1x1; conv b 1x1 }
arch B(a=5, b=(a+one)) from A { }
arch C(b=(a+2)) from A { }
"""
    archs = compiled(text).archs
    assert [arch.network.parameters for arch in archs[1:]] == [{"a": 5, "b": 6}, {"a": 3, "b": 5}]
    archs = compiled(text, a=9).archs
    assert [arch.network.parameters for arch in archs] == [
        {"a": 9, "b": 10},
        {"a": 9, "b": 10},
        {"a": 9, "b": 11},
    ]


def test_variants_of_variants_have_a_limit() -> None:
    text = "arch A0 { input 8; relu }\n" + "".join(
        f"arch A{n} from A{n - 1} {{ }}\n" for n in range(1, 33)
    )
    assert [(d.rule.code, d.message) for d in compiled(text).diagnostics] == [
        ("E102", "variants of variants, more than 30 deep")
    ] * 3


NESTED = """
block pair(n, k=1) { conv n k pad=same; relu }
block two(n) { pair n; inner: pair n k=3; tanh }
arch Base {
  input 3x8x8
  a: conv 4 1x1; relu
  b: two 3; pair 2
  c: repeat 2 { pair 4; add { two 4; relu } { conv 4 1x1 } }
  e: concat { pair 2 } { repeat 2 { relu; pair 3 } } {}
}
"""


def an_edit(draw: random.Random, network: Network) -> str:
    """Some edit, which may be of nothing."""
    target = draw.choice([*(part.path for part in network.parts), *"abce", "relu", "conv", "pair"])
    return draw.choice(
        [
            f"remove {target}",
            f"replace {target} with {draw.choice(['tanh', 'gelu', 'pair'])}",
            f"replace {target} with {{ {draw.choice(['gelu', 'pair 2', 'relu; gelu'])} }}",
            f"insert {draw.choice(['after', 'before'])} {target} {{ two {draw.randrange(1, 4)} }}",
            f"set {target} n={draw.randrange(1, 5)}",
            f"set {target} count={draw.randrange(4)}",
        ]
    )


def edited(edits: list[str]) -> Network | None:
    """NESTED with the edits; None if one of them is wrong."""
    lines = "\n".join(edits)
    result = compiled(f"{NESTED}arch Net from Base {{\n{lines}\n}}\n")
    wrong = any(finding.rule.code.startswith("E2") for finding in result.diagnostics)
    return None if wrong else result.archs[-1].network


def test_setting_what_is_so_changes_nothing() -> None:
    """What is expanded anew with the arguments it has is what it was, whatever was done to it."""
    draw = random.Random(0)
    compared = 0
    for _ in range(120):
        edits: list[str] = []
        for _ in range(draw.randint(1, 5)):
            network = edited(edits)
            assert network is not None
            more = [*edits, an_edit(draw, network)]
            edits = more if edited(more) is not None else edits
        network = edited(edits)
        assert network is not None
        part = draw.choice([p for p in network.parts if isinstance(p, Use | Repeat)] or [None])
        if part is None:
            continue
        count = len(part.iterations) if isinstance(part, Repeat) else 0
        same = f"count={count}" if isinstance(part, Repeat) else f"n={part.parameters['n']}"
        again = edited([*edits, f"set {part.path} {same}"])
        assert again is not None, (edits, part.path)
        assert [(layer.path, layer.brief) for layer in again.layers] == [
            (layer.path, layer.brief) for layer in network.layers
        ], (edits, part.path)
        compared += 1
    assert compared > 80
