"""The one layout: exact texts, what holds for every text that parses, and the command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from archdsl import files
from archdsl.cli import app
from archdsl.diagnostics import Findings
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.format import Style, formatted
from archdsl.syntax.parse import MAX_NESTING, parse
from tests.helpers import ROOT

STYLE = Style(
    unlabelled=frozenset("arch block use let input devices expect init train".split()),
    tabular=frozenset("data batch optimizer evaluate".split()),
)


def laid_out(text: str) -> str:
    findings = Findings()
    result = formatted(Source("spec.arch", text), STYLE, findings)
    assert result is not None, [finding.message for finding in findings]
    assert not findings
    return result


# --- exact texts ------------------------------------------------------------------------------

EXAMPLES = {
    "labels, the block's own indentation, claims": (
        """
arch  AlexNet( classes = 1000 ){
input 3x227x227
    conv1 :conv 96 11x11   stride = 4->96x55x55
    relu; maxpool 3x3 stride=2 -> 96x27x27
fc6: linear 4096
init: conv 3
expect params ~60M
}
""",
        """
arch AlexNet(classes=1000) {
  input 3x227x227
  conv1: conv 96 11x11 stride=4  -> 96x55x55
         relu
         maxpool 3x3 stride=2    -> 96x27x27
  fc6:   linear 4096
  init:  conv 3
  expect params ~60M
}
""",
    ),
    "a label on a word that takes none": (
        "a: input 3\nlong: conv 3\ninput 4\n",
        "a:    input 3\nlong: conv 3\ninput 4\n",
    ),
    "no label, no padding": (
        "block b(n) {\n    conv n 1x1\n\trelu\n}\n",
        "block b(n) {\n  conv n 1x1\n  relu\n}\n",
    ),
    "layers push the claims, with a claim or without, but far ones do not": (
        """
conv 1 -> 1
conv 2 this_has_no_claim
conv 3 this_is_a_statement_that_ends_exactly_at_column_60__ -> 3
conv 4 this_is_a_statement_that_ends_one_column_beyond_that_ -> 4
""",
        """
conv 1                                                        -> 1
conv 2 this_has_no_claim
conv 3 this_is_a_statement_that_ends_exactly_at_column_60__   -> 3
conv 4 this_is_a_statement_that_ends_one_column_beyond_that_  -> 4
""",
    ),
    "claims stand right of the layers that claim nothing": (
        "a: conv 1 -> 1\nlrn size=5 k=2\nexpect params 1_000_000_000\n",
        "a: conv 1          -> 1\n   lrn size=5 k=2\nexpect params 1_000_000_000\n",
    ),
    "every block has its own column of claims": (
        "repeat 2 {\nconv 1 -> 1\n}\nconv 64 3x3 pad=1 -> 2\nrelu->3",
        "repeat 2 {\n  conv 1  -> 1\n}\nconv 64 3x3 pad=1  -> 2\nrelu               -> 3\n",
    ),
    "blocks on one line": (
        "arch A from B{replace relu with tanh ;}\n"
        "concat{conv 8 1x1 ;;relu}  { a :conv 8 3x3  pad=1->3;add{ } {relu} }->4\n"
        "conv 1 -> 1\n",
        "arch A from B { replace relu with tanh }\n"
        "concat { conv 8 1x1; relu } { a: conv 8 3x3 pad=1 -> 3; add {} { relu } }  -> 4\n"
        "conv 1  -> 1\n",
    ),
    "blocks over several lines": (
        """
stem: conv 1
concat { conv 1
relu } {
# the other
conv 2 } {

} { conv 3; tanh }-> 256x28x28
last: add { identity } { lrn
}
""",
        """
stem: conv 1
      concat {
        conv 1
        relu
      } {
        # the other
        conv 2
      } {} { conv 3; tanh } -> 256x28x28
last: add { identity } {
  lrn
}
""",
    ),
    "a recipe is a table": (
        "train {\ndata shapes; batch 128\n optimizer sgd lr=0.1\n seed 3\n evaluate\n}\nbatch 2",
        """
train {
  data      shapes
  batch     128
  optimizer sgd lr=0.1
  seed 3
  evaluate
}
batch 2
""",
    ),
    "comments": (
        """

