"""Of all that a study trained, what to deploy under a limit: chosen on validation images, told on test images.

Nothing here reads files, and test images choose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exitprune.errors import BadInput
from exitprune.evaluation.candidates import Candidate, Network
from exitprune.evaluation.exit_times import FLOAT32, Precision, Times

What = Literal["macs", "milliseconds", "accuracy_lost"]


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


def choose(networks: Sequence[Network], limit: Limit, times: Mapping[str, Sequence[Times]] | None = None) -> Answer:
    """The best candidate on validation images; a network that several recipes share is looked at once.

    Of equally good candidates the cheaper counts, then the one that comes first.

    Args:
        networks: at least one.
        limit: to be kept.
        times: by the digest of a network's weights. Where the limit is about time only networks that were timed are candidates,
            each in every runtime it was timed in; where it is not, only networks in float32, which cost as many MACs as others.

    Raises:
        BadInput: if some exits of a network were timed and others were not.
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
            if one.precision != network.precision:
                continue
            if len(one.body) != len(network.heads) + 1:
                raise BadInput(
                    f"{network.recipe}, {network.state}: {len(one.body)} of its {len(network.heads) + 1} exits were timed "
                    f"({one.runtime}, batches of {one.batch}); measure again: make bench-inference"
                )
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
