"""Three thresholds per network, chosen on validation images, and what they give on test images."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.operating_points import Rule, choose
from exitprune.evaluation.outcome import outcome_of
from exitprune.evaluation.study import Study, of_every_seed


def operating(study: Study) -> pd.DataFrame:
    """One row per network and choice that every seed has; `exit_rate` is a list.

    `cheapest` loses at most the margin against nobody leaving early, `best` is the most accurate, `half` the most accurate at
    half the MACs, where there is one.
    """
    rules = {
        "cheapest": Rule("accuracy_lost", study.evaluate.margin),
        "best": Rule("macs_share", 1.0),
        "half": Rule("macs_share", 0.5),
    }
    rows = []
    for one in study.swept:
        for choice, rule in rules.items():
            threshold = choose(one.sweeps["validation"], rule)
            if threshold is None:
                continue
            test, validation = (outcome_of(one.outcomes[split], threshold) for split in ("test", "validation"))
            rows.append(
                {
                    **one.run,
                    "choice": choice,
                    "threshold": threshold,
                    "test_accuracy": test.accuracy,
                    "test_macs": test.average_macs,
                    "validation_accuracy": validation.accuracy,
                    "validation_macs": validation.average_macs,
                    "exit_rate": test.exit_rate,
                }
            )
    return of_every_seed(pd.DataFrame(rows), ["recipe", "state", "choice"])
