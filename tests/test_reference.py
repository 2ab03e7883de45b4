"""The reference of the language: every word explained, every example checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archdsl import reference
from archdsl.analysis import Analysis
from archdsl.cli import app
from archdsl.compiler import Compilation, compile_bytes
from archdsl.diagnostics import Findings
from archdsl.network import Repeat
from archdsl.source import Source
from archdsl.styled import plain
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.words.declaration import Block, Declaration, Initial, TopLevel, Train
from archdsl.words.edit import Edit
from archdsl.words.recipe import Optimizer, Recipe, Schedule, Setting
from archdsl.words.repeat import Structure
from archdsl.words.word import Op, Word
from tests.helpers import ROOT, analysed, compiled


def registered(family: type[Word] = Word) -> Iterator[type[Word]]:
    """The classes of all words below a class, as Python knows them."""
    for cls in family.__subclasses__():
        if cls.__module__.startswith("archdsl.") and cls.__dict__.get("word"):
            yield cls
        yield from registered(cls)


WORDS = sorted(registered(), key=lambda cls: (cls.__module__, cls.word))
every_word = pytest.mark.parametrize("cls", WORDS, ids=lambda cls: cls.word)


def of(family: type[Word]) -> pytest.MarkDecorator:
    words = [cls for cls in WORDS if issubclass(cls, family)]
    return pytest.mark.parametrize("cls", words, ids=lambda cls: cls.word)


def word(name: str) -> type[Word]:
    (cls,) = reference.find(name)
    return cls


def page(name: str) -> list[str]:
    return [plain(line) for line in reference.page(word(name))]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["words", *arguments])


# --- the words --------------------------------------------------------------------------------


def test_the_vocabulary_is_every_word_once() -> None:
    assert len(WORDS) > 50
    vocabulary = list(reference.vocabulary())
    assert sorted(vocabulary, key=WORDS.index) == WORDS


def test_the_order_is_by_where_words_stand_and_families_come_before_theirs() -> None:
    order = " ".join(cls.word for cls in reference.vocabulary())
    assert re.match("arch block let use input .*init normal uniform xavier kaiming train", order)
    assert re.search("optimizer sgd adam adamw scale schedule constant step", order)
    places = ["use", "input", "conv", "maxpool", "relu", "concat", "repeat", "set", "data"]
    assert places == sorted(places, key=order.split().index)


@every_word
def test_a_word_is_found_by_its_name(cls: type[Word]) -> None:
    assert cls in reference.find(cls.word)


def test_a_name_that_two_families_have_is_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Schedule.words, "sgd", Schedule.words["step"])
    assert reference.find("sgd") == (Optimizer.words["sgd"], Schedule.words["step"])
    shown = run("sgd").stdout
    assert "optimizer sgd lr" in shown and "\n\nstep  " in shown


@every_word
def test_a_word_is_summed_up_in_a_line_and_its_arguments_are_described(cls: type[Word]) -> None:
    assert cls.__doc__ is not None
    first, *rest = cleandoc(cls.__doc__).splitlines()
    assert first.endswith(".")
    assert not rest or rest[0] == ""
    for name, kind in cls.arguments().items():
        assert kind.field.description, name
        assert not kind.field.description.endswith("."), name


# --- examples ---------------------------------------------------------------------------------


def example(cls: type[Word], folder: Path) -> Compilation:
    """A word's example, compiled; that of `use` beside the file that it names."""
    (folder / "blocks.arch").write_text(cleandoc(Block.example), encoding="utf-8")
    return compile_bytes(reference.spec(cls).encode(), str(folder / "spec.arch"))


def heads(statements: tuple[tree.Statement, ...]) -> Iterator[str]:
    """Every statement's word and arguments, as written."""
    for statement in statements:
        yield statement.head.text
        for block in statement.blocks:
            yield from heads(block.statements)


@every_word
def test_a_word_has_an_example_of_its_own_that_fits_80_columns(cls: type[Word]) -> None:
    text = cleandoc(cls.__dict__["example"])
    assert text
    assert max(map(len, text.splitlines())) <= 76


@every_word
def test_an_example_compiles_without_findings(cls: type[Word], tmp_path: Path) -> None:
    result = example(cls, tmp_path)
    assert [d.message for d in result.diagnostics] == []
    assert result.archs