#top
arch A {# opening

   # first
input 8    #of input\t
devices 2 ;# of devices

a: linear 2
# of relu

\t# and its second line


relu;tanh # of tanh
; # last
} # closing
concat {} { # only
}
#end""",
        """
#top
arch A {  # opening
  # first
  input 8    #of input
  devices 2  # of devices

  a: linear 2
     # of relu

     # and its second line

     relu
     tanh  # of tanh
  # last
}            # closing
concat {} {  # only
}
#end
""",
    ),
    "a long label does not push the words, nor a long line the comments": (
        f'b: conv 1 # of b\nrelu "{"x" * 95}" # of relu\n{"a" * 61}: tanh\nlrn # of lrn\n',
        f'b: conv 1  # of b\n   relu "{"x" * 95}"  # of relu\n{"a" * 61}: tanh\n   lrn  # of lrn\n',
    ),
    "comments in a statement's blocks": (
        "add { a; b # of b\n} { c } # of add\nadd { a; b } # of the whole\n",
        "add {\n  a\n  b           # of b\n} { c }       # of add\nadd { a; b }  # of the whole\n",
    ),
    "blank lines": (
        "\n\na\n \t\n\r\n\nb {\n\n\nc\n;\nd\n\n;\n\ne\n\n}\n\n\n",
        "a\n\nb {\n  c\n  d\n\n  e\n}\n",
    ),
    "line ends, tabs and separators": (
        "\ta ;; b\t3;\r\n;c\r\n\t;# d\r\n \fe\f4",
        "a\nb 3\nc\n# d\ne 4\n",
    ),
    "nothing but spaces": (" \r\n\t\n;", ""),
    "nothing": ("", ""),
    "only comments": (" # a \n\n\n# b", "# a\n\n# b\n"),
}


@pytest.mark.parametrize(("before", "after"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_layout_of(before: str, after: str) -> None:
    assert laid_out(before) == after.removeprefix("\n")
    assert laid_out(after.removeprefix("\n")) == after.removeprefix("\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("96   -  1 0.750 1E-4 60_965_224", "96 -1 0.750 1E-4 60_965_224"),
        ("11×5 3x227×227", "11x5 3x227x227"),
        ("same  conv1.relu_2", "same conv1.relu_2"),
        ('"a  ×\t\\"b\\" # ;{" dir="é"', '"a  ×\t\\"b\\" # ;{" dir="é"'),
        ("key = value pad =same a= - 1", "key=value pad=same a=-1"),
        ("normal( 0 ,std = 0.01 ) f( )", "normal(0, std=0.01) f()"),
        ("fire (16)( a )", "fire (16) (a)"),
        ("( 2 *width+1 )", "(2*width + 1)"),
        ("(( (2) ) / - 3*(a-b) - -c)", "(((2))/-3*(a - b) - -c)"),
        ("( - a,-b ,(- 3) )", "(-a, -b, (-3))"),
        ("f(- 1,a=- b+2)-3", "f(-1, a=-b + 2) -3"),
        ("params ~ 60M", "params ~60M"),
        ("params <=61M x=>= - 1 y=~ 2", "params <= 61M x=>= -1 y=~2"),
    ],
)
def test_values(before: str, after: str) -> None:
    assert laid_out(f"word\t{before}  ") == f"word {after}\n"
    assert laid_out(f"word{{w  {before}}}") == f"word {{ w {after} }}\n"


def test_a_claim_is_spaced_like_an_argument() -> None:
    assert laid_out("a->( 3,s ,s )") == "a  -> (3, s, s)\n"
    assert laid_out("a{\nb\n}->- 2×3") == "a {\n  b\n} -> -2x3\n"


def test_one_line_blocks_stay_up_to_100_columns_their_claim_included() -> None:
    name = "x" * 69
    fits = f"concat {{ conv {name} }} {{ relu }}  -> 8\n"
    assert len(fits) == 100 + 1
    assert laid_out(fits) == fits
    broken = f"concat {{\n  conv {name}x\n}} {{\n  relu\n}} -> 8\n"
    assert laid_out(fits.replace(name, f"{name}x")) == broken
    inside = f"repeat 2 {{\n  {fits}}}\n"
    indented = "".join(f"  {line}\n" for line in broken.replace(f"{name}x", name).splitlines())
    assert laid_out(inside) == f"repeat 2 {{\n{indented}}}\n"
    commented = fits.replace("\n", "  # a comment takes no room\n")
    assert laid_out(commented) == commented


def test_a_broken_block_leaves_what_is_in_it_on_one_line() -> None:
    long = "y" * 80
    before = f"concat {{ relu {long}; add {{ relu }} {{}} }} {{}}"
    assert laid_out(before) == f"concat {{\n  relu {long}\n  add {{ relu }} {{}}\n}} {{}}\n"


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        ("}} {{ conv {name} }} {{}}", "add {\n  relu\n", "\n"),
        ("add {{ conv {name} }} {{", "", "\n  relu\n}\n"),
    ],
)
def test_one_line_blocks_beside_a_broken_one_stay_where_they_fit(
    line: str, before: str, after: str
) -> None:
    name = "x" * (100 - len(line.format(name="")))
    fits = before + line.format(name=name) + after
    assert laid_out(fits) == fits
    long = before + line.format(name=name + "x") + after
    broken = long.replace("{ conv ", "{\n  conv ").replace("x }", "x\n}")
    assert laid_out(long) == broken


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\nb (1\n", "the statement ends too early"),
        ("a  b @\n", "is neither a number"),
        ("a" + " {" * (MAX_NESTING + 1), "nest more than"),
        (f"a {'1' * 40}", "more than 30 digits"),
    ],
)
def test_what_does_not_parse_has_no_layout(text: str, message: str) -> None:
    findings = Findings()
    assert formatted(Source("spec.arch", text), STYLE, findings) is None
    assert [message in finding.message for finding in findings] == [True]


