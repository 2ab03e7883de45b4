"""The plan: what each device holds and computes of a network, and what it sends the others."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from archdsl.analysis.costs import BYTES, Costs
from archdsl.analysis.placement import Exchange, Place
from archdsl.analysis.shapes import Shapes
from archdsl.network import Network
from archdsl.words.recipe import Recipe


class Load(NamedTuple):
    """Figures of what lies on a device, as Costs counts them; activations per image."""

    params: int = 0
    macs: int = 0
    activations: int = 0

    def plus(self, other: Load, times: int = 1) -> Load:
        """With so many times another load."""
        return Load(*(own + times * more for own, more in zip(self, other, strict=True)))


class Share(NamedTuple):
    """What each of some devices next to each other has, which is the same."""

    devices: range
    load: Load


class Plan(NamedTuple):
    """A network on its devices.

    A device has its channels of every layer whose output is divided, with the parameters that
    make them (rows of the first axis of every tensor), and of other layers everything: of those
    before the first conv or linear layer, and of softmax and what follows it up to the next. Its
    activations are those outputs and the network's input, which every device is given; what it
    receives is not counted among them. So the parameters of all devices add up to those of the
    network and, for each device but one, once more those that all of them hold.
    """

    exchanges: tuple[Exchange, ...]
    shares: tuple[Share, ...]
    """Of all devices, in their order."""
    common: int
    """Parameters that every device holds, as part of its share."""
    batch: int
    """Images in the recipe's batch; the recipes' default where there is none."""
    returns: bool
    """Whether training sends as many numbers back as the exchanges bring.

    Where each device makes its own channels of all that it read, it has a part of every number's
    gradient, and the parts are added up where the number came from: (devices − 1) · size again.
    That is not so of a layer that every device computes whole, nor where they hold parameters in
    common, whose gradients meet as well.
    """

    @property
    def devices(self) -> int:
        """How many there are."""
        return self.shares[-1].devices.stop

    @property
    def received(self) -> int:
        """Numbers per image that all devices receive in a forward pass."""
        return sum(exchange.received for exchange in self.exchanges)

    def in_bytes(self, numbers: int) -> int:
        """The bytes of so many numbers per image, for a batch in float32."""
        return BYTES * self.batch * numbers

    @property
    def imbalance(self) -> dict[str, float]:
        """By how much the device that has most of a figure exceeds the mean, as a share of that."""
        found = {}
        for name in Load._fields:
            figures = [(len(share.devices), getattr(share.load, name)) for share in self.shares]
            total = sum(devices * figure for devices, figure in figures)
            most = max(figure for _, figure in figures)
            found[name] = self.devices * most / total - 1 if total else 0.0
        return found


def plan(
    network: Network,
    shapes: Shapes,
    places: dict[str, Place],
    exchanges: tuple[Exchange, ...],
    layers: dict[str, Costs | None],
) -> Plan | None:
    """The plan of a network on several devices; None where not everything is known of it."""
    if len(places) < len(layers):
        return None
    common, least = Load(activations=network.input.size), Load()
    longer: defaultdict[int, Load] = defaultdict(Load)  # what the first n devices have beside it
    for path, costs in layers.items():
        if costs is None:
            return None
        load, place = Load(costs.params, costs.macs, costs.activations), places[path]
        if not place.split_output:
            common = common.plus(load)
        elif any(load):
            output = shapes.flows[path].output
            assert output is not None  # or there were no costs
            each = Load(*(figure // output.channels for figure in load))
            least = least.plus(each, (output.channels - sum(place.longer)) // network.devices)
            for count in place.longer:
                longer[count] = longer[count].plus(each)
    recipe = network.recipe
    return Plan(
        exchanges,
        _shares(network.devices, common.plus(least), longer),
        common.params,
        recipe.batch if recipe else Recipe.model_fields["batch"].default,
        returns=not common.params
        and all(places[exchange.readers[0].path].split_output for exchange in exchanges),
    )


def _shares(devices: int, least: Load, longer: dict[int, Load]) -> tuple[Share, ...]:
    """The loads of devices, of which the first n have more by `longer[n]`."""
    shares: list[Share] = []
    stop, load = devices, least
    for count in sorted(longer, reverse=True):
        shares.append(Share(range(count, stop), load))
        stop, load = count, load.plus(longer[count])
    shares.append(Share(range(stop), load))
    return tuple(reversed(shares))
