"""Filters and all that goes with them: scores and masks of weights to those of filters, and back.

A filter goes with every weight that hands its channel on or reads it, whichever layers these are in: see `coupling`.

Letters: O filters of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce

import torch
from torch import Tensor

from exitprune.networks.channels import Channels, by_channel
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.freedom import filters_of
from exitprune.networks.masks import Masks


def filter_scores(network: EarlyExitNetwork, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """(O,) by layer: the mean score of a filter's own weights and of those that go with it; those of filters as they are."""
    found = {}
    own = {layer: score for layer, score in scores.items() if score.dim() == 1}
    if own:
        return own
    for layer, channels in _free(network, scores):
        parts = [by_channel(scores[place.layer], place, channels.size) for place in channels.places]
        found[layer] = reduce(torch.add, [part.sum(1) for part in parts]) / sum(part.shape[1] for part in parts)
    return found


def filter_masks(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> Masks:
    """(O,) by layer: a filter is there as long as it has a weight."""
    return {layer: masks[layer].flatten(1).any(1) for layer, _ in _free(network, masks)}


def without_filters(network: EarlyExitNetwork, masks: Mapping[str, Tensor], filters: Mapping[str, Tensor]) -> Masks:
    """Masks of weights without those of filters that went, and of all that goes with them."""
    changed = dict(masks)
    for layer, channels in _free(network, masks):
        for place in channels.places:
            kept = changed[place.layer].clone()
            part = kept.narrow(place.dimension, place.start, channels.size * place.cells)
            shape = [1] * kept.dim()
            shape[place.dimension] = -1
            part &= filters[layer].repeat_interleave(place.cells).reshape(shape)
            changed[place.layer] = kept
    return changed


def _free(network: EarlyExitNetwork, names: Mapping[str, Tensor]) -> Iterator[tuple[str, Channels]]:
    """Layers whose filters may go, where all that goes with them is among the layers named."""
    for layer, channels in filters_of(network).items():
        if all(place.layer in names for place in channels.places):
            yield layer, channels
