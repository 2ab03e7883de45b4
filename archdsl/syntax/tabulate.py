"""The grammar's parse table, made ahead: `make grammar` writes table.py from grammar.lark.

Making it takes longer than a whole check of AlexNet. Nothing here runs in a check.
"""

from __future__ import annotations

from collections import deque
from importlib.resources import files
from pathlib import Path
from pprint import pformat
from typing import Any

from lark import Lark, __version__
from lark.grammar import Rule
from lark.lexer import TerminalDef

SHIFT = 0
"""How Lark marks an action that goes on to another state, in what it saves."""

LONGEST = 2**32 - 1
"""What is written for a length that has no end."""

TABLE = Path(__file__).with_name("table.py")

_HEADER = '''"""The parse table of grammar.lark, written by `make grammar`. Do not edit."""

from typing import Any

'''


def from_grammar() -> Lark:
    """The parser, made from the grammar's text."""
    text = files("archdsl.syntax").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, start="file", parser="lalr", lexer="basic", maybe_placeholders=False)


def table() -> str:
    """The text of table.py: what Lark saves of a parser, as Python literals.

    It is the same in every process, though Lark numbers its states by the order of a set.
    """
    data, memo = from_grammar().memo_serialize([TerminalDef, Rule])
    data["parser"]["parser"] = _renumbered(data["parser"]["parser"])
    constants = {"LARK: str": __version__, "DATA: Any": data, "MEMO: Any": memo}
    lines = [
        f"{name} = {pformat(_plain(value), width=400, compact=True, sort_dicts=False)}\n"
        for name, value in constants.items()
    ]
    return _HEADER + "".join(lines)


def _renumbered(parser: dict[str, Any]) -> dict[str, Any]:
    """The parse table with its states numbered as they are reached from the first one, and the
    symbols in the order of their names."""
    names = parser["tokens"]
    symbols = sorted(names.values())
    states = {
        state: sorted((names[token], action) for token, action in actions.items())
        for state, actions in parser["states"].items()
    }
    number: dict[int, int] = {}
    reached = deque(parser["start_states"].values())
    while reached:
        state = reached.popleft()
        if state not in number:
            number[state] = len(number)
            reached += [argument for _, (kind, argument) in states[state] if kind == SHIFT]

    def renumbered(action: tuple[int, Any]) -> tuple[int, Any]:
        kind, argument = action
        return (kind, number[argument]) if kind == SHIFT else action

    return {
        **parser,
        "tokens": dict(enumerate(symbols)),
        "states": {
            n: {symbols.index(name): renumbered(action) for name, action in states[state]}
            for state, n in number.items()
        },
        "start_states": {start: number[state] for start, state in parser["start_states"].items()},
        "end_states": {start: number[state] for start, state in parser["end_states"].items()},
    }


def _plain(value: Any) -> Any:
    """The value without Lark's own kind of text, and the same whatever Python made it: what a
    pattern may repeat without end has another greatest length in each."""
    match value:
        case int() if not isinstance(value, bool):
            return min(value, LONGEST)
        case str():
            return str(value)
        case dict():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