# --- what holds for every text ----------------------------------------------------------------


LEXEME = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|#[^\n]*|->|<=|>=|[\w.×]+|[^\s;]')


def lexemes(text: str) -> list[str]:
    """The tokens and comments of a text, `;` and what trails a comment left out."""
    return [match.group().rstrip() for match in LEXEME.finditer(text)]


def comments(text: str) -> list[tuple[str, int, bool]]:
    """Each comment, how many tokens stand before it, and whether any is on its line."""
    found, tokens = [], 0
    for match in LEXEME.finditer(text):
        if match.group().startswith("#"):
            above = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            found.append((match.group().rstrip(), tokens, bool(above.strip(" \t\r\f;"))))
        else:
            tokens += 1
    return found


def parsed(text: str) -> tree.File | None:
    findings = Findings()
    file = parse(Source("spec.arch", text), findings)
    return None if findings else file


def bare(node: object) -> object:
    """A tree without its spans and its source."""
    if isinstance(node, tuple):
        return type(node), [bare(item) for item in node if not isinstance(item, Span | Source)]
    return node


def assert_only_the_layout_differs(before: str) -> None:
    after = laid_out(before)
    assert bare(parsed(after)) == bare(parsed(before))
    assert comments(after) == comments(before)
    plain = [word if word[0] in '"#' else word.replace("×", "x") for word in lexemes(before)]
    assert lexemes(after) == plain
    assert laid_out(after) == after


def assert_tidy(text: str) -> None:
    assert text == "" or (text.endswith("\n") and not text.startswith("\n"))
    lines = text.split("\n")[:-1]
    for line in lines:
        assert line == line.rstrip()
        code = "".join(word for word in lexemes(line) if word[0] not in '"#')
        assert not {"\t", "\r", "×"} & set(code)
        indentation = line[: len(line) - len(line.lstrip())]
        assert set(indentation) <= {" "}
    for above, below in pairwise(lines):
        assert above or (below and not below.lstrip().startswith("}"))
        assert below or not LEXEME.sub(lambda m: m.group()[0], above.split("#")[0]).endswith("{")


NUMBERS = ["0", "96", "60_965_224", "0.75", "1e-4", "62.37M", "2.5k", "1E+3", "11x11", "3×227x227"]
NAMES = ["same", "classes", "conv1.relu_2", "x3", "a.0", "yes", "_"]
STRINGS = ['""', '"data/é  ×"', r'"\"\\ # ; { }"', '"a\tb"', '"日本"']
WORDS = "conv relu concat fire input init train data batch optimizer evaluate use arch".split()
COMMENTS = ["#", "# a", "#é ", '# { } ; -> "', "#\t×", "## # ", '# "日本', "# }\r"]


