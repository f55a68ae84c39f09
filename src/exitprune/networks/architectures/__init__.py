"""Base networks: a stem, blocks in a row, and a classifier on the last map. Exits branch off between blocks.

Contract of a file:

- `Settings`, an `ArchitectureSettings`: what the user may set in `model`, what the network is called, how many blocks it has;
- `build(settings, channels, num_classes) -> Architecture`: the network, its weights drawn;
- `SMALLEST`, settings of a network that is quick to compute: what every architecture must do is tried with it.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from exitprune.networks.operations import Piece, trace

CONVOLUTIONS = (nn.Conv2d,)
PRUNABLE = (*CONVOLUTIONS, nn.Linear)


class Architecture(nn.Module):
    """A base network. A file's class sets `blocks` and says `stem` and `classify`; the rest follows from these.

    Each block takes one map and gives one map, of one image as well as of many, and keeps nothing from one to the next.
    """

    blocks: nn.ModuleList

    if TYPE_CHECKING:  # a class adds modules of its own

        def __getattr__(self, name: str) -> Any: ...

    def stem(self, x: Tensor) -> Tensor:
        """(N, C, H, W) normalised images to the map that the first block takes."""
        raise NotImplementedError

    def classify(self, features: Tensor) -> Tensor:
        """The last block's map to (N, K) logits."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K) logits."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.classify(x)

    def named_layers(self) -> dict[str, nn.Module]:
        """Prunable layers, convolutions and linear ones, in order of execution; those of block 3 begin with `b3.`.

        As it stands, they come in the order in which they were made: say it anew where they run in another.
        """
        found = {name: module for name, module in self.named_modules() if isinstance(module, PRUNABLE)}
        return {_by_block(name): module for name, module in found.items()}

    def pieces(self) -> list[Piece]:
        """What `stem`, each block and `classify` do, step by step.

        Raises:
            CannotFollow: if one does something that cannot be followed: such a network is trained, pruned by weights and
                evaluated all the same, but not taken apart.
        """
        blocks = [trace(block, f"block {number}") for number, block in enumerate(self.blocks, 1)]
        return [trace(self, "the stem", "stem"), *blocks, trace(self, "the classifier", "classify")]


def _by_block(name: str) -> str:
    """`blocks.0.conv` to `b1.conv`."""
    first, *rest = name.split(".")
    return ".".join((f"b{int(rest[0]) + 1}", *rest[1:])) if first == "blocks" else name
