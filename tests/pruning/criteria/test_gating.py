"""Methods that learn by gates: what the penalties are, and that the network without gates is the gated one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks, num_kept, weights
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria._gating import Gating, looking_at, straight_through
from exitprune.pruning.criteria.polarization import Polarization, arrivals, disagreement
from exitprune.pruning.criteria.pruner import Pruner
from exitprune.pruning.rounds import apply_
from exitprune.training.loop import train_
from tests.as_if_trained import enliven_
from tests.pruning.contexts import a_context
from tests.small_study import NO_TRAINING, Study, killed_and_run_again

STILL = Augment(pad=0, flip=False)


def context_of(network: EarlyExitNetwork, images: Images, granularity: str, share: float = 0.5) -> Context:
    parts = zip(torch.split(images.pixels, 20), torch.split(images.labels, 20), strict=True)
    batches = [(images.normalise(part), label) for part, label in parts]
    return a_context(network, batches=batches, granularity=granularity, kept_share=share)


def test_r_pol_is_zero_exactly_where_all_images_agree() -> None:
    assert disagreement([torch.tensor([0.0, 1.0]), torch.tensor([1.0])]) == 0
    assert disagreement([torch.tensor([0.0, 1.0]), torch.tensor([0.9])]) == pytest.approx(0.09 / 3)
    assert disagreement([torch.tensor([0.5])]) == 0.25


def test_a_gate_is_hard_forwards_and_has_the_slope_of_the_sigmoid_backwards() -> None:
    u = torch.tensor([-3.0, 0.0, 2.0], requires_grad=True)
    b = straight_through(u)
    assert b.tolist() == [0, 1, 1]
    b.sum().backward()  # type: ignore[no-untyped-call]
    s = u.detach().sigmoid()
    assert u.grad is not None
    torch.testing.assert_close(u.grad, s * (1 - s))


def test_r_act_is_the_distance_of_the_macs_left_from_the_share(network: EarlyExitNetwork, images: Images) -> None:
    criterion = Polarization(agreement=0, confidence=1)
    criterion.start(context_of(network, images, "filter", 0.25))
    macs = {"b1.c1": 2 * 16 * 9 * 64, "b2.c1": (16 + 32) * 9 * 16, "b3.c1": (32 + 64) * 9 * 4}
    assert criterion._costs == macs
    criterion._said = {"b1.c1": torch.ones(2, 16), "b2.c1": torch.zeros(2, 32), "b3.c1": torch.ones(2, 64)}
    criterion._said["b3.c1"][0] = 0
    cost = {name: macs[name] * size for name, size in (("b1.c1", 16), ("b2.c1", 32), ("b3.c1", 64))}
    share = (cost["b1.c1"] + 0.5 * cost["b3.c1"]) / sum(cost.values())
    assert float(criterion.penalty(network, 1.0)) == pytest.approx(abs(share - 0.25))


def test_layers_cost_as_much_as_images_get_there(network: EarlyExitNetwork, images: Images) -> None:
    everywhere, context = Polarization(confidence=1), context_of(network, images, "filter")
    everywhere.start(context)
    with looking_at(network):
        limit = float(network(images.normalise(images.pixels)).softmax(-1).amax(-1)[:2].median())
    leaving = Polarization(confidence=limit)
    leaving.start(context)
    share = {name: leaving._costs[name] / everywhere._costs[name] for name in everywhere._costs}
    assert list(share.values()) == pytest.approx(arrivals(context, limit))
    assert 1 == share["b1.c1"] > share["b2.c1"] > share["b3.c1"]


def test_what_agreement_is_worth_grows_from_nothing(network: EarlyExitNetwork, images: Images) -> None:
    criterion = Polarization(activity=0, agreement=3)
    criterion.start(context_of(network, images, "filter"))
    criterion._said = {"b1.c1": torch.tensor([[0.0, 1.0], [1.0, 1.0]])}
    criterion._costs, criterion._there = {"b1.c1": 1}, {"b1.c1": torch.ones(2)}
    assert [float(criterion.penalty(network, progress)) for progress in (0.0, 0.5, 1.0)] == [0, 3 / 16, 3 / 8]


def test_an_image_gets_no_further_than_the_first_exit_that_is_sure(network: EarlyExitNetwork, images: Images) -> None:
    context = context_of(network, images, "filter")
    network.eval()
    with torch.no_grad():
        sure = network(images.normalise(images.pixels)).softmax(-1).amax(-1)
    limit = float(sure[:2].median())
    expected = [1.0, float((sure[0] <= limit).float().mean()), float((sure[:2] <= limit).all(0).float().mean())]
    assert arrivals(context, limit) == pytest.approx(expected)
    assert arrivals(context, 1.0) == [1, 1, 1]


def closed_for_all(criterion: Polarization, share: float) -> None:
    """Give each unit a gate that says the same of every image."""
    draw = torch.Generator().manual_seed(3)
    for gate in criterion._gates.values():
        last: Any = gate[2]
        torch.nn.init.zeros_(last.weight)
        last.bias.data = torch.where(torch.rand(last.bias.shape, generator=draw) < share, -5.0, 5.0)


@pytest.mark.parametrize("granularity", ["filter", "block"])
def test_without_gates_the_pruned_network_answers_as_the_gated_one(
    network: EarlyExitNetwork, images: Images, granularity: str
) -> None:
    enliven_(network)
    context, criterion = context_of(network, images, granularity), Polarization()
    criterion.start(context)
    closed_for_all(criterion, 0.5)
    pixels = images.normalise(images.pixels)
    with looking_at(network), criterion.during(network):
        gated = network(pixels)
    masks = criterion.choose(context, criterion.score(context))
    assert 0 < num_kept(masks) < num_kept(context.masks)
    apply_(network, context.masks, masks, dict)
    context.granularity.neutralise_(network, masks)
    with looking_at(network):
        torch.testing.assert_close(network(pixels), gated, rtol=1e-5, atol=1e-5)


def test_closed_gates_say_what_goes_and_nothing_else_does(network: EarlyExitNetwork, images: Images) -> None:
    context, criterion = context_of(network, images, "filter", share=0.9), Polarization()
    criterion.start(context)
    closed_for_all(criterion, 0.4)
    kept = criterion.choose(context, criterion.score(context))
    for name, gate in criterion._gates.items():
        last: Any = gate[2]
        assert torch.equal(kept[name].flatten(1).any(1), last.bias > 0)


def trained(
    criterion: Gating, network: EarlyExitNetwork, images: Images, brief: Training, share: float = 0.5
) -> Context:
    context = context_of(network, images, "filter", share)
    criterion.start(context)
    train_(network, images, "all", criterion.first(brief), STILL, 0, full_masks(network), callbacks=[criterion])
    return context


def test_polarised_gates_agree_more_than_those_that_are_not(build: Callable[[], EarlyExitNetwork], images: Images,
                                                            brief: Training) -> None:  # fmt: skip
    def mixed(agreement: float) -> float:
        network, criterion = build(), Polarization(agreement=agreement, epochs=10, lr=0.2)
        scores = criterion.score(trained(criterion, network, images, brief))
        return float(disagreement([score + 0.5 for score in scores.values()]))

    free = mixed(0.0)
    assert mixed(20.0) < 0.5 * free  # over seeds and processors 0.00 to 0.01 against 0.04 to 0.08


def test_a_pruner_that_opens_everything_leaves_the_network_as_it_was_bit_for_bit(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    enliven_(network)
    criterion = Pruner()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pixels = images.normalise(images.pixels)
    network.eval()
    answers = network(pixels)
    context = context_of(network, images, "filter", 1.0)
    criterion.start(context)
    with criterion.during(network):
        assert torch.equal(network(pixels), answers)
        assert all((code == 1).all() for code in criterion._codes.values())
    train_(network, images, "all", brief, STILL, 0, full_masks(network), callbacks=[criterion])
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(network.eval()(pixels), answers)


def test_the_pressure_on_the_pruner_grows_as_long_as_too_much_is_open(
    network: EarlyExitNetwork, images: Images
) -> None:
    criterion = Pruner(growth=0.5)
    criterion.start(context_of(network, images, "filter", share=0.5))
    sizes = {"b1.c1": 16, "b2.c1": 32, "b3.c1": 64}
    criterion._outputs = {name: torch.zeros(size) for name, size in sizes.items()}
    criterion._codes = {name: torch.ones(size) for name, size in sizes.items()}
    assert [float(criterion.penalty(network, 1.0)) for _ in range(3)] == pytest.approx([0.25, 0.5, 0.75])
    criterion._codes["b3.c1"][8:] = 0
    assert float(criterion.penalty(network, 1.0)) == 0
    assert criterion._strength == 1.5


def test_only_the_pruner_learns_and_what_it_closes_goes(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    criterion, before = Pruner(growth=0.1, epochs=20), weights(network)["b2.c1"].detach().clone()
    context = trained(criterion, network, images, brief)
    assert torch.equal(weights(network)["b2.c1"], before)
    remembered = {name: value.clone() for name, value in criterion.state_dict().items()}
    scores = criterion.score(context)
    assert all(torch.equal(value, remembered[name]) for name, value in criterion.state_dict().items())
    kept = criterion.choose(context, scores)
    assert any((score < 0).any() for score in scores.values())
    assert all(torch.equal(kept[name].flatten(1).any(1), score >= 0) for name, score in scores.items())


@pytest.mark.parametrize("name", ["polarization", "pruner"])
def test_killed_while_gates_are_in_it_ends_with_the_same_bytes(
    study: Study, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    chosen: dict[str, Any] = {"order": "joint", "rounds": 1, "granularity": "filter", "sparsity": 0.5}
    chosen |= {"criterion": {"name": name, "epochs": 3, "lr": 0.2}, "finetune": NO_TRAINING}
    assert killed_and_run_again(study, monkeypatch, after=2, **chosen) == [1, 2, 3]
