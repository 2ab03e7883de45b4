"""Text to tree. A statement that does not parse is reported; parsing goes on at the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import TypeAlias, TypeGuard

from lark import Lark, Token, Tree, __version__
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from archdsl.diagnostics import Diagnostic, Findings, at, catalogue
from archdsl.source import Source, Span
from archdsl.syntax import table, tree

MAX_TOKENS = 150_000
"""Words, numbers and signs of a file. A network of 10,000 layers, written out, takes 55,000."""

MAX_NESTING = 100
"""Blocks and parentheses inside one another. GoogLeNet, written by hand, needs four."""

MAX_DIGITS = 30
"""Digits of one number, or of one size in dimensions."""

MAX_FINDINGS = 200
"""Statements that do not parse before the rest of a text is left unread: it is no spec."""

MAX_EXPONENT = 15
"""A number other than 0 lies between 10**-15 and 10**15."""

FORM = "a statement is written  [label:] word argument… [{ block }]… [-> shape]"

_BEGINNINGS = ("\n", ":", ";", "{", "}")
"""What stands before the word of a statement."""

_SUFFIXES = {"k": 3, "M": 6, "G": 9}

LarkTree: TypeAlias = Tree[Token]


def parse(source: Source, findings: Findings) -> tree.File:
    """The tree of a text. What is wrong in it goes to `findings`; the tree holds the rest."""
    lexed = list(islice(tokens(source.text), MAX_TOKENS + 1))
    if len(lexed) > MAX_TOKENS:
        findings.append(
            at(
                catalogue.TOO_LARGE,
                _span(source, lexed[-1]),
                f"the file has more than {MAX_TOKENS:,} words, numbers and signs",
                help=("write  repeat n { … }  for what comes several times, or several files",),
            )
        )
        return tree.File(source, ())
    if (deep := _too_deep(lexed)) is not None:
        findings.append(
            at(
                catalogue.NESTING,
                _span(source, deep),
                f"blocks and parentheses nest more than {MAX_NESTING} deep here",
                help=("write the inner part flat: no network needs this depth",),
            )
        )
        return tree.File(source, ())
    root = _recovering_parse(source, lexed, findings)
    return _Builder(source, findings).file(root)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text. Between them there are only spaces and comments."""
    return _parser().lex(text)


@cache
def _parser() -> Lark:
    """The parser, from its table where that was made by the Lark that is installed."""
    if __version__ == table.LARK:
        load: Callable[..., Lark] = Lark._load_from_dict  # has no types in Lark
        return load(table.DATA, table.MEMO)
    from archdsl.syntax.tabulate import from_grammar

    return from_grammar()


def _span(source: Source, token: Token) -> Span:
    start = token.start_pos or 0
    return Span(source, start, start + len(token))


def _too_deep(tokens: Iterable[Token]) -> Token | None:
    depth = 0
    for token in tokens:
        if token.type in ("LBRACE", "LPAR", "CALL"):
            depth += 1
            if depth > MAX_NESTING:
                return token
        elif token.type in ("RBRACE", "RPAR"):
            depth -= 1
    return None


# --- recovery ---------------------------------------------------------------------------------


