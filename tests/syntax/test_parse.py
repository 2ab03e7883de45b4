"""Text to tree: forms, values, spans, and recovery after what does not parse."""

from __future__ import annotations

import pytest

from archdsl.diagnostics import Findings
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.parse import MAX_NESTING, MAX_TOKENS, parse


def parsed(text: str) -> tuple[tree.File, Findings]:
    findings = Findings()
    return parse(Source("spec.arch", text), findings), findings


def statements(text: str) -> tuple[tree.Statement, ...]:
    file, findings = parsed(text)
    assert not findings, [f.message for f in findings]
    return file.statements


def value(text: str) -> tree.Value:
    (statement,) = statements(f"word {text}")
    return statement.arguments[0].value


def words(block: tree.Block) -> list[str]:
    return [statement.word.text for statement in block.statements]


def test_one_statement_has_every_part() -> None:
    (statement,) = statements("conv1: conv 96 11x11 stride=4 { relu } { tanh; lrn } -> 96x55x55")
    assert statement.label is not None and statement.label.text == "conv1"
    assert statement.word.text == "conv"
    keys = [argument.key.text if argument.key else None for argument in statement.arguments]
    assert keys == [None, None, "stride"]
    assert [words(block) for block in statement.blocks] == [["relu"], ["tanh", "lrn"]]
    assert isinstance(statement.claim, tree.Dimensions)
    assert statement.claim.sizes == (96, 55, 55)
    assert statement.head.text == "conv 96 11x11 stride=4"


def test_a_statement_ends_at_the_line_a_semicolon_or_its_block() -> None:
    texts = [s.word.text for s in statements("\n\na; b ;; c # d; e\n  f\n")]
    assert texts == ["a", "b", "c", "f"]
    (outer,) = statements("concat {\n  a\n} {\n} { b; c }")
    assert [words(block) for block in outer.blocks] == [["a"], [], ["b", "c"]]


@pytest.mark.parametrize(
    ("text", "expected", "places", "exact"),
    [
        ("96", 96, 0, True),
        ("60_965_224", 60965224, 0, True),
        ("0.75", 0.75, -2, False),
        ("1e-4", 1e-4, -4, False),
        ("62.37M", 62370000, 4, False),
        ("60M", 60000000, 6, False),
        ("2.5k", 2500, 2, False),
        ("1.5G", 1500000000, 8, False),
    ],
)
def test_numbers(text: str, expected: float, places: int, exact: bool) -> None:
    number = value(text)
    assert isinstance(number, tree.Number)
    assert (number.value, number.places, number.exact) == (expected, places, exact)
    assert type(number.value) is type(expected)


def test_other_values() -> None:
    dimensions = value("11×5")
    assert isinstance(dimensions, tree.Dimensions) and dimensions.sizes == (11, 5)
    dotted = value("conv1.relu_2.0")
    assert isinstance(dotted, tree.Name) and dotted.text == "conv1.relu_2.0"
    text = value(r'"a \"b\" \\ # ;"')
    assert isinstance(text, tree.Text) and text.text == r'a "b" \ # ;'
    call = value("normal(0, std=0.01)")
    assert isinstance(call, tree.Call) and call.name.text == "normal"
    assert [a.key.text if a.key else None for a in call.arguments] == [None, "std"]
    bound = value("~60M")
    assert isinstance(bound, tree.Bound) and bound.relation == "~"
    negative = value("-1")
    assert isinstance(negative, tree.Negative)
    items = value("(3, size, (2*size))")
    assert isinstance(items, tree.Tuple)
    assert [type(item) for item in items.items] == [tree.Number, tree.Name, tree.Arithmetic]


def test_a_call_touches_its_parenthesis() -> None:
    (statement,) = statements("fire (16)")
    assert isinstance(statement.arguments[0].value, tree.Number)
    (statement,) = statements("word fire(16)")
    assert isinstance(statement.arguments[0].value, tree.Call)


def test_arithmetic_is_one_node_however_long() -> None:
    sum_ = value("(" + "+".join(["1"] * 5000) + ")")
    assert isinstance(sum_, tree.Arithmetic)
    assert len(sum_.rest) == 4999
    mixed = value("(1 + 2*3 - 4)")
    assert isinstance(mixed, tree.Arithmetic)
    assert [operator for operator, _ in mixed.rest] == ["+", "-"]
    assert isinstance(mixed.rest[0][1], tree.Arithmetic)


def test_spans_are_the_text_that_was_written() -> None:
    (statement,) = statements("# é\r\n\tconv1: conv 96 (2 * w)  -> (3, s, s)  # end")
    assert statement.span.text == "conv1: conv 96 (2 * w)  -> (3, s, s)"
    assert (statement.span.line, statement.span.column) == (2, 2)
    assert statement.arguments[1].span.text == "(2 * w)"


def test_a_broken_statement_costs_one_finding_and_hides_nothing() -> None:
    file, findings = parsed("arch A {\n  conv1: conv 3 3x3x\n  relu; b 3+4\n  c { d; e * }\n}\nf\n")
    assert [(f.primary.span.line, f.primary.span.text) for f in findings if f.primary] == [
        (2, "3x3x"),
        (3, "+"),
        (4, "*"),
    ]
    arch, last = file.statements
    assert last.word.text == "f"
    assert words(arch.blocks[0]) == ["", "relu", "", "c"]
    assert words(arch.blocks[0].statements[3].blocks[0]) == ["d", ""]
    broken = arch.blocks[0].statements[0]
    assert broken.label is not None and broken.label.text == "conv1"


@pytest.mark.parametrize("text", ["(" * 5000, "{" * 5000, "a {" * 5000, "a b(" * 5000])
def test_endless_nesting_is_one_finding(text: str) -> None:
    _, findings = parsed(text)
    assert [f.rule.name for f in findings] == ["nesting"]


def test_nesting_up_to_the_limit_parses() -> None:
    inner = "x " + "(" * (MAX_NESTING - 1) + "1" + ")" * (MAX_NESTING - 1)
    assert len(statements("a {" + inner + "}")) == 1


def test_the_comment_above_a_statement() -> None:
    (statement,) = statements("# not this\n\n# A title,\n#   in two lines.\narch A { relu }")
    assert tree.comment_above(statement) == "A title, in two lines."


def test_a_text_without_end_is_not_read_to_its_end() -> None:
    findings = Findings()
    file = parse(Source("long.arch", "x\n" * MAX_TOKENS), findings)
    assert [d.rule.code for d in findings] == ["E305"] and file.statements == ()
    assert len(parse(Source("long.arch", "x\n" * (MAX_TOKENS // 2)), Findings()).statements) == (
        MAX_TOKENS // 2
    )
