"""A piece's operations compute what its code computes, however that is written; what cannot be followed is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.networks.operations import CannotFollow
from exitprune.networks.tracing import trace

X = torch.randn(2, 4, 9, 7, generator=torch.Generator().manual_seed(0))


class Piece(nn.Module):
    """Whatever is done to a map."""

    def __init__(self, does: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        return self.does(x)


FOLLOWED: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda x: F.relu(x) + torch.relu(x) + x.relu(),
    "max": lambda x: F.max_pool2d(x, 3, 2, padding=1),
    "max, said otherwise": lambda x: F.max_pool2d(x, kernel_size=(3, 2), ceil_mode=True),
    "average": lambda x: F.avg_pool2d(x, 2, stride=1, padding=1, count_include_pad=False),
    "grid": lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
    "mean": lambda x: x.mean((2, 3)),
    "mean, said otherwise": lambda x: torch.mean(x, dim=[-1, -2]),
    "mean, kept": lambda x: x.mean((-2, -1), keepdim=True),
    "side by side": lambda x: torch.cat([x, F.relu(x)], 1),
    "side by side, said otherwise": lambda x: torch.cat((x, x), dim=1),
    "flat": lambda x: x.flatten(1),
    "flat, said otherwise": lambda x: torch.flatten(x, start_dim=1),
    "sum": lambda x: torch.add(x, x).add(x),
}


@pytest.mark.parametrize("does", FOLLOWED.values(), ids=list(FOLLOWED))
def test_operations_compute_what_the_code_does(does: Callable[[Tensor], Tensor]) -> None:
    assert torch.equal(trace(Piece(does), "a piece")(X), does(X))


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(4, 6, 3, 2, 1, groups=2),
        nn.Sequential(
            nn.Conv2d(4, 4, 3, dilation=2), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(), nn.Identity()
        ),
        nn.Sequential(
            nn.MaxPool2d(2), nn.AvgPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        ),
    ],
    ids=["convolution", "norm", "pools"],
)
def test_modules_are_followed_like_functions(module: nn.Module) -> None:
    module.eval()
    assert torch.equal(trace(module, "a piece")(X), module(X))


REFUSED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "unknown": (lambda x: torch.erf(x), "erf"),
    "number": (lambda x: x + 1, "add"),
    "batch": (lambda x: torch.cat([x, x], 0), "concatenation along 0"),
    "all": (lambda x: x.mean(), "mean over None"),
    "flat": (lambda x: x.flatten(), "does not keep images apart"),
    "scaled": (lambda x: torch.add(x, x, alpha=0.5), "a sum with alpha=0.5"),
    "in place": (lambda x: F.relu(x, inplace=True) + x, "relu in place, of a value that is used again"),
    "in place by method": (lambda x: x.add_(x.mean((2, 3), keepdim=True)) + x, "add in place"),
    "decides": (lambda x: x if x.sum() > 0 else F.relu(x), "cannot be followed step by step"),
}


@pytest.mark.parametrize(("does", "found"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_followed_is_refused_by_name(does: Callable[[Tensor], Tensor], found: str) -> None:
    with pytest.raises(CannotFollow, match=f"block 3 .*{found}"):
        trace(Piece(does), "block 3")


def test_a_module_that_changes_what_is_added_later_is_refused() -> None:
    class Skips(nn.Module):
        def __init__(self, inplace: bool) -> None:
            super().__init__()
            self.relu, self.conv = nn.ReLU(inplace), nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            mapped: Tensor = self.conv(self.relu(x))
            return mapped + x

    kept = Skips(inplace=False)
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(trace(kept, "block 3")(x), kept(x))
    with pytest.raises(CannotFollow, match="relu in place, of a value that is used again"):
        trace(Skips(inplace=True), "block 3")


def test_padding_by_other_than_zeros_is_refused() -> None:
    with pytest.raises(CannotFollow, match="padding is reflect"):
        trace(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")), "block 3")


def test_operations_that_nobody_needs_are_left_out() -> None:
    def wasteful(x: Tensor) -> Tensor:
        F.max_pool2d(x, 2)
        return F.relu(x)

    assert [operation.kind for operation in trace(Piece(wasteful), "a piece").without_unused().operations] == ["relu"]
