"""Dead channels: filters and input channels that pruning left without a weight.

Taking them out is the work of `removal`.
"""

from __future__ import annotations

from dataclasses import dataclass

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights


@dataclass(frozen=True)
class DeadChannels:
    """How much of a prunable layer is empty: all of its weights are zero.

    Attributes:
        name: of the layer.
        filters, empty_filters: output channels (classes, for a head), and those that are empty.
        channels, empty_channels: input channels, and those that are empty.
    """

    name: str
    filters: int
    empty_filters: int
    channels: int
    empty_channels: int


def dead_channels(network: EarlyExitNetwork) -> list[DeadChannels]:
    """Of every prunable layer in order of execution."""
    heads = {id(head.fc.weight): head for head in network.heads.values()}
    rows = []
    for name, weight in weights(network).items():
        used = weight != 0
        cells = heads[id(weight)].grid[0] * heads[id(weight)].grid[1] if id(weight) in heads else 1
        used = used.reshape(used.shape[0], used.shape[1] // cells, -1)  # (filters, channels, places)
        filters, channels = used.any(2).any(1), used.any(2).any(0)
        rows.append(DeadChannels(name, len(filters), int((~filters).sum()), len(channels), int((~channels).sum())))
    return rows
