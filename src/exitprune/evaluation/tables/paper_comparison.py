"""Paper, ours and the difference, for every layer and exit after the last round; no rows for another network than the paper's."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.paper import compare
from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """See `paper.compare`."""
    layers, exits = study.table("layers_mean"), study.table("exits_mean").query("split == 'test'")
    if not study.is_papers_network:
        layers, exits = layers[:0], exits[:0]
    return compare(layers, exits, study.is_papers_data)
