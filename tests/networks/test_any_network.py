"""Any network: images leave where the logits of all exits say, for the same answer, and it trains, prunes and is saved."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import exitprune
from exitprune.config.choice import make
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.jobs.seeding import seeded
from exitprune.library.early_exits import EarlyExits
from exitprune.networks.architectures import weight_of
from exitprune.networks.masks import apply_masks_, weights
from tests.networks.any_network import CASES, CLASSES, QUICK, TIMM, Case, as_if_trained, noise

HAS_TIMM = importlib.util.find_spec("timm") is not None
SLOW = [pytest.param(case, id=name, marks=pytest.mark.slow) for name, case in CASES.items() if name not in QUICK]
SLOW += [
    pytest.param(
        case,
        id=f"timm-{name}",
        marks=[pytest.mark.slow, pytest.mark.skipif(not HAS_TIMM, reason="timm is not installed")],
    )
    for name, case in TIMM.items()
]
WITH_FILTERS = [*QUICK, "mobilenet_v3_small", "efficientnet_b0", "densenet121", "regnet_y_400mf"]
"""`python -m benchmarks.whole_filters` tries the others."""
every = pytest.mark.parametrize("case", [*(pytest.param(CASES[name], id=name) for name in QUICK), *SLOW])


def wrapped(case: Case) -> EarlyExits:
    with seeded("test", 0):
        net = exitprune.wrap(as_if_trained(case.make()), case.after, noise(2))
    net.eval()
    with torch.no_grad():  # heads that answer differently, with some confidence
        logits = net(noise(32, 1))
        for number, head in enumerate(net.network.heads.values()):
            scale = 1.5 / logits[number].std(0)
            head.fc.weight.mul_(scale[:, None])
            head.fc.bias.sub_(logits[number].mean(0)).mul_(scale)
    return net


def in_wide_gaps(confidence: Tensor) -> list[float]:
    """Thresholds between confidences, of which none is within rounding of them."""
    halves = [half for half in confidence.double().flatten().sort().values.tensor_split(2) if len(half) > 1]
    return [float(half[(widest := int(half.diff().argmax())) : widest + 2].mean()) for half in halves]


def labels(num: int) -> Tensor:
    return torch.arange(num) % CLASSES


@every
def test_images_leave_where_the_logits_of_all_exits_say(case: Case) -> None:
    net = wrapped(case)
    for num in (1, 7, 64):
        images = noise(num, num)
        with torch.no_grad():
            whole = net(images)
        assert whole.shape == (len(case.after) + 1, num, CLASSES)
        confidence = confidence_of(whole)
        for threshold in (-1.0, *in_wide_gaps(confidence[:-1]), 1.0):
            exits = first_confident_exit(confidence, threshold)
            logits, taken = net(images, threshold=threshold)
            assert torch.equal(taken, exits)
            torch.testing.assert_close(logits, whole[exits, torch.arange(num)], rtol=1e-5, atol=1e-5)


@every
def test_what_leaves_is_not_computed_and_costs_are_half_of_torchs_flops(case: Case) -> None:
    net = wrapped(case)
    net.eval()
    image = noise(1)
    exits = net.exits
    assert [exit_.name for exit_ in exits[:-1]] == list(case.after)
    assert exits[-1].params == sum(parameter.numel() for parameter in net.network.parameters())
    assert [one.macs for one in exits] == sorted(one.macs for one in exits)
    with sdpa_kernel(SDPBackend.MATH):
        for threshold, last in ((-1.0, 0), (1.0, -1)):
            with FlopCounterMode(display=False) as counter:
                net(image, threshold=threshold)
            assert counter.get_total_flops() == 2 * exits[last].macs == 2 * exits[last].macs_dense


@every
@pytest.mark.parametrize("order", ["joint", "sequential"])
def test_it_is_pruned_in_both_orders_and_no_masked_weight_comes_back(case: Case, order: str, tmp_path: Path) -> None:
    net = wrapped(case)
    images = noise(8, 5)
    before = {name: weight.clone() for name, weight in weights(net.network).items()}
    net.prune(images, labels(8), order=order, sparsity=0.5, rounds=1, finetune={"batch_size": 4, "lr": 1e-3})
    assert abs(net.sparsity - 0.5) < 0.01
    after = weights(net.network)
    assert list(after) == list(net.masks)
    assert not any(weight[~net.masks[name]].any() for name, weight in after.items())
    assert any(
        not torch.equal(weight[net.masks[name]], before[name][net.masks[name]]) for name, weight in after.items()
    )
    assert net.exits[-1].macs < net.exits[-1].macs_dense
    net.eval()
    net.save(tmp_path / "net.safetensors")
    again = exitprune.load(tmp_path / "net.safetensors", case.make())
    assert all(torch.equal(mask, net.masks[name]) for name, mask in again.masks.items())
    with torch.no_grad():
        assert torch.equal(again.eval()(images), net(images))
    twin = copy.deepcopy(net)
    twin.load_state_dict(net.state_dict())


@pytest.mark.parametrize(
    "case",
    [pytest.param(CASES[name], id=name, marks=[] if name in QUICK else pytest.mark.slow) for name in WITH_FILTERS],
)
def test_filters_that_go_are_taken_out_and_the_smaller_network_computes_the_same(case: Case) -> None:
    net = wrapped(case)
    network = net.network.double()
    filters = make("granularities", "filter", {})
    units, draw = filters.unit_masks(network, net.masks), torch.Generator().manual_seed(0)
    chosen = {name: torch.rand(unit.shape, generator=draw) >= 0.6 for name, unit in units.items()}
    net.masks = filters.weight_masks(network, net.masks, chosen)
    apply_masks_(network, net.masks)
    smaller, images = net.smaller(), noise(3, 9).double()
    with torch.no_grad():
        torch.testing.assert_close(smaller(images), net(images), rtol=1e-9, atol=1e-9)
    assert [head.fc.weight.shape for head in smaller.network.heads.values()] == [
        head.fc.weight.shape for head in network.heads.values()
    ]
    layers = smaller.network.named_layers()
    kept = {name: max(1, int(unit.sum())) for name, unit in chosen.items()}
    assert {name: len(weight_of(layers[name])) for name in kept} == kept  # type: ignore[arg-type]
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        smaller.eval()(noise(1).double(), threshold=1.0)
    assert counter.get_total_flops() == 2 * smaller.exits[-1].macs_dense < 2 * net.exits[-1].macs_dense
    assert smaller.exits[-1].macs == net.exits[-1].macs