@every_word
def test_an_example_is_of_its_word(cls: type[Word]) -> None:
    written = list(heads(parse(Source("example", reference.spec(cls)), Findings()).statements))
    begin = [head for head in written if re.match(rf"{cls.phrase()}\b", head)]
    taken = [head for head in written if re.search(rf"={cls.word}\b", head)]
    assert taken if issubclass(cls, Initial) else begin


@of(Op)
def test_the_network_of_a_layers_example_contains_it(cls: type[Op], tmp_path: Path) -> None:
    (analysis,) = example(cls, tmp_path).archs
    assert any(type(layer.op) is cls for layer in analysis.network.layers)


@of(Structure)
def test_the_network_of_a_structures_example_contains_it(
    cls: type[Structure], tmp_path: Path
) -> None:
    (analysis,) = example(cls, tmp_path).archs
    parts = [item for group in analysis.network.groups.values() for item in group.items]
    assert any(isinstance(part, Repeat) and type(part.bound.word) is cls for part in parts)


@of(Setting)
def test_the_recipe_of_a_settings_example_contains_it(cls: type[Setting], tmp_path: Path) -> None:
    (analysis,) = example(cls, tmp_path).archs
    assert analysis.network.recipe is not None
    value = getattr(analysis.network.recipe, cls.slot())
    lines = value if cls.repeatable else (value,)
    assert any(isinstance(line, cls) for line in lines) or value != getattr(Recipe(), cls.slot())


@of(Initial)
def test_the_network_of_a_distributions_example_begins_so(
    cls: type[Initial], tmp_path: Path
) -> None:
    (analysis,) = example(cls, tmp_path).archs
    assert [type(init.word.weights) for init in analysis.network.inits] == [cls]


def test_the_declarations_of_examples_are_the_networks() -> None:
    def network(name: str) -> Analysis:
        (analysis,) = compiled(reference.spec(word(name))).archs
        return analysis

    assert str(network("input").network.input) == "3x227x227"
    assert network("devices").network.devices == 2
    assert len(network("expect").verdicts) == 5
    assert len(network("init").network.inits) == 2
    assert network("train").network.recipe is not None


@of(Edit)
def test_the_variants_of_an_edits_example_are_not_their_base(
    cls: type[Edit], tmp_path: Path
) -> None:
    base, *variants = example(cls, tmp_path).archs
    layers = [layer.brief for layer in base.network.layers]
    assert variants
    assert all([layer.brief for layer in v.network.layers] != layers for v in variants)


# --- a page -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "usage",
    [
        "[label:] conv filters kernel stride=1 pad=0 dilation=1 groups=1 bias=yes"
        " rounding=floor [allow=…] [-> shape]",
        "[label:] maxpool kernel [stride=…] pad=0 rounding=floor [allow=…] [-> shape]",
        "[label:] lrn size=5 k=2 alpha=1e-4 beta=0.75 across=channels [-> shape]",
        "[label:] batchnorm eps=1e-5 momentum=0.1 affine=yes [-> shape]",
        "[label:] concat { … } { … } … [-> shape]",
        "[label:] repeat count { … } [-> shape]",
        "arch Name(parameter=default, …) [from Base] { … }",
        'use "path"',
        "expect [stage] quantity amount",
        "init [stages…] [weights=…] [bias=…]",
        "set target key=value…",
        "replace target with [instead] [{ … }]",
        "insert after|before target { … }",
        "train { … }",
        "optimizer sgd|adam|adamw …",
        "optimizer adam lr=0.001 betas=(0.9, 0.999) eps=1e-8 weight_decay=0",
        "schedule milestones at… factor=0.1",
        "init weights=normal(mean=0, std=1)",
        "init weights=xavier",
        'data folder "path"',
        "augment [resize=…] [crop=…] pad=0 flip=no pca=0 mean=channel",
    ],
)
def test_usage(usage: str) -> None:
    written = {reference.usage(cls) for cls in reference.vocabulary()}
    assert usage in written