def spaces(least: int = 0) -> st.SearchStrategy[str]:
    return st.sampled_from([" ", "  ", "\t", "\f ", " \r"] if least else ["", "", " ", "\t "])


@st.composite
def sums(draw: st.DrawFn, depth: int) -> str:
    """Arithmetic as it stands in parentheses."""
    text = draw(factors(depth))
    for _ in range(draw(st.integers(0, 2))):
        text += draw(spaces()) + draw(st.sampled_from("+-*/")) + draw(spaces())
        text += draw(factors(depth))
    return text


@st.composite
def factors(draw: st.DrawFn, depth: int) -> str:
    """A value as it stands in parentheses, and for an argument too: a sign, then what it is of."""
    sign = draw(st.sampled_from(["", "", "-"]))
    return f"{sign}{draw(spaces()) if sign else ''}{draw(atoms(depth))}"


@st.composite
def atoms(draw: st.DrawFn, depth: int) -> str:
    kind = draw(st.sampled_from(["plain"] * 3 + ["call", "group", "tuple"] * (depth > 0)))
    if kind == "plain":
        return draw(st.sampled_from(NUMBERS + NAMES + STRINGS))
    count = {"call": draw(st.integers(0, 2)), "group": 1, "tuple": draw(st.integers(2, 3))}[kind]
    items = []
    for _ in range(count):
        key = draw(st.sampled_from(["", "std"])) if kind == "call" else ""
        equal = f"{draw(spaces())}={draw(spaces())}" if key else ""
        items.append(f"{draw(spaces())}{key}{equal}{draw(sums(depth - 1))}{draw(spaces())}")
    opening = "normal(" if kind == "call" else "("
    return f"{opening}{','.join(items) or draw(spaces())})"


@st.composite
def arguments(draw: st.DrawFn) -> str:
    key = draw(st.sampled_from(["", "", "lr", "pad"]))
    equal = f"{draw(spaces())}={draw(spaces())}" if key else ""
    bound = draw(st.sampled_from([""] * 4 + ["~", "<=", ">="]))
    return f"{key}{equal}{bound}{draw(spaces()) if bound else ''}{draw(factors(2))}"


@st.composite
def statements(draw: st.DrawFn, depth: int, one_line: bool) -> str:
    label = draw(st.sampled_from(["", "", "", "a", "conv1", "inception_3a"]))
    text = f"{label}{draw(spaces())}:{draw(spaces())}" if label else ""
    text += draw(st.sampled_from(WORDS))
    for argument in draw(st.lists(arguments(), max_size=3)):
        text += draw(spaces(1)) + argument
    for _ in range(draw(st.integers(0, 3)) if depth and draw(st.booleans()) else 0):
        text += draw(spaces()) + draw(blocks(depth - 1, one_line))
    if draw(st.integers(0, 3)) == 0:
        text += f"{draw(spaces())}->{draw(spaces())}{draw(factors(1))}"
    return text


@st.composite
def blocks(draw: st.DrawFn, depth: int, one_line: bool) -> str:
    one_line = one_line or draw(st.booleans())
    return f"{{{draw(bodies(depth, one_line))}}}"


@st.composite
def separators(draw: st.DrawFn, one_line: bool, least: int = 1) -> str:
    """What stands between two statements, and with `least=0` before the first and after the last.

    A comment needs a line's end after it.
    """
    end = st.just(";") if one_line else st.sampled_from(["\n", "\n", "\r\n", ";", "comment"])
    text = draw(spaces())
    for one in draw(st.lists(end, min_size=least, max_size=3)):
        comment = draw(st.sampled_from(COMMENTS)) + "\n"
        text += (comment if one == "comment" else one) + draw(spaces())
    return text


@st.composite
def bodies(draw: st.DrawFn, depth: int, one_line: bool) -> str:
    text = draw(separators(one_line, 0))
    written = draw(st.lists(statements(depth, one_line), max_size=4))
    for number, statement in enumerate(written):
        text += (draw(separators(one_line)) if number else "") + statement
    return text + draw(separators(one_line, 0))