def _recovering_parse(source: Source, tokens: list[Token], findings: Findings) -> LarkTree:
    """Parse as yacc does with its `error` token: what fails becomes an ERROR statement.

    The parser drops the statement that failed, reads ERROR in its place, and skips tokens to the
    next one that can follow: a separator, the block of the broken statement, or the end of the
    block around it. So one broken line costs one finding, and what is nested in it is still read.
    """
    parser = _parser().parse_interactive()
    open_braces: list[Token] = []
    skipping = False
    for token in tokens:
        if len(findings) >= MAX_FINDINGS:
            break
        if skipping and (
            token.type not in ("_SEP", "LBRACE", "RBRACE") or token.type not in _acceptable(parser)
        ):
            continue
        skipping = False
        if token.type == "RBRACE" and not open_braces:
            findings.append(_explain(source, token, inside_block=False))
            continue
        try:
            parser.feed_token(token)
        except UnexpectedToken:
            findings.append(_explain(source, token, bool(open_braces)))
            if "_SEP" in _acceptable(parser) and token.type == "NAME":
                parser.feed_token(Token("_SEP", ""))  # only the line's end was forgotten
            else:
                _replace_statement_by_error(parser)
            skipping = token.type not in _acceptable(parser) or token.type == "BAD"
            if skipping:
                continue
            parser.feed_token(token)
        if token.type == "LBRACE":
            open_braces.append(token)
        elif token.type == "RBRACE":
            open_braces.pop()
    return _finish(source, parser, open_braces, findings)


def _finish(
    source: Source, parser: InteractiveParser, open_braces: list[Token], findings: Findings
) -> LarkTree:
    end = Token("$END", "", len(source.text.rstrip()))
    if not {"$END", "RBRACE"} & _acceptable(parser):
        findings.append(_explain(source, end, bool(open_braces)))
        _replace_statement_by_error(parser)
    elif open_braces:
        opened = _span(source, open_braces[-1])
        findings.append(
            at(
                catalogue.SYNTAX,
                opened,
                "this '{' is never closed",
                label="opened here",
                help=("close it with '}' on a line of its own",),
            )
        )
    for _ in open_braces:
        parser.feed_token(Token("RBRACE", "", end.start_pos))
    result = parser.feed_token(end)
    assert isinstance(result, Tree)
    return result


def _acceptable(parser: InteractiveParser) -> set[str]:
    """The types of token that can come next."""
    accepts: Callable[[], set[str]] = parser.accepts  # has no types in Lark
    return accepts()


def _replace_statement_by_error(parser: InteractiveParser) -> None:
    """Unwind to where the failed statement began, and read ERROR there.

    Lark has no error productions, so the two stacks are unwound here, in step. A block that the
    statement has closed already is passed over whole: the statement does not begin in there.
    The ERROR token keeps the statement's label, so that naming its stage is no second mistake, and
    as its columns the place of the statement's word.
    """
    state = parser.parser_state
    closed = 0
    label = Token("ERROR", "")
    word: tuple[int | None, int | None] = (None, None)
    while closed or "ERROR" not in _acceptable(parser):
        state.state_stack.pop()
        value = state.value_stack.pop()
        if isinstance(value, Token):
            closed += (value.type == "RBRACE") - (value.type == "LBRACE")
            if value.type == "NAME" and not closed:
                word = value.start_pos, value.end_pos
        elif value.data == "label" and not closed:
            label = Token("ERROR", str(value.children[0]), value.children[0].start_pos)
    label.column, label.end_column = word
    parser.feed_token(label)


def _explain(source: Source, token: Token, inside_block: bool) -> Diagnostic:
    """What is wrong with a token that cannot stand where it stands."""
    span = _span(source, token)
    text = token if len(token) <= 40 else token[:39] + "…"
    match token.type:
        case "BAD":
            message = f"'{_visible(text)}' is neither a number, a name nor a value"
            help = _bad_help(token)
        case "_SEP" | "$END":
            span = Span(source, span.start, span.start)
            message = "the statement ends too early: something is missing before this place"
            help = (FORM, "no expression goes on over the line's end")
        case "LBRACE" if not source.line(span.line)[: span.column - 1].strip():
            message = "a '{' stands on the line of the statement whose block it opens"
            help = ("move it to the end of the line above",)
        case "RBRACE" if not inside_block:
            message = "this '}' closes nothing"
            help = ("remove it, or open its block with a '{'",)
        case "CALL" if source.text[: span.start].rstrip(" \t").endswith(_BEGINNINGS):
            message = f"'{text}' begins no statement: arguments follow a word without parentheses"
            help = (f"write  {token[:-1]} 16 64  for {token[:-1]}(16, 64)",)
        case "SLASH":
            message = "'/' stands outside parentheses and quotes"
            help = (
                'a path is written in quotes: "data/train"',
                "a division in parentheses: (a / 2)",
            )
        case "PLUS" | "MINUS" | "STAR":
            message = f"'{text}' stands outside parentheses"
            help = ("arithmetic is written in parentheses: (2 * width)",)
        case "EQUAL":
            message = "this '=' has no key before it"
            help = ("an argument is written  key=value",)
        case "NAME" if source.text[: span.start].rstrip(" \t").endswith("}"):
            message = f"'{text}' begins a new statement on the line of another one's '}}'"
            help = ("put it on a line of its own, or a ';' between",)
        case _:
            message = f"'{text}' cannot stand here"
            help = (FORM,)
    return at(catalogue.SYNTAX, span, message, help=help)


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() else f"<U+{ord(char):04X}>" for char in text)


