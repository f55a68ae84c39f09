"""The loss that criteria take gradients of: that of the exits that the round trains."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.snip import Snip
from tests.pruning.contexts import a_context
from tests.small_study import Study


@pytest.mark.parametrize(
    ("trains", "names", "counts"),
    [("all", ["b1.c1", "exit0"], [0, 1, 2]), ("base", ["b1.c1"], [2]), ("exits", ["exit0"], [0, 1])],
)
def test_the_gradient_is_of_the_exits_that_the_round_trains(
    trains: Group, names: list[str], counts: list[int], network: EarlyExitNetwork
) -> None:
    draw = torch.Generator().manual_seed(3)
    x, y = torch.randn(6, 1, 8, 8, generator=draw), torch.randint(0, 4, (6,), generator=draw)
    told = a_context(network, names, [(x, y)], trains=trains).gradients()
    logits = network.eval()(x)
    layers = [network.named_layers()[name].get_parameter("weight") for name in names]
    expected = torch.autograd.grad(torch.stack([F.cross_entropy(logits[exit_], y) for exit_ in counts]).sum(), layers)
    for name, gradient in zip(names, expected, strict=True):
        torch.testing.assert_close(told[name], gradient)


def test_a_round_tells_what_it_trains(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Group] = []
    score = Snip.score

    def noting(self: Snip, context: Context) -> dict[str, torch.Tensor]:
        seen.append(context.trains)
        return score(self, context)

    monkeypatch.setattr(Snip, "score", noting)
    for order in ("joint", "sequential", {"name": "sequential", "train": "all"}):
        study.run_recipe("some", order=order, criterion="snip")
    assert seen == ["all", "all", "base", "base", "exits", "exits", "all", "all", "all", "all"]
