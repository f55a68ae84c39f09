"""The threshold sweep over all distinct confidences, 7 exits and 10,000 images."""

from __future__ import annotations

import torch
from torch.utils.benchmark import Timer

from exitprune.evaluation.exiting import sweep


def measure() -> list[str]:
    """Lines of Markdown."""
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(7, 10_000, 10, generator=draw)
    labels = torch.randint(0, 10, (10_000,), generator=draw)
    macs = torch.arange(1, 8)[:, None]
    timing = Timer(
        "sweep(logits, labels, macs)", globals={"sweep": sweep, "logits": logits, "labels": labels, "macs": macs}
    )
    result = timing.blocked_autorange(min_run_time=2)
    return [
        "## (c) Threshold sweep, 7 exits, 10,000 images",
        "",
        f"{len(sweep(logits, labels, macs).threshold):,} thresholds in {1000 * result.median:.0f} ms (median of"
        f" {len(result.times)} runs on one thread).",
    ]
