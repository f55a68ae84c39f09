"""The paper's numbers and when they may be held against ours."""

from __future__ import annotations

import pytest
import torch

from exitprune.config.model import Model
from exitprune.evaluation import paper
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from tests.synthetic import AS_CIFAR10


def test_the_papers_layers_are_those_of_our_network_in_the_same_order() -> None:
    with torch.device("meta"):
        network = EarlyExitNetwork(
            Spec(paper.ARCHITECTURE, {"depth": paper.DEPTH}, 3, 32, 32, 10, tuple(paper.EXITS), 1)
        )
    assert paper.layer_sparsity()["layer"].tolist() == list(network.named_layers())
    assert paper.layer_sparsity()["position"].tolist() == list(range(1, 65))


def test_the_papers_exits_count_from_zero_with_us() -> None:
    assert paper.exit_accuracy()["exit"].tolist() == list(range(7))
    assert paper.exit_accuracy()["sequential"].iloc[-1] == 0.88


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
