"""What follows from a network: shapes, placement, costs, verdicts on claims, and repairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from archdsl.analysis.claims import Verdict, judge
from archdsl.analysis.costs import Costs, figures
from archdsl.analysis.grounds import Grounds, grounds
from archdsl.analysis.placement import Exchange, Place
from archdsl.analysis.shapes import Flow, Shapes, infer, note_consequences
from archdsl.diagnostics import Findings
from archdsl.diagnostics.levels import DEFAULT, Levels
from archdsl.network import Layer, Network, Stage
from archdsl.shape import Shape

if TYPE_CHECKING:
    from archdsl.analysis.plan import Plan


@dataclass(frozen=True)
class Analysis:
    """Everything that is known of a network. What cannot be known is None."""

    network: Network
    levels: Levels
    """How findings about it count."""
    shapes: Shapes
    places: dict[str, Place]
    exchanges: tuple[Exchange, ...]
    """What devices send each other, in the order of the text."""
    layers: dict[str, Costs | None]
    """Costs by the layer's path; those of a join without its branches."""
    parts: dict[str, Costs | None]
    """Costs by the path of a stage or of any other part, with all that is in it."""
    costs: Costs | None
    """Of the whole network, its input counted among the activations."""
    verdicts: tuple[Verdict, ...]

    def flow(self, layer: Layer) -> Flow:
        return self.shapes.flows[layer.path]

    def received(self, stage: Stage) -> int:
        """Numbers per image that devices receive from each other in a stage."""
        costs = self.parts[stage.path]
        return costs.traffic if costs else 0

    @cached_property
    def plan(self) -> Plan | None:
        """How the network lies on several devices; None on one, and where not all is known."""
        if self.network.devices == 1:
            return None
        from archdsl.analysis.plan import plan

        return plan(self.network, self.shapes, self.places, self.exchanges, self.layers)

    @cached_property
    def grounds(self) -> Grounds:
        """Where the network stops, and which shapes stand on claims instead of on the layers."""
        return grounds(self.network, self.shapes)

    @property
    def output(self) -> Shape | None:
        """What the network gives: F of a vector, CxHxW of a map; None if it is not known."""
        stages = self.network.stages
        return self.shapes.flows[stages[-1].path].output if stages else self.network.input


def analyse(network: Network, findings: Findings, levels: Levels = DEFAULT) -> Analysis:
    """Run every analysis. What is wrong goes to `findings`; each goes as far as it can.

    Of a variant whose edits have errors nothing is said: its author means another network.
    """
    if not network.edits_sound:
        findings = Findings()
    shapes = infer(network, findings, levels)
    found = figures(network, shapes, findings)
    verdicts = judge(network, shapes, found, findings)
    note_consequences(shapes, findings)
    return Analysis(network, levels, shapes, *found, verdicts)


__all__ = [
    "Analysis",
    "Costs",
    "Exchange",
    "Flow",
    "Grounds",
    "Place",
    "Shapes",
    "Verdict",
    "analyse",
]
