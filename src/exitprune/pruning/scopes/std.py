"""A threshold per layer of q standard deviations of its scores, with one q for all layers.

Source: Han et al. 2015, arXiv:1506.02626, section 3.

There "the pruning threshold is chosen as a quality parameter multiplied by the standard deviation of a layer's weights", and q
is picked by hand; here it is whatever removes the number asked for, which makes it a global ranking of scores in units of their
layer's deviation.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.masks import Masks
from exitprune.pruning.ranking import without_lowest
from exitprune.pruning.scopes import Scope


class Std(Scope):
    """The lowest scores in units of their layer's deviation go.

    The deviation is the root mean square of the kept scores: for magnitudes, that of the kept weights about zero.
    """

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        scaled = {}
        for name, score in scores.items():
            kept = score[candidates[name]]
            deviation = kept.double().square().mean().sqrt().clamp_min(1e-12) if kept.numel() else kept.new_ones(())
            scaled[name] = (score.double() / deviation).float()
        return without_lowest(scaled, candidates, num)
