"""How sure that is: seeds, intervals, and how coarse the test images are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from exitprune.config.params import Params
from exitprune.evaluation.claims import DECIDED, PRIMARY
from exitprune.evaluation.pairs import POSTERS
from exitprune.reporting.answer import Box, first_up
from exitprune.reporting.answer.found import compared, has_claims
from exitprune.reporting.formatting import STATES, interval, joined, points, share


def sure(tables: Mapping[str, pd.DataFrame], params: Params, manifest: Mapping[str, Any]) -> Box:
    """Seeds, intervals and how coarse the test images are."""
    num = len(params.seeds)
    images = sum(manifest["counts"]["test"].values())
    one_image = f"{images:,} test images, so one image is {100 / images:.2g} % of them."
    if num == 1:
        return Box(
            "One seed: no verdict.",
            ["With one seed nobody can tell a difference from luck; a second one gives an interval.", one_image],
        )
    claims = tables["claims"]
    differences = compared(claims)
    level = f"{share(params.evaluate.confidence_level)} %"
    lines = [
        f"{first_up(STATES[str(row['state'])])}, joint minus {row['against']}: {points(row['difference'])} points, "
        f"{level} interval over seeds and test images {interval(row['low'], row['high'])}."
        for row in differences.to_dict("records")
    ]
    if not has_claims(claims):
        return Box(f"{num} seeds; no claim of the paper is about these recipes.", [one_image])
    primary = claims[claims["role"] == PRIMARY]
    if primary.empty:
        lines.append(
            f"The poster’s own comparison, with {POSTERS[0]}, is not in this study, so all of this is exploratory."
        )
    else:
        lines.append("An interval is of one claim by itself; primary verdicts are corrected for the number of claims.")
    decided = (primary if len(primary) else differences if len(differences) else claims)["verdict"].isin(DECIDED)
    of = "claims" if len(primary) else "comparisons"
    headline = f"{num} seeds decide {int(decided.sum())} of {len(decided)} {'primary' if len(primary) else 'exploratory'} {of}."
    return Box(headline, [*lines, _verdicts(claims), one_image])


def _verdicts(claims: pd.DataFrame) -> str:
    """All claims of the paper in a sentence."""
    first = claims[claims["against"] == claims["against"].iloc[0]]
    said = []
    for state, rows in first.groupby("state", sort=False):
        each = [
            f"{joined([str(number) for number in there['claim']])} {verdict}"
            for verdict, there in rows.groupby("verdict", sort=False)
        ]
        said.append(f"{STATES[str(state)]}, {', '.join(each)}")
    return f"Claims of the paper: {'; '.join(said)}."
