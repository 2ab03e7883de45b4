"""What follows from a network: shapes, placement, costs, verdicts on claims, and repairs."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analysis.claims import Verdict, judge
from archdsl.analysis.costs import Costs, add_up, layer_costs, part_costs
from archdsl.analysis.placement import Place, place
from archdsl.analysis.shapes import Flow, Shapes, infer
from archdsl.diagnostics import Findings
from archdsl.network import Layer, Network, Stage
from archdsl.shape import Shape


@dataclass(frozen=True)
class Analysis:
    """Everything that is known of a network. What cannot be known is None."""

    network: Network
    shapes: Shapes
    places: dict[str, Place]
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

    @property
    def output(self) -> Shape | None:
        """What the network gives: F of a vector, CxHxW of a map; None if it is not known."""
        stages = self.network.stages
        return self.shapes.flows[stages[-1].path].output if stages else self.network.input


def analyse(network: Network, findings: Findings) -> Analysis:
    """Run every analysis. What is wrong goes to `findings`; each goes as far as it can."""
    shapes = infer(network, findings)
    places = place(network, shapes, findings)
    layers = layer_costs(network, shapes, places)
    parts = part_costs(network, layers)
    stages = [parts[stage.path] for stage in network.stages]
    costs = add_up([Costs(activations=network.input.size), *stages])
    placed = len(places) == len(layers)
    verdicts = judge(network, shapes, costs, parts, placed, findings)
    return Analysis(network, shapes, places, layers, parts, costs, verdicts)


__all__ = ["Analysis", "Costs", "Flow", "Place", "Shapes", "Verdict", "analyse"]
