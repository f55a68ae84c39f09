"""Of all that a study trained, what to deploy under a limit: chosen on validation images, told on test images.

A candidate is one network that the records keep image by image, some of its early exits, one threshold, and a runtime where
time is asked for. Nothing here reads files, and test images choose nothing.

Letters: E exits, P points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from exitprune.errors import BadInput
from exitprune.evaluation.outcome import Outcome, outcome_of
from exitprune.evaluation.records import SWEPT, Outcomes, Record, State, name_of
from exitprune.evaluation.statistics import band
from exitprune.evaluation.subsets import Front, Point, front, with_exits

Floats = npt.NDArray[np.float64]
What = Literal["macs", "milliseconds", "accuracy_lost"]


@dataclass(frozen=True, eq=False)
class Network:
    """One network of a study.

    Attributes:
        name: of its level: level-00, ...
        heads: MACs of each early exit's head, E - 1.
        baseline: right answers to the validation images that the unpruned network of its seed gives if nobody leaves early.
    """

    recipe: str
    seed: int
    state: State
    name: str
    weights_sha256: str
    outcomes: Mapping[str, Outcomes]
    heads: tuple[int, ...]
    baseline: int

    @cached_property
    def front(self) -> Front:
        """Of the validation images."""
        return front(self.outcomes["validation"], self.heads)

    def outcome(self, split: str, point: Point) -> Outcome:
        """What a point gives on the images of a split."""
        return outcome_of(with_exits(self.outcomes[split], self.heads, point.exits), point.threshold)


@dataclass(frozen=True)
class Times:
    """What a network took on a clock at a few thresholds.

    Attributes:
        macs: per image on average, rising.
        milliseconds: per image, at these.
    """

    runtime: str
    batch: int
    threads: int
    machine: str
    macs: Sequence[float]
    milliseconds: Sequence[float]

    def at(self, macs: Floats) -> Floats:
        """Milliseconds at average MACs: on a straight line between two that were measured, and beyond them as the nearest one."""
        return np.interp(macs, self.macs, np.maximum.accumulate(self.milliseconds))


@dataclass(frozen=True)
class Limit:
    """What must be kept on validation images.

    `macs` and `milliseconds`: at most so many per image on average, as accurately as possible. `accuracy_lost`: at most so much
    accuracy (a fraction) below what the unpruned network of the same seed has if nobody leaves early, as cheaply as possible: in
    milliseconds where `by_time`, else in MACs.
    """

    what: What
    value: float
    by_time: bool = False

    @property
    def in_time(self) -> bool:
        """Whether only networks that were timed can be held against it."""
        return self.what == "milliseconds" or self.by_time


@dataclass(frozen=True, eq=False)
class Candidate:
    """A network at a point of its front, in a runtime."""

    network: Network
    point: Point
    times: Times | None

    @property
    def kind(self) -> tuple[str, str]:
        """What another candidate must differ in to be a second opinion."""
        return self.network.recipe, self.network.state

    def milliseconds(self, macs: float) -> float | None:
        """At average MACs of this network; None: it was not timed."""
        return None if self.times is None else float(self.times.at(np.array(macs)))


@dataclass(frozen=True)
class Answer:
    """What to deploy.

    Attributes:
        best: it; where nothing meets the limit, what comes closest.
        meets: whether it keeps the limit.
        runner_up: the best of another recipe or state that keeps the limit too; None: there is none.
    """

    best: Candidate
    meets: bool
    runner_up: Candidate | None


@dataclass(frozen=True)
class OverSeeds:
    """Mean over seeds, and how far another set of seeds may well have put it; see `statistics.band`."""

    mean: float
    low: float
    high: float
    what: str


def networks_of(records: Sequence[Record]) -> list[Network]:
    """Every network whose images are kept one by one, in order of seed and recipe.

    Raises:
        BadInput: if records of a recipe are made of different settings, or if any two are of different images or exits.
    """
    found = []
    for record in sorted(records, key=lambda one: one.about.seed):
        about, first = record.about, records[0].about
        like = next(one.about for one in records if one.about.recipe == about.recipe)
        for one, what in ((first, "images"), (first, "exits"), (like, "settings")):
            of = {"images": (one.data["sha256"], about.data["sha256"]), "exits": (one.blocks, about.blocks)}
            before, here = of.get(what, (one.made_of.settings, about.made_of.settings))
            if before != here:
                raise BadInput(
                    f"the record {name_of(about.seed, about.recipe)} is of other {what} than "
                    f"{name_of(one.seed, one.recipe)}: move the one that does not belong elsewhere"
                )
        baseline = int(record.outcomes["unpruned"]["validation"].correct[-1].sum())
        found += [
            Network(
                about.recipe,
                about.seed,
                level.state,
                level.name,
                level.weights_sha256,
                record.outcomes[level.state],
                _heads(record, level.state),
                baseline,
            )
            for level in about.levels
            if level.state in SWEPT
        ]
    return found


def _heads(record: Record, state: State) -> tuple[int, ...]:
    """MACs of each early exit's head: a linear layer uses each of its weights once, and those that are gone cost nothing."""
    heads = {layer.layer: layer for layer in record.about.layers if layer.group == "exits"}
    there = [heads[f"exit{number}"] for number in range(len(record.about.blocks) - 1)]
    return tuple(head.weights if state == "unpruned" else head.kept for head in there)


