"""The loss: what training minimises and what criteria that look at data take the gradient of."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def exit_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Sum over exits of the mean cross-entropy, in float32.

    Args:
        logits: (E, N, K), E exits, N images, K classes.
        labels: (N,).

    Source: the sum is that of BranchyNet with all weights 1 (Teerapittayanon et al. 2016, arXiv:1709.01686); the
    paper's own is not known.
    """
    num_exits = logits.shape[0]
    return num_exits * F.cross_entropy(logits.float().flatten(0, 1), labels.repeat(num_exits))
