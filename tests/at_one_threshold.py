"""The slow and plain way to a number that the package finds in a fast one."""

from __future__ import annotations

import torch
from torch import Tensor

from exitprune.evaluation.exiting import confidence_of, first_confident_exit


def evaluate_at(logits: Tensor, labels: Tensor, macs: Tensor, threshold: float) -> tuple[float, float]:
    """Accuracy and average MACs per image at one threshold; `macs` is (E, 1) or (E, N)."""
    exits = first_confident_exit(confidence_of(logits), threshold)
    answers = logits[exits, torch.arange(logits.shape[1])].argmax(dim=-1)
    return float((answers == labels).double().mean()), float(
        macs.expand(logits.shape[:2]).gather(0, exits[None]).double().mean()
    )
