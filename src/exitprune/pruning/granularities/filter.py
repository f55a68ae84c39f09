"""Filter: a filter goes with all weights that hand its channel on or read it, where no exit looks and no other layer adds to it.

What goes can be taken out of the network, so that it is smaller and dense kernels have less to do: see `filter_removal`. In
a residual block these are the filters of the first convolution, with the weights of the second that read them: the streams
that blocks hand on and exits look at keep their width, so heads, classifier, stem and projections have no units, and a round
on a group without units only fine-tunes.

Letters: O filters of a layer.

Goes: filters.
Source: Li et al. 2017, arXiv:1608.08710, by the size of their weights; the mean makes layers comparable.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.gates import Place, of_filters
from exitprune.networks.masks import Masks
from exitprune.pruning.filters import filter_masks, filter_scores, without_filters
from exitprune.pruning.granularities import Granularity


class Filter(Granularity):
    """Filters go one by one, or so many at a time.

    Kernels work on channels in vectors: sixteen float32 fill a register of AVX-512, and onnxruntime pads every convolution to
    whole vectors there. A layer left with 17 filters takes the time of 32, one with 5 that of 16. Groups of 16 leave widths
    that fill the vectors, which brings time closer to MACs; layers of a ResNet have one to four groups.

    A layer's filters are put into groups from the best down, and each scores the mean of its group. A round removes an exact
    number of filters, so it may break a group: what is left of it goes first in the next round, so that one layer at most has a
    width that is not whole. Under `scope: layer`, which removes as large a share in every layer, each may; under `scope: std` a
    layer of one group scores 1, so such layers go in their order of execution, after the weaker groups of wider ones.
    """

    round_to: int = Field(1, ge=1)
    """Filters go so many at a time, which leaves layers of multiples of it; 16 suits kernels that work on vectors of 16."""

    def unit_scores(
        self, network: EarlyExitNetwork, scores: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """(O,) by layer: the mean score of a filter's own weights and of those that go with it, or of its group's."""
        units = filter_scores(network, scores)
        if self.round_to == 1:
            return units
        there = self.unit_masks(network, {name: masks[name] for name in scores})
        lowest = min(
            (score[there[name]].min().item() for name, score in units.items() if there[name].any()), default=0.0
        )
        return {name: self._of_groups(score, there[name], lowest) for name, score in units.items()}

    def _of_groups(self, scores: Tensor, there: Tensor, lowest: float) -> Tensor:
        grouped, ranked = scores.clone(), scores.argsort(descending=True)
        for group in torch.split(ranked[there[ranked]], self.round_to):
            grouped[group] = scores[group].mean() if len(group) == self.round_to else lowest
        return grouped

    def unit_masks(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> Masks:
        """(O,) by layer: a filter is there as long as it has a weight."""
        return filter_masks(network, masks)

    def weight_masks(
        self, network: EarlyExitNetwork, masks: Mapping[str, Tensor], units: Mapping[str, Tensor]
    ) -> Masks:
        """Without the weights of filters that went, and of all that goes with them."""
        return without_filters(network, masks, units)

    def gates(self, network: EarlyExitNetwork) -> dict[str, Place]:
        return of_filters(network)
