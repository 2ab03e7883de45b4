"""What follows from a network: shapes, placement, costs, verdicts on claims, and repairs."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analysis.claims import Verdict, judge
from archdsl.analysis.costs import Costs, layer_costs, total
from archdsl.analysis.placement import Place, place
from archdsl.analysis.shapes import Flow, Shapes, infer
from archdsl.diagnostics import Findings
from archdsl.network import Layer, Network, Stage


@dataclass(frozen=True)
class Analysis:
    """Everything that is known of a network. What cannot be known is None."""

    network: Network
    shapes: Shapes
    places: dict[str, Place]
    layers: dict[str, Costs | None]
    """Costs by the layer's path."""
    stages: dict[str, Costs | None]
    """Costs by the stage's name."""
    costs: Costs | None
    """Of the whole network, its input counted among the activations."""
    verdicts: tuple[Verdict, ...]

    def flow(self, layer: Layer) -> Flow:
        return self.shapes.flows[layer.path]

    def received(self, stage: Stage) -> int:
        """Numbers per image that devices receive from each other in a stage."""
        costs = self.stages[stage.name]
        return costs.traffic if costs else 0


def analyse(network: Network, findings: Findings) -> Analysis:
    """Run every analysis. What is wrong goes to `findings`; each goes as far as it can."""
    shapes = infer(network, findings)
    places = place(network, shapes, findings)
    layers = layer_costs(network, shapes, places)
    stages = {
        stage.name: _sum([layers[layer.path] for layer in stage.layers]) for stage in network.stages
    }
    costs = _sum([Costs(activations=network.input.size), *stages.values()])
    placed = len(places) == len(layers)
    verdicts = judge(network, shapes, costs, stages, placed, findings)
    return Analysis(network, shapes, places, layers, stages, costs, verdicts)


def _sum(parts: list[Costs | None]) -> Costs | None:
    known = [part for part in parts if part is not None]
    return total(known) if len(known) == len(parts) else None


__all__ = ["Analysis", "Costs", "Flow", "Place", "Shapes", "Verdict", "analyse"]
