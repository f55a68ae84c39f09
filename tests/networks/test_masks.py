"""Masks: True is kept, and what is not kept is zero."""

from __future__ import annotations

import torch

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import apply_masks_, full_masks, num_kept, sparsity, weights


def test_full_masks_keep_every_weight_of_every_layer(network: EarlyExitNetwork) -> None:
    masks = full_masks(network)
    assert list(masks) == list(network.named_layers())
    assert all(mask.dtype == torch.bool and mask.all() for mask in masks.values())
    assert {name: mask.shape for name, mask in masks.items()} == {n: w.shape for n, w in weights(network).items()}


def test_weights_are_the_networks_own_not_copies(network: EarlyExitNetwork) -> None:
    assert weights(network)["fc"] is network.base.fc.weight


def test_weights_of_the_groups_add_up_to_all(network: EarlyExitNetwork) -> None:
    assert weights(network, "base").keys() | weights(network, "exits").keys() == weights(network).keys()
    assert not weights(network, "base").keys() & weights(network, "exits").keys()


def test_applying_masks_zeroes_what_is_not_kept_and_nothing_else(network: EarlyExitNetwork) -> None:
    before = {name: weight.detach().clone() for name, weight in weights(network).items()}
    others = {name: t.clone() for name, t in network.state_dict().items()}
    masks = {name: torch.rand(w.shape, generator=torch.Generator().manual_seed(0)) < 0.5 for name, w in before.items()}
    apply_masks_(network, masks)
    for name, weight in weights(network).items():
        assert torch.equal(weight, torch.where(masks[name], before[name], 0.0))
    prunable = {id(weight) for weight in weights(network).values()}
    for name, tensor in network.state_dict(keep_vars=True).items():
        assert id(tensor) in prunable or torch.equal(tensor, others[name])


def test_sparsity_counts_zeros_over_the_layers_named() -> None:
    masks = {"a": torch.tensor([True, False, False, False]), "b": torch.tensor([True, True])}
    assert num_kept(masks) == 3
    assert num_kept(masks, ["b"]) == 2
    assert sparsity(masks) == 0.5
    assert sparsity(masks, ["a"]) == 0.75
    assert sparsity(masks, ["b"]) == 0.0
