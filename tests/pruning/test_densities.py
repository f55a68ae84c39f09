"""Layer densities: the published ones, to their last digit, and totals that are exact."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.config.choice import make
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import Masks, full_masks, num_kept
from exitprune.pruning.densities import scale, shared_out
from exitprune.pruning.scopes.erk import Erk
from exitprune.shapes_only import shapes_only


def shapes_of(depth: int, exits: tuple[int, ...] = ()) -> dict[str, tuple[int, ...]]:
    """The kernels of a ResNet for CIFAR-10, by layer."""
    with shapes_only():
        network = EarlyExitNetwork(Spec("resnet", {"depth": depth}, 3, 32, 32, 10, exits, 4))
        return {name: tuple(mask.shape) for name, mask in full_masks(network).items()}


def erk(depth: int, kept_share: float) -> tuple[float, dict[str, float]]:
    """e, and the densities."""
    shapes = shapes_of(depth)
    sizes = {name: torch.Size(shape).numel() for name, shape in shapes.items()}
    wanted = {name: Erk().relative(shape) * sizes[name] for name, shape in shapes.items()}
    total = round(kept_share * sum(sizes.values()))
    return scale(wanted, sizes, total), {
        name: kept / sizes[name] for name, kept in shared_out(wanted, sizes, total).items()
    }


def test_the_largest_remainder_is_rounded_up() -> None:
    most = dict.fromkeys("abc", 9)
    assert shared_out({"a": 2.2, "b": 2.7, "c": 2.1}, most, 7) == {"a": 2, "b": 3, "c": 2}
    assert shared_out({"a": 2.6, "b": 2.7, "c": 2.7}, most, 8) == {"a": 2, "b": 3, "c": 3}


@pytest.mark.parametrize(("depth", "weights"), [(56, 851_504), (20, 270_896)])
def test_the_networks_have_as_many_kernel_weights_as_published(depth: int, weights: int) -> None:
    assert sum(torch.Size(shape).numel() for shape in shapes_of(depth).values()) == weights


@pytest.mark.parametrize(
    ("depth", "kept_share", "e", "dense", "densities"),
    [
        (56, 0.5, 105.3333, 23, {"b19.c1": 0.5829, "b27.c2": 0.3829}),
        (
            56,
            0.2,
            38.6882,
            {"stem", "b10.sc", "b19.sc", "fc"},
            {"b1.c1": 0.6381, "b10.c1": 0.4534, "b19.c1": 0.2141, "b27.c2": 0.1406},
        ),
        (
            56,
            0.1,
            18.9665,
            {"stem", "b10.sc", "fc"},
            {"b1.c1": 0.3128, "b10.c1": 0.2223, "b19.c1": 0.1050, "b27.c2": 0.0689},
        ),
        (
            56,
            0.05,
            9.3584,
            {"fc"},
            {"stem": 0.5416, "b1.c1": 0.1543, "b10.c1": 0.1097, "b19.c1": 0.0518, "b27.c2": 0.0340},
        ),
        (20, 0.2, 36.0023, None, {"b1.c1": 0.5938, "b4.c1": 0.4219, "b7.c1": 0.1992, "b9.c2": 0.1309}),
        (
            20,
            0.1,
            16.9860,
            None,
            {"stem": 0.9830, "b1.c1": 0.2802, "b4.c1": 0.1991, "b7.c1": 0.0940, "b9.c2": 0.0617},
        ),
    ],
)
def test_erk_gives_the_published_densities(
    depth: int, kept_share: float, e: float, dense: int | set[str] | None, densities: dict[str, float]
) -> None:
    found_e, found = erk(depth, kept_share)
    assert found_e == pytest.approx(e, abs=5e-4)  # a weight more or less of the total
    full = {name for name, density in found.items() if density == 1}
    assert dense in (None, full, len(full))
    shapes = shapes_of(depth)
    for name, density in densities.items():  # published to four digits, and half a weight is lost or won by rounding
        assert found[name] == pytest.approx(density, abs=0.6e-4 + 1 / torch.Size(shapes[name]).numel())


def masks_of(scope: str, kept_share: float, exits: tuple[int, ...] = (1, 2, 4)) -> tuple[Masks, Masks]:
    """What a scope leaves of ResNet-20 with exits, all weights being alike by chance."""
    draw = torch.Generator().manual_seed(0)
    scores: dict[str, Tensor] = {
        name: torch.rand(shape, generator=draw) for name, shape in shapes_of(20, exits).items()
    }
    full = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    num = num_kept(full) - round(kept_share * num_kept(full))
    return full, make("scopes", scope, {}).choose(scores, full, num)


@pytest.mark.parametrize("kept_share", [0.5, 0.2, 0.1])
@pytest.mark.parametrize("scope", ["er", "erk", "uniform_plus"])
def test_the_total_is_exact_and_base_and_exits_keep_the_same_share(scope: str, kept_share: float) -> None:
    full, kept = masks_of(scope, kept_share)
    assert num_kept(kept) == round(kept_share * num_kept(full))
    for group in ([n for n in full if n.startswith("exit")], [n for n in full if not n.startswith("exit")]):
        assert num_kept(kept, group) == pytest.approx(kept_share * num_kept(full, group), abs=1)


def test_er_does_not_look_at_kernels() -> None:
    full, kept = masks_of("er", 0.2)
    density = {name: num_kept(kept, [name]) / full[name].numel() for name in full}
    assert density["b7.c2"] == pytest.approx(density["b8.c1"], abs=1e-3)
    assert density["b4.c2"] / density["b7.c2"] == pytest.approx((2 / 32) / (2 / 64), rel=0.01)


def test_uniform_plus_keeps_the_first_convolution_and_a_fifth_of_the_classifier() -> None:
    full, kept = masks_of("uniform_plus", 0.1)
    assert kept["stem"].all()
    assert num_kept(kept, ["fc"]) == 0.2 * full["fc"].numel()
    others = {num_kept(kept, [name]) / full[name].numel() for name in full if name[0] == "b"}
    assert max(others) - min(others) < 0.01
    assert max(others) < 0.1


def test_uniform_plus_keeps_less_than_it_wants_to_where_nothing_else_is_left() -> None:
    full, kept = masks_of("uniform_plus", 0.001)
    assert num_kept(kept) == round(0.001 * num_kept(full))


@given(
    wanted=st.lists(st.floats(0.01, 100), min_size=1, max_size=8),
    most=st.lists(st.integers(0, 500), min_size=8, max_size=8),
    share=st.floats(0, 1),
)
def test_what_is_shared_out_is_all_there_is_and_no_layer_gets_more_than_it_can_hold(
    wanted: list[float], most: list[int], share: float
) -> None:
    names = [str(number) for number in range(len(wanted))]
    can = dict(zip(names, most, strict=False))
    total = round(share * sum(can.values()))
    counts = shared_out(dict(zip(names, wanted, strict=True)), can, total)
    assert sum(counts.values()) == total
    assert all(0 <= counts[name] <= can[name] for name in names)
