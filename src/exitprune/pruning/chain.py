"""A chain of levels: where it begins, and how each level is made of the one before it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from exitprune.config.choice import made
from exitprune.config.data import Augment
from exitprune.config.prune import Prune
from exitprune.config.training import ExitRounds, Training
from exitprune.data.images import Epoch, Images
from exitprune.jobs.compute import Machine
from exitprune.jobs.progress import LOG, Rate, RunAway, at_rate
from exitprune.jobs.seeding import generator, seed_of
from exitprune.networks.as_drawn import as_drawn, with_heads_as_drawn
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.groups import Group
from exitprune.networks.masks import Masks, full_masks, num_kept, weights
from exitprune.pruning.criteria import Context, Criterion
from exitprune.pruning.rounds import Chooser, Step, apply_, plan, rewind_, training_of
from exitprune.pruning.starts import Start
from exitprune.training.after import largest_answer
from exitprune.training.callbacks import Callback
from exitprune.training.endings import Ending
from exitprune.training.endings.last import Last
from exitprune.training.loop import Observer, train_
from exitprune.training.resumption import Resumption


@dataclass(frozen=True)
class Chain:
    """All rounds of one recipe and seed.

    Attributes:
        settings: what the rounds depend on.
        base: how the base network is trained, where pruning begins before that is over.
        augment: random changes of the images.
        images: to train on.
        level0: the unpruned network with trained exits.
        trained_base: the network without exits, for a recipe that adds its heads late.
        snapshot: the same after the epoch that weights are rewound to, for a recipe that does.
        seed: of the run.
        machine: that computes.
        observer: is told of every step and epoch.
        partial: where a training keeps its state, by the name of the training; None: nowhere.
        validation: images that no training sees, for a recipe that looks at them.
    """

    settings: Prune
    base: Training
    augment: Augment
    images: Images
    level0: EarlyExitNetwork
    trained_base: EarlyExitNetwork | None
    snapshot: EarlyExitNetwork | None
    seed: int
    machine: Machine
    observer: Observer
    partial: Callable[[str], Resumption | None]
    validation: Images | None = None

    @cached_property
    def steps(self) -> list[Step]:
        """From the first level to the last."""
        return plan(self.settings)

    @cached_property
    def criterion(self) -> Criterion:
        """One for the whole chain, so that it may remember something from round to round."""
        chosen: Criterion = made("criteria", self.settings.criterion)
        return chosen

    @cached_property
    def begin(self) -> EarlyExitNetwork:
        """The network that the first round finds. Nothing changes it."""
        start: Start = made("starts", self.settings.start)
        if start.watches:
            return self._watch(start)
        if self.settings.heads.when == "after":
            assert self.trained_base is not None, "the stage was given none"
            return self._placed(with_heads_as_drawn(self.trained_base, self._spec, self.seed))
        network = copy.deepcopy(self.level0)
        network.spec = self._spec
        return self._placed(network)

    def step_(self, number: int, network: EarlyExitNetwork, masks: Masks) -> Masks:
        """Lead a network from level `number` - 1 to `number` in place; the masks after that.

        A round has four acts: the criterion starts, the network is trained if the criterion needs that first, weights are
        chosen and go, and what is left is trained.
        """
        step = self.steps[number - 1]
        if step.prune:
            masks = self._prune_(number, step, step.prune, network, masks)
        seed = seed_of(*self._purpose(number)) if step.training == "finetune" else seed_of(self.seed, step.training)
        resumption = None if step.training == "finetune" else self.partial(step.training)  # a round is short
        going_on = None
        if step.training == "base":
            _ = self.begin  # whose training, as far as it went, is where this one goes on
            going_on = self.partial("begin")
        ending: Ending = made("endings", self.settings.ending) if step.training == "finetune" else Last()
        if self.validation:
            ending.begin(step.train, self.validation)
        callbacks: list[Callback] = [*([self.criterion] if self.criterion.trains_along else []), ending]
        training = training_of(step, self.settings, self.base)
        self._train_(network, step.train, training, masks, seed, callbacks, resumption, going_on)
        ending.finish_(network)
        return masks

    def _prune_(self, number: int, step: Step, group: Group, network: EarlyExitNetwork, masks: Masks) -> Masks:
        """The acts of a round up to what goes, in place; the masks after that."""
        criterion, chooser = self.criterion, Chooser.of(self.settings)
        if chooser.has_units(network, group):
            context = self._context(network, masks, group, step.kept_share, number, step.train)
            criterion.start(context)
            if criterion.trains_first:
                finetune = self.settings.of_round(step.train)
                training, kept = criterion.first(finetune), self.partial(first(number))
                seed = seed_of(*self._purpose(number, "first"))
                with at_rate(Rate("criterion.lr", training.lr)) if training.lr != finetune.lr else nullcontext():
                    self._train_(network, step.train, training, masks, seed, [criterion], kept)
            scores = criterion.score(context)
            if unknown := [name for name, score in scores.items() if score.isnan().any()]:
                began_with = largest_answer(network, self.images)
                raise RunAway(f"the scores of {unknown[0]} are not numbers", began_with)
            before, masks = masks, criterion.choose(context, scores)
            if not network.spec.gated:  # what its gates let through is told by the cost of each image
                self._tell(number, step, context.units_of(masks))
            apply_(network, before, masks, lambda: weights(self.begin))
        if reference := self._reference:
            rewind_(network, reference, step.train)
            apply_(network, masks, masks, lambda: {})
        chooser.granularity.neutralise_(network, masks)
        return masks

    def forget(self) -> None:
        """Remove what a killed training would have gone on from: the chain is whole."""
        for name in ("begin", "base", "heads", *(first(number) for number in range(1, len(self.steps) + 1))):
            if kept := self.partial(name):
                kept.forget()

    def _train_(
        self,
        network: EarlyExitNetwork,
        group: Group,
        training: Training,
        masks: Masks,
        seed: int,
        callbacks: list[Callback],
        resumption: Resumption | None = None,
        going_on: Resumption | None = None,
    ) -> None:
        as_they_are = isinstance(training, ExitRounds) and not training.augment
        train_(
            network,
            self.images,
            group,
            training,
            Augment(pad=0, flip=False) if as_they_are else self.augment,
            seed,
            masks,
            self.machine,
            self.observer,
            resumption,
            callbacks,
            going_on,
        )

    def _tell(self, number: int, step: Step, units: Masks) -> None:
        """Say it where a round misses what the schedule has, by more than rounding in each layer or a coin for each unit."""
        total = sum(unit.numel() for unit in units.values())
        chance = 4 * math.sqrt(total * step.kept_share * (1 - step.kept_share))
        if abs((kept := num_kept(units)) - round(step.kept_share * total)) > max(len(units), chance):
            share = f"{1 - kept / total:.3f} of the units of group {step.prune} are gone"
            LOG.warning("round %d: %s, not %.3f: the criterion has it so", number, share, 1 - step.kept_share)

    def _context(
        self,
        network: EarlyExitNetwork,
        masks: Masks,
        group: Group,
        kept_share: float,
        number: int,
        trains: Group = "all",
    ) -> Context:
        purpose = self._purpose(number, "scores")
        chooser, names = Chooser.of(self.settings), list(network.named_layers(group))

        def planned(scores: Mapping[str, Tensor], share: float | None = None) -> Masks:
            return chooser.choose(network, masks, group, kept_share if share is None else share, scores)

        return Context(
            network=network,
            names=names,
            masks=masks,
            batches=Epoch(self.images, self.settings.finetune.batch_size, self.augment, purpose),
            generator=generator(*purpose),
            plan=planned,
            kept_share=kept_share,
            granularity=chooser.granularity,
            settings=self.settings,
            dense=lambda: weights(self.begin),
            initial=lambda: weights(self._drawn),
            trains=trains,
        )

    def _purpose(self, number: int, *what: str) -> tuple[str | int, ...]:
        """What the chances of a round, or of one thing in it, are drawn for."""
        return self.seed, self.settings.order.name, number, *what

    @property
    def _spec(self) -> Spec:
        return replace(self.level0.spec, classifier=self.settings.classifier)

    @cached_property
    def _drawn(self) -> EarlyExitNetwork:
        return self._placed(as_drawn(self._spec, self.seed))

    @cached_property
    def _reference(self) -> Mapping[str, Tensor] | None:
        """The state that weights are rewound to."""
        if self.settings.rewind == "none":
            return None
        if self.settings.rewind == "initial":
            return self._drawn.state_dict()
        assert self.snapshot is not None, "the stage was given none"
        return self._placed(with_heads_as_drawn(self.snapshot, self._spec, self.seed)).state_dict()

    def _placed(self, network: EarlyExitNetwork) -> EarlyExitNetwork:
        network.place_(self.machine.device)
        return network

    def _watch(self, start: Start) -> EarlyExitNetwork:
        network = copy.deepcopy(self._drawn)
        masks, first = full_masks(network), self.steps[0]
        context = self._context(network, masks, "all", first.kept_share, 0)
        watch = Watch(start, context)
        if not start.now(context, 0):
            train_(
                network,
                self.images,
                "base",
                self.base,
                self.augment,
                seed_of(self.seed, "base"),
                masks,
                self.machine,
                None,
                self.partial("begin"),
                [watch],
            )
            if not watch.begins:
                LOG.info(
                    "pruning begins since base training is over: start %s has not said so before", self.settings.start
                )
        return network


def first(number: int) -> str:
    """What the training is called that a round begins with, if its criterion wants one."""
    return f"first-{number:02d}"


class Watch(Callback):
    """Stops a training when a start says so."""

    def __init__(self, start: Start, context: Context) -> None:
        self.start, self.context, self.begins = start, context, False
        self.state_dict, self.load_state_dict = start.state_dict, start.load_state_dict  # type: ignore[method-assign]

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        """Whether it does now."""
        self.begins = self.start.now(self.context, epoch)
        if self.begins:
            LOG.info("pruning begins after epoch %d of the base", epoch)
        return self.begins
