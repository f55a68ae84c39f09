from __future__ import annotations

import pytest
import torch

from exitprune.networks.cost import exit_costs, layer_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks, num_kept
from exitprune.pruning.criteria.magnitude import Magnitude
from exitprune.pruning.criteria.magnitude_per_mac import MagnitudePerMac
from tests.pruning.contexts import a_context


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_a_weight_is_worth_its_size_for_each_place_it_is_used_at(network: EarlyExitNetwork, power: float) -> None:
    context = a_context(network)
    scores, sizes = MagnitudePerMac(power=power).score(context), Magnitude().score(context)
    for layer in layer_costs(network, full_masks(network)):
        torch.testing.assert_close(scores[layer.name], sizes[layer.name] / layer.positions**power)


def test_as_many_weights_gone_save_more_macs_than_by_magnitude(network: EarlyExitNetwork) -> None:
    context = a_context(network)
    by_power = [context.plan(MagnitudePerMac(power=power).score(context)) for power in (0.0, 0.5, 1.0)]
    assert len({num_kept(masks) for masks in by_power}) == 1
    macs = [exit_costs(network, masks)[-1].macs for masks in by_power]
    assert macs == sorted(macs, reverse=True)
    assert macs[2] < 0.9 * macs[0]
