"""What every exit of every level of a chain answers to the images of each split, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from exitprune.data.images import Images
from exitprune.deployment.folding import fold_together
from exitprune.deployment.removal import remove_dead_channels
from exitprune.errors import BadInput
from exitprune.evaluation.logits import infer_together, share_a_base
from exitprune.evaluation.per_level import splits_of
from exitprune.evaluation.records import State
from exitprune.jobs.progress import LOG
from exitprune.networks.branches import branches
from exitprune.networks.checkpoints import Checkpoint, fault_of_state, load_checkpoint
from exitprune.networks.cost import costs, layer_costs
from exitprune.networks.dead_channels import dead_channels
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.identity import weights_digest
from exitprune.networks.image_gates import image_costs
from exitprune.networks.masks import full_masks, sparsity
from exitprune.networks.operations import CannotFollow


@dataclass(frozen=True)
class Level:
    """A network of a chain.

    Attributes:
        checkpoint: to read.
        name: as the checkpoint says.
        state: which of a chain's states it is.
        file: of logits, to write.
        key: names what the logits are made from.
    """

    checkpoint: Path
    name: str
    state: State
    file: Path
    key: str


def answers(
    levels: Sequence[Level], splits: Mapping[str, Images], device: torch.device
) -> Iterator[tuple[Level, dict[str, Tensor], dict[str, Any]]]:
    """Level by level: logits (exits, images, classes) of each split that its state is to see, and what a record says of it.

    Where costs depend on the image, `macs:<split>` (exits, images) stand beside the logits.

    Raises:
        BadInput: answers are not finite.
    """
    for stretch in _sharing_a_base(levels, device):
        folded = dict(zip(stretch, _folded([checkpoint.network for checkpoint in stretch.values()]), strict=True))
        inferred = _infer({level: folded[level] or stretch[level].network for level in stretch}, splits)
        for level, checkpoint in stretch.items():
            _check_finite(level, inferred[level])
            if checkpoint.network.spec.gated:
                inferred[level] |= {
                    f"macs:{split}": _costs(checkpoint, splits[split]) for split in splits_of(level.state)
                }
            yield level, inferred[level], _about(checkpoint, folded[level])


def _sharing_a_base(levels: Sequence[Level], device: torch.device) -> Iterator[dict[Level, Checkpoint]]:
    """The checkpoints, in stretches whose base networks are the same: what the rounds on the exits leave behind."""
    stretch: dict[Level, Checkpoint] = {}
    for level in levels:
        checkpoint = load_checkpoint(level.checkpoint, device)
        if stretch and not share_a_base(next(iter(stretch.values())).network, checkpoint.network):
            yield stretch
            stretch = {}
        stretch[level] = checkpoint
    if stretch:
        yield stretch


def _folded(networks: Sequence[EarlyExitNetwork]) -> Sequence[EarlyExitNetwork | None]:
    """Folded, which is faster; None: they cannot be taken apart, and are evaluated as they are. They share a base."""
    try:
        return fold_together(networks)
    except CannotFollow as reason:
        LOG.info("%s; it is evaluated as it is, and what removal would leave is not told", reason)
        return [None] * len(networks)


def _about(checkpoint: Checkpoint, folded: EarlyExitNetwork | None) -> dict[str, Any]:
    """Which level, how sparse, what everything costs, and what is empty and what exact removal leaves to dense kernels."""
    network, masks = checkpoint.network, checkpoint.masks
    layers, exits = costs(network, masks)
    removal: dict[str, Any] = {"branches": None, "macs_after_removal": None}
    if folded is not None:
        smaller = remove_dead_channels(folded)
        removal["branches"] = branches(network.spec)
        removal["macs_after_removal"] = sum(cost.macs for cost in layer_costs(smaller, full_masks(smaller)))
    return {
        **{name: checkpoint.header[name] for name in ("name", "level", "prune", "train")},
        "weights_sha256": weights_digest(network),
        "sparsity": {group: sparsity(masks, network.named_layers(group)) for group in ("all", "base", "exits")},
        "blocks": [*network.spec.exits, network.base.last],
        "layers": [asdict(cost) for cost in layers],
        "exits": [asdict(cost) for cost in exits],
        "dead_channels": [asdict(row) for row in dead_channels(network)],
        **removal,
    }


def _infer(networks: Mapping[Level, EarlyExitNetwork], splits: Mapping[str, Images]) -> dict[Level, dict[str, Tensor]]:
    """Logits by level and split: each split once for all networks that are to see it, which share a base."""
    found: dict[Level, dict[str, Tensor]] = {level: {} for level in networks}
    for split, images in splits.items():
        shown = [level for level in networks if split in splits_of(level.state)]
        if shown:
            for level, values in zip(shown, infer_together([networks[level] for level in shown], images), strict=True):
                found[level][split] = values
    return found


def _check_finite(level: Level, inferred: Mapping[str, Tensor]) -> None:
    """Refuse a network whose answers are not finite; training has looked at a few images only.

    Raises:
        BadInput: naming the rate it was trained with last.
    """
    if fault_of_state(inferred):
        rate = {"level-00": "heads.lr or base.lr", "recovered": "recovery.lr"}.get(level.name, "finetune.lr")
        raise BadInput(
            f"{level.checkpoint}: its answers to some images are not finite; {rate} is too large, make it smaller"
        )


def _costs(checkpoint: Checkpoint, images: Images) -> Tensor:
    """(exits, images) MACs, where they depend on the image."""
    parts = torch.split(images.pixels, 256)
    found = [image_costs(checkpoint.network, checkpoint.masks, images.normalise(part)) for part in parts]
    return torch.cat(found, dim=1).cpu()
