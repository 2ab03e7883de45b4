"""Grounds: what each shape stands on, the layers or a claim, and where the layers give none."""

from __future__ import annotations

from archdsl.analysis.shapes import ClaimedShape, Shapes
from archdsl.network import Branches, Group, Item, Layer, Network, Part, Stage, subgroups
from archdsl.words.word import Unbound


class Grounds:
    """Of a network with errors: where it stops, and what goes on from claims instead."""

    def __init__(self) -> None:
        self.stops: list[Layer] = []
        """Layers that give no shape though what goes into them is known, or whose statement is
        wrong, in the order of the text."""
        self.resumed: dict[str, Part] = {}
        """By the path of such a layer, the part from which on the shapes are known again."""
        self.taken: list[ClaimedShape] = []
        """The claims that stand in for what the layers give, which is another shape or unknown."""
        self.claimed: set[str] = set()
        """The paths of layers, stages and other parts whose output stands on such a claim."""


def grounds(network: Network, shapes: Shapes) -> Grounds:
    """What the shapes of a network stand on; nothing to tell where all is well."""
    found = Grounds()
    if any(not claim.holds for claim in shapes.claims.values()) or any(
        not shapes.flows[layer.path].sound for layer in network.layers
    ):
        walk = _Walk(shapes, found)
        on_claim = False
        for stage in network.stages:
            on_claim = walk.group(stage, on_claim)
    return found


class _Walk:
    def __init__(self, shapes: Shapes, found: Grounds) -> None:
        self.shapes = shapes
        self.found = found
        self.stopped: list[Layer] = []
        """The stops since which no shape is known."""

    def group(self, group: Group, on_claim: bool) -> bool:
        """Pass through a group; whether what comes out stands on a claim, as what goes in may."""
        for item in group.items:
            on_claim = self._item(item, on_claim)
        if on_claim:
            self.found.claimed.add(group.path)
        return on_claim

    def _item(self, item: Item, on_claim: bool) -> bool:
        if isinstance(item, Branches):
            ends = [self.group(branch, on_claim) for branch in item.branches]
            on_claim = any(ends)
        else:
            for inner in subgroups(item):
                on_claim = self.group(inner, on_claim)
        if isinstance(item, Stage):
            return on_claim
        output = self.shapes.flows[item.path].output
        if isinstance(item, Layer) and self._stops(item):
            self.found.stops.append(item)
            self.stopped.append(item)
        claimed = self.shapes.claims.get(item.path)
        if claimed is not None and not claimed.holds and output != claimed.actual:
            self.found.taken.append(claimed)
            on_claim = True
        elif output is None or (isinstance(item, Layer) and item.op.output_always() is not None):
            on_claim = False
        if output is not None:
            self.found.resumed |= {stop.path: item for stop in self.stopped}
            self.stopped.clear()
        if on_claim:
            self.found.claimed.add(item.path)
        return on_claim

    def _stops(self, layer: Layer) -> bool:
        flow = self.shapes.flows[layer.path]
        if flow.sound:
            return False
        if isinstance(layer, Branches):
            return all(self.shapes.flows[branch.path].output for branch in layer.branches)
        return flow.input is not None or isinstance(layer.op, Unbound)
