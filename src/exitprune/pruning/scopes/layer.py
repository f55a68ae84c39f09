"""One ranking per layer: every layer keeps the same share of its weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.masks import Masks, sparsity
from exitprune.pruning.ranking import without_lowest


def choose(scores: Mapping[str, Tensor], masks: Mapping[str, Tensor], fraction: float) -> Masks:
    """The lowest scores of each layer go, until it keeps the share that all together are to keep.

    Taking the same fraction of what each layer has left would let roundings pile up over the rounds.
    """
    if fraction == 0:  # else rounds that only fine-tune would even out what rounding left uneven
        return {name: masks[name] for name in scores}
    share = (1 - sparsity(masks, scores)) * (1 - fraction)
    chosen: Masks = {}
    for name, score in scores.items():
        density = 1 - sparsity(masks, [name])
        surplus = max(0.0, 1 - share / density) if density else 0.0
        chosen |= without_lowest({name: score}, {name: masks[name]}, surplus)
    return chosen
