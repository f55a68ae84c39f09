"""A network with early exits: train, prune, export, save.

Images are normalised as the network wants them; nothing here does that again.

Letters: N images, C channels, H and W height and width.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from exitprune.config.data import Augment
from exitprune.config.prune import Prune
from exitprune.config.training import Training
from exitprune.errors import BadInput
from exitprune.jobs.progress import Progress, Rate
from exitprune.jobs.seeding import seed_of
from exitprune.library import AS_THEY_ARE, PRUNING, TRAINING
from exitprune.library.answering import Answering
from exitprune.library.exporting import onnx_file
from exitprune.library.given import (
    check_group,
    check_type,
    checked,
    left_as_found,
    pair_of,
)
from exitprune.library.rounds import pruned
from exitprune.networks.checkpoints import save_checkpoint
from exitprune.networks.freedom import emptied
from exitprune.networks.groups import Group
from exitprune.storage import write_bytes
from exitprune.training.loop import train_


class EarlyExits(Answering):
    """A network with early exits that can be trained and pruned, in place."""

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
