"""Effective filters: ranks by hand, and where the method stops by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import num_kept
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.effective_filters import EffectiveFilters, effective_rank
from exitprune.training.losses import exit_loss
from tests.pruning.contexts import a_context

SIZES = {"b1.c1": 16, "b2.c1": 32, "b3.c1": 64}


def rows(num: int, seed: int = 0) -> Tensor:
    """Rows of length 1 that are at right angles."""
    draw = torch.randn(num, num, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    turned: Tensor = torch.linalg.qr(draw)[0]
    return turned


@pytest.mark.parametrize("num", [4, 32])
def test_a_layer_of_duplicated_filters_has_half_the_rank(num: int) -> None:
    whole, doubled = rows(num), rows(num // 2).repeat(2, 1)
    assert effective_rank(whole @ whole.T, 0.99) == num
    assert effective_rank(doubled @ doubled.T, 0.99) == num // 2


def test_the_rank_is_what_explains_the_share_of_the_squares() -> None:
    squares = torch.diag(torch.tensor([1.0, 90.0, 9.0, 0.0], dtype=torch.float64))
    assert [effective_rank(squares, share) for share in (0.5, 0.9, 0.95, 0.99, 0.995, 1.0)] == [1, 1, 2, 2, 3, 3]
    assert effective_rank(torch.zeros(3, 3, dtype=torch.float64), 0.99) == 1


def of(network: EarlyExitNetwork, share: float, **layers: Tensor) -> tuple[Context, EffectiveFilters]:
    """A context, and the criterion as if these were the gradients' rows; other layers have nothing to spare."""
    criterion = EffectiveFilters()
    found = {name: layers.get(name[:2], rows(size)) for name, size in SIZES.items()}
    criterion._products = {name: row @ row.T for name, row in found.items()}
    return a_context(network, granularity="filter", criterion="effective_filters", kept_share=share), criterion


def kept(context: Context, criterion: EffectiveFilters) -> dict[str, int]:
    scores = {name: torch.arange(size).float() for name, size in SIZES.items()}
    masks = criterion.choose(context, scores)
    return {name: int(masks[name].flatten(1).any(1).sum()) for name in SIZES}


def test_no_layer_loses_more_than_is_redundant_and_the_share_may_be_missed(network: EarlyExitNetwork) -> None:
    context, criterion = of(network, 0.5, b1=rows(8).repeat(2, 1))
    # The least salient, which are the first, go while copies of them are left.
    assert kept(context, criterion) == {"b1.c1": 8, "b2.c1": 32, "b3.c1": 64}


def test_where_copies_go_in_pairs_what_is_left_stays_for_the_next_round(network: EarlyExitNetwork) -> None:
    context, criterion = of(network, 0.1, b1=rows(8).repeat_interleave(2, 0))
    # Eight go, both copies of each: by the same gradients half of the other eight would still be redundant.
    assert kept(context, criterion)["b1.c1"] == 8


@pytest.mark.parametrize(("least", "left"), [(0.06, 15), (0.07, 16)])
def test_a_layer_that_is_hardly_redundant_is_left_alone(network: EarlyExitNetwork, least: float, left: int) -> None:
    context, criterion = of(network, 0.5, b1=torch.cat([rows(16)[:15], rows(16)[:1]]))  # one of sixteen is a copy
    criterion = criterion.model_copy(update={"least": least})
    assert kept(context, criterion)["b1.c1"] == left


def test_it_ends_with_the_share_of_the_round(network: EarlyExitNetwork) -> None:
    context, criterion = of(network, 107 / 112, b1=rows(8).repeat(2, 1), b3=rows(32).repeat(2, 1))
    left = kept(context, criterion)
    assert sum(left.values()) == 107
    assert left["b2.c1"] == 32


def test_the_layer_that_is_redundant_and_dear_is_first(network: EarlyExitNetwork) -> None:
    context, criterion = of(network, 111 / 112, b1=rows(8).repeat(2, 1), b3=rows(32).repeat(2, 1))
    assert kept(context, criterion) == {"b1.c1": 15, "b2.c1": 32, "b3.c1": 64}  # 16 x 18,432 MACs and 64 x 3,456


def test_what_it_sees_are_gradients_batch_by_batch(network: EarlyExitNetwork) -> None:
    draw = torch.Generator().manual_seed(5)
    data = [(torch.randn(6, 1, 8, 8, generator=draw), torch.randint(0, 4, (6,), generator=draw)) for _ in range(3)]
    context = replace(a_context(network, granularity="filter", criterion="effective_filters"), batches=data)
    criterion, weight = EffectiveFilters(), network.base.blocks[1].c1.weight
    scores = criterion.score(context)
    network.eval()
    parts = []
    for images, labels in data:
        network.zero_grad()
        exit_loss(network(images), labels).backward()  # type: ignore[no-untyped-call]
        parts.append(weight.grad.clone())
    matrix = torch.cat([part.flatten(1) for part in parts], dim=1).double()
    torch.testing.assert_close(criterion._products["b2.c1"], matrix @ matrix.T)
    torch.testing.assert_close(scores["b2.c1"], (weight * sum(parts) / 3).detach().flatten(1).sum(1).abs())
    singular = torch.linalg.svdvals(matrix).square()
    rank = int((singular.cumsum(0) < 0.99 * singular.sum()).sum()) + 1
    assert effective_rank(criterion._products["b2.c1"], 0.99) == rank
    masks = criterion.choose(context, scores)
    assert num_kept(masks) < num_kept(context.masks)
