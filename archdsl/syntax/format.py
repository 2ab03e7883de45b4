"""Text to the same text in the one layout. Only spaces, line ends and `;` change, and `×` to `x`.

Comments are no tokens: they are what the gaps between tokens hold. As no statement goes on over a
line's end, a comment stands after a statement, after a `{`, or on a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from lark import Token

from archdsl.diagnostics import Findings
from archdsl.source import Source
from archdsl.syntax.parse import parse, tokens

WIDTH = 100
"""Columns within which a statement's blocks stay on one line, if they were written so."""

FARTHEST = 60
"""Nothing is pushed further: not claims by a statement that ends beyond, not words by a label."""

INDENT = 2


@dataclass(frozen=True, slots=True)
class Style:
    """What the layout takes from the words, which the grammar does not know."""

    unlabelled: frozenset[str]
    """Words that take no label: they stand at their block's indentation, not after its labels."""
    tabular: frozenset[str]
    """Words whose arguments stand in one column: the settings of a recipe."""

    def is_unlabelled(self, word: str) -> bool:
        return word in self.unlabelled

    def is_tabular(self, word: str) -> bool:
        return word in self.tabular


def formatted(source: Source, style: Style, findings: Findings) -> str | None:
    """The text in the one layout; None where it does not parse: what is wrong goes to `findings`.

    Formatting the result again changes nothing, and its tree is that of the text but for the spans.
    """
    problems = Findings()
    parse(source, problems)
    if problems:
        findings += problems
        return None
    layout = _Layout(style)
    layout.body(_Reader(source.text).items(), 0)
    return _joined(layout.lines)


# --- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token or a comment, and the line that it stands on."""

    kind: str
    text: str
    gap: str
    """What is written between the last piece and this one: spaces, line ends and `;`."""
    line: int

    @property
    def begins_statement(self) -> bool:
        return "\n" in self.gap or ";" in self.gap

    @property
    def after_blank(self) -> bool:
        """Whether a blank line stands above. One that holds a `;` is none: it just goes."""
        return any(not line.strip() for line in self.gap.split("\n")[1:-1])


@dataclass(frozen=True, slots=True)
class _Comment:
    """A comment on a line of its own."""

    text: str
    after_blank: bool


@dataclass(frozen=True, slots=True)
class _Block:
    items: tuple[_Item, ...]
    remark: str
    """The comment on the line of its `{`."""
    flat: str | None
    """The block on one line; None where it was not written so, or is too long for any line."""


@dataclass(frozen=True, slots=True)
class _Statement:
    label: str
    word: str
    arguments: str
    blocks: tuple[_Block, ...]
    claim: str
    remark: str
    """The comment on the line that it ends on."""
    after_blank: bool

    @property
    def flat(self) -> str | None:
        """The statement on one line, as a block on one line holds it."""
        label = f"{self.label}:" if self.label else ""
        claim = f"-> {self.claim}" if self.claim else ""
        blocks = [block.flat for block in self.blocks]
        parts = [label, self.word, self.arguments, *blocks, claim]
        return None if None in blocks else " ".join(part for part in parts if part)


_Item: TypeAlias = _Comment | _Statement

_COMMENT = re.compile(r"#[^\n]*")
_ENDS_VALUES = {"LBRACE", "RBRACE", "ARROW", "COMMENT", "$END"}
_OPENING = {"LPAR", "CALL"}
_TIGHT_BEFORE = {"RPAR", "COMMA", "EQUAL", "STAR", "SLASH"}
_TIGHT_AFTER = {*_OPENING, "EQUAL", "STAR", "SLASH", "ABOUT"}
_OPERAND_FOLLOWS = {*_TIGHT_AFTER, "COMMA", "PLUS", "MINUS"}


