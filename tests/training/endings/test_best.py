"""Best and patience, on accuracies that are made up, and in a chain."""

from __future__ import annotations

import pytest
import torch

from exitprune.config.choice import make
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.networks.masks import weights
from exitprune.training.endings import Ending, best
from exitprune.training.endings.best import accuracy_of
from tests.small_study import Study, equal


def told(
    made: Ending, network: EarlyExitNetwork, monkeypatch: pytest.MonkeyPatch, images: Images, accuracies: list[float]
) -> tuple[int, float]:
    """After how many epochs it stops, and the mark of the network that stays; epochs are marked 1, 2, ..."""
    made.begin("all", images)
    epochs = len(accuracies)
    for epoch, accuracy in enumerate(accuracies, 1):
        monkeypatch.setattr(best, "accuracy_of", lambda *_, told=accuracy: told)
        network.base.fc.bias.data.fill_(epoch)
        if made.after_epoch(network, epoch):
            epochs = epoch
            break
    made.finish_(network)
    return epochs, float(network.base.fc.bias.detach()[0])


@pytest.mark.parametrize(
    ("name", "settings", "accuracies", "expected"),
    [
        ("last", {}, [0.3, 0.9, 0.2], (3, 3)),
        ("best", {}, [0.3, 0.9, 0.2, 0.9], (4, 2)),
        ("patience", {"epochs": 2}, [0.3, 0.9, 0.2, 0.8, 0.95], (4, 2)),
        ("patience", {"epochs": 2}, [0.3, 0.2, 0.4, 0.4, 0.5, 0.1], (6, 5)),
        ("patience", {"epochs": 1}, [0.3, 0.3], (2, 1)),
    ],
)
def test_the_first_of_the_best_stays_and_patience_ends(
    name: str,
    settings: dict[str, int],
    accuracies: list[float],
    expected: tuple[int, float],
    network: EarlyExitNetwork,
    images: Images,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert told(make("endings", name, settings), network, monkeypatch, images, accuracies) == expected


def test_accuracy_is_the_mean_of_the_exits_that_the_group_has(network: EarlyExitNetwork, images: Images) -> None:
    network.eval()
    with torch.no_grad():
        right = [
            float((logits.argmax(-1) == images.labels).float().mean())
            for logits in network(images.normalise(images.pixels))
        ]
    assert accuracy_of(network, images, "all") == pytest.approx(sum(right) / 3)
    assert accuracy_of(network, images, "base") == pytest.approx(right[2])
    assert accuracy_of(network, images, "exits") == pytest.approx(sum(right[:2]) / 2)


@pytest.mark.parametrize("group", ["base", "exits"])
def test_what_is_best_is_told_by_the_group_that_learns(
    group: Group, network: EarlyExitNetwork, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Group] = []

    def noted(network: EarlyExitNetwork, images: Images, group: Group) -> float:
        asked.append(group)
        return 0.5

    monkeypatch.setattr(best, "accuracy_of", noted)
    made: Ending = make("endings", "best", {})
    made.begin(group, images)
    made.after_epoch(network, 1)
    assert asked == [group]


def test_each_round_of_a_chain_has_its_own_and_pruned_weights_stay_away(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = study.run_recipe("plain", order="joint")
    kept = study.run_recipe("kept", order="joint", ending="best")
    assert all(torch.equal(plain[0].masks[name], kept[0].masks[name]) for name in plain[0].masks)
    for level in kept:
        assert not any(weight[~level.masks[name]].any() for name, weight in weights(level.network).items())
    looked = list[Group]()

    def as_good_as_ever(network: EarlyExitNetwork, images: Images, group: Group) -> float:
        looked.append(group)
        return 0.5

    monkeypatch.setattr(best, "accuracy_of", as_good_as_ever)
    brief, long = ({**study.params["finetune"], "lr_scheduler": "constant", "epochs": epochs} for epochs in (2, 6))
    first = study.run_recipe("first", order="joint", finetune=brief, ending="best")
    looked.clear()
    short = study.run_recipe("short", order="joint", finetune=long, ending={"name": "patience", "epochs": 1})
    assert len(looked) == 2 * len(short), "the second epoch of a round is no better, and its last"
    assert all(equal(one.network, two.network) for one, two in zip(first, short, strict=True))
