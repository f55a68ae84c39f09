"""The loss against a sum over exits written out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from exitprune.training.losses import exit_loss


@pytest.mark.parametrize("num_exits", [1, 2, 7])
def test_the_loss_and_its_gradient_are_those_of_the_sum_over_exits(num_exits: int) -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(num_exits, 6, 4, generator=draw, requires_grad=True)
    labels = torch.randint(0, 4, (6,), generator=draw)
    loss = exit_loss(logits, labels)
    expected = torch.stack([F.cross_entropy(one, labels) for one in logits]).sum()
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(loss, logits)
    (expected_gradient,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(gradient, expected_gradient)


def test_the_loss_is_float32_for_logits_in_bfloat16() -> None:
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.tensor([0, 1, 2])
    assert exit_loss(logits, labels).dtype == torch.float32
    assert torch.equal(exit_loss(logits, labels), exit_loss(logits.float(), labels))
