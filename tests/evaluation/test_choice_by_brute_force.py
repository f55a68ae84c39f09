"""`choose` against logits: every subset of exits at every threshold, image by image, without the project's own tools."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from math import exp

import numpy as np
import pytest
import torch

from exitprune.evaluation.candidates import Candidate, Network
from exitprune.evaluation.deployable import Limit, What, choose
from exitprune.evaluation.exit_times import Times
from exitprune.evaluation.exiting import outcomes_of

NUM_EXITS, NUM_IMAGES, NUM_CLASSES = 4, 14, 3
KINDS = [("joint", "final"), ("joint", "recovered"), ("sequential", "recovered")]
Answer = tuple[float, int]


@dataclass(frozen=True)
class Made:
    """A network that was made up: logits (E, N, K) and labels of each split, costs of the way to each exit and of each head."""

    logits: dict[str, list[list[list[float]]]]
    labels: dict[str, list[int]]
    way: list[int]
    heads: list[int]
    ms_way: list[float]
    ms_heads: list[float]

    def sure_and_right(self, split: str, exit_: int, image: int) -> Answer:
        row = self.logits[split][exit_][image]
        powers = [exp(x - max(row)) for x in row]
        return max(powers) / sum(powers), int(row.index(max(row)) == self.labels[split][image])

    def outcome(self, split: str, exits: tuple[int, ...], threshold: float) -> tuple[int, int, float]:
        """Right answers, MACs and milliseconds, summed over all images, each going from exit to exit."""
        right, macs, milliseconds = 0, 0, 0.0
        for image in range(NUM_IMAGES):
            for exit_ in (*exits, NUM_EXITS - 1):
                is_last = exit_ == NUM_EXITS - 1
                if not is_last:
                    macs += self.heads[exit_]
                    milliseconds += self.ms_heads[exit_]
                sure, is_right = self.sure_and_right(split, exit_, image)
                if is_last or sure > threshold:
                    right += is_right
                    macs += self.way[exit_]
                    milliseconds += self.ms_way[exit_]
                    break
        return right, macs, milliseconds

    def everything(self) -> set[tuple[int, int, float]]:
        """What each subset of the early exits gives on validation images at each threshold that matters."""
        early = range(NUM_EXITS - 1)
        sure = {self.sure_and_right("validation", exit_, image)[0] for exit_ in early for image in range(NUM_IMAGES)}
        every = [0.0, *sorted(sure), 1.0]
        return {
            self.outcome("validation", exits, (low + high) / 2)
            for size in range(NUM_EXITS)
            for exits in combinations(early, size)
            for low, high in pairwise(every)
        }


def made_up(draw: np.random.Generator) -> Made:
    logits, labels = {}, {}
    for split in ("validation", "test"):
        right = draw.integers(0, NUM_CLASSES, NUM_IMAGES)
        rows = draw.normal(size=(NUM_EXITS, NUM_IMAGES, NUM_CLASSES)) * np.linspace(1, 3, NUM_EXITS)[:, None, None]
        rows[np.arange(NUM_EXITS)[:, None], np.arange(NUM_IMAGES), right] += draw.uniform(0, 2, (NUM_EXITS, 1))
        logits[split], labels[split] = rows.astype(np.float32).tolist(), right.tolist()
    way, heads = draw.integers(50, 300, NUM_EXITS).cumsum(), draw.integers(0, 60, NUM_EXITS - 1)
    ms_way, ms_heads = draw.uniform(0.1, 0.5, NUM_EXITS).cumsum(), draw.uniform(0, 0.1, NUM_EXITS - 1)
    return Made(logits, labels, way.tolist(), heads.tolist(), ms_way.tolist(), ms_heads.tolist())


def network_of(made: Made, kind: tuple[str, str], number: int, baseline: int) -> tuple[Network, Times]:
    """The same as the records and the table of times would say it."""
    asked = np.cumsum([*made.heads, 0]).tolist()
    macs = torch.tensor([[way + head] for way, head in zip(made.way, asked, strict=True)])
    outcomes = {
        split: outcomes_of(torch.tensor(made.logits[split]), torch.tensor(made.labels[split]), macs)
        for split in made.logits
    }
    recipe, state = kind
    network = Network(recipe, 0, state, state, str(number), outcomes, tuple(made.heads), baseline)  # type: ignore[arg-type]
    return network, Times("sparse", 64, 1, "an abacus", tuple(made.ms_way), tuple(made.ms_heads))


def said(made: Made, candidate: Candidate, split: str) -> tuple[int, int, float]:
    """What a choice's exits and threshold give, image by image."""
    return made.outcome(split, candidate.point.exits, candidate.point.threshold)


@pytest.mark.parametrize("what", ["macs", "milliseconds", "accuracy_lost", "accuracy_lost in time"])
@pytest.mark.parametrize("seed", range(4))
def test_the_choice_is_that_of_brute_force_over_logits(seed: int, what: str) -> None:
    draw = np.random.default_rng(seed)
    all_made = [made_up(draw) for _ in KINDS]
    baseline = sum(all_made[0].sure_and_right("validation", NUM_EXITS - 1, image)[1] for image in range(NUM_IMAGES))
    both = [network_of(made, kind, n, baseline) for n, (made, kind) in enumerate(zip(all_made, KINDS, strict=True))]
    networks, times = [one for one, _ in both], {one.weights_sha256: [time] for one, time in both}
    by_time = what.endswith("time") or what == "milliseconds"
    tried = [
        [(right, milliseconds if by_time else macs) for right, macs, milliseconds in made.everything()]
        for made in all_made
    ]
    costs = sorted({cost for each in tried for _, cost in each})
    for share in (0.02, 0.2, 0.5, 0.9):
        keys: list[list[tuple[float, float]]]
        if what.startswith("accuracy_lost"):
            value = int(4 * share) / NUM_IMAGES
            keys = [
                [(cost, -right) for right, cost in each if baseline - right <= round(value * NUM_IMAGES)]
                for each in tried
            ]
        else:
            value = costs[int(share * len(costs))] / NUM_IMAGES + (1e-9 if by_time else 0.0)
            keys = [[(-right, cost) for right, cost in each if cost / NUM_IMAGES <= value] for each in tried]
        name: What = "accuracy_lost" if what.startswith("accuracy_lost") else what  # type: ignore[assignment]
        answer = choose(networks, Limit(name, value, by_time), times)
        wanted = sorted(min(each) for each in keys if each)
        assert answer.meets
        for candidate, key in zip((answer.best, answer.runner_up), wanted, strict=False):
            assert candidate is not None
            made = all_made[int(candidate.network.weights_sha256)]
            right, macs, milliseconds = said(made, candidate, "validation")
            cost = milliseconds if by_time else macs
            found = (cost, -right) if name == "accuracy_lost" else (-right, cost)
            assert found == pytest.approx(key, rel=1e-9)
            for split in ("validation", "test"):
                right, macs, milliseconds = said(made, candidate, split)
                got = candidate.outcome(split)
                assert got.accuracy == right / NUM_IMAGES
                assert got.average_macs == pytest.approx(macs / NUM_IMAGES, rel=1e-9)
                assert not by_time or got.milliseconds == pytest.approx(milliseconds / NUM_IMAGES, rel=1e-9)
        assert (answer.runner_up is None) == (len(wanted) == 1)
