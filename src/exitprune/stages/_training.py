"""What the stages that train one network and write one checkpoint share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import load_split
from exitprune.jobs.compute import Machine
from exitprune.jobs.progress import Progress, Rate
from exitprune.jobs.store import Store
from exitprune.networks.checkpoints import save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.training.callbacks import Callback
from exitprune.training.loop import images_seen, train_
from exitprune.training.resumption import Resumption


@dataclass(frozen=True)
class Job:
    """A training that ends in a checkpoint.

    Attributes:
        label: what the log calls it.
        data: data.safetensors.
        out: checkpoint to write.
        header: of the checkpoint; its `key` names what the training is made from.
        machine: that computes.
        store: of everything made before; what is there from the same ingredients is taken.
        rate: the learning rate to blame where training runs away.
    """

    label: str
    data: Path
    out: Path
    header: Mapping[str, Any]
    machine: Machine
    store: Store
    rate: Rate

    def train(
        self,
        network: EarlyExitNetwork,
        masks: Mapping[str, Tensor],
        group: Group,
        settings: Training,
        augment: Augment,
        seed: int,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        """Train and write, unless that was done before; a killed job goes on from its last finished epoch.

        The arguments are those of `train_`.
        """
        key = self.header["key"]
        if self.store.take(self.out, key):
            return
        images = load_split(self.data, "train", self.machine.device)
        resumption = Resumption(self.store.partial(key, self.out), key)
        with Progress(self.label, images_seen(images, settings), rate=self.rate) as progress:
            train_(
                network,
                images,
                group,
                settings,
                augment,
                seed,
                masks,
                self.machine,
                progress,
                resumption,
                callbacks,
            )
        save_checkpoint(self.out, network, masks, self.header)
        self.store.keep(self.out, key)
        resumption.forget()
