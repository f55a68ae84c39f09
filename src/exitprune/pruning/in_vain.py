"""Choices that fit together and would be made in vain, told before any work; found by trying the variants, not by their names.

A start that base training ends before, a ranking that cannot change or has nothing to rank, a network of which nothing is left.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Tensor

from exitprune.config.about import about
from exitprune.config.choice import made, make
from exitprune.config.params import Params
from exitprune.config.prune import Prune
from exitprune.errors import BadInput
from exitprune.jobs.seeding import seeded
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks, num_kept, weights
from exitprune.pruning.criteria import Context, Criterion
from exitprune.pruning.effect import free_scopes, ranks_whole_layers, sets_densities
from exitprune.pruning.granularities import Granularity
from exitprune.pruning.starts import Start
from exitprune.shapes_only import shapes_only
from exitprune.variants import names_of

PATIENCE = 1000
"""Epochs for which a start is asked; one that has not begun by then may wait for what is not made up here."""
FEW = 0.01
"""Share of units to keep below which it may be none."""


def check_sense(params: Params, shape: tuple[int, int, int], num_classes: int) -> None:
    """Refuse what would be computed in vain.

    Args:
        params: of a study whose recipes are possible: see `possible`.
        shape: of an image, (C, H, W).
        num_classes: of the images.

    Raises:
        BadInput: one sentence for the first recipe that is.
    """
    model = params.model
    spec = Spec(model.architecture, model.settings, *shape, num_classes, tuple(model.exits), model.pool)
    for name, recipe in params.recipes.items():
        reason = (
            _waits(recipe, params.base.epochs)
            or _watches(recipe)
            or _ranks_nothing(recipe, spec)
            or _leaves_nothing(recipe, spec)
        )
        if reason:
            raise BadInput(f"recipe {name}: {reason}")


class _Willing(Context):
    """A base training that goes as any start could want it: after its second epoch nothing changes any more."""

    def scores(self) -> dict[str, Tensor]:
        return {}

    def scores_of(self, criterion: Criterion) -> dict[str, Tensor]:
        """What a criterion says of the network as it is."""
        context = replace(self, generator=torch.Generator().manual_seed(0))
        criterion.start(context)
        return criterion.score(context)


def _waits(recipe: Prune, epochs: float) -> str | None:
    """Why base training ends before a start can begin; None: it does not, or nobody can tell."""
    start: Start = made("starts", recipe.start)
    if not start.watches:
        return None
    context = _made_up(recipe)
    for epoch in range(PATIENCE):
        if epoch == 2:
            with torch.no_grad():
                for parameter in context.network.parameters():
                    parameter.mul_(2)
        if not start.now(context, epoch):
            continue
        if epoch <= math.ceil(epochs):
            return None
        return (
            f"start: {recipe.start} begins after epoch {epoch} of base training at the earliest, and base.epochs: {epochs:g} "
            "ends before; give more of these, or another start"
        )
    return None


def _made_up(recipe: Prune) -> _Willing:
    """As the first round of a small network would have it."""
    with seeded("made up"):
        network = EarlyExitNetwork(Spec("resnet", {"depth": 8}, 1, 8, 8, 2, (1, 2), 1))
        images = torch.rand(4, 1, 8, 8)
    masks, drawn = full_masks(network), weights(copy.deepcopy(network))
    return _Willing(
        network=network,
        names=list(masks),
        masks=masks,
        batches=[(images, torch.arange(4) % 2)],
        generator=torch.Generator(),
        plan=lambda scores, share=None: masks,
        kept_share=1 - recipe.sparsity,
        granularity=made("granularities", recipe.granularity),
        settings=recipe,
        dense=lambda: drawn,
        initial=lambda: drawn,
    )


def _watches(recipe: Prune) -> str | None:
    """Why a start that asks for scores would hear the same in every epoch; None: it may not."""
    if not about("starts", recipe.start.name).asks_scores:
        return None
    looks_at = f"start: {recipe.start.name} looks at how many units of each layer would stay, and"
    if sets_densities(made("scopes", recipe.scope)):
        return f"{looks_at} scope: {recipe.scope.name} says that whatever the scores are; scope allowed with it: {free_scopes()}"
    criterion: Criterion = made("criteria", recipe.criterion)
    one = _made_up(recipe)
    said = one.scores_of(criterion)
    with seeded("another network"), torch.no_grad():
        for parameter in one.network.parameters():
            parameter.normal_()
    again = one.scores_of(criterion)
    every = torch.cat([score.flatten() for score in said.values()])
    ranks = bool(every.min() < every.max())  # gates that have not learned do not
    if ranks and any(not torch.equal(said[name], again[name]) for name in said):
        return None
    patient = [name for name in names_of("starts") if not about("starts", name).asks_scores]
    return (
        f"{looks_at} criterion: {recipe.criterion.name} says the same of every network; start allowed with it: "
        f"{', '.join(patient)}"
    )


def _ranks_nothing(recipe: Prune, spec: Spec) -> str | None:
    """Why scores would decide nothing where layers go whole; None: they would, or layers do not."""
    if ranks_whole_layers(made("scopes", recipe.scope)):
        return None
    granularity: Granularity = made("granularities", recipe.granularity)
    with shapes_only():
        network = EarlyExitNetwork(spec)
        units = granularity.unit_masks(network, full_masks(network))
    if any(unit.numel() > 1 for unit in units.values()):
        return None
    able = [name for name in names_of("scopes") if ranks_whole_layers(make("scopes", name, {}))]
    return (
        f"scope: {recipe.scope} compares units within layers, and with granularity: {recipe.granularity} a layer is one unit; "
        f"scope allowed with it: {', '.join(able)}"
    )


def _leaves_nothing(recipe: Prune, spec: Spec) -> str | None:
    """Why no weight would be left of a group, or nothing ranked; None: it would."""
    granularity: Granularity = made("granularities", recipe.granularity)
    if 1 - recipe.sparsity > FEW and not recipe.granularity.settings:
        return None
    with shapes_only():
        network = EarlyExitNetwork(spec)
        shapes = {name: weight.shape for name, weight in weights(network).items()}
    for group in dict.fromkeys(one.prune for one in made("orders", recipe.order).rounds(recipe.rounds)):
        layers = {name: torch.ones(shapes[name], dtype=torch.bool) for name in network.named_layers(group)}
        units = granularity.unit_masks(network, layers)
        total = num_kept(units)
        if not total:
            continue
        if not round((1 - recipe.sparsity) * total):
            none = {name: torch.zeros_like(unit) for name, unit in units.items()}
            if not num_kept(granularity.weight_masks(network, layers, none)):
                return f"sparsity: {recipe.sparsity} leaves none of the {total:,} weights of group {group}; give less"
        draw = torch.Generator().manual_seed(0)
        scores = {name: torch.rand(layer.shape, generator=draw) for name, layer in layers.items()}
        ranked = torch.cat([score.flatten() for score in granularity.unit_scores(network, scores, layers).values()])
        if recipe.granularity.settings and ranked.min() == ranked.max() and total > 1:
            return (
                f"granularity: {recipe.granularity} scores all that can go of {spec.own.title} alike, so that nothing is "
                "ranked; give smaller settings"
            )
    return None
