"""The page of all methods. Every number on it was read from a table or a record.

What is here formats; it computes nothing beyond counts and medians of what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from exitprune.evaluation.guessing import chance
from exitprune.evaluation.methods import MEASURES, ORDERS
from exitprune.evaluation.records import About
from exitprune.reporting.about import data_name, split_sizes
from exitprune.reporting.formatting import counted, joined, percent, share
from exitprune.reporting.glossary import entries
from exitprune.reporting.links import links, public_address
from exitprune.reporting.method_orders import apart
from exitprune.reporting.method_tables import best, by_share, emptied, missed, table
from exitprune.reporting.method_words import Method
from exitprune.reporting.methods import NAMES, WHEN
from exitprune.reporting.page import Picture, whole_page

WINS = {
    "joint": "Everything at once is better with",
    "sequential": "First the base network, then the exits, is better with",
}


def render(
    runs: pd.DataFrame,
    means: pd.DataFrame,
    differences: pd.DataFrame,
    methods: Mapping[str, Method],
    baselines: Mapping[str, Mapping[str, float]],
    pictures: Sequence[Picture],
    gaps: Sequence[str],
    abouts: Sequence[About],
    confidence: float,
    environment: Mapping[str, Any],
    page: Mapping[str, Any],
    remote: str | None = None,
) -> str:
    """The whole page.

    Args:
        runs: as `evaluation.methods.runs` gives them.
        means: as `evaluation.methods.means` gives them.
        differences: as `evaluation.methods.differences` gives them.
        methods: in words, in the order they are shown in.
        baselines: accuracies of networks with nothing pruned, by what they are, each by measure.
        pictures: one per share.
        gaps: a sentence per study that is not whole.
        abouts: all records.
        confidence: of intervals.
        environment: commit, versions, machine, of what pruned the networks.
        page: the same of what writes the page.
        remote: of the git repository; None: there is none.
    """
    manifest, seeds = abouts[0].data, sorted({about.seed for about in abouts})
    titles, rows = table(means, differences, methods)
    return whole_page(
        "methods.html.j2",
        title=f"Prune together or in order? {counted(len(methods), 'pruning method')} on {data_name(manifest)}",
        studies=sorted({about.study for about in abouts}),
        manifest=manifest,
        images=split_sizes(manifest),
        chance=chance(manifest),
        nearest_neighbour=manifest.get("nearest_neighbour"),
        exits=abouts[0].blocks[:-1],
        seeds=seeds,
        num_records=len(abouts),
        shares=joined([f"{share(gone)} %" for gone in sorted(means["gone"].unique())]),
        boxes={
            "The classifier": found(differences, "classifier"),
            "The early exits": found(differences, "early_exits"),
            "Which method": which(means, baselines),
            "How sure that is": sure(differences, confidence),
            "What is missing": lacks(gaps, len(abouts)),
        },
        gaps=gaps,
        titles=titles,
        rows=rows,
        apart=apart(runs),
        missed=missed(means, methods),
        emptied=[f"{method}: {parts} in {networks}" for method, parts, networks in emptied(runs)],
        confidence=confidence,
        methods=[
            [one.name, WHEN[one.when], one.goes, one.what, _linked(one.sources), one.form] for one in methods.values()
        ],
        pictures=pictures,
        environment=environment,
        page=page,
        processors=environment["processor"],
        links={**links(public_address(remote) if remote else None, page["commit"]), "tables": "."},
        words=entries(),
    )


def found(differences: pd.DataFrame, measure: str) -> dict[str, Any]:
    """For which methods which order is better, and for which no difference can be told at any share."""
    ours = differences[differences["measure"] == measure]
    counts = ours["better"].value_counts()
    lines = [f"{words}: {by_share(ours[ours['better'] == order])}." for order, words in WINS.items() if order in counts]
    verdicts = ours.groupby("method", sort=False)["better"].agg(set)
    if never := [str(name) for name, those in verdicts.items() if those == {"none told"}]:
        lines.append(f"No difference can be told at any share for {joined(never)}.")
    headline = f"joint better in {counts.get('joint', 0)}, sequential in {counts.get('sequential', 0)}, "
    headline += f"no difference told in {counts.get('none told', 0)}"
    lines.append(" ".join(_told_by_when(ours)))
    if "cannot tell" in counts:
        lines.append(f"In {counts['cannot tell']} there is one pair of seeds at most, or all are alike: no interval.")
    return {"headline": f"Of {counted(len(ours), 'comparison')}: {headline}.", "lines": lines}


def by_when(differences: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Comparisons by when a method prunes, in the words for that, the later the later."""
    return {words: part for when, words in WHEN.items() if len(part := differences[differences["when"] == when])}


