"""What a round lets a criterion see, made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from exitprune.config.about import disagreement
from exitprune.config.prune import Prune
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.networks.masks import Masks, full_masks, weights
from exitprune.pruning.criteria import Context, Criterion
from exitprune.pruning.rounds import Chooser
from exitprune.variants import names_of


def a_context(
    network: EarlyExitNetwork,
    names: list[str] | None = None,
    batches: Iterable[tuple[Tensor, Tensor]] = (),
    generator: torch.Generator | None = None,
    kept_share: float = 0.5,
    trains: Group = "all",
    **settings: Any,
) -> Context:
    """The context of a round on everything, or on the named layers."""
    masks = full_masks(network)
    names = list(masks) if names is None else names
    chooser = Chooser.of(pruning(**settings))

    def plan(scores: Mapping[str, Tensor], share: float | None = None) -> Masks:
        of_units = any(score.shape != masks[name].shape for name, score in scores.items())
        ones = {} if of_units else {name: torch.ones_like(weight) for name, weight in weights(network).items()}
        return chooser.choose(network, masks, "all", kept_share if share is None else share, {**ones, **scores})

    dense = {name: weight.detach().clone() for name, weight in weights(network).items()}
    draw = generator or torch.Generator().manual_seed(0)
    what, chosen = chooser.granularity, pruning(**settings)

    def as_it_is() -> dict[str, Tensor]:
        return dense

    return Context(network, names, masks, batches, draw, plan, kept_share, what, chosen, as_it_is, as_it_is, trains)


def goes_by(criterion: str) -> str:
    """The name of a granularity that a criterion goes with."""
    one = ("criterion", "criteria", criterion)
    names = ("weight", "filter", *names_of("granularities"))
    return next(name for name in names if not disagreement([one, ("granularity", "granularities", name)]))


def scores_of(criterion: Criterion, context: Context) -> dict[str, Tensor]:
    """What the criterion says in a round that trains nothing first."""
    criterion.start(context)
    return criterion.score(context)


TRAINING: dict[str, Any] = {
    "epochs": 1, "lr": 0.05, "lr_scheduler": "constant", "momentum": 0.9, "weight_decay": 0.0, "batch_size": 10,
}  # fmt: skip
PRUNE: dict[str, Any] = {
    "order": "joint",
    "sparsity": 0.8,
    "rounds": 3,
    "schedule": "linear",
    "criterion": "magnitude",
    "scope": "global",
    "granularity": "weight",
    "start": "trained",
    "rewind": "none",
    "classifier": "base",
    "heads": {**TRAINING, "when": "before", "train": "frozen"},
    "finetune": TRAINING,
    "ending": "last",
}


def pruning(**changes: Any) -> Prune:
    """Settings of rounds: all weights in three of them, with what is changed."""
    return Prune.model_validate({**PRUNE, **changes})