def test_a_page_says_all_there_is_to_say() -> None:
    assert page("lrn") == [
        "lrn                                           an arch or a block · normalisation",
        "",
        "  [label:] lrn size=5 k=2 alpha=1e-4 beta=0.75 across=channels [-> shape]",
        "",
        "  Local response normalisation, across channels or space.",
        "",
        "      b[i] = a[i] / (k + alpha · Σ_j a[j]²)^beta",
        "",
        "  across=channels: j from i − (size − 1)/2 to i + (size − 1)/2, cut off at the",
        "  first and the last map; Krizhevsky et al. 2012, section 3.3. across=space: j",
        "  over the size×size square around the position, within the map. alpha is not",
        "  divided by the size, as PyTorch and Caffe do. On several devices the maps next",
        "  to each other are those of the same device, as in cuda-convnet.",
        "",
        "  argument  default   what it is, and what it takes",
        "  size      5         how many neighbours are summed, the value itself included;",
        "                      odd",
        "                      an odd whole number from 1 to 65_536",
        "  k         2         constant in the denominator",
        "                      a number of more than 0",
        "  alpha     1e-4      factor of the sum of squares",
        "                      a number of at least 0",
        "  beta      0.75      exponent",
        "                      a number of at least 0",
        "  across    channels  where neighbours lie",
        "                      one of channels, space",
        "",
        "  example",
        "    conv 96 7x7 stride=2 pad=3",
        "    relu",
        "    lrn size=5 k=2 alpha=1e-4 beta=0.75",
        "",
        "    conv.lrn  96x32x32 → 96x32x32",
    ]


@every_word
def test_a_page_fits_80_columns_and_shows_the_example(cls: type[Word]) -> None:
    lines = [plain(line) for line in reference.page(cls)]
    assert max(map(len, lines)) <= 80
    shown = [f"    {line}".rstrip() for line in cleandoc(cls.example).splitlines()]
    start = lines.index("  example") + 1
    assert lines[start : start + len(shown)] == shown


def test_arguments_without_a_default() -> None:
    """A pool's stride is its kernel, which its description says; `with` is no argument at all."""
    lines = page("maxpool")
    assert "  kernel    required  height and width of the window" in lines
    assert "  stride    —         step of the window; without it, the kernel" in lines
    assert not any("preposition" in line for line in page("replace"))


def test_arguments_that_take_several_values() -> None:
    assert "                     a name; any number of them" in page("init")
    assert any(line.endswith("; one or more of") for line in page("milestones"))


def test_blocks_are_in_the_table() -> None:
    assert (
        "  { … }     2 or more  each block is a branch over the same input; an empty one"
        in page("add")
    )
    assert "  { … }     required  a block" in page("repeat")
    assert "  { … }     —         a block" in page("replace")


def test_words_in_a_word_are_listed_with_it() -> None:
    lines = page("init")
    start = lines.index("  weights")
    assert [line.split()[0] for line in lines[start + 1 : start + 5]] == list(Initial.words)
    assert "    adamw  Adam with decoupled weight decay." in page("optimizer")


def test_the_figures_of_a_layers_example_are_those_of_check() -> None:
    """64·(3·7·7) + 64 and 128·(64/2·3·3) + 128 numbers; weights times 32·32 positions."""
    assert page("conv")[-2:] == [
        "    conv1.conv  3x64x64 → 64x32x32 · 9,472 parameters · 9,633,792 MACs",
        "    conv2.conv  64x32x32 → 128x32x32 · 36,992 parameters · 37,748,736 MACs",
    ]


def test_the_figures_of_a_join_and_of_a_repeat_are_those_of_all_in_it() -> None:
    """16·64 + 64 and 16·64·9 + 64; three times 32·32·9 + 32."""
    (join,) = reference.figures(word("concat"))
    assert (join.params, join.macs) == (10_368, (16 * 64 + 16 * 64 * 9) * 64 * 64)
    (repeat,) = reference.figures(word("repeat"))
    assert (repeat.params, repeat.macs) == (3 * 9_248, 3 * 32 * 32 * 9 * 64 * 64)


def test_the_figures_of_an_edits_example_compare_the_variants() -> None:
    names = [figure.name for figure in reference.figures(word("replace"))]
    assert names == ["Base", "Tanh", "Deep"]
    base, _, deep = reference.figures(word("replace"))
    assert deep.params - base.params == 128 * 128 * 9 + 128


@pytest.mark.parametrize("name", ["arch", "use", "expect", "sgd", "normal"])
def test_no_figures_where_there_is_nothing_to_compute(name: str) -> None:
    assert reference.figures(word(name)) == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        (2.0, "2"),
        (0.75, "0.75"),
        (0.0, "0"),
        (1e-3, "0.001"),
        (1e-4, "1e-4"),
        (2.5e-5, "2.5e-5"),
        (1e-8, "1e-8"),
        (1, "1"),
        ("floor", "floor"),
        ((0.9, 0.999), "(0.9, 0.999)"),
        (None, None),
        ((), None),
    ],
)
def test_defaults_are_written_as_in_the_language(value: object, text: str | None) -> None:
    assert reference.written(value) == text


# --- the list ---------------------------------------------------------------------------------