def _told_by_when(differences: pd.DataFrame) -> list[str]:
    told = []
    for words, part in by_when(differences).items():
        joint, sequential = ((part["better"] == order).sum() for order in ORDERS)
        told.append(f"Pruned {words}: joint better in {joint} of {len(part)}, sequential in {sequential}.")
    return told


def sure(differences: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """How many comparisons were made, how many would be wrong by chance, and how small a difference could be told."""
    tested = differences.dropna(subset="p")
    if tested.empty:
        if (differences["num_seeds"] > 1).any():
            return {"headline": "Not at all: the seeds of each method agree.", "lines": ["No spread is not certainty."]}
        return {"headline": "Not at all: no method has two pairs of seeds.", "lines": ["One seed gives no interval."]}
    num, told = len(tested), tested[tested["better"].isin(WINS)]
    seeds = joined([str(num) for num in sorted(tested["num_seeds"].unique())])
    width = (tested["high"] - tested["low"]).median() / 2
    return {
        "headline": f"{int(tested['holds'].sum())} of the {counted(len(told), 'difference')} told are left after correction for "
        "their number.",
        "lines": [
            f"Paired by seed, {seeds} pairs each, with {100 * confidence:g} % intervals over seeds and test images. Of "
            f"{num} intervals about {num * (1 - confidence):.1f} leave 0 out by chance alone.",
            "A star marks what is left after Holm’s correction over all methods and shares of one accuracy.",
            f"Half of the intervals reach {percent(width)} points or more to either side; a smaller difference could not be told "
            "there. “None told” is not “equal”.",
        ],
    }


def which(means: pd.DataFrame, baselines: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The most accurate recipes by share, and what the network has with nothing pruned."""
    lines = []
    for gone in sorted(means["gone"].unique()):
        told = [
            f"{NAMES[measure]}: {', '.join(best(means, measure, gone)) or 'none reached it'}" for measure in MEASURES
        ]
        lines.append(f"{share(gone)} % to go, {'; '.join(told)}.")
    whole = [
        f"{what[:1].upper()}{what[1:]}: {', '.join(f'{NAMES[measure]} {percent(value)}' for measure, value in of.items())}"
        for what, of in baselines.items()
    ]
    return {
        "headline": "Most accurate of those that lost what was to go; in brackets the MACs left, all in per cent.",
        "lines": [
            *lines,
            f"{'. '.join(whole)}.",
            "Means over seeds, picked on test images. Methods were not tested against each other: how near two are, seeds say.",
        ],
    }


def lacks(gaps: Sequence[str], num: int) -> dict[str, Any]:
    """What was asked for and is not there."""
    if not gaps:
        return {"headline": "Nothing: every record that the studies ask for is there.", "lines": [f"{num:,} records."]}
    return {
        "headline": f"Some of what was asked for: {'one study is' if len(gaps) == 1 else f'{len(gaps)} studies are'} not whole.",
        "lines": [f"All numbers here are of the {num:,} records that are there.", *map("{}.".format, gaps[:3])],
    }


def _linked(sources: Sequence[str]) -> str:
    """Papers, with links to them; ours, if there are none."""
    link = r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>'
    return Markup(re.sub(r"arXiv:([\d.]+\d)", link, str(escape("; ".join(sources) or "ours"))))
