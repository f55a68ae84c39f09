"""Accuracy of every exit, were all images to leave there, and its cost per image."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """One row per level, split and exit; `sample` are the validation images that every level was evaluated on."""
    return pd.DataFrame(
        {
            **about,
            "split": split,
            "num_images": level.num_images[split],
            "block": record.about.blocks[exit_],
            "exit": exit_,
            "accuracy": value,
            "macs": level.macs[exit_],
            "macs_dense": level.macs_dense[exit_],
            "params": level.params[exit_],
            "params_dense": level.params_dense[exit_],
        }
        for about, level, record in study.levels()
        for split, accuracy in level.accuracy.items()
        for exit_, value in enumerate(accuracy)
    )