def test_the_list_has_a_line_to_a_word_and_fits_80_columns() -> None:
    lines = [plain(line) for line in reference.listing()]
    assert max(map(len, lines)) <= 80
    listed = [line.split()[0] for line in lines if line.startswith("    ")]
    assert listed == [cls.word for cls in reference.vocabulary()]
    assert "    conv             2-d convolution: y[f] = b[f] + Σ_c w[f, c] ⋆ x[c]." in lines
    assert "      sgd            Stochastic gradient descent with momentum." in lines


def test_the_list_is_grouped_by_where_words_stand() -> None:
    lines = [plain(line) for line in reference.listing()]
    headings = [line.strip() for line in lines if re.match(r"  \S", line)]
    assert headings[1:3] == [TopLevel.home, Declaration.home]
    assert "an arch or a block · joining" in headings
    assert headings[-2:] == [Edit.home, Setting.home]


# --- the command ------------------------------------------------------------------------------


def test_words_lists_them_all() -> None:
    result = run()
    assert result.exit_code == 0
    assert result.stdout == "".join(f"{plain(line)}\n" for line in reference.listing())
    assert "\x1b" not in result.stdout


def test_words_of_one_is_its_page() -> None:
    result = run("conv")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == page("conv")
    assert "\x1b[" in run("conv", "--color", "always").stdout


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("maxpol", "did you mean 'maxpool'?"),
        ("sdg", "did you mean 'sgd'?"),
        ("Conv", "did you mean 'conv'?"),
        ("q", "archdsl words lists them all"),
    ],
)
def test_a_word_that_there_is_not(name: str, help: str) -> None:
    for arguments in ((name,), (name, "--format", "json")):
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr == f"archdsl: '{name}' is no word of the language: {help}\n"


# --- json -------------------------------------------------------------------------------------


def test_json_of_one_word() -> None:
    (conv,) = json.loads(run("conv", "--format", "json").stdout)["words"]
    assert conv["stands"] == "an arch or a block · convolution"
    assert (conv["labelled"], conv["blocks"], conv["words"]) == (True, [0, 0], [])
    arguments = {argument["name"]: argument for argument in conv["arguments"]}
    assert list(arguments)[:3] == ["filters", "kernel", "stride"]
    assert arguments["bias"] == {
        "name": "bias",
        "description": "whether a learned number is added per filter",
        "takes": "yes or no",
        "required": False,
        "default": "yes",
        "positional": True,
        "list": False,
        "words": ["yes", "no"],
    }
    assert arguments["filters"]["required"] and arguments["filters"]["default"] is None
    assert not arguments["allow"]["positional"]
    assert conv["figures"][0] == {
        "name": "conv1.conv",
        "input": [3, 64, 64],
        "output": [64, 32, 32],
        "params": 9_472,
        "macs": 9_633_792,
    }


def test_json_says_which_words_an_argument_takes() -> None:
    def words(name: str, argument: str) -> list[str]:
        (document,) = json.loads(run(name, "--format", "json").stdout)["words"]
        (found,) = [a["words"] for a in document["arguments"] if a["name"] == argument]
        return list(found)

    assert words("init", "weights") == ["normal", "uniform", "xavier", "kaiming"]
    assert words("scale", "target") == ["biases"]
    assert words("conv", "pad") == ["same"]
    assert words("insert", "where") == ["after", "before"]


def test_json_of_all_words_has_the_documented_fields_and_no_others() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    _, _, section = text.partition("# `archdsl words --format json`")
    fields = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    fields += re.findall(r"^\*\*\w+\*\*: ((?:.+\n?)+)", section, re.MULTILINE)
    documented = {"words", *re.findall(r"`(\w+)`", " ".join(fields))} - {"false", "null"}

    def keys(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
            for inner in value.values():
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    document = json.loads(run("--format", "json").stdout)
    assert set(keys(document)) == documented
    assert [entry["word"] for entry in document["words"]] == [
        cls.word for cls in reference.vocabulary()
    ]
    assert all(entry["example"] and entry["summary"] for entry in document["words"])


def test_the_recipes_defaults_are_the_ones_that_train_tells() -> None:
    told = cleandoc(Train.__doc__ or "").partition("What it leaves out is ")[2].rstrip(".")
    lines = [line.strip() for line in told.replace("\n", " ").split(",")]
    body = "\n".join(["input 3x8x8", "linear 2", "train {", *lines, "}"])
    assert analysed(body).network.recipe == Recipe()
