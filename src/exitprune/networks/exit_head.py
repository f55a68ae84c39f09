"""An early exit's classifier, and the one that fits a map.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.errors import BadInput
from exitprune.networks.map_shapes import Shape, as_channels_first


class ExitHead(nn.Module):
    """Average a feature map to a small grid and classify that with one linear layer.

    Args:
        channels, height, width: of the feature map.
        pool: side of the grid, cut to the map's own; None: the map as it is.
        num_classes: outputs.
        channels_last: whether maps come as (N, H, W, C), (N, H, C) or (N, C), instead of (N, C, H, W).
    """

    def __init__(
        self, channels: int, height: int, width: int, pool: int | None, num_classes: int, channels_last: bool = False
    ) -> None:
        super().__init__()
        self.channels_last = channels_last
        self.grid = (height, width) if pool is None else (min(pool, height), min(pool, width))
        self.fc = nn.Linear(channels * self.grid[0] * self.grid[1], num_classes)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K) logits."""
        logits: Tensor = self.fc(self.averages(features))
        return logits

    def averages(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to what the linear layer sees of it: (N, C x cells of the grid)."""
        if self.channels_last:
            for _ in range(features.dim(), 4):  # (N, C) and (N, H, C) to (N, H, W, C)
                features = features.unsqueeze(-2)
            features = features.permute(0, 3, 1, 2)
        if self.grid != tuple(features.shape[2:]):
            features = F.adaptive_avg_pool2d(features, self.grid)
        return features.flatten(1)


def exit_head(shape: Shape, size: tuple[int, int], pool: int | None, num_classes: int) -> ExitHead:
    """The head that fits a map.

    Args:
        shape: of the map, of one image.
        size: height and width of an image.
        pool, num_classes: as for `ExitHead`.

    Raises:
        BadInput: if it has too many dimensions.
    """
    found = as_channels_first(shape, *size)
    if found is None:
        raise BadInput(f"a map of {len(shape)} dimensions, {shape}, fits no exit: maps, tokens and vectors do")
    return ExitHead(*found, pool, num_classes, channels_last=found != shape)
