"""Of all that a study trained, what to deploy under a limit: chosen on validation images, told on test images.

A candidate is one network that the records keep image by image, in float32 or in eight bits, some of its early exits, one
threshold, and a runtime where time is asked for. Nothing here reads files, and test images choose nothing.

Letters: E exits, P points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from exitprune.errors import BadInput
from exitprune.evaluation.exit_times import EIGHT_BITS, FLOAT32, Precision, Times
from exitprune.evaluation.outcome import Outcome, outcome_of
from exitprune.evaluation.records import SWEPT, Outcomes, Record, State, name_of
from exitprune.evaluation.statistics import band
from exitprune.evaluation.subsets import Front, Point, front, with_exits
from exitprune.jobs.ingredients import other_setting

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
    precision: Precision = FLOAT32

    def front(self, times: Times | None = None) -> Front:
        """Of the validation images, by MACs or by time."""
        if times not in self._fronts:
            outcomes, heads = self.outcomes["validation"], self.heads if times is None else times.heads
            if times is not None:
                outcomes = replace(outcomes, macs=np.array(times.leaving)[:, None])
            self._fronts[times] = front(outcomes, heads)
        return self._fronts[times]

    @cached_property
    def _fronts(self) -> dict[Times | None, Front]:
        return {}

    def outcome(self, split: str, point: Point, times: Times | None = None) -> Outcome:
        """What a point gives on the images of a split."""
        kept = with_exits(self.outcomes[split], self.heads, point.exits)
        return outcome_of(kept, point.threshold, None if times is None else times.of(point.exits))


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

    def outcome(self, split: str) -> Outcome:
        """What it gives on the images of a split."""
        return self.network.outcome(split, self.point, self.times)


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
    """Every network whose images are kept one by one, in order of seed and recipe; in eight bits right after in float32.

    Raises:
        BadInput: if records of a recipe are made of different settings, or if any two are of different images or exits.
    """
    found = []
    for record in sorted(records, key=lambda one: one.about.seed):
        about, first = record.about, records[0].about
        like = next(one.about for one in records if one.about.recipe == about.recipe)
        for one, what, is_other in (
            (first, "images", first.data["sha256"] != about.data["sha256"]),
            (first, "exits", first.blocks != about.blocks),
            (like, "settings", other_setting(like.made_of.settings, about.made_of.settings)),
        ):
            if is_other:
                raise BadInput(
                    f"the record {name_of(about.seed, about.recipe)} is of other {what} than "
                    f"{name_of(one.seed, one.recipe)}: move the one that does not belong elsewhere"
                )
        baseline = int(record.outcomes["unpruned"]["validation"].correct[-1].sum())
        forms: list[tuple[Precision, Mapping[State, Mapping[str, Outcomes]]]]
        forms = [(FLOAT32, record.outcomes), (EIGHT_BITS, record.int8)]
        found += [
            Network(
                about.recipe,
                about.seed,
                level.state,
                level.name,
                level.weights_sha256,
                outcomes[level.state],
                _heads(record, level.state),
                baseline,
                precision,
            )
            for level in about.levels
            if level.state in SWEPT
            for precision, outcomes in forms
            if level.state in outcomes
        ]
    return found


def _heads(record: Record, state: State) -> tuple[int, ...]:
    """MACs of each early exit's head: a linear layer uses each of its weights once, and those that are gone cost nothing."""
    heads = {layer.layer: layer for layer in record.about.layers if layer.group == "exits"}
    there = [heads[f"exit{number}"] for number in range(len(record.about.blocks) - 1)]
    return tuple(head.weights if state == "unpruned" else head.kept for head in there)


def choose(networks: Sequence[Network], limit: Limit, times: Mapping[str, Sequence[Times]] | None = None) -> Answer:
    """The best candidate on validation images; a network that several recipes share is looked at once.

    Of equally good candidates the cheaper counts, then the one that comes first.

    Args:
        networks: at least one.
        limit: to be kept.
        times: by the digest of a network's weights. Where the limit is about time only networks that were timed are candidates,
            each in every runtime it was timed in; where it is not, only networks in float32, which cost as many MACs as others.

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
    of = candidate.network
    like = [one for one in networks if (one.recipe, one.state, one.precision) == (of.recipe, of.state, of.precision)]
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
    once: dict[tuple[str, Precision], Network] = {}
    for network in networks:
        once.setdefault((network.weights_sha256, network.precision), network)
    for network in once.values():
        if times is None:
            yield from [(network, None)] if network.precision == FLOAT32 else []
            continue
        for one in times.get(network.weights_sha256, []):
            if one.precision == network.precision:
                yield network, one


Key = tuple[float, ...]


def _within(network: Network, times: Times | None, limit: Limit) -> tuple[Key, Candidate] | None:
    """The best point of a network that keeps the limit, and by what it is compared with those of others, lowest first."""
    curve = network.front(times)
    cost, right = curve.total_cost / curve.num_images, curve.num_correct
    if limit.what == "accuracy_lost":
        keeps = np.flatnonzero(network.baseline - right <= limit.value * curve.num_images + 1e-9)  # whole images
        if not len(keeps):
            return None
        place = int(keeps[0])
        key: Key = (cost[place], -right[place])
    else:
        keeps = np.flatnonzero(cost <= limit.value)
        if not len(keeps):
            return None
        place = int(keeps[-1])
        key = (-right[place], cost[place])
    return key, Candidate(network, curve.point(place), times)


def _nearest(network: Network, times: Times | None, limit: Limit) -> tuple[Key, Candidate]:
    """The point of a network that misses the limit by least."""
    curve = network.front(times)
    cost, right = curve.total_cost / curve.num_images, curve.num_correct
    place = len(right) - 1 if limit.what == "accuracy_lost" else 0
    missed_by = (network.baseline - right[place],) if limit.what == "accuracy_lost" else ()
    return (*missed_by, cost[place], -right[place]), Candidate(network, curve.point(place), times)
