"""The paper's numbers, what they say of themselves, and when they may be held against ours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from exitprune.config.model import Model
from exitprune.evaluation import paper
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import weights
from tests.synthetic import AS_CIFAR10

KEPT = 0.9**20
"""Of the weights, by ten per cent of what is left, 20 times."""


def network(pool: int) -> EarlyExitNetwork:
    with torch.device("meta"):
        return EarlyExitNetwork(
            Spec(paper.ARCHITECTURE, {"depth": paper.DEPTH}, 3, 32, 32, 10, tuple(paper.EXITS), pool)
        )


def sizes(pool: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([weight.numel() for weight in weights(network(pool)).values()])


def test_the_papers_layers_are_those_of_our_network_in_the_same_order() -> None:
    assert paper.layer_sparsity()["layer"].tolist() == list(network(1).named_layers())
    assert paper.layer_sparsity()["position"].tolist() == list(range(1, 65))
    assert paper.layer_sparsity()["weights"].tolist() == sizes(1).tolist()


def test_counting_weights_settles_pooling_and_schedule() -> None:
    """Both totals are ten per cent of what is left, 20 times, where heads see 4 x 4 maps, and with no other pooling at once."""
    table = paper.layer_sparsity()
    second = table["layer"].str.startswith("exit") | (table["layer"] == "fc")

    def totals(pool: int) -> tuple[float, float]:
        size = sizes(pool)
        together = (table["together"] * size).sum() / size.sum()
        return together, (table["separately"] * size)[second].sum() / size[second].sum()

    for total in totals(4):
        assert total == pytest.approx(1 - KEPT, abs=0.004)
    apart = {pool: np.subtract(*totals(pool)) for pool in (1, 2, 4)}
    assert abs(apart[4]) < 0.001 < 0.03 < abs(apart[2]) < abs(apart[1])


def test_the_papers_exits_count_from_zero_and_pruning_moves_them_as_its_poster_shows() -> None:
    exits = paper.exit_accuracy()
    together = exits[exits["approach"] == "together"]
    assert together["exit"].tolist() == list(range(7))
    change = together["after"] - together["before"]
    assert (change.max(), change.min()) == (pytest.approx(0.016), pytest.approx(-0.096))
    untrained = exits.query("approach == 'separately' and exit < 6")["before"]
    assert untrained.max() <= 0.12


def test_the_paper_saves_at_equal_accuracy_what_its_curves_say_and_nothing_is_said_beyond_them() -> None:
    saved = 1 - paper.cost_ratio(np.array([0.65, 0.70, 0.75, 0.80, 0.82]))
    assert saved == pytest.approx([0.29, 0.25, 0.21, 0.19, 0.18], abs=0.01)
    assert np.isnan(paper.cost_ratio(np.array([0.55, 0.95]))).all()


def test_every_chart_says_how_exactly_it_was_read() -> None:
    errors = paper.reading_errors().set_index(["quantity", "approach"])["error"]
    for quantity, approach in paper.values()[["quantity", "approach"]].drop_duplicates().to_numpy():
        if quantity != paper.CHANGE:
            assert errors[quantity, approach] > 0
    steps = np.diff(np.unique(paper.tradeoff()["mflops"]))
    assert errors["cost at an accuracy", "both"] == pytest.approx(np.median(steps), abs=0.01)


def test_a_network_that_is_the_papers_is_no_distance_from_it() -> None:
    for approach in ("together", "separately"):
        chart = paper.layer_sparsity()[approach].fillna(0.5).to_list()
        exits = paper.exit_accuracy().query("approach == @approach")
        found = paper.distance_from_paper(approach, chart, exits["before"].to_list(), exits["after"].to_list())
        assert found.pop("layer order") == pytest.approx(1)
        assert list(found.values()) == pytest.approx([0] * 5)


def test_heads_that_keep_too_much_are_told_with_their_sign() -> None:
    table = paper.layer_sparsity()
    sparsity = (table["together"] - 0.2 * table["layer"].str.startswith("exit")).to_list()
    exits = paper.exit_accuracy().query("approach == 'together'")
    found = paper.distance_from_paper(
        "together", sparsity, exits["before"].to_list(), (exits["after"] + 0.05).to_list()
    )
    assert found["head sparsity"] == pytest.approx(-0.2)
    assert found["layer sparsity"] == pytest.approx(0.2 * 6 / 64)
    assert found["change by pruning"] == found["exit accuracy"] == pytest.approx(0.05)
    assert found["exit accuracy before"] == 0


@pytest.mark.parametrize(
    ("depth", "exits", "same"),
    [(56, [4, 8, 12, 16, 20, 24], True), (56, [4, 8, 12, 16, 20], False), (110, [4, 8, 12, 16, 20, 24], False)],
)
def test_only_its_own_depth_and_exits_are_the_papers_network(depth: int, exits: list[int], same: bool) -> None:
    assert paper.is_papers_network(Model.model_validate({"depth": depth, "exits": exits, "pool": 1})) == same


def test_cifar10_is_known_by_its_classes_and_size_whatever_it_was_read_from() -> None:
    assert paper.is_papers_data(AS_CIFAR10)
    assert not paper.is_papers_data({**AS_CIFAR10, "classes": [str(digit) for digit in range(10)]})
    assert not paper.is_papers_data({**AS_CIFAR10, "height": 96, "width": 96})
    fewer = {**AS_CIFAR10["counts"], "train": {"cat": 5_400}}
    assert not paper.is_papers_data({**AS_CIFAR10, "counts": fewer})
