"""Block: the two convolutions of a residual block go as one, where the block hands its map on in the shape it came in.

Any architecture's branches count that are added to what they take; blocks that change the shape have no unit.

Goes: blocks.
Source: Veit et al. 2016, arXiv:1605.06431, for what a residual network does without some of its blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.gates import Place, behind, of_branches, straight_branches
from exitprune.networks.masks import Masks
from exitprune.pruning.granularities import Granularity


class Block(Granularity):
    """A unit stands under the name of its first layer, a tensor of one number."""

    def unit_scores(
        self, network: EarlyExitNetwork, scores: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """(1,) by layer: the mean score of all weights of the branch; those of branches as they are."""
        if any(score.dim() == 1 for score in scores.values()):
            return dict(scores)
        rows = [row for row in straight_branches(network) if set(row) <= set(scores)]
        return {row[0]: torch.cat([scores[name].flatten() for name in row]).mean().reshape(1) for row in rows}

    def unit_masks(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> Masks:
        """(1,) by layer: a branch is there as long as each of its layers has a weight."""
        rows = [row for row in straight_branches(network) if set(row) <= set(masks)]
        return {row[0]: torch.stack([masks[name].any() for name in row]).all().reshape(1) for row in rows}

    def weight_masks(
        self, network: EarlyExitNetwork, masks: Mapping[str, Tensor], units: Mapping[str, Tensor]
    ) -> Masks:
        """Without all weights of the branches that went."""
        gone = {name for row in straight_branches(network) if row[0] in units and not units[row[0]] for name in row}
        return {name: torch.zeros_like(mask) if name in gone else mask for name, mask in masks.items()}

    def gates(self, network: EarlyExitNetwork) -> dict[str, Place]:
        return of_branches(network)

    @torch.no_grad()
    def neutralise_(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        """Without a weight, a batch norm would still add its shift: it adds 0."""
        after = behind(network)
        for row in straight_branches(network):
            if not any(masks[name].any() for name in row):
                for name, tensor in (*after[row[-1]].named_parameters(), *after[row[-1]].named_buffers()):
                    if name in ("bias", "running_mean"):
                        tensor.zero_()