def _pieces(text: str) -> Iterator[_Piece]:
    """The tokens of a text but for separators, and its comments. The last one is $END."""
    end, line = 0, 1
    for token in (*tokens(text), Token("$END", "", len(text))):
        if token.type == "_SEP":
            continue
        start = token.start_pos or 0
        for comment in _COMMENT.finditer(text, end, start):
            gap = text[end : comment.start()]
            line += gap.count("\n")
            yield _Piece("COMMENT", comment.group(), gap, line)
            end = comment.end()
        gap = text[end:start]
        line += gap.count("\n")
        yield _Piece(token.type, _spelled(token), gap, line)
        end = start + len(token)


def _spelled(token: Token) -> str:
    return token.replace("×", "x") if token.type == "DIMENSIONS" else str(token)


class _Reader:
    """Pieces to items. The text parses, so every piece is one that can stand where it stands.

    Depth is bounded by the parser's MAX_NESTING, so recursion is safe.
    """

    def __init__(self, text: str) -> None:
        self._pieces = _pieces(text)
        self._next = next(self._pieces)

    def items(self) -> tuple[_Item, ...]:
        """What stands up to the next `}` or the end."""
        items: list[_Item] = []
        while self._next.kind not in ("RBRACE", "$END"):
            after_blank = bool(items) and self._next.after_blank
            if self._next.kind == "COMMENT":
                items.append(_Comment(self._take().text, after_blank))
            else:
                items.append(self._statement(after_blank))
        return tuple(items)

    def _take(self) -> _Piece:
        piece = self._next
        self._next = next(self._pieces, piece)
        return piece

    def _statement(self, after_blank: bool) -> _Statement:
        label, word = "", self._take().text
        if self._next.kind == "COLON":
            self._take()
            label, word = word, self._take().text
        arguments = self._values()
        blocks = []
        while self._next.kind == "LBRACE":
            blocks.append(self._block())
        claim = ""
        if self._next.kind == "ARROW":
            self._take()
            claim = self._values()
        remark = self._remark()
        return _Statement(label, word, arguments, tuple(blocks), claim, remark, after_blank)

    def _block(self) -> _Block:
        opening = self._take()
        remark = self._remark()
        items = self.items()
        closing = self._take()
        flat = None
        if not items and not remark:
            flat = "{}"
        elif opening.line == closing.line:
            flat = _flat_block(items)
        return _Block(items, remark, flat)

    def _remark(self) -> str:
        """The comment on the line of what was read last, if there is one."""
        if self._next.kind == "COMMENT" and "\n" not in self._next.gap:
            return self._take().text
        return ""

    def _values(self) -> str:
        """Arguments, or a claim, up to what cannot be part of them; only the spaces are new."""
        parts: list[str] = []
        last, depth, tight = "", 0, True
        while self._next.kind not in _ENDS_VALUES and not self._next.begins_statement:
            piece = self._take()
            parts += [piece.text] if tight or piece.kind in _TIGHT_BEFORE else [" ", piece.text]
            depth += (piece.kind in _OPENING) - (piece.kind == "RPAR")
            negates = piece.kind == "MINUS" and (depth == 0 or last in _OPERAND_FOLLOWS)
            tight = negates or piece.kind in _TIGHT_AFTER
            last = piece.kind
        return "".join(parts)


def _flat_block(items: Sequence[_Item]) -> str | None:
    """A block on one line, or None where that is longer than any line. It holds no comment."""
    texts = [item.flat for item in items if isinstance(item, _Statement)]
    if None in texts:
        return None
    text = "{ " + "; ".join(text for text in texts if text) + " }"
    return text if len(text) <= WIDTH else None


