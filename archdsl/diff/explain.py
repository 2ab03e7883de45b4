"""What follows from a parameter: the network before, with the parameters of the network after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archdsl.definitions import Definition
from archdsl.diagnostics import Findings
from archdsl.lower.build import build
from archdsl.lower.expand import Expander, Item, Items, TooLarge, containers, named
from archdsl.lower.read import Drafter
from archdsl.lower.variants import expand_anew
from archdsl.network import Network, Use
from archdsl.syntax import tree
from archdsl.words.arithmetic import Quantity


@dataclass(frozen=True)
class Explained:
    """A network as it would be with other parameters: what still differs does not follow from them.

    `given` are the arguments that blocks' uses would otherwise have had there, by path.
    """

    network: Network
    given: Mapping[str, Mapping[str, Quantity]] = field(default_factory=dict)


def explained(before: Network, after: Network, twins: Mapping[str, Use]) -> Explained:
    """`before` with the parameters of `after`, and with the arguments of the blocks' uses `twins`.

    `twins` are uses of the same blocks in `after`, by their paths in `before`. Where no network
    comes of it, `before` as it is: then all that differs is told.
    """
    old, new = before.parameters, after.parameters
    shared = {name: value for name, value in new.items() if name in old}
    if not twins and all(old[name] == value for name, value in shared.items()):
        return Explained(before)
    overrides = {name: old[name] for name in before.overridden} | shared
    findings = Findings()
    expander = Expander(findings, claims=False)
    try:
        draft = Drafter(overrides, expander, findings).draft(before.definition)
        if draft is None:
            return Explained(before)
        given: dict[str, Mapping[str, Quantity]] = {}
        _give(draft.items, "", twins, expander, given)
        network = build(draft, findings)
    except TooLarge:
        return Explained(before)
    return Explained(before) if network is None or findings else Explained(network, given)


def _give(
    items: Items,
    container: str,
    twins: Mapping[str, Use],
    expander: Expander,
    given: dict[str, Mapping[str, Quantity]],
) -> None:
    """Give the uses of blocks their twins' arguments, outer ones first. Raises TooLarge."""
    for stage, name, item in named(items, container):
        path = f"{stage}.{name}"
        twin = twins.get(path)
        if twin is not None and isinstance(item.kind, Definition):
            arguments = _arguments(item, twin)
            if any(item.parameters[key] != value for key, value in arguments.items()):
                given[path] = item.parameters
                _expand_with(arguments, item, expander)
        for inner, body in containers(item, path):
            _give(body, inner, twins, expander, given)


def _arguments(item: Item, twin: Use) -> dict[str, Quantity]:
    """Those that are given in either use; the others have the block's defaults."""
    return {
        name: twin.parameters.get(name, value)
        for name, value in item.parameters.items()
        if name in item.arguments or name in twin.arguments
    }


def _expand_with(arguments: dict[str, Quantity], item: Item, expander: Expander) -> None:
    """Expand a use anew with other arguments, and make the variant's edits in it again."""
    span = item.statement.head
    item.statement = item.statement._replace(
        arguments=tuple(
            tree.Argument(name, tree.Closed(name, arguments, span), span)
            for name in (tree.Name(key, span) for key in arguments)
        ),
    )
    expand_anew(item, expander)