def _bad_help(token: str) -> tuple[str, ...]:
    if token[0] == '"':
        return ('a text begins and ends with " on one line',)
    if token[0] == "'":
        return ('text is written in double quotes: "data/train"',)
    if not token.isprintable():
        return ("delete the invisible character and type a space",)
    if token[0].isdigit() or token[0] == ".":
        return ("numbers are written 96, 0.75, 1e-4, 60_965_224, 62.37M; dimensions 11x11",)
    return ("names are made of letters from a to z or A to Z, digits and _",)


# --- tree -------------------------------------------------------------------------------------


class _Builder:
    """Lark's tree to ours. Depth is bounded by MAX_NESTING, so recursion is safe."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self.source = source
        self.findings = findings

    def file(self, root: LarkTree) -> tree.File:
        return tree.File(self.source, self.statements(root.children))

    def statements(self, children: list[Token | LarkTree]) -> tuple[tree.Statement, ...]:
        return tuple(self.statement(child) for child in children if isinstance(child, Tree))

    def statement(self, node: LarkTree) -> tree.Statement:
        if node.data == "broken":
            return self.broken(_token(node.children[0]))
        label: tree.Name | None = None
        claim: tree.Value | None = None
        word: tree.Name | None = None
        arguments: list[tree.Argument] = []
        blocks: list[tree.Block] = []
        for child in node.children:
            if isinstance(child, Token):
                word = self.name(child)
            elif child.data == "label":
                label = self.name(_token(child.children[0]))
            elif child.data == "argument":
                arguments.append(self.argument(child))
            elif child.data == "block":
                blocks.append(self.block(child))
            else:
                claim = self.value(child.children[0])
        assert word is not None
        head = word.span.to(arguments[-1].span) if arguments else word.span
        start = label.span if label else word.span
        last = claim.span if claim else blocks[-1].span if blocks else head
        return tree.Statement(
            label, word, tuple(arguments), tuple(blocks), claim, start.to(last), head
        )

    def broken(self, error: Token) -> tree.Statement:
        """A statement without a word: it is reported, and what follows from it is unknown.

        Where its word was written is what the empty name spans.
        """
        name = self.name(error)
        label = name if error else None
        word = tree.Name("", name.span)
        if error.column is not None and error.end_column is not None:
            word = tree.Name("", Span(self.source, error.column, error.end_column))
        return tree.Statement(label, word, (), (), None, name.span, name.span)

    def block(self, node: LarkTree) -> tree.Block:
        span = self.span(_token(node.children[0])).to(self.span(_token(node.children[-1])))
        return tree.Block(self.statements(node.children), span)

    def argument(self, node: LarkTree) -> tree.Argument:
        key = self.name(_token(node.children[0])) if len(node.children) == 2 else None
        value = self.value(node.children[-1])
        return tree.Argument(key, value, key.span.to(value.span) if key else value.span)

    def value(self, node: Token | LarkTree) -> tree.Value:
        assert isinstance(node, Tree)
        children = node.children
        match node.data:
            case "number":
                return self.number(_token(children[0]))
            case "dimensions":
                return self.dimensions(_token(children[0]))
            case "name":
                return self.name(_token(children[0]))
            case "text":
                token = _token(children[0])
                text = token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
                return tree.Text(text, self.span(token))
            case "negative":
                operand = self.value(children[1])
                return tree.Negative(operand, self.span(_token(children[0])).to(operand.span))
            case "bound":
                token, value = _token(children[0]), self.value(children[1])
                return tree.Bound(str(token), value, self.span(token).to(value.span))
            case "group":
                return self.value(children[1])._replace(span=self.ends(children))
            case "tuple":
                items = tuple(self.value(child) for child in children[1:-1])
                return tree.Tuple(items, self.ends(children))
            case "call":
                opening = _token(children[0])
                start = opening.start_pos or 0
                name = tree.Name(opening[:-1], Span(self.source, start, start + len(opening) - 1))
                arguments = tuple(self.argument(child) for child in children[1:-1] if _tree(child))
                return tree.Call(name, arguments, self.ends(children))
            case _:
                first = self.value(children[0])
                operators = [str(child) for child in children[1::2]]
                rest = tuple(zip(operators, map(self.value, children[2::2]), strict=True))
                return tree.Arithmetic(first, rest, first.span.to(rest[-1][1].span))

    def number(self, token: Token) -> tree.Number:
        span = self.span(token)
        if token.isdigit() and len(token) <= MAX_EXPONENT:
            return tree.Number(int(token), 0, True, span)
        digits = token.replace("_", "")
        suffix = _SUFFIXES.get(digits[-1], 0)
        if suffix:
            digits = digits[:-1]
        mantissa, _, exponent = digits.lower().partition("e")
        if len(mantissa.replace(".", "")) > MAX_DIGITS or len(exponent) > 4:
            return self.out_of_range(span, f"more than {MAX_DIGITS} digits")
        exact = not suffix and digits.isdigit()
        decimal = Decimal(digits).scaleb(suffix)
        if decimal and not -MAX_EXPONENT <= decimal.adjusted() < MAX_EXPONENT:
            return self.out_of_range(span, f"a size of 10^{decimal.adjusted()}")
        places = Decimal(digits).as_tuple().exponent
        assert isinstance(places, int)
        whole = exact or (suffix > 0 and decimal == decimal.to_integral_value())
        value = int(decimal) if whole else float(decimal)
        return tree.Number(value, places + suffix, exact, span)

    def out_of_range(self, span: Span, what: str) -> tree.Number:
        self.findings.append(
            at(
                catalogue.NUMBER,
                span,
                f"this number has {what}: no network has such a figure",
                help=(
                    f"a number lies below 10^{MAX_EXPONENT} and above 10^-{MAX_EXPONENT}, or is 0",
                ),
            )
        )
        return tree.Number(1, 0, True, span)

    def dimensions(self, token: Token) -> tree.Dimensions:
        span = self.span(token)
        texts = token.replace("×", "x").split("x")
        if max(map(len, texts)) > MAX_EXPONENT:
            self.out_of_range(span, f"a size of more than {MAX_EXPONENT} digits")
            texts = ["1"] * len(texts)
        return tree.Dimensions(tuple(map(int, texts)), span)

    def name(self, token: Token) -> tree.Name:
        return tree.Name(str(token), self.span(token))

    def span(self, token: Token) -> Span:
        return _span(self.source, token)

    def ends(self, children: list[Token | LarkTree]) -> Span:
        return self.span(_token(children[0])).to(self.span(_token(children[-1])))


def _token(child: Token | LarkTree) -> Token:
    assert isinstance(child, Token)
    return child


def _tree(child: Token | LarkTree) -> TypeGuard[LarkTree]:
    return isinstance(child, Tree)
