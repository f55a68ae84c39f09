"""A network with early exits, asked: its answers, what they are worth, and what they cost.

Images are normalised as the network wants them; nothing here does that again.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import torch
from torch import Tensor, nn

from exitprune.data.images import Images
from exitprune.deployment.runtime import answer
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import sweep
from exitprune.evaluation.logits import infer
from exitprune.evaluation.operating_points import Costs, choose, outcome
from exitprune.evaluation.outcome import Outcome
from exitprune.jobs.compute import Machine
from exitprune.library.exporting import milliseconds_of
from exitprune.library.given import (
    check_given_threshold,
    in_the_modes_found,
    normalised,
)
from exitprune.library.limits import rule_of
from exitprune.networks.cost import exit_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, sparsity


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


class Answering(nn.Module):
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

    def accuracy(self, images: Tensor, labels: Tensor) -> list[float]:
        """Of each exit, were every image to leave there."""
        return (self._logits(images, labels).argmax(-1) == labels.cpu()).double().mean(1).tolist()

    def milliseconds(self, threads: int = 1) -> list[float]:
        """Of one image that leaves at each exit, in onnxruntime on this machine, as an exported file takes them.

        Raises:
            BadInput: if onnx or onnxruntime is not installed, threads are more than cores, or the network cannot be exported.
        """
        return milliseconds_of(self.network, threads)

    def threshold(self, images: Tensor, labels: Tensor, threads: int = 1, **limit: float) -> float:
        """The threshold that keeps a limit best on these images, which should not be those that are reported.

        Args:
            images, labels: as for `fit`.
            threads: that exits are timed on, for a limit in milliseconds.
            limit: `accuracy_lost` or `macs_share`, a fraction; or `milliseconds` of an image on average, or with `percentage`
                of so many of the images each, as `milliseconds()` times them.

        Raises:
            BadInput: if it is another limit, or no threshold keeps it.
        """
        rule = rule_of(limit)
        times = self.milliseconds(threads) if rule.limit == "milliseconds" else None
        costs = self._costs(times)
        found = choose(sweep(self._logits(images, labels), labels.cpu(), costs.macs), rule, costs)
        if found is None:
            fastest = f": the first exit takes {times[0]:.3g}" if times else ""
            raise BadInput(f"no threshold keeps {rule.name} on these images{fastest}; give a larger value")
        return found

    def evaluate(
        self, images: Tensor, labels: Tensor, threshold: float, milliseconds: Sequence[float] | None = None
    ) -> Outcome:
        """Accuracy, average MACs and the share of images that leave at each exit, at a threshold.

        Args:
            images, labels: as for `fit`.
            threshold: as for a call.
            milliseconds: of each exit, as `milliseconds()` gives them, for their average; None: not told.
        """
        check_given_threshold(threshold)
        if milliseconds is not None and len(milliseconds) != self.network.num_exits:
            raise BadInput(
                f"milliseconds has {len(milliseconds)} entries, the network has {self.network.num_exits} exits"
            )
        return outcome(self._logits(images, labels), labels.cpu(), self._costs(milliseconds), threshold)

    def _logits(self, images: Tensor, labels: Tensor) -> Tensor:
        with in_the_modes_found(self):
            return infer(self.network, self._images(images, labels))

    def _costs(self, milliseconds: Sequence[float] | None) -> Costs:
        return Costs(torch.tensor([[cost.macs] for cost in exit_costs(self.network, self.masks)]), milliseconds)

    @property
    def _machine(self) -> Machine:
        return Machine(next(self.network.parameters()).device)

    def _images(self, images: Tensor, labels: Tensor) -> Images:
        return normalised(self.network.spec, images, labels, self._machine.device)
