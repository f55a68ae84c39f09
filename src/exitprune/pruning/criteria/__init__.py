"""How weights are scored and, where a method needs it, what happens while the network trains.

Contract of a file: a class of `Criterion` with `score`; its fields are its settings. All else has a default that does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar

import torch
from torch import Tensor

from exitprune.config.choice import made
from exitprune.config.prune import Prune
from exitprune.config.section import Variant
from exitprune.config.training import Training
from exitprune.jobs.seeding import seeded
from exitprune.networks.cost import layer_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.networks.masks import Masks, weights
from exitprune.pruning.granularities import Granularity
from exitprune.training.callbacks import Callback
from exitprune.training.losses import exit_loss

Plan = Callable[..., Masks]
"""The masks that scores would give, if the round kept its own share of the units, or the share that stands behind them."""


@dataclass(frozen=True)
class Context:
    """What a round lets a criterion see.

    Attributes:
        network: as it is; a criterion leaves it as it was.
        names: of the layers to score.
        masks: of all layers, as the last round left them.
        batches: an epoch of training images and labels; the same ones each time it is gone through.
        generator: seeded by run and round, for what is drawn.
        plan: the masks of all layers that scores would give; a share of units to keep behind them takes the round's place.
        kept_share: of the units, of all there ever were, that the round is to keep.
        granularity: what goes as one.
        settings: of the recipe.
        dense: every prunable weight, as the chain began.
        initial: every prunable weight, as drawn before any training.
        trains: the group that the round trains; L is its loss: in a round of the base network alone the classifier's.
    """

    network: EarlyExitNetwork
    names: list[str]
    masks: Masks
    batches: Iterable[tuple[Tensor, Tensor]]
    generator: torch.Generator
    plan: Plan
    kept_share: float
    granularity: Granularity
    settings: Prune
    dense: Callable[[], Mapping[str, Tensor]]
    initial: Callable[[], Mapping[str, Tensor]]
    trains: Group = "all"

    @property
    def weights(self) -> dict[str, Tensor]:
        """Of the layers to score, by name; not copies."""
        every = weights(self.network)
        return {name: every[name] for name in self.names}

    @property
    def units(self) -> Masks:
        """The units that are there, by layer, of the layers to score."""
        return self.units_of(self.masks)

    def units_of(self, masks: Mapping[str, Tensor]) -> Masks:
        """The units that masks of all layers leave."""
        return self.granularity.unit_masks(self.network, {name: masks[name] for name in self.names})

    def without(self, units: Mapping[str, Tensor]) -> Masks:
        """The masks of all layers, if only these units stayed; masks as `units` gives them."""
        there = {name: self.masks[name] for name in self.names}
        return {**self.masks, **self.granularity.weight_masks(self.network, there, units)}

    def unit_macs(self) -> dict[str, float]:
        """Multiply-accumulates that go with one unit of a layer, by layer; the mean where they differ."""
        positions = {layer.name: layer.positions for layer in layer_costs(self.network, self.masks)}
        macs, units = {}, self.units
        for name, unit in units.items():
            after = self.without({**units, name: torch.zeros_like(unit)})
            gone = sum(times * int((self.masks[one] & ~after[one]).sum()) for one, times in positions.items())
            macs[name] = gone / max(1, int(unit.sum()))
        return macs

    def scores(self) -> dict[str, Tensor]:
        """What the recipe's criterion says of the network as it is, asked anew; nothing is remembered or drawn for it."""
        criterion, alone = made("criteria", self.settings.criterion), self.generator.clone_state()
        context = replace(self, generator=alone)
        criterion.start(context)
        scores: dict[str, Tensor] = criterion.score(context)
        return scores

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """L: the sum over the exits of the group that the round trains."""
        return exit_loss(self.network(images, self.trains), labels)

    def gradients(self, training: bool = False, num_batches: int | None = None) -> dict[str, Tensor]:
        """dL/dw, the mean over the batches; see `gradients_by_batch`."""
        totals: dict[str, Tensor] = {}
        num = 0
        for gradients in self.gradients_by_batch(training, num_batches):
            num += 1
            totals = {name: totals[name] + part if totals else part for name, part in gradients.items()}
        return {name: total / num for name, total in totals.items()}

    def gradients_by_batch(
        self, training: bool = False, num_batches: int | None = None, of: Mapping[Any, Tensor] | None = None
    ) -> Iterator[dict[Any, Tensor]]:
        """dL/dw of one batch after the other, also for weights that are masked or frozen.

        Args:
            training: batch norm as in training, and dropout, the same each time; running statistics stay as they are.
            num_batches: only the first so many; None: all.
            of: parameters by any name, to be told by; None: the weights to score.

        Raises:
            ValueError: if there are no batches: without a gradient every score is 0.
        """
        num = 0
        with self.learning(training, of) as by_name:
            for images, labels in islice(self.batches, num_batches):
                num += 1
                with seeded("dropout", self.generator.initial_seed(), num):
                    loss = self.loss(images, labels)
                parts = torch.autograd.grad(loss, list(by_name.values()))
                yield dict(zip(by_name, parts, strict=True))
        if not num:
            raise ValueError("no batches were given, and without a gradient every score is 0")

    @contextmanager
    def learning(self, training: bool = False, of: Mapping[Any, Tensor] | None = None) -> Iterator[dict[Any, Tensor]]:
        """The weights to score, which take gradients in this block, frozen ones too; after it the network is as it was.

        Args:
            training: batch norm as in training.
            of: these parameters instead.
        """
        by_name = self.weights if of is None else dict(of)
        was_training = [module.training for module in self.network.modules()]
        learns = [weight.requires_grad for weight in by_name.values()]
        buffers = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        try:
            self.network.train(training)
            for weight in by_name.values():
                weight.requires_grad_(True)
            yield by_name
        finally:
            for module, mode in zip(self.network.modules(), was_training, strict=True):
                module.training = mode
            for weight, flag in zip(by_name.values(), learns, strict=True):
                weight.requires_grad_(flag)
            for name, buffer in self.network.named_buffers():
                buffer.copy_(buffers[name])


class Criterion(Variant, Callback):
    """A way to tell which weights matter; while the network trains, a `Callback`."""

    trains_first: ClassVar[bool] = False
    """Whether a round trains, with the criterion as a callback, before it removes anything."""
    looks_behind: ClassVar[bool] = False
    """Whether it reaches for what stands behind a layer, a batch norm or the place for a gate, which not every network tells."""
    trains_along: ClassVar[bool] = False
    """Whether the criterion is a callback of the training after that too."""
    grows_back: ClassVar[bool] = False
    """Whether weights that went may come back, with the value they had as the chain began."""

    def first(self, finetune: Training) -> Training:
        """How the network is trained, where a round trains first; as it is fine-tuned, if nothing else is said."""
        return finetune

    def start(self, context: Context) -> None:
        """A round begins."""

    def score(self, context: Context) -> dict[str, Tensor]:
        """A float32 tensor of the weight's shape for each layer named, on its device; a higher score stays.

        One whose file says what goes may score such units instead: a tensor of one dimension for each layer that has some.
        Scores may be negative. Weights that are gone may get any score, unless they can come back.
        """
        raise NotImplementedError  # each criterion says it

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        """The masks of all layers after the round; a method that decides by itself how many stay says so here."""
        return context.plan(scores)
