"""The rounds of a chain outside a study: nothing is kept on disk, nobody is told how far it is."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property

from exitprune.config.choice import made
from exitprune.config.data import Augment
from exitprune.config.prune import Prune
from exitprune.data.images import Images
from exitprune.errors import BadInput
from exitprune.jobs.compute import Machine
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.freedom import why_not
from exitprune.networks.masks import Masks
from exitprune.pruning import possible
from exitprune.pruning.chain import Chain
from exitprune.pruning.rounds import Chooser, Step, num_to_go
from exitprune.training.endings import Ending


def pruned(
    network: EarlyExitNetwork,
    masks: Masks,
    settings: Prune,
    images: Images,
    augment: Augment,
    seed: int,
    machine: Machine,
    validation: Images | None,
) -> tuple[EarlyExitNetwork, Masks]:
    """The network after all rounds, and its masks; what was given stays as it is.

    Args:
        network: to begin with.
        masks: by layer, of what is gone already.
        settings: of the rounds.
        images: to train on.
        augment: random changes of them.
        seed: of the run.
        machine: that computes.
        validation: images that no training sees, for an ending that looks at some.

    Raises:
        BadInput: if the settings do not go together, nothing of the network can go as they say, as much is gone already, or the
            ending is given nothing to look at.
    """
    if reason := possible.why_not(settings):
        raise BadInput(reason)
    if validation is None and type(made("endings", settings.ending)).begin is not Ending.begin:
        raise BadInput(
            f"ending {settings.ending} looks at images that no training sees; give validation=(images, labels)"
        )
    chooser = Chooser.of(settings)
    if not chooser.has_units(network, "all"):
        reasons = "; ".join(why_not(network)[:3])
        raise BadInput(f"granularity {settings.granularity}: nothing here may go so ({reasons}); prune weights")
    chain = _Given(
        settings, settings.finetune, augment, images, network, None, None, seed, machine, Silent(), _no_file, validation
    )
    if settings.sparsity and not chooser.grows_back and not _any_goes(chooser, chain.steps, network, masks):
        raise BadInput(
            f"sparsity {settings.sparsity:g} is of all that there ever was: nothing more would go; give a larger one"
        )
    network, masks = copy.deepcopy(chain.begin), dict(masks)
    for number in range(1, len(chain.steps) + 1):
        masks = chain.step_(number, network, masks)
    return network, masks


def _any_goes(chooser: Chooser, steps: Sequence[Step], network: EarlyExitNetwork, masks: Masks) -> bool:
    """Whether a share of some step is not gone already."""
    shares = {step.prune: step.kept_share for step in steps if step.prune}  # of each group's last round, the smallest
    layers = {group: {name: masks[name] for name in network.named_layers(group)} for group in shares}
    return any(num_to_go(chooser.granularity.unit_masks(network, layers[group]), shares[group]) for group in shares)


class Silent:
    """An observer of training who says nothing."""

    def step(self, num_images: int) -> None:
        """Nothing."""

    def skip(self, num_images: int) -> None:
        """Nothing."""

    def end_epoch(self, epoch: int, loss: float) -> None:
        """Nothing."""


def _no_file(name: str) -> None:
    """Nothing is kept of a training."""


class _Given(Chain):
    """A chain that begins with a network of which nobody knows how it was drawn."""

    @cached_property
    def _drawn(self) -> EarlyExitNetwork:
        raise BadInput(
            f"criterion {self.settings.criterion} looks at weights as they were drawn, which nobody knows of this network; run a"
            " study, or take another criterion"
        )
