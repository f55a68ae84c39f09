"""Taylor, and gradients as every criterion gets them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.criteria.taylor import Taylor
from exitprune.training.losses import exit_loss
from tests.pruning.contexts import a_context

Batches = list[tuple[Tensor, Tensor]]


def some_batches() -> Batches:
    draw = torch.Generator().manual_seed(5)
    return [(torch.randn(6, 1, 8, 8, generator=draw), torch.randint(0, 4, (6,), generator=draw)) for _ in range(3)]


def of_each_batch(network: EarlyExitNetwork, name: str, data: Batches) -> list[Tensor]:
    """The gradients of a layer's weight, by backward passes."""
    gradients = []
    for x, y in data:
        network.zero_grad()
        exit_loss(network(x), y).backward()  # type: ignore[no-untyped-call]
        gradient = network.named_layers()[name].get_parameter("weight").grad
        assert gradient is not None
        gradients.append(gradient.clone())
    network.zero_grad()
    return gradients


def test_the_score_is_the_mean_of_the_squares_of_weight_times_gradient_of_each_batch(network: EarlyExitNetwork) -> None:
    data, names = some_batches(), ["b1.c2", "exit1"]
    scores = Taylor().score(a_context(network, names, data))
    assert list(scores) == names
    network.eval()
    for name in names:
        weight = network.named_layers()[name].get_parameter("weight").detach()
        squares = [(weight * gradient).square() for gradient in of_each_batch(network, name, data)]
        torch.testing.assert_close(scores[name], sum(squares) / 3)


def test_the_gradient_is_the_mean_over_the_batches(network: EarlyExitNetwork) -> None:
    data = some_batches()
    told = a_context(network, ["b1.c2"], data).gradients()["b1.c2"]
    network.eval()
    torch.testing.assert_close(told, sum(of_each_batch(network, "b1.c2", data)) / 3)


def test_dropout_is_the_same_each_time(network: EarlyExitNetwork) -> None:
    network.base.fc.register_forward_pre_hook(lambda module, given: F.dropout(given[0], 0.5, module.training))
    data = some_batches()
    before = torch.random.get_rng_state()
    first, again = (a_context(network, ["fc"], [data[0], data[0]]).gradients_by_batch(training=True) for _ in range(2))
    told, retold = list(first), list(again)
    assert all(torch.equal(one["fc"], other["fc"]) for one, other in zip(told, retold, strict=True))
    assert not torch.equal(told[0]["fc"], told[1]["fc"])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_gradients_in_training_mode_leave_the_statistics_alone(network: EarlyExitNetwork) -> None:
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    context = a_context(network, ["b1.c2"], some_batches())
    assert not torch.equal(context.gradients(training=True)["b1.c2"], context.gradients()["b1.c2"])
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())


def test_the_root_of_the_score_predicts_how_the_loss_moves(network: EarlyExitNetwork) -> None:
    network.double().eval()
    x, y = some_batches()[0]
    x = x.double()

    @torch.no_grad()
    def loss() -> float:
        return sum(float(F.cross_entropy(logits, y)) for logits in network(x))

    score = Taylor().score(a_context(network, ["fc"], [(x, y)]))["fc"]
    largest = int(score.argmax())
    before, step = loss(), 1e-4
    network.base.fc.weight.data.view(-1)[largest] *= 1 - step
    moved = abs(loss() - before) / step
    assert moved == pytest.approx(float(score.max().sqrt()), rel=1e-3)


def test_a_frozen_weight_is_scored_too_and_stays_frozen(network: EarlyExitNetwork) -> None:
    network.base.requires_grad_(False)
    assert (Taylor().score(a_context(network, ["stem"], some_batches()))["stem"] > 0).any()
    assert not any(parameter.requires_grad for parameter in network.base.parameters())


def test_without_batches_it_refuses_to_score(network: EarlyExitNetwork) -> None:
    with pytest.raises(ValueError, match="no batches"):
        Taylor().score(a_context(network, ["b1.c2"]))
