"""Filter16: filters inside residual blocks as in `filter`, but going sixteen at a time.

Kernels work on channels in vectors: sixteen float32 fill a register of AVX-512, and onnxruntime pads every convolution to
whole vectors there. A layer left with 17 filters takes the time of 32, one with 5 that of 16. Groups of sixteen leave widths
that fill the vectors, which brings time closer to MACs; the layers of a ResNet have 16, 32 and 64 filters, one to four groups.

A layer's filters are put into groups from the best down, and each scores the mean of its group. A round removes an exact
number of filters, so it may break a group: what is left of it goes first in the next round, so that one layer at most has a
width that is not whole. Under `scope: layer`, which removes as large a share in every layer, each may; under `scope: std` a layer
of one group scores 1, so such layers go in their order of execution, after the weaker groups of wider ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.pruning.granularities.filter import unit_masks, weight_masks
from exitprune.pruning.granularities.filter import unit_scores as filter_scores

__all__ = ["unit_masks", "unit_scores", "weight_masks"]

GROUP = 16


def unit_scores(network: EarlyExitNetwork, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """(O,) by first convolution: the mean score of the group that a filter is in; of what is left of one, the lowest of all."""
    there = unit_masks(network, {name: weight != 0 for name, weight in weights(network).items() if name in scores})
    single = filter_scores(network, scores)
    lowest = min((score[there[name]].min().item() for name, score in single.items() if there[name].any()), default=0.0)
    return {name: _of_groups(score, there[name], lowest) for name, score in single.items()}


def _of_groups(scores: Tensor, there: Tensor, lowest: float) -> Tensor:
    grouped, ranked = scores.clone(), scores.argsort(descending=True)
    for group in torch.split(ranked[there[ranked]], GROUP):
        grouped[group] = scores[group].mean() if len(group) == GROUP else lowest
    return grouped
