"""Filter: inside every residual block, a filter of the first convolution goes with the weights of the second that read it.

What goes can be taken out of the network, so that it is smaller and dense kernels have less to do: see `surgery`. The streams
that blocks hand on and exits look at keep their width, so heads, classifier, stem and projections have no units: a round
on a group without units only fine-tunes.

Letters: O, C output and input channels of the first convolution; D output channels of the second.
Source: filters by the size of their weights, Li et al. 2017, arXiv:1608.08710; the mean makes layers comparable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks


def unit_scores(network: EarlyExitNetwork, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """(O,) by first convolution: the mean score of a filter's own weights and of those that read it."""
    units = {}
    for first, second in _pairs(network, scores):
        own, readers = scores[first].flatten(1), scores[second].transpose(0, 1).flatten(1)  # (O, 9 C), (O, 9 D)
        units[first] = (own.sum(1) + readers.sum(1)) / (own.shape[1] + readers.shape[1])
    return units


def unit_masks(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> Masks:
    """(O,) by first convolution: a filter is there as long as it has a weight."""
    return {first: masks[first].flatten(1).any(1) for first, _ in _pairs(network, masks)}


def weight_masks(network: EarlyExitNetwork, masks: Mapping[str, Tensor], units: Mapping[str, Tensor]) -> Masks:
    """Both convolutions without the weights of filters that went."""
    changed = dict(masks)
    for first, second in _pairs(network, masks):
        changed[first] = masks[first] & units[first].reshape(-1, 1, 1, 1)
        changed[second] = masks[second] & units[first].reshape(1, -1, 1, 1)
    return changed


def _pairs(network: EarlyExitNetwork, names: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The layer names of both convolutions of every block whose layers are among the named ones."""
    there = set(names)
    for number in range(1, len(network.blocks) + 1):
        pair = f"b{number}.c1", f"b{number}.c2"
        if there.issuperset(pair):
            yield pair
