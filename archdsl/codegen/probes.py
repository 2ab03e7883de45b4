"""A network at other values of its parameters, which tell what in its code follows from them."""

from __future__ import annotations

from archdsl.analysis import Analysis, analyse
from archdsl.diagnostics import Findings
from archdsl.lower import Expander, lower


def probes(analysis: Analysis) -> dict[str, tuple[Analysis, ...]]:
    """The same arch at other values of each of its whole-number parameters, one at a time.

    Twice and three times the value, so that what divided still does; and one more and one less,
    where the network checks then, so that no multiple stands for all values. Defaults that are
    computed from the parameter follow it. A parameter at whose other values the network does not
    check is left out. Claims are dropped: they are of this network.
    """
    found = {}
    for name, value in analysis.network.parameters.items():
        if isinstance(value, int) and value > 0:
            others = [_probe(analysis, name, factor * value) for factor in (2, 3)]
            known = tuple(other for other in others if other is not None)
            if len(known) == len(others):
                beside = (_probe(analysis, name, near) for near in (value + 1, value - 1) if near)
                found[name] = (*known, *(other for other in beside if other is not None))
    return found


def _probe(analysis: Analysis, name: str, value: int) -> Analysis | None:
    findings = Findings()
    written = analysis.network
    overrides = {given: written.parameters[given] for given in written.overridden}
    expander = Expander(findings, claims=False)
    network = lower(written.definition, {**overrides, name: value}, expander)
    if network is None:
        return None
    probed = analyse(network.with_changes(expects=()), findings)
    return None if findings else probed
