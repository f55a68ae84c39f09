"""Whether a study's network can be pruned as asked, told before any work: no weight is drawn for it."""

from __future__ import annotations

from exitprune.config.choice import made
from exitprune.config.families import FAMILIES
from exitprune.config.model import NamedSettings
from exitprune.config.params import Params
from exitprune.config.prune import Prune
from exitprune.errors import BadInput
from exitprune.networks.cuts import check_cuts
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.gates import behind
from exitprune.networks.map_shapes import as_channels_first, map_shapes
from exitprune.networks.masks import full_masks
from exitprune.networks.operations import CannotFollow
from exitprune.pruning.effect import without_effect
from exitprune.shapes_only import shapes_only


def check_network(params: Params, shape: tuple[int, int, int], num_classes: int) -> None:
    """Refuse exits where a network cannot be cut, variants that cannot go together, and choices that would have no effect.

    Args:
        params: of the study.
        shape: of an image, (C, H, W).
        num_classes: of the images.

    Raises:
        BadInput: one sentence for the first recipe that cannot be.
    """
    for name, recipe in params.recipes.items():
        if reason := why_not(recipe):
            raise BadInput(f"recipe {name}: {reason}")
    if (pad := params.data.augment.pad) >= min(shape[1:]):
        raise BadInput(
            f"data.augment.pad: {pad} is no less than a side of the images, {shape[1]} x {shape[2]}, so that crops would show"
            " none of them; give less"
        )
    model = params.model
    spec = Spec(model.architecture, model.settings, *shape, num_classes, tuple(model.exits), model.pool)
    check_cuts(spec)
    _check_maps(spec)
    asked = {name: made("granularities", recipe.granularity) for name, recipe in params.recipes.items()}
    asked = {name: granularity for name, granularity in asked.items() if not granularity.in_every_network}
    looking = [name for name, recipe in params.recipes.items() if made("criteria", recipe.criterion).looks_behind]
    apart = [name for name, recipe in params.recipes.items() if recipe.classifier == "exits"]
    if not asked and not looking and not apart:
        return
    with shapes_only():
        network = EarlyExitNetwork(spec)
        masks = full_masks(network)
    for name in apart:
        if others := _beside_layers(network):
            raise BadInput(
                f"recipe {name}: classifier: exits divides the base network by its layers, and {spec.own.title} has "
                f"{len(others)} parameters of none of them (first: {others[0]}); leave classifier at base"
            )
    for name in looking:
        try:
            behind(network)
        except CannotFollow as reason:
            chosen = params.recipes[name].criterion
            raise BadInput(
                f"recipe {name}: criterion {chosen} looks at what stands behind a layer, and {spec.own.title}: {reason}; take a"
                " criterion that scores weights, or an architecture of blocks"
            ) from None
    for name, granularity in asked.items():
        asks = f"recipe {name}: granularity {params.recipes[name].granularity}: {spec.own.title}"
        try:
            units = granularity.unit_masks(network, masks)
        except CannotFollow as reason:
            raise BadInput(f"{asks}: {reason}; prune weights") from None
        if not units:
            raise BadInput(
                f"{asks} with exits after "
                f"{', '.join(map(str, model.exits))} has nothing that could go so: every filter is looked at by an exit or "
                "added to by another layer; name fewer exits, or prune weights"
            )


def why_not(recipe: Prune) -> str | None:
    """Why the choices of a recipe cannot go together, as far as it takes more than their words to tell; None: they can."""
    for parameter in ("criterion", "scope", "granularity", "ending"):
        if reason := made(FAMILIES[parameter], getattr(recipe, parameter)).why_not(recipe):
            return f"{parameter}: {reason}"
    return without_effect(recipe)


def _beside_layers(network: EarlyExitNetwork) -> list[str]:
    """Names of parameters of the base network that stand in a module which has others inside."""
    return [
        f"{name}.{own}".removeprefix("module.").removeprefix(".")
        for name, module in network.base.named_modules()
        if list(module.children())
        for own, _ in module.named_parameters(recurse=False)
    ]


def _check_maps(spec: Spec) -> None:
    """Refuse exits that would take the wrong dimension for channels: a head guesses by the shape, and blocks have them first."""
    if isinstance(spec.own, NamedSettings):
        return  # those may have them last
    for point, shape in zip(spec.exits, map_shapes(spec), strict=False):
        if as_channels_first(shape, spec.height, spec.width) != shape:
            told, size = (" x ".join(map(str, sides)) for sides in (shape, (spec.height, spec.width)))
            raise BadInput(
                f"model.exits: the exit after block {point} has a map of {told}, whose last dimension would be taken for "
                f"channels beside images of {size}; name an exit elsewhere, or scale the images: data.size"
            )
