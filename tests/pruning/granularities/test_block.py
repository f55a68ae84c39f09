"""Whole blocks: a branch is there as long as each of its layers has a weight."""

from __future__ import annotations

import pytest
import torch

from exitprune.config.choice import make
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks


@pytest.mark.parametrize("emptied", ["b1.c1", "b1.c2"])
def test_a_branch_of_which_one_layer_is_empty_is_gone(network: EarlyExitNetwork, emptied: str) -> None:
    masks = full_masks(network)
    masks[emptied] = torch.zeros_like(masks[emptied])
    units = make("granularities", "block", {}).unit_masks(network, masks)
    assert [name for name, unit in units.items() if not unit.all()] == ["b1.c1"]
