"""The ranking under every scope: how many go, which, and what happens when scores are equal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.networks.masks import num_kept
from exitprune.pruning.ranking import without_lowest


def layers(seed: int, sizes: list[int], num_values: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Scores with as many distinct values as asked for, many ties among them, and masks that keep about half."""
    draw = np.random.default_rng(seed)
    scores = {f"l{i}": torch.tensor(draw.integers(0, num_values, n), dtype=torch.float32) for i, n in enumerate(sizes)}
    masks = {name: torch.tensor(draw.random(len(score)) < 0.5) for name, score in scores.items()}
    return scores, masks


SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=5)


@given(st.integers(0, 999), SIZES, st.integers(1, 40), st.floats(0, 1))
def test_exactly_the_lowest_go_and_ties_go_by_position(seed: int, sizes: list[int], values: int, f: float) -> None:
    scores, masks = layers(seed, sizes, values)
    places = [
        (float(scores[name][i]), n, i, name) for n, name in enumerate(scores) for i in range(sizes[n]) if masks[name][i]
    ]
    expected = {name: mask.clone() for name, mask in masks.items()}
    for _, _, i, name in sorted(places)[: round(f * len(places))]:
        expected[name][i] = False
    chosen = without_lowest(scores, masks, round(f * len(places)))
    assert list(chosen) == list(scores)
    assert all(torch.equal(chosen[name], expected[name]) for name in scores)


def test_the_masks_given_are_not_changed() -> None:
    for sizes in ([6], [6, 5]):  # one layer is the case in which torch.cat could hand back its input
        scores, masks = layers(0, sizes, 3)
        before = {name: mask.clone() for name, mask in masks.items()}
        without_lowest(scores, masks, num_kept(masks))
        assert all(torch.equal(masks[name], before[name]) for name in masks)


def test_only_the_layers_scored_are_ranked() -> None:
    masks = {"a": torch.ones(4, dtype=torch.bool), "b": torch.ones(4, dtype=torch.bool)}
    assert list(without_lowest({"b": torch.arange(4.0)}, masks, 2)) == ["b"]


def test_ties_do_not_depend_on_the_order_in_memory() -> None:
    score = torch.ones(2, 3, 4, 4)
    mask = {"a": torch.ones(2, 3, 4, 4, dtype=torch.bool)}
    rows = without_lowest({"a": score}, mask, 29)["a"]
    channels_last = without_lowest({"a": score.contiguous(memory_format=torch.channels_last)}, mask, 29)["a"]
    assert torch.equal(rows, channels_last)
    assert rows.flatten().tolist() == [False] * 29 + [True] * 67


def test_a_score_that_is_not_a_number_is_refused_where_a_weight_is_kept() -> None:
    score = {"a": torch.tensor([0.0, float("nan"), 1.0])}
    with pytest.raises(ValueError, match="not a number"):
        without_lowest(score, {"a": torch.tensor([True, True, True])}, 1)
    chosen = without_lowest(score, {"a": torch.tensor([True, False, True])}, 1)
    assert chosen["a"].tolist() == [False, False, True]


@pytest.mark.parametrize("num", [-1, 3])
def test_more_than_there_are_cannot_go(num: int) -> None:
    with pytest.raises(ValueError, match="are to go and 2 are there"):
        without_lowest({"a": torch.ones(2)}, {"a": torch.ones(2, dtype=torch.bool)}, num)


@given(st.integers(0, 99), SIZES, st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_over_many_rounds_nothing_comes_back(seed: int, sizes: list[int], fractions: list[float]) -> None:
    _, masks = layers(seed, sizes, 1)
    for number, fraction in enumerate(fractions):
        scores, _ = layers(seed + number, sizes, 5)
        kept = num_kept(masks)
        chosen = without_lowest(scores, masks, round(fraction * kept))
        assert num_kept(chosen) == kept - round(fraction * kept)
        assert not any((chosen[name] & ~masks[name]).any() for name in masks)
        masks = chosen