# --- layout -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    remark: str = ""
    """The comment that ends it."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A statement at its place in a block."""

    statement: _Statement
    start: int
    """The column, from 0, of what comes first: label or word. Its own blocks are indented by it."""
    head: str
    """The first line up to the blocks or the claim, indented."""

    @property
    def claim_width(self) -> int:
        return len(self.statement.claim) + len("  -> ") if self.statement.claim else 0

    @property
    def keeps_flat(self) -> bool:
        """Whether the blocks that were written on one line fit on the lines they would stand on."""
        width = len(self.head)
        for block in self.statement.blocks:
            if block.flat is None:
                if width + len(" {") > WIDTH:
                    return False
                width = self.start + len("}")
            else:
                width += 1 + len(block.flat)
        return width + self.claim_width <= WIDTH

    @property
    def flat(self) -> str | None:
        """The whole statement but for its claim, if it is laid out on one line."""
        texts = [block.flat for block in self.statement.blocks]
        breaks = any(block.items for block in self.statement.blocks) and not self.keeps_flat
        if None in texts or breaks:
            return None
        return " ".join([self.head, *(text for text in texts if text)])


class _Layout:
    """Items to lines."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.lines: list[_Line] = []

    def body(self, items: Sequence[_Item], indent: int) -> None:
        """Lay out the items of a block, or of the file, whose own indentation is `indent`."""
        rows = self._rows(items, indent)
        column = self._claims_column(rows)
        done = 0
        for item in items:
            if item.after_blank:
                self.lines.append(_Line(""))
            if isinstance(item, _Comment):
                start = rows[done].start if done < len(rows) else indent
                self.lines.append(_Line(" " * start + item.text))
            else:
                self._statement(rows[done], column)
                done += 1

    def _claims_column(self, rows: Sequence[_Row]) -> int:
        """How wide the layers beside the claims are, so that the claims stand right of all."""
        layers = [row for row in rows if not self.style.is_unlabelled(row.statement.word)]
        widths = [len(row.flat) for row in layers if row.flat is not None]
        return max((width for width in widths if width <= FARTHEST), default=0)

    def _rows(self, items: Sequence[_Item], indent: int) -> list[_Row]:
        statements = [item for item in items if isinstance(item, _Statement)]
        labels = [len(s.label) for s in statements if 0 < len(s.label) <= FARTHEST]
        words = [len(s.word) for s in statements if self.style.is_tabular(s.word)]
        pad = max(labels) + len(": ") if labels else 0
        return [self._row(s, indent, pad, max(words, default=0)) for s in statements]

    def _row(self, statement: _Statement, indent: int, pad: int, column: int) -> _Row:
        label = f"{statement.label}: ".ljust(pad) if statement.label else ""
        at_margin = label or self.style.is_unlabelled(statement.word)
        start = indent if at_margin else indent + pad
        width = column if self.style.is_tabular(statement.word) else 0
        head = f"{' ' * start}{label}{statement.word:<{width}} {statement.arguments}".rstrip()
        return _Row(statement, start, head)

    def _statement(self, row: _Row, column: int) -> None:
        statement, text = row.statement, row.flat
        if text is None:
            text = self._broken(row)
            claim = f" -> {statement.claim}"
        else:
            text = text.ljust(column) if statement.claim else text
            claim = f"  -> {statement.claim}"
        self.lines.append(_Line(text + claim if statement.claim else text, statement.remark))

    def _broken(self, row: _Row) -> str:
        """Lay out a statement over several lines, all but the last one, which is returned."""
        text = row.head
        keeps_flat = row.keeps_flat
        for block in row.statement.blocks:
            if block.flat is not None and (keeps_flat or not block.items):
                text += f" {block.flat}"
            else:
                self.lines.append(_Line(text + " {", block.remark))
                self.body(block.items, row.start + INDENT)
                text = " " * row.start + "}"
        return text


def _joined(lines: Sequence[_Line]) -> str:
    """The text of the lines; comments at the ends of consecutive ones stand in one column.

    A line of more than WIDTH columns does not push them.
    """
    text = []
    for commented, run in groupby(lines, key=lambda line: bool(line.remark)):
        of_run = list(run)
        widths = [len(line.text) for line in of_run if commented and len(line.text) <= WIDTH]
        column = max(widths, default=0)
        text += [f"{line.text:<{column}}  {line.remark}".rstrip() for line in of_run]
    return "".join(f"{line}\n" for line in text)
