"""The same share of every part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from exitprune.networks.masks import Masks, num_kept
from exitprune.pruning.ranking import without_lowest


def same_share(
    parts: Iterable[Sequence[str]], scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int
) -> Masks:
    """The lowest scores of each part go, until it keeps the share that all together are to keep.

    Taking the same fraction of what each part has left would let roundings pile up over the rounds.

    Args:
        parts: names of layers, each layer in one part.
        scores, candidates, num: as for `Scope.choose`.
    """
    if num == 0:  # else rounds that only fine-tune would even out what rounding left uneven
        return {name: candidates[name] for name in scores}
    share = (num_kept(candidates, scores) - num) / sum(score.numel() for score in scores.values())
    chosen: Masks = {}
    for names in parts:
        stays = round(share * sum(scores[name].numel() for name in names))
        goes = max(0, num_kept(candidates, names) - stays)
        chosen |= without_lowest(
            {name: scores[name] for name in names}, {name: candidates[name] for name in names}, goes
        )
    return {name: chosen[name] for name in scores}
