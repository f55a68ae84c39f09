"""Gates that look at each image: which filters of a block's convolutions it needs. They are a part of the network that has them.

A gate says pi = min(ReLU(FC2 ReLU(FC1 GAP(x))), 1000) of its layer's input x; what is below the layer's threshold is 0. Maps are
multiplied by it behind batch norm. Source: Tang et al. 2021, arXiv:2103.05861.

Letters: E exits, N images, C channels, O filters of a layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.networks.cost import layer_costs
from exitprune.networks.coupling import free_filters
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.gates import Place, gated, of_convolutions
from exitprune.shapes_only import shapes_only

LARGEST = 1000.0


class ImageGate(nn.Module):
    """Of one layer: C channels in, O filters."""

    threshold: Tensor

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, filters, bias=False)
        self.fc2 = nn.Linear(filters, filters)
        nn.init.ones_(self.fc2.bias)
        self.register_buffer("threshold", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to pi, (N, O)."""
        return F.relu(self.fc2(F.relu(self.fc1(x.float().mean((2, 3)))))).clamp(max=LARGEST)

    def through(self, pi: Tensor) -> Tensor:
        """What is let through."""
        return pi * (pi >= self.threshold)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of asking it once."""
        return self.fc1.weight.numel() + self.fc2.weight.numel()


class ImageGates(nn.Module):
    """Of a network, by layer.

    Attributes:
        said: pi of the last images, (N, O), by layer.
        seen: the mean of each of their maps before it was multiplied, (N, O), by layer.
    """

    def __init__(self, network: EarlyExitNetwork) -> None:
        super().__init__()
        self.layers = tuple(_places(network.spec))
        self.gates = nn.ModuleList(ImageGate(place.channels, place.size) for place in _resolved(network).values())
        self.said: dict[str, Tensor] = {}
        self.seen: dict[str, Tensor] = {}

    @property
    def by_layer(self) -> dict[str, ImageGate]:
        """The gates."""
        return dict(zip(self.layers, self.gates, strict=True))  # type: ignore[arg-type]

    @contextmanager
    def looking(self, network: EarlyExitNetwork) -> Iterator[None]:
        """While it holds, what runs through the network's blocks is multiplied."""
        places, gates = _resolved(network), self.by_layer

        def gate(name: str, x: Tensor) -> Tensor:
            self.said[name] = gates[name](x)
            return gates[name].through(self.said[name])

        def see(name: str, output: Tensor) -> None:
            self.seen[name] = (F.relu(output) if places[name].rectified else output).float().mean((2, 3))

        with gated(places, gate, see):
            yield


def image_costs(network: EarlyExitNetwork, masks: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """MACs of leaving at each exit for each image: (E, N), int64.

    A filter that an image does not need costs nothing, nor does the weight that reads its channel; the gates that were asked cost
    too.

    Args:
        network: with gates.
        masks: which weights there are.
        pixels: (N, C, H, W), normalised.
    """
    gates = network.gates.by_layer
    with torch.no_grad():
        network.eval()(pixels)
    open_ = {name: (gate.through(network.gates.said[name]) > 0).long() for name, gate in gates.items()}
    layers = network.named_layers()
    read = {
        place.layer: (place, open_[maker])
        for maker, channels in free_filters(network.spec).items()
        for place in channels.places
        if place.role == "reads" and maker in open_ and isinstance(layers[place.layer], nn.Conv2d)
    }
    total = torch.zeros(network.num_exits, len(pixels), dtype=torch.int64, device=pixels.device)
    for layer in layer_costs(network, masks):
        counts = masks[layer.name].flatten(2).sum(2) if masks[layer.name].dim() > 2 else masks[layer.name].long()
        inputs = counts.new_ones(len(pixels), counts.shape[1])
        if layer.name in read:
            place, factors = read[layer.name]
            inputs[:, place.start : place.start + factors.shape[1]] = factors
        outputs = open_.get(layer.name, counts.new_ones(len(pixels), counts.shape[0]))
        used = ((inputs.double() @ counts.double().T) * outputs).sum(1).long() * layer.positions
        total[layer.exit :] += used + (gates[layer.name].macs if layer.name in gates else 0)
    return total


def _resolved(network: EarlyExitNetwork) -> dict[str, Place]:
    """Where gates sit in this network, by layer."""
    return {
        name: replace(place, sees=network.get_submodule(sees), multiplies=network.get_submodule(multiplies))
        for name, (place, sees, multiplies) in _places(network.spec).items()
    }


def _places(spec: Spec) -> dict[str, tuple[Place, str, str]]:
    return _found(json.dumps(replace(spec, gated=False).as_dict()))


@cache
def _found(told: str) -> dict[str, tuple[Place, str, str]]:
    """Where gates sit, and the names of the two modules inside the network."""
    with shapes_only():
        network = EarlyExitNetwork(Spec.from_dict(json.loads(told)))
        names = {id(module): name for name, module in network.named_modules()}
        return {
            name: (place, names[id(place.sees)], names[id(place.multiplies)])
            for name, place in of_convolutions(network).items()
        }
