"""Scores to masks: which weights rank lowest."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from exitprune.networks.masks import Masks, num_kept


def without_lowest(scores: Mapping[str, Tensor], masks: Mapping[str, Tensor], fraction: float) -> Masks:
    """Masks that keep all but the lowest scores; what was gone stays gone.

    Args:
        scores: by layer, of the weights' shapes.
        masks: by layer, at least those of `scores`.
        fraction: share of the kept weights to remove; exactly round(fraction x kept) go.

    Raises:
        ValueError: if a score is not a number or the fraction is outside [0, 1].
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"the fraction to remove is between 0 and 1, not {fraction}")
    kept = torch.cat([masks[name].flatten() for name in scores])
    flat = torch.cat([score.float().flatten() for score in scores.values()])
    if flat[kept].isnan().any():
        raise ValueError("a score is not a number")
    num = round(fraction * num_kept(masks, scores))
    if num:
        candidates = flat[kept]
        threshold = candidates.kthvalue(num).values
        goes = candidates < threshold
        ties = (candidates == threshold).nonzero().flatten()
        goes[ties[: num - int(goes.sum())]] = True
        kept[kept.nonzero().flatten()[goes]] = False
    parts = torch.split(kept, [score.numel() for score in scores.values()])
    return {name: part.reshape(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}
