"""Networks are the same when their weights are."""

from __future__ import annotations

from copy import deepcopy

import torch

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.identity import weights_digest


def test_a_copy_is_the_same_network_in_any_memory_format(network: EarlyExitNetwork) -> None:
    copy = deepcopy(network)
    copy.place_("cpu")
    assert weights_digest(copy) == weights_digest(network)


def test_one_changed_weight_is_another_network(network: EarlyExitNetwork) -> None:
    before = weights_digest(network)
    with torch.no_grad():
        network.base.fc.weight[0, 0] += 1
    assert weights_digest(network) != before


def test_other_statistics_of_a_batch_norm_are_another_network(network: EarlyExitNetwork) -> None:
    before = weights_digest(network)
    statistics = next(value for name, value in network.named_buffers() if name.endswith("running_mean"))
    statistics[0] += 1
    assert weights_digest(network) != before