@st.composite
def programs(draw: st.DrawFn) -> str:
    return draw(bodies(3, one_line=False)) + draw(st.sampled_from(["", *COMMENTS]))


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(programs())
@example("a{#\n}")
@example("x: a -> 1 # c\n# d")
def test_of_any_program_only_the_layout_changes(program: str) -> None:
    assert parsed(program) is not None
    assert_only_the_layout_differs(program)
    assert_tidy(laid_out(program))


def test_of_the_specs_in_the_repository_only_the_layout_changes() -> None:
    paths = [*(ROOT / "specs").rglob("*.arch"), *(ROOT / "tests" / "cases").rglob("*.arch")]
    texts = [path.read_bytes().decode("utf-8-sig", errors="replace") for path in paths]
    sound = [text for text in texts if parsed(text) is not None]
    assert len(sound) > len(texts) // 2
    for text in sound:
        assert_only_the_layout_differs(text)
        assert_tidy(laid_out(text))


def test_the_deepest_nesting_has_a_layout() -> None:
    one_line = "a { " * MAX_NESTING + "}" * MAX_NESTING
    assert_only_the_layout_differs(one_line)
    assert_only_the_layout_differs(one_line.replace("{", "{\n"))


# --- archdsl fmt ------------------------------------------------------------------------------

UNTIDY = b"arch A{ # \xc3\xa9\r\n\tinput 8\r\n  conv1:conv 2\r\n\tmy_block 3\r\n}"
TIDY = "arch A {  # é\n  input 8\n  conv1: conv 2\n         my_block 3\n}\n".encode()


def fmt(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["fmt", *map(str, arguments)], input=stdin)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "a.arch"
    path.write_bytes(UNTIDY)
    return path


def test_fmt_rewrites_the_files_that_it_names(tmp_path: Path, spec: Path) -> None:
    deep = tmp_path / "deep" / "b.arch"
    deep.parent.mkdir()
    deep.write_bytes(UNTIDY)
    result = fmt(tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"{spec}\n{deep}\n")
    assert spec.read_bytes() == deep.read_bytes() == TIDY


