"""Tree to network: files read, blocks and variants expanded, statements bound to words."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.definitions import Definition
from archdsl.diagnostics import at, catalogue
from archdsl.lower.build import build
from archdsl.lower.expand import MAX_WASTED, Expander, TooLarge
from archdsl.lower.read import Drafter
from archdsl.network import Network
from archdsl.words.arithmetic import Quantity


def lower(
    arch: Definition, overrides: Mapping[str, Quantity], expander: Expander
) -> Network | None:
    """The network of an arch; None, with findings, where too little of it is known.

    `expander` bounds how large all networks of a compilation may become together.
    """
    findings = expander.findings
    parts = expander.parts
    if expander.wasted > MAX_WASTED:
        return None  # archs above it are too large, which is reported
    try:
        draft = Drafter(overrides, expander, findings).draft(arch)
    except TooLarge as problem:
        expander.wasted += expander.parts - parts
        expander.parts = parts  # the other networks are none the larger
        findings.append(
            at(
                catalogue.TOO_LARGE,
                problem.place,
                f"{arch.name.text} {problem}",
                help=("repeat less: no network that is built is as large",),
            )
        )
        return None
    return build(draft, findings) if draft is not None else None


__all__ = ["Expander", "lower"]
