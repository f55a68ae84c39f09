"""Whether methods do in the published studies what sets them apart, told by their records: a table of docs/methods.md.

A method may run, reach its share and be another method all the same: a setting of the study keeps what is its own from acting.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.pages import Table
from exitprune.evaluation.record_reading import read_about, read_record
from exitprune.evaluation.records import About, Record
from exitprune.evaluation.statistics import rank_correlation

Networks = dict[tuple[str, str], About]
"""By study, and by seed with recipe."""


def kept(about: About) -> list[int]:
    """How many weights each layer keeps."""
    return [layer.kept for layer in about.layers]


def patience(networks: Networks) -> list[bool]:
    """Sequentially `hybrid` steps of `patience` keep other numbers in some layer than one shot."""
    return [
        kept(about) != kept(networks[study, other])
        for (study, name), about in networks.items()
        if "-patience-sequential" in name and (study, other := name.replace("patience", "oneshot")) in networks
    ]


def epi(networks: Networks) -> list[bool]:
    """Base training goes on after EPI has begun."""
    abouts = [about for (_, name), about in networks.items() if "-epi-" in name]
    digests = [[level.weights_sha256 for level in about.levels] for about in abouts]
    return [one[2] != one[1] for one in digests]


def pruner(networks: Networks) -> list[bool]:
    """At 90 % the pruner takes other filters than at 80 %."""
    less = {
        name: about for (study, name), about in networks.items() if "-pruner-" in name and study.endswith("-methods")
    }
    more = {name: about for (study, name), about in networks.items() if "-pruner-" in name and study.endswith("-90")}
    return [kept(about) != kept(more[name]) for name, about in less.items() if name in more]


ACTS: dict[str, Callable[[Networks], list[bool]]] = {
    "`patience-sequential` keeps other numbers of weights in some layer than `oneshot-sequential`": patience,
    "`pruner` takes other filters at 90 % than at 80 %": pruner,
    "`epi` begins before the end of base training": epi,
}


def acts(folder: Path) -> Table:
    """In how many networks it does, of those that there are."""
    there = [path.parent for path in folder.parent.glob(f"{folder.name}*/seeds/*/record.json")]
    networks = {(path.parents[1].name, path.name): read_about(path) for path in sorted(there)}
    rows = []
    for what, asked in ACTS.items():
        if found := asked(networks):
            rows.append([what, f"{sum(found)} of {len(found)}"])
    if gated := [path for path in there if "-manidp-" in path.name]:
        sure = [sure_are_dear(read_record(path)) for path in gated]
        what = "`manidp`: images of which the first exit is surer take fewer filters (rank correlation of both, median"
        rows.append([f"{what} {np.median(sure):+.2f})", f"{sum(one < 0 for one in sure)} of {len(sure)}"])
    return ["what sets it apart", "networks"], rows


def sure_are_dear(record: Record) -> float:
    """Rank correlation of how sure the first exit is of a test image with what the image costs up to the classifier."""
    outcomes = record.outcomes["recovered"]["test"]
    return rank_correlation(np.asarray(outcomes.confidence[0], float), np.asarray(outcomes.macs[-1], float))
