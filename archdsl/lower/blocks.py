"""What can be said of a block before it is used."""

from __future__ import annotations

from archdsl.definitions import Definition, Module, Scope
from archdsl.diagnostics import Diagnostic, Findings, at, catalogue
from archdsl.lower.expand import kind_of
from archdsl.lower.scope import (
    block_signature,
    check_block_header,
    check_header,
    check_label,
    check_unique,
)
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.bind import Binder, bind_as

_KNOWN_UNUSED = frozenset(
    (
        catalogue.UNKNOWN_WORD,
        catalogue.UNKNOWN_ARGUMENT,
        catalogue.REPEATED_ARGUMENT,
        catalogue.MISSING_ARGUMENT,
        catalogue.UNKNOWN_NAME,
    )
)
"""What is wrong with a statement whatever its block's parameters are."""


def check_blocks(module: Module, findings: Findings) -> None:
    """Report what is wrong with a file's blocks wherever they are used, and if they never are."""
    for block in module.own.blocks.values():
        check_block_header(block, findings)
        check_header(block, block.statement.arguments[1:], findings)
        # Any value will do: what hangs on it is not reported here.
        scope = Scope(module, {}).inside(dict.fromkeys(block_signature(block).kinds, 1))
        _check_body(block.body, scope, findings)
    _find_recursion(module, findings)


def _check_body(body: tuple[tree.Statement, ...], scope: Scope, findings: Findings) -> None:
    labels = [statement.label for statement in body if statement.label is not None]
    check_unique(labels, findings)
    for label in labels:
        check_label(label, scope, findings)
    for statement in body:
        kind = kind_of(statement, scope, findings)
        problems = Findings()
        if isinstance(kind, Definition):
            binder = Binder(block_signature(kind), statement.head, scope.parameters, problems)
            binder.values(statement.arguments)
        elif kind is not None:
            bind_as(kind, statement, scope.parameters, problems)
        findings += [problem for problem in problems if problem.rule in _KNOWN_UNUSED]
        for inner in statement.blocks:
            _check_body(inner.statements, scope, findings)


# --- recursion --------------------------------------------------------------------------------


def _find_recursion(module: Module, findings: Findings) -> None:
    """Report each circle of blocks once, and remember its blocks.

    Files do not use each other in circles, so a circle of blocks lies in one file.
    """
    uses = {name: _used(block, module) for name, block in module.own.blocks.items()}
    done: set[str] = set()
    for start, used in uses.items():
        path = {start: iter(used.items())}  # what is open, each using the next
        while path:
            current = next(reversed(path))
            name, place = next(path[current], (None, None))
            if name is None or place is None:
                del path[current]
                done.add(current)
            elif name in path:
                circle = list(path)[list(path).index(name) :]
                module.recursive |= {module.own.blocks[inside] for inside in circle}
                findings.append(_recursion(circle, place))
            elif name not in done:
                path[name] = iter(uses[name].items())


def _used(block: Definition, module: Module) -> dict[str, Span]:
    """The file's own blocks that a block uses, each with the first place."""
    found: dict[str, Span] = {}
    pending = list(block.body)
    for statement in pending:
        name = statement.word.text
        if name in module.own.blocks:
            found.setdefault(name, statement.word.span)
        for inner in statement.blocks:
            pending += inner.statements
    return found


def _recursion(circle: list[str], place: Span) -> Diagnostic:
    chain = " → ".join([*circle, circle[0]])
    message = f"the block {circle[0]} uses itself"
    return at(
        catalogue.RECURSION,
        place,
        message if len(circle) == 1 else f"{message}: {chain}",
        help=("write  repeat n { … }  for layers that come several times",),
    )
