"""One ranking per layer: every layer keeps the same share of its weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.masks import Masks, num_kept
from exitprune.pruning.ranking import without_lowest
from exitprune.pruning.scopes import Scope


class Layer(Scope):
    """The lowest scores of each layer go, until it keeps the share that all together are to keep.

    Taking the same fraction of what each layer has left would let roundings pile up over the rounds.
    """

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        if num == 0:  # else rounds that only fine-tune would even out what rounding left uneven
            return {name: candidates[name] for name in scores}
        share = (num_kept(candidates, scores) - num) / sum(score.numel() for score in scores.values())
        chosen: Masks = {}
        for name, score in scores.items():
            goes = max(0, num_kept(candidates, [name]) - round(share * score.numel()))
            chosen |= without_lowest({name: score}, {name: candidates[name]}, goes)
        return chosen