def choose(networks: Sequence[Network], limit: Limit, times: Mapping[str, Sequence[Times]] | None = None) -> Answer:
    """The best candidate on validation images; a network that several recipes share is looked at once.

    Of equally good candidates the cheaper counts, then the one with fewer MACs, then the one that comes first.

    Args:
        networks: at least one.
        limit: to be kept.
        times: by the digest of a network's weights. Where they are given only networks that were timed are candidates, each in
            every runtime it was timed in.

    Raises:
        ValueError: if the limit is about time and no network was timed.
    """
    pairs = list(_pairs(networks, (times or {}) if limit.in_time else None))
    if not pairs:
        raise ValueError("a limit in milliseconds needs a network that was timed")
    kept = sorted(filter(None, (_within(*pair, limit) for pair in pairs)), key=lambda one: one[0])
    if not kept:
        return Answer(min((_nearest(*pair, limit) for pair in pairs), key=lambda one: one[0])[1], False, None)
    candidates = [candidate for _, candidate in kept]
    others = (one for one in candidates if one.kind != candidates[0].kind)
    return Answer(candidates[0], True, next(others, None))


def over_seeds(candidate: Candidate, networks: Sequence[Network], confidence: float) -> tuple[OverSeeds, OverSeeds]:
    """Accuracy and MACs on test images of the same recipe, state, exits and threshold with each seed."""
    like = [one for one in networks if Candidate(one, candidate.point, None).kind == candidate.kind]
    got = [one.outcome("test", candidate.point) for one in like]
    columns = ([one.accuracy for one in got], [one.average_macs for one in got])
    return tuple(_mean(column, confidence) for column in columns)  # type: ignore[return-value]


def _mean(values: list[float], confidence: float) -> OverSeeds:
    column = np.array(values)[:, None]  # (S, 1)
    drawn = band(column, confidence)
    return OverSeeds(float(column.mean()), float(drawn.low[0]), float(drawn.high[0]), drawn.what)


def _pairs(
    networks: Sequence[Network], times: Mapping[str, Sequence[Times]] | None
) -> Iterator[tuple[Network, Times | None]]:
    once: dict[str, Network] = {}
    for network in networks:
        once.setdefault(network.weights_sha256, network)
    for network in once.values():
        for one in [None] if times is None else times.get(network.weights_sha256, []):
            yield network, one


Key = tuple[float, ...]


def _within(network: Network, times: Times | None, limit: Limit) -> tuple[Key, Candidate] | None:
    """The best point of a network that keeps the limit, and by what it is compared with those of others, lowest first."""
    curve = network.front
    macs, right = curve.total_macs / curve.num_images, curve.num_correct
    cost = macs if times is None else times.at(macs)
    if limit.what == "accuracy_lost":
        keeps = np.flatnonzero(network.baseline - right <= limit.value * curve.num_images + 1e-9)  # whole images
        if not len(keeps):
            return None
        place = int(keeps[cost[keeps] == cost[keeps[0]]][-1])  # time may be the same where MACs are not
        key: Key = (cost[place], -right[place], macs[place])
    else:
        keeps = np.flatnonzero(cost <= limit.value)
        if not len(keeps):
            return None
        place = int(keeps[-1])
        key = (-right[place], cost[place], macs[place])
    return key, Candidate(network, curve.point(place), times)


def _nearest(network: Network, times: Times | None, limit: Limit) -> tuple[Key, Candidate]:
    """The point of a network that misses the limit by least."""
    curve = network.front
    macs, right = curve.total_macs / curve.num_images, curve.num_correct
    cost = macs if times is None else times.at(macs)
    place = len(right) - 1 if limit.what == "accuracy_lost" else int(np.flatnonzero(cost == cost[0])[-1])
    missed_by = (network.baseline - right[place],) if limit.what == "accuracy_lost" else ()
    key = (*missed_by, cost[place], -right[place], macs[place])
    return key, Candidate(network, curve.point(place), times)
