"""Base networks: what runs between an image and its logits, with points at which exits branch off.

Contract of a file:

- `Settings`, an `ArchitectureSettings`: what the user may set in `model`, what the network is called, where exits may be;
- `build(settings, channels, num_classes) -> Architecture`: the network, its weights drawn;
- `SMALLEST`, settings of a network that is quick to compute: what every architecture of blocks must do is tried with it.

A network of this house is `Blocks` in a row. Where networks come from elsewhere, `Settings` are `NamedSettings`, and `build`
gives a `networks.named.Named`: any module, cut after modules of it, by their names.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from exitprune.networks.operations import CannotFollow, Piece
from exitprune.networks.tracing import trace

CONVOLUTIONS = (nn.Conv2d,)
PRUNABLE = (*CONVOLUTIONS, nn.Linear, nn.MultiheadAttention)

NOT_BLOCKS = "a network that is not made of blocks in a row is not taken apart step by step"

Point = int | str
"""Where an exit may branch off: a block, counted from 1, or a module, by its name."""
Visit = Callable[[Any], Any]
"""What is done with a map; what it gives goes on in the map's place. It may give fewer images."""


class Architecture(nn.Module):
    """A base network. What it does with an image does not depend on the others, and nothing is kept from one to the next."""

    if TYPE_CHECKING:  # a class adds modules of its own

        def __getattr__(self, name: str) -> Any: ...

    @property
    def last(self) -> Point:
        """After what the classifier comes."""
        raise NotImplementedError  # each architecture says it

    @property
    def whole(self) -> nn.Module:
        """The module whose weights have the names that people know."""
        return self

    def run(self, x: Tensor, at: Mapping[Any, Visit], last: Visit | None = None) -> Tensor:
        """(N, C, H, W) normalised images to (N, K) logits.

        Args:
            x: the images.
            at: what is done with the map at a point.
            last: what is done with what the classifier takes.
        """
        raise NotImplementedError  # each architecture says it

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K) logits."""
        return self.run(x, {})

    def named_layers(self) -> dict[str, nn.Module]:
        """Prunable layers by name: convolutions, linear layers, and the projections into an attention."""
        return {name: module for name, module in self.named_modules() if weight_of(module) is not None}

    def in_order(self, points: Sequence[Any], shape: tuple[int, int, int]) -> list[dict[str, nn.Module]]:
        """`named_layers` in order of execution: up to each point, from there to the classifier, and the classifier's.

        Args:
            points: in order.
            shape: of an image.
        """
        raise NotImplementedError  # each architecture says it

    def pieces(self) -> list[Piece]:
        """What runs up to the first block, in each block and after the last, step by step.

        Raises:
            CannotFollow: if one does something that cannot be followed: such a network is trained, pruned by weights and
                evaluated all the same, but not taken apart.
        """
        raise CannotFollow(NOT_BLOCKS)


class Blocks(Architecture):
    """A stem, blocks in a row, and a classifier on the last map. A file's class sets `blocks` and says the other two.

    Each block takes one map and gives one map.
    """

    blocks: nn.ModuleList

    @property
    def last(self) -> int:
        """See `Architecture`."""
        return len(self.blocks)

    def stem(self, x: Tensor) -> Tensor:
        """(N, C, H, W) normalised images to the map that the first block takes."""
        raise NotImplementedError  # each architecture says it

    def classify(self, features: Tensor) -> Tensor:
        """The last block's map to (N, K) logits."""
        raise NotImplementedError  # each architecture says it

    def run(self, x: Tensor, at: Mapping[Any, Visit], last: Visit | None = None) -> Tensor:
        """See `Architecture`."""
        x = self.stem(x)
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number in at:
                x = at[number](x)
        return self.classify(x if last is None else last(x))

    def named_layers(self) -> dict[str, nn.Module]:
        """Prunable layers in order of execution; those of block 3 begin with `b3.`.

        As it stands, they come in the order in which they were made: say it anew where they run in another.
        """
        return {_by_block(name): module for name, module in super().named_layers().items()}

    def in_order(self, points: Sequence[Any], shape: tuple[int, int, int]) -> list[dict[str, nn.Module]]:
        """See `Architecture`."""
        after = {id(part): number for number, block in enumerate(self.blocks, 1) for part in block.modules()}
        parts: list[dict[str, nn.Module]] = [{} for _ in range(len(points) + 2)]
        block = 0
        for name, layer in self.named_layers().items():
            # A layer in no block is the stem's, or comes after all blocks.
            block = after.get(id(layer), len(self.blocks) + 1 if block else 0)
            parts[bisect_left(points, block) if block <= len(self.blocks) else -1][name] = layer
        return parts

    def pieces(self) -> list[Piece]:
        """See `Architecture`."""
        blocks = [trace(block, f"block {number}") for number, block in enumerate(self.blocks, 1)]
        return [trace(self, "the stem", "stem"), *blocks, trace(self, "the classifier", "classify")]


def weight_of(layer: nn.Module) -> nn.Parameter | None:
    """The weights of a layer that pruning may set to zero; None: there are none."""
    if not isinstance(layer, PRUNABLE):
        return None
    name = "in_proj_weight" if isinstance(layer, nn.MultiheadAttention) else "weight"
    return cast("nn.Parameter | None", getattr(layer, name))


def _by_block(name: str) -> str:
    """`blocks.0.conv` to `b1.conv`."""
    first, *rest = name.split(".")
    return ".".join((f"b{int(rest[0]) + 1}", *rest[1:])) if first == "blocks" else name
