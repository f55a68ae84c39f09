"""ManiDP: gates look at each image and let through only the filters that it needs; the network keeps the gates.

When: trained only. Goes: filters only. Scope: its own.
Source: Tang et al. 2021, arXiv:2103.05861.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field, PrivateAttr
from torch import Tensor

from exitprune.config.prune import Prune
from exitprune.config.training import Training
from exitprune.jobs.seeding import seeded
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.image_gates import ImageGates
from exitprune.networks.masks import Masks
from exitprune.pruning.criteria import Context, Criterion


class Manidp(Criterion):
    """Loss + sparse x R_sp + similar x R_sim, in a training in which ever more of the gates fall below their layer's threshold.

    - R_sp = sum over layers of mean w pi, w = max(0, C - CE) / C from an image's loss CE at the first exit that learns, C half
      the mean of all in the epoch before: gates of easy images are pressed harder.
    - R_sim = sum over layers of |cos(pi, pi) - cos(f, f)|^2 / B^2: images whose maps f are alike get gates that are alike.

    No weight goes. The share of filters to keep is what a layer's gates let through at the end, by their means over the images.
    """

    epochs: float | None = Field(None, gt=0)
    """Of this training; not set: as many as fine-tuning has."""
    lr: float | None = Field(None, gt=0)
    """Its peak rate; not set: fine-tuning's."""
    sparse: float = Field(5e-3, ge=0)
    """Weight of R_sp."""
    similar: float = Field(1.0, ge=0)
    """Weight of R_sim."""
    trains_first: ClassVar[bool] = True
    looks_behind: ClassVar[bool] = True
    _share: float = 1.0
    _epochs: int = 1
    _level: float = 0.0
    _losses: Tensor | None = None
    _loss: float = 0.0
    _num: int = 0
    _totals: dict[str, Tensor] = PrivateAttr(default_factory=dict)

    def why_not(self, recipe: Prune) -> str | None:
        if not 0 < (epochs := self.first(recipe.finetune).epochs) <= 1:
            return None
        return (
            f"manidp raises what its gates hold back after each epoch but the last, and its training has {epochs:g}; give its "
            "setting epochs more than 1"
        )

    def start(self, context: Context) -> None:
        self._share, self._level, self._totals, self._loss, self._num = context.kept_share, 0.0, {}, 0.0, 0
        self._epochs = max(1, math.ceil(self.first(context.settings.finetune).epochs))
        if not context.network.spec.gated:
            with seeded("gates", context.generator.initial_seed()):
                context.network.add_gates_()

    def first(self, finetune: Training) -> Training:
        own = {"epochs": self.epochs, "lr": self.lr}
        return finetune.model_copy(update={key: value for key, value in own.items() if value is not None})

    def after_forward(self, network: EarlyExitNetwork, logits: Tensor, labels: Tensor) -> None:
        self._losses = F.cross_entropy(logits[0].detach().float(), labels, reduction="none")
        self._loss, self._num = self._loss + float(self._losses.sum()), self._num + len(labels)
        for name, pi in network.gates.said.items():
            self._totals[name] = self._totals.get(name, 0) + pi.detach().sum(0)

    def penalty(self, network: EarlyExitNetwork, progress: float) -> Tensor:
        gates: ImageGates = network.gates
        assert self._losses is not None, "no image was seen"
        easy = (1 - self._losses / self._level).clamp_min(0) if self._level else torch.zeros_like(self._losses)
        pressed = torch.stack([(easy * pi.mean(1)).mean() for pi in gates.said.values()]).sum()
        unlike = torch.stack([unlikeness(pi, gates.seen[name]) for name, pi in gates.said.items()]).sum()
        return self.sparse * pressed + self.similar * unlike

    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        network.gates.said.clear()
        network.gates.seen.clear()

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        if epoch < self._epochs:
            share = let_through(self._share, epoch, self._epochs)
            for name, gate in network.gates.by_layer.items():
                ranked = self._totals[name].sort(descending=True).values / self._num
                gate.threshold.copy_(ranked[num_through(share, len(ranked)) - 1])
        self._level = 0.5 * self._loss / self._num
        self._totals, self._loss, self._num = {}, 0.0, 0
        return False

    def score(self, context: Context) -> dict[str, Tensor]:
        """The mean pi over all batches."""
        network, num = context.network, 0
        totals = {name: unit.float() * 0 for name, unit in context.units.items()}
        with context.learning(), torch.no_grad():
            for images, _ in context.batches:
                network(images)
                totals = {name: total + network.gates.said[name].sum(0) for name, total in totals.items()}
                num += len(images)
        return {name: total / num for name, total in totals.items()}

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        return dict(context.masks)

    def state_dict(self) -> dict[str, Tensor]:
        return {"level": torch.tensor(self._level, dtype=torch.float64)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._level = float(state["level"])


def num_through(share: float, num: int) -> int:
    """So many of a layer's channels, rounded up; 0.6 of 40, which is 24 and a little as a float, are 24."""
    return math.ceil(share * num - 1e-9)


def let_through(share: float, epoch: int, epochs: int) -> float:
    """q_e: the share of a layer's filters above its threshold in an epoch, counted from 0; `share` in the last."""
    return (1 - share) / 2 * math.cos(math.pi * (epoch + 1) / epochs) + (1 + share) / 2


def unlikeness(pi: Tensor, f: Tensor) -> Tensor:
    """R_sim of a layer: gates (B, O) and maps (B, O) of the same images."""
    one, other = (F.normalize(rows.flatten(1), dim=1) for rows in (pi, f))
    return (one @ one.T - other @ other.T).square().sum() / len(pi) ** 2
