"""What a study has to offer: every network that its records keep image by image, in float32 or in eight bits.

A candidate is one of them with some of its early exits, one threshold, and a runtime where time is asked for.

Letters: E exits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from exitprune.errors import BadInput
from exitprune.evaluation.exit_times import EIGHT_BITS, FLOAT32, Precision, Times
from exitprune.evaluation.outcome import Outcome, outcome_of
from exitprune.evaluation.records import SWEPT, Outcomes, Record, State, name_of
from exitprune.evaluation.subsets import Front, Point, front, with_exits
from exitprune.origin.ingredients import other_setting


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
