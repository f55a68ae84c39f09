"""What to deploy: the network that validation images speak for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exitprune.config.params import Params
from exitprune.reporting.answer import RECOVERED, best_on_validation
from exitprune.reporting.chosen import checkpoint_of


@dataclass(frozen=True)
class Deploy:
    """The network that validation images speak for, and what it gives on test images.

    Attributes:
        file: the checkpoint.
        recipe, seed: which.
        threshold: as the command takes it.
        accuracy, macs, unpruned: of the test images; `unpruned` is the accuracy of the same seed's unpruned classifier.
    """

    file: str
    recipe: str
    seed: int
    threshold: str
    accuracy: float
    macs: float
    unpruned: float

    @property
    def commands(self) -> list[str]:
        """What to type."""
        return [
            f"exitprune export {self.file} --out model",
            f"exitprune predict model/model.onnx image.png --threshold {self.threshold}",
        ]


def deploys(tables: Mapping[str, pd.DataFrame], params: Params) -> Deploy | None:
    """Of the recipe that is best on validation images the network that is; None: there is none."""
    best = best_on_validation(tables["operating_points"])
    if best is None:
        return None
    measures = tables["measures"].query("state == 'unpruned' and measure == 'last_exit_accuracy'")
    unpruned = measures[(measures["seed"] == best["seed"]) & (measures["recipe"] == best["recipe"])]["value"].iloc[0]
    return Deploy(
        str(checkpoint_of(best["recipe"], RECOVERED, int(best["seed"]), RECOVERED, params)),
        best["recipe"],
        int(best["seed"]),
        str(np.float32(best["threshold"])),
        best["test_accuracy"],
        best["test_macs"],
        unpruned,
    )
