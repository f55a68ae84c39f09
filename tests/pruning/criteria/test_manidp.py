"""ManiDP: the share that is let through, the similarity by hand, and the cost of each image against a loop over images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from exitprune.deployment.folding import fold
from exitprune.deployment.runtime import answer, segments
from exitprune.errors import BadInput
from exitprune.evaluation.record_reading import read_record
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.cost import exit_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.image_gates import image_costs
from exitprune.networks.masks import Masks, full_masks
from exitprune.pruning.criteria.manidp import Manidp, let_through, num_through, unlikeness
from tests.as_if_trained import enliven_, noise
from tests.pruning.contexts import a_context, pruning
from tests.small_study import NO_TRAINING, Study, dies_after, level_files


def test_the_share_let_through_falls_from_all_to_what_is_asked() -> None:
    shares = [let_through(0.6, epoch, 4) for epoch in range(-1, 4)]
    half = 0.2 * math.sqrt(0.5)
    assert shares == pytest.approx([1.0, 0.8 + half, 0.8, 0.8 - half, 0.6])


def test_the_similarity_of_four_images_by_hand() -> None:
    pi = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [1.0, 0.0]])
    f = torch.tensor([[1.0, 0.0], [5.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    r = math.sqrt(0.5)
    of_pi = [[1, 0, r, 1], [0, 1, r, 0], [r, r, 1, r], [1, 0, r, 1]]
    of_f = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    by_hand = sum((of_pi[i][j] - of_f[i][j]) ** 2 for i in range(4) for j in range(4)) / 16
    assert float(unlikeness(pi, f)) == pytest.approx(by_hand)
    assert float(unlikeness(f * 7, f)) == pytest.approx(0, abs=1e-6)


def gated_network(network: EarlyExitNetwork, share: float = 0.5) -> EarlyExitNetwork:
    """With gates that are closed about as often."""
    network.add_gates_()
    enliven_(network)
    draw = torch.Generator().manual_seed(4)
    for gate in network.gates.by_layer.values():
        gate.fc1.weight.data = torch.randn(gate.fc1.weight.shape, generator=draw)
        gate.fc2.weight.data = torch.randn(gate.fc2.weight.shape, generator=draw) / 3
        gate.threshold.fill_(share)
    return network.eval()


def some_masks(network: EarlyExitNetwork) -> Masks:
    draw = torch.Generator().manual_seed(6)
    return {name: torch.rand(mask.shape, generator=draw) < 0.7 for name, mask in full_masks(network).items()}


@torch.no_grad()
def test_each_images_cost_is_that_of_the_network_without_the_filters_it_does_not_need(
    network: EarlyExitNetwork,
) -> None:
    gated_network(network)
    masks, images = some_masks(network), noise(network, 6)
    costs = image_costs(network, masks, images)
    assert costs.shape == (3, 6)
    asked = {name: gate.macs for name, gate in network.gates.by_layer.items()}
    blocks = {f"b{number}": [n for n in asked if n.startswith(f"b{number}.")] for number in (1, 2, 3)}
    assert all(len(names) == 2 for names in blocks.values())
    for number in range(6):
        network(images[number : number + 1])
        own = dict(masks)
        for name, gate in network.gates.by_layer.items():
            is_open = gate.through(network.gates.said[name])[0] > 0
            assert 0 < int(is_open.sum()) < len(is_open)
            own[name] = own[name] & is_open.reshape(-1, 1, 1, 1)
            if name.endswith("c1"):
                reader = name.replace("c1", "c2")
                own[reader] = own[reader] & is_open.reshape(1, -1, 1, 1)
        expected = [cost.macs for cost in exit_costs(network, own)]
        gates = [sum(asked[name] for block in range(1, last + 1) for name in blocks[f"b{block}"]) for last in (1, 2, 3)]
        assert costs[:, number].tolist() == [macs + extra for macs, extra in zip(expected, gates, strict=True)]
    assert len(set(costs[2].tolist())) > 1


def test_gates_are_parameters_of_the_exits_behind_them(network: EarlyExitNetwork) -> None:
    before = [cost.params for cost in exit_costs(network, full_masks(network))]
    gated_network(network)
    asked = {name: sum(p.numel() for p in gate.parameters()) for name, gate in network.gates.by_layer.items()}
    more = [sum(num for name, num in asked.items() if int(name[1]) <= last) for last in (1, 2, 3)]
    after = [cost.params for cost in exit_costs(network, full_masks(network))]
    assert after == [one + two for one, two in zip(before, more, strict=True)]


@torch.no_grad()
def test_a_filter_that_an_image_does_not_need_has_no_say_in_its_answer(network: EarlyExitNetwork) -> None:
    gated_network(network)
    images = noise(network, 4)
    before = network(images)
    closed = ~(network.gates.by_layer["b2.c1"].through(network.gates.said["b2.c1"]) > 0)
    for_some = closed.any(dim=0) & ~closed.all(dim=0)
    filter_ = int(for_some.nonzero()[0])
    number = int(closed[:, filter_].nonzero()[0])
    network.base.blocks[1].c1.weight[filter_] += 1
    after = network(images)
    assert torch.equal(after[:, number], before[:, number])
    assert not torch.equal(after, before)


def test_gates_are_saved_with_the_network_and_are_not_folded(network: EarlyExitNetwork, tmp_path: Path) -> None:
    assert "gated" not in network.spec.as_dict()
    gated_network(network)
    path, images = tmp_path / "level.safetensors", noise(network, 4)
    save_checkpoint(path, network, full_masks(network), {})
    again = load_checkpoint(path).network.eval()
    assert torch.equal(again(images), network(images))
    with pytest.raises(BadInput, match="look at each image"):
        fold(network)
    with pytest.raises(BadInput, match="look at each image"):
        segments(network)


@torch.no_grad()
def test_gates_look_at_images_that_may_leave_early_too(network: EarlyExitNetwork) -> None:
    gated_network(network)
    images = noise(network, 9)
    logits = network(images)
    threshold = float(logits.softmax(-1).amax(-1)[0].median())
    found = answer(network, images, threshold)
    assert len(set(found.exit.tolist())) > 1
    torch.testing.assert_close(found.logits, logits[found.exit, torch.arange(9)])


@pytest.mark.parametrize(("share", "num", "through"), [(0.6, 40, 24), (0.1, 10, 1), (0.6, 16, 10), (0.4, 64, 26)])
def test_a_share_of_channels_is_rounded_up_and_no_further(share: float, num: int, through: int) -> None:
    assert num_through(share, num) == through


def test_thresholds_let_the_share_through_and_hard_images_are_pressed_less(network: EarlyExitNetwork) -> None:
    context, criterion = a_context(network, granularity="filter", kept_share=0.6), Manidp(epochs=2, similar=0)
    criterion.start(context)
    draw = torch.Generator().manual_seed(0)
    said = {name: torch.rand(4, len(gate.fc2.bias), generator=draw) for name, gate in network.gates.by_layer.items()}

    def step(logits: Tensor) -> float:
        network.gates.said = {name: pi.clone() for name, pi in said.items()}
        network.gates.seen = {name: pi.clone() for name, pi in said.items()}
        criterion.after_forward(network, logits, torch.zeros(4, dtype=torch.int64))
        return float(criterion.penalty(network, 1.0))

    logits = torch.zeros(3, 4, 2)
    assert step(logits) == 0  # nothing is known of an epoch before
    criterion.after_epoch(network, 1)
    for name, gate in network.gates.by_layer.items():
        averages = said[name].mean(0)
        assert int((averages >= gate.threshold).sum()) == math.ceil(0.6 * len(averages))
    level = 0.5 * math.log(2)
    assert criterion._level == pytest.approx(level)
    logits[0, 1] = torch.tensor([3.0, 0.0])
    easy = 1 - math.log(1 + math.exp(-3)) / level
    expected = sum(easy * float(pi[1].mean()) / 4 for pi in said.values())
    assert step(logits) == pytest.approx(5e-3 * expected)
    last = {name: gate.threshold.clone() for name, gate in network.gates.by_layer.items()}
    said = {name: pi / 2 for name, pi in said.items()}
    step(logits)
    criterion.after_epoch(network, 2)
    assert all(torch.equal(gate.threshold, last[name]) for name, gate in network.gates.by_layer.items())


def test_it_wants_a_trained_network_and_filters() -> None:
    with pytest.raises(ValueError, match="manidp is for networks that are trained only, and start: initial says"):
        pruning(criterion="manidp", granularity="filter", start="initial")
    with pytest.raises(ValueError, match="manidp is for filters only, and granularity: weight"):
        pruning(criterion="manidp")


def test_from_training_to_the_record_with_the_cost_of_each_image_and_killed_in_between(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: dict[str, Any] = {"order": "joint", "rounds": 1, "granularity": "filter", "sparsity": 0.4}
    chosen |= {"criterion": {"name": "manidp", "epochs": 3}, "finetune": NO_TRAINING}
    level = study.run_recipe("dynamic", **chosen)[-1]
    whole = level_files(study)
    assert all(mask.all() for mask in level.masks.values())
    assert all(gate.threshold > 0 for gate in level.network.gates.by_layer.values())
    study.run_recover("dynamic", epochs=1)
    record = read_record(study.run_evaluate("dynamic", granularity="filter"))
    macs = record.outcomes["final"]["test"].macs
    assert macs.shape[1] > 1
    assert len(np.unique(macs[-1])) > 1
    assert record.about.levels[-2].macs == pytest.approx(macs.mean(1).tolist())
    assert record.about.levels[-2].macs[-1] < record.about.levels[-2].macs_dense[-1]
    for path in study.path.glob("dynamic/*.safetensors"):
        path.unlink()
    dies_after(2, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        study.run_recipe("dynamic", **chosen)
    study.run_recipe("dynamic", **chosen)
    assert level_files(study) == whole
