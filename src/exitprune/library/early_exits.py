"""A network with early exits: answer, train, prune, evaluate, export, save.

Images are normalised as the network wants them; nothing here does that again.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import torch
from torch import Tensor, nn

from exitprune.config.data import Augment
from exitprune.config.prune import Prune
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.deployment.runtime import answer
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import sweep
from exitprune.evaluation.logits import infer
from exitprune.evaluation.operating_points import Costs, Rule, choose, outcome
from exitprune.evaluation.outcome import Outcome
from exitprune.jobs.compute import Machine
from exitprune.jobs.progress import Progress, Rate
from exitprune.jobs.seeding import seed_of
from exitprune.library import AS_THEY_ARE, PRUNING, TRAINING
from exitprune.library.exporting import onnx_file
from exitprune.library.given import (
    check_given_threshold,
    check_group,
    check_type,
    checked,
    in_the_modes_found,
    is_share,
    left_as_found,
    normalised,
    pair_of,
)
from exitprune.library.rounds import pruned
from exitprune.networks.checkpoints import save_checkpoint
from exitprune.networks.cost import exit_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.freedom import emptied
from exitprune.networks.groups import Group
from exitprune.networks.masks import Masks, sparsity
from exitprune.storage import write_bytes
from exitprune.training.loop import train_


@dataclass(frozen=True)
class Exit:
    """An exit, and what an image that leaves there has cost.

    Attributes:
        name: of the module that it follows; the last is `classifier`.
        macs, params: of all that runs up to there, with zero weights left out.
        macs_dense, params_dense: with them.
    """

    name: str
    macs: int
    params: int
    macs_dense: int
    params_dense: int


class EarlyExits(nn.Module):
    """A network with early exits, and the masks of its weights.

    Attributes:
        network: what is trained and pruned.
        masks: by layer; True stays.
        trained_on: `mean`, `std` and `classes` of the images that a level of a study was trained on, where they are known.
    """

    def __init__(self, network: EarlyExitNetwork, masks: Masks, trained_on: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.network, self.masks, self.trained_on = network, masks, dict(trained_on or {})

    @property
    def module(self) -> nn.Module:
        """What was wrapped, in its present state."""
        return self.network.base.whole

    @property
    def exits(self) -> list[Exit]:
        """In order, the network's own classifier last."""
        names = [*self.network.spec.exits, self.network.base.last]
        costs = exit_costs(self.network, self.masks)
        return [
            Exit(str(name), cost.macs, cost.params, cost.macs_dense, cost.params_dense)
            for name, cost in zip(names, costs, strict=True)
        ]

    @property
    def sparsity(self) -> float:
        """Share of the prunable weights that are gone."""
        return sparsity(self.masks)

    @overload
    def forward(self, images: Tensor, threshold: None = None) -> Tensor: ...

    @overload
    def forward(self, images: Tensor, threshold: float) -> tuple[Tensor, Tensor]: ...

    def forward(self, images: Tensor, threshold: float | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Answer.

        Args:
            images: (N, C, H, W), normalised.
            threshold: an image leaves at the first exit whose confidence exceeds it, and what comes later does not run for it,
                in evaluation mode; None: every image goes through all.

        Returns:
            With a threshold (N, K) logits of the exit that each image took, and (N,) which one; without, (E, N, K) logits.

        Raises:
            BadInput: if the threshold is above 1, or no number.
        """
        if threshold is None:
            logits: Tensor = self.network(images)
            return logits
        check_given_threshold(threshold)
        with in_the_modes_found(self):
            found = answer(self.network, images, threshold)
        return found.logits, found.exit

    def fit(
        self,
        images: Tensor,
        labels: Tensor,
        train: Group = "exits",
        seed: int = 0,
        augment: Augment = AS_THEY_ARE,
        **training: Any,
    ) -> None:
        """Train the exits, the base network, or all, in place; masked weights stay zero.

        Args:
            images: (N, C, H, W), normalised.
            labels: (N,) int64.
            train: which group.
            seed: of order and augmentation.
            augment: random changes of the images.
            training: over `TRAINING`.

        Raises:
            BadInput: if there is no such setting or group, images do not fit, or training runs away.
        """
        settings = checked(Training, {**TRAINING, **training})
        given = self._images(images, labels)
        check_group(self.network, train)
        check_type("augment", augment, Augment)
        seed = seed_of(seed, "library", train)
        with Progress("fit", 0, rate=Rate("lr", settings.lr)), left_as_found(self):
            train_(self.network, given, train, settings, augment, seed, self.masks, self._machine)

    def prune(
        self,
        images: Tensor,
        labels: Tensor,
        seed: int = 0,
        augment: Augment = AS_THEY_ARE,
        finetune: Mapping[str, Any] | None = None,
        validation: tuple[Tensor, Tensor] | None = None,
        **pruning: Any,
    ) -> None:
        """Prune in rounds, each followed by training of what is left. From then on `module` is a copy of what was wrapped.

        Args:
            images, labels, seed, augment: as for `fit`.
            finetune: training in each round, over `TRAINING` with one epoch.
            validation: images and labels that are not trained on, for an `ending` that looks at some.
            pruning: over `PRUNING`; names are files of `exitprune/pruning`.

        Raises:
            BadInput: if there is no such setting or only a study has it, images do not fit, nothing can go so, or training
                runs away.
        """
        training = {**TRAINING, "epochs": 1, **(finetune or {})}
        heads = {**TRAINING, "when": "before", "train": "frozen"}
        if whole := sorted({"heads", "start", "rewind"} & set(pruning)):
            raise BadInput(f"{', '.join(whole)}: only a study has it; here pruning begins with the network as it is")
        told = {**PRUNING, **pruning, "heads": heads, "finetune": training, "start": "trained", "rewind": "none"}
        settings = checked(Prune, told)
        check_group(self.network, "all")
        given = self._images(images, labels)
        check_type("augment", augment, Augment)
        held_back = None if validation is None else self._images(*pair_of(validation, "validation"))
        with Progress("prune", 0, rate=Rate("finetune.lr", settings.finetune.lr)), left_as_found(self):
            self.network, self.masks = pruned(
                self.network, self.masks, settings, given, augment, seed, self._machine, held_back
            )

    def smaller(self) -> EarlyExits:
        """A copy without the filters that are gone: it answers the same with fewer MACs, and its `module` is an ordinary one.

        Exits keep what they look at. The copy can be trained, pruned and saved; `load` wants its `module` then.
        """
        gone, network = emptied(self.network, self.masks), copy.deepcopy(self.network)
        gone.narrow_(network)
        return EarlyExits(network, gone.masks(self.masks), self.trained_on)

    def accuracy(self, images: Tensor, labels: Tensor) -> list[float]:
        """Of each exit, were every image to leave there."""
        return (self._logits(images, labels).argmax(-1) == labels.cpu()).double().mean(1).tolist()

    def threshold(self, images: Tensor, labels: Tensor, **limit: float) -> float:
        """The threshold that keeps a limit best on these images, which should not be those that are reported.

        Args:
            images, labels: as for `fit`.
            limit: `accuracy_lost` or `macs_share`, and its value, a fraction.

        Raises:
            BadInput: if it is another limit, or no threshold keeps it.
        """
        allowed = ("accuracy_lost", "macs_share")
        rules = [Rule(name, value) for name, value in limit.items() if name in allowed and is_share(value)]  # type: ignore[arg-type]
        if len(rules) != 1 or len(limit) != 1:
            raise BadInput(
                f"a threshold keeps one limit, not {limit or 'none'}; give accuracy_lost=... or macs_share=..., from 0 to 1"
            )
        found = choose(sweep(self._logits(images, labels), labels.cpu(), self._costs.macs), rules[0])
        if found is None:
            raise BadInput(f"no threshold keeps {rules[0].name} on these images; give a larger value")
        return found

    def evaluate(self, images: Tensor, labels: Tensor, threshold: float) -> Outcome:
        """Accuracy, average MACs and the share of images that leave at each exit, at a threshold."""
        check_given_threshold(threshold)
        return outcome(self._logits(images, labels), labels.cpu(), self._costs, threshold)

    def export(
        self,
        path: Path | str,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        """One ONNX file that exits early by itself; `exitprune predict` and plain onnxruntime take it.

        It takes (N, C, H, W) uint8 pixels and normalises them itself.

        Args:
            path: of the file.
            mean, std: C each, in units of the full range; None: those of the study whose level was loaded, else 0 and 1.
            classes: what they are called; None: as that study calls them, else their numbers.

        Raises:
            BadInput: if onnx is not installed, there are not as many numbers or classes as the network has, a deviation is not
                above 0, or the network does what cannot be written as ONNX.
        """
        given = {"mean": mean, "std": std, "classes": classes}
        told = {name: values for name, values in given.items() if values is not None}
        write_bytes(Path(path), onnx_file(self.network, self.masks, {**self.trained_on, **told}))

    def save(self, path: Path | str) -> None:
        """Network and masks in one safetensors file; `load` takes them back."""
        header = {**self.trained_on, "name": "saved", "key": "none", "data": "none"}
        save_checkpoint(Path(path), self.network, self.masks, header)

    def _logits(self, images: Tensor, labels: Tensor) -> Tensor:
        with in_the_modes_found(self):
            return infer(self.network, self._images(images, labels))

    @property
    def _costs(self) -> Costs:
        return Costs(torch.tensor([[cost.macs] for cost in exit_costs(self.network, self.masks)]))

    @property
    def _machine(self) -> Machine:
        return Machine(next(self.network.parameters()).device)

    def _images(self, images: Tensor, labels: Tensor) -> Images:
        return normalised(self.network.spec, images, labels, self._machine.device)
