"""What EarlyCroP's filters and GReg share: no layer is emptied."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from exitprune.networks.masks import Masks
from exitprune.pruning.criteria import Context


def sparing(context: Context, scores: Mapping[str, Tensor]) -> Masks:
    """The masks that scores give, and the best unit of each layer that would lose all its units, if it ever had more than one."""
    masks, before = context.plan(scores), context.units
    after = context.units_of(masks)
    emptied = [name for name, unit in before.items() if unit.numel() > 1 and unit.any() and not after[name].any()]
    if not emptied:
        return masks
    there = {name: context.masks[name] for name in context.names}
    ranked = context.granularity.unit_scores(context.network, scores, there)
    for name in emptied:
        best = ranked[name].masked_fill(~before[name], -torch.inf).argmax()
        after[name] = torch.zeros_like(after[name])
        after[name].view(-1)[best] = True
    return context.without(after)
