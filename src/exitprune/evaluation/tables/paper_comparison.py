"""Paper, ours and the difference, layer by layer and exit by exit; no rows for another network than the paper's.

Before pruning is the unpruned network on test images; for a recipe of two phases it is the level that its second phase begins
with, on the sample of validation images that levels on the way have. The change is always of the same images.
"""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.paper import AFTER, APPROACHES, BEFORE, CHANGE, LAYERS, TOGETHER, compare
from exitprune.evaluation.study import Study

EXIT_KEYS = ["recipe", "position"]


def table(study: Study) -> pd.DataFrame:
    """See `paper.compare`."""
    layers = study.table("layers_mean").rename(columns={"layer": "name", "sparsity": "ours"})
    exits = study.table("exits_mean").rename(columns={"exit": "position", "accuracy": "ours"})
    before, after = _before(exits), exits.query("state == 'final' and split == 'test'")
    same_images = exits.query("state == 'final'").merge(
        before[[*EXIT_KEYS, "split", "ours"]], on=[*EXIT_KEYS, "split"], suffixes=("", "_before")
    )
    change = same_images.assign(ours=same_images["ours"] - same_images["ours_before"])
    parts = [layers.assign(quantity=LAYERS)]
    for quantity, part in ((BEFORE, before), (AFTER, after), (CHANGE, change)):
        parts.append(part.assign(quantity=quantity, name="exit " + part["position"].astype(str)))
    ours = pd.concat(parts)[["quantity", *EXIT_KEYS, "name", "ours"]]
    return compare(ours if study.is_papers_network else ours[:0], study.is_papers_data)


def _before(exits: pd.DataFrame) -> pd.DataFrame:
    parts = [exits[:0]]
    for recipe, part in exits.groupby("recipe", sort=False):
        if APPROACHES.get(str(recipe)) == TOGETHER:
            parts.append(part.query("state == 'unpruned' and split == 'test'"))
        else:
            first_phase = part.query("prune == 'base' and split != 'test'")
            parts.append(first_phase[first_phase["level"] == first_phase["level"].max()])
    return pd.concat(parts)