@pytest.mark.parametrize("options", [[], ["--check"], ["--diff"], ["--check", "--diff"]])
def test_fmt_leaves_a_file_that_is_laid_out(
    spec: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_bytes(TIDY)
    monkeypatch.setattr(files, "write", None)
    result = fmt(spec, *options)
    assert (result.exit_code, result.output) == (0, "")


def test_fmt_removes_a_byte_order_mark(spec: Path) -> None:
    spec.write_bytes(b"\xef\xbb\xbf" + TIDY)
    assert fmt("--check", spec).exit_code == 1
    assert fmt("--check", "-", stdin=spec.read_bytes()).exit_code == 1
    assert fmt("--diff", spec).stdout.splitlines()[3:5] == [
        "-\ufeffarch A {  # é",
        "+arch A {  # é",
    ]
    assert fmt(spec).exit_code == 0
    assert spec.read_bytes() == TIDY


def test_fmt_knows_which_words_take_a_label_and_which_make_a_table(tmp_path: Path) -> None:
    body = """
  input 8
  devices 1
  fc1: linear 2
       softmax
       repeat 2 { linear 2 }
       some_block 3
  expect params 3
  init bias=0
  set fc1 bias=no
  replace relu with tanh
  train {
    batch     3
    optimizer sgd lr=1
    schedule  constant
  }
"""
    path = tmp_path / "words.arch"
    path.write_text(f'use "a"\nlet b=3\nblock c {{\n  relu\n}}\narch A {{{body}}}\n')
    assert fmt("--diff", path).stdout == ""


def test_fmt_of_standard_input_is_standard_output() -> None:
    result = fmt("-", stdin=UNTIDY)
    assert (result.exit_code, result.stdout_bytes) == (0, TIDY)
    assert fmt("-", stdin=TIDY).stdout_bytes == TIDY
    assert fmt("--check", "-", stdin=TIDY).output == ""
    result = fmt("--check", "-", stdin=UNTIDY)
    assert (result.exit_code, result.stdout) == (1, "<stdin>\n")


def test_fmt_writes_utf_8_whatever_the_terminal_shows() -> None:
    command = [sys.executable, "-m", "archdsl", "fmt", "-"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, input=UNTIDY, capture_output=True, check=True, env=environment)
    assert done.stdout == TIDY


def test_fmt_check_lists_and_writes_nothing(tmp_path: Path, spec: Path) -> None:
    (tmp_path / "b.arch").write_bytes(TIDY)
    result = fmt("--check", tmp_path)
    assert (result.exit_code, result.stdout) == (1, f"{spec}\n")
    assert spec.read_bytes() == UNTIDY


def test_fmt_diff_prints_what_would_change(spec: Path) -> None:
    spec.write_bytes(b"a\n\n\n# \xe2\x80\xa8 b\nc  3")
    result = fmt("--diff", spec)
    assert result.exit_code == 0
    assert result.stdout == (
        f"--- {spec}\n+++ {spec}\n@@ -1,5 +1,4 @@\n a\n \n-\n # \u2028 b\n-c  3\n"
        "\\ No newline at end of file\n+c 3\n"
    )
    assert fmt("--diff", "--check", spec).exit_code == 1
    assert spec.read_bytes().endswith(b"c  3")


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")
def test_fmt_diff_is_a_patch(spec: Path) -> None:
    spec.write_bytes(UNTIDY)
    patch = fmt("--diff", spec).stdout_bytes
    command = ["patch", "--binary", str(spec)]
    subprocess.run(command, input=patch, capture_output=True, check=True)
    assert spec.read_bytes() == TIDY


def test_fmt_leaves_what_does_not_parse_and_formats_the_rest(tmp_path: Path, spec: Path) -> None:
    broken = tmp_path / "broken.arch"
    broken.write_bytes(b"arch A {\n  conv 3x\n}\n")
    result = fmt(broken, spec)
    assert result.exit_code == 1
    assert "E101" in result.stderr and f"{broken}:2:8" in result.stderr
    assert result.stdout == f"{spec}\n"
    assert broken.read_bytes() == b"arch A {\n  conv 3x\n}\n"
    assert spec.read_bytes() == TIDY
    result = fmt("-", stdin=broken.read_bytes())
    assert (result.exit_code, result.stdout) == (1, "")
    assert "<stdin>:2:8" in result.stderr


def test_fmt_of_what_cannot_be_read_formats_the_rest(tmp_path: Path, spec: Path) -> None:
    binary = tmp_path / "binary.arch"
    binary.write_bytes(b"\xff\xfe\x00")
    result = fmt(tmp_path / "missing.arch", binary, spec)
    assert result.exit_code == 2
    assert "missing.arch: No such file or directory" in result.stderr
    assert "is not UTF-8 text" in result.stderr
    assert spec.read_bytes() == TIDY


def test_fmt_of_what_cannot_be_written_formats_the_rest(
    tmp_path: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "0.arch"
    full.write_bytes(UNTIDY)
    write = files.write

    def refuse(path: Path, data: bytes) -> None:
        if path == full:
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(files, "write", refuse)
    result = fmt(tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"archdsl: cannot write {full}: No space left on device\n"
    assert result.stdout == f"{spec}\n"


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="there is no such device")
def test_fmt_rewrites_no_pipe() -> None:
    command = [sys.executable, "-m", "archdsl", "fmt", "/dev/stdin"]
    done = subprocess.run(command, input=UNTIDY, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"/dev/stdin: it is no regular file; fmt - formats standard input" in done.stderr


def test_fmt_follows_a_link_and_keeps_permissions(tmp_path: Path, spec: Path) -> None:
    spec.chmod(0o640)
    link = tmp_path / "link.arch"
    link.symlink_to(spec)
    result = fmt(link)
    assert result.stdout == f"{link}\n"
    assert link.is_symlink()
    assert spec.read_bytes() == TIDY
    assert spec.stat().st_mode & 0o777 == 0o640


def test_fmt_of_nothing(tmp_path: Path) -> None:
    assert fmt().exit_code == 2
    result = fmt(tmp_path)
    assert result.exit_code == 2
    assert "without .arch files" in result.stderr


def test_fmt_leaves_what_it_does_not_need(spec: Path) -> None:
    script = (
        "import sys; from archdsl.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'torch', 'numpy', 'graphviz', 'rich.progress', 'archdsl.training',"
        " 'archdsl.diagram'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    command = [sys.executable, "-c", script, "fmt", str(spec)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
