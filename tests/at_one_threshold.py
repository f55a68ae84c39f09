"""The slow and plain way to a number that the package finds in a fast one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from exitprune.evaluation.exiting import confidence_of, first_confident_exit


def evaluate_at(logits: Tensor, labels: Tensor, macs: Sequence[int], threshold: float) -> tuple[float, float]:
    """Accuracy and average MACs per image at one threshold."""
    exits = first_confident_exit(confidence_of(logits), threshold)
    answers = logits[exits, torch.arange(logits.shape[1])].argmax(dim=-1)
    return float((answers == labels).double().mean()), float(torch.tensor(macs)[exits].double().mean())
