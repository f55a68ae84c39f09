"""Scores to masks: which weights rank lowest."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from exitprune.networks.masks import Masks


def without_lowest(scores: Mapping[str, Tensor], masks: Mapping[str, Tensor], num: int) -> Masks:
    """Masks that keep all but the lowest scores; what was gone stays gone.

    Args:
        scores: by layer, of the weights' shapes.
        masks: by layer, at least those of `scores`.
        num: how many of the kept weights go.

    Raises:
        ValueError: if a score is not a number or there are not so many.
    """
    kept = torch.cat([masks[name].flatten() for name in scores])
    flat = torch.cat([score.float().flatten() for score in scores.values()])
    if flat[kept].isnan().any():
        raise ValueError("a score is not a number")
    candidates = flat[kept]
    if not 0 <= num <= len(candidates):
        raise ValueError(f"{num} are to go and {len(candidates)} are there")
    if num:
        threshold = candidates.kthvalue(num).values
        goes = candidates < threshold
        ties = (candidates == threshold).nonzero().flatten()
        goes[ties[: num - int(goes.sum())]] = True
        kept[kept.nonzero().flatten()[goes]] = False
    parts = torch.split(kept, [score.numel() for score in scores.values()])
    return {name: part.reshape(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}
