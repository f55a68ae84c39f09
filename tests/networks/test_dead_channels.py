from __future__ import annotations

import torch

from exitprune.networks.dead_channels import dead_channels
from tests.conftest import Build


def test_empty_filters_and_channels_are_counted_layer_by_layer(build: Build) -> None:
    network = build(exits=(1,), pool=2)
    with torch.no_grad():
        network.base.blocks[0].c1.weight[:3] = 0
        network.base.blocks[0].c2.weight[:, 2:4] = 0
        network.base.blocks[1].c2.weight.zero_()
        head = network.heads[1].fc.weight
        head[:, :4] = 0  # the four cells of channel 0
        head[:, 5] = 0  # one cell of channel 1
    counts = {row.name: row for row in dead_channels(network)}
    assert list(counts) == list(network.named_layers())
    assert (counts["b1.c1"].filters, counts["b1.c1"].empty_filters, counts["b1.c1"].empty_channels) == (16, 3, 0)
    assert (counts["b1.c2"].channels, counts["b1.c2"].empty_filters, counts["b1.c2"].empty_channels) == (16, 0, 2)
    assert (counts["exit0"].channels, counts["exit0"].empty_channels) == (16, 1)
    assert [name for name, row in counts.items() if row.empty_filters == row.filters] == ["b2.c2"]
