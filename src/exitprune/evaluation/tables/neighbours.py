"""What others published of ResNet-56 on CIFAR-10, as its own papers have it; no rows for another network or other images.

CoAxNN (2023) searches prune rate, exits and thresholds together, and does so on test images. Its published configurations for
CIFAR-10 prune nothing. What it saves is told as a share of the network's FLOPs, which is taken as a share of MACs here.
"""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.paper import neighbours
from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """One row per published point: network, accuracy, macs, and which images its settings were chosen on."""
    found = neighbours()
    dense = max(max(level.macs_dense) for _, level, _ in study.levels())
    found.insert(2, "macs", (1 - found.pop("flops_saved")) * dense)
    return found if study.is_papers_network and study.is_papers_data else found[:0]
