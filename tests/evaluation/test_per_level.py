"""What a record keeps of one level, against loops over images that anyone can check."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from exitprune.evaluation.calibration import fit_temperatures
from exitprune.evaluation.per_level import (
    SAMPLE,
    emptied_counts,
    layer_entries,
    level_entry,
    outcomes_by_split,
    sample,
    splits_of,
    states,
    with_sample,
)
from exitprune.evaluation.records import Level

MACS = [100, 300, 900]
COSTS = dict.fromkeys(("validation", "test", SAMPLE), torch.tensor(MACS)[:, None])
HEADER: dict[str, Any] = {
    "name": "level-02",
    "level": 2,
    "prune": "all",
    "sparsity": {"all": 0.5, "base": 0.4, "exits": 0.9},
    "layers": [
        {"name": "stem", "exit": 0, "positions": 4, "weights": 8, "kept": 2},
        {"name": "exit0", "exit": 0, "positions": 1, "weights": 4, "kept": 4},
    ],
    "exits": [
        {"exit": exit_, "macs": macs, "macs_dense": 2 * macs, "params": 1, "params_dense": 2}
        for exit_, macs in enumerate(MACS)
    ],
    "weights_sha256": "k",
    "branches": [["b1.c1", "b1.c2"], ["b2.c1", "b2.c2"]],
    "dead_channels": [
        {"name": name, "filters": 4, "empty_filters": empty, "channels": 3, "empty_channels": 1}
        for name, empty in (("b1.c1", 1), ("b1.c2", 4), ("b2.c1", 0), ("b2.c2", 2))
    ],
    "macs_after_removal": 600,
}


def images(seed: int, num: int = 40) -> tuple[Tensor, Tensor]:
    """Logits of three exits that get better, and labels."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (num,), generator=draw)
    strength = torch.tensor([0.5, 1.5, 3.0])[:, None, None]
    logits = torch.randn(3, num, 4, generator=draw) + strength * torch.nn.functional.one_hot(labels, 4)
    return logits, labels


def both_splits() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Logits and labels of validation, test and the sample."""
    validation, test = images(0), images(1)
    sampled = sample(40, 10)
    return (
        with_sample({"validation": validation[0], "test": test[0]}, sampled),
        with_sample({"validation": validation[1], "test": test[1]}, sampled),
    )


def test_every_exit_has_its_accuracy_on_every_split_and_its_cost() -> None:
    logits, labels = both_splits()
    level = Level(**level_entry(HEADER, "final", logits, labels, COSTS))
    assert level.num_images == {"validation": 40, "test": 40, SAMPLE: 10}
    assert (level.macs, level.macs_dense) == (MACS, [200, 600, 1800])
    for split, given in logits.items():
        for exit_ in range(3):
            right = sum(int(row.argmax()) == int(label) for row, label in zip(given[exit_], labels[split], strict=True))
            assert level.accuracy[split][exit_] == pytest.approx(right / len(labels[split]), abs=1e-12)


def test_a_level_on_the_way_is_told_by_its_sample_alone() -> None:
    logits, labels = both_splits()
    level = Level(**level_entry(HEADER, "intermediate", {SAMPLE: logits[SAMPLE]}, labels, COSTS))
    assert level.num_images == {SAMPLE: 10}
    assert [(found.split, found.scaling) for found in level.calibration] == [(SAMPLE, "none")]
    assert splits_of("intermediate") == (SAMPLE,)


def test_swept_levels_are_calibrated_on_test_as_they_are_and_with_temperatures_of_validation() -> None:
    logits, labels = both_splits()
    found = level_entry(HEADER, "recovered", logits, labels, COSTS)["calibration"]
    assert [(row["split"], row["scaling"]) for row in found] == [
        ("test", "none"),
        ("test", "temperature"),
        (SAMPLE, "none"),
    ]
    assert found[0]["temperature"] == [1.0] * 3
    fitted = {split: fit_temperatures(logits[split], labels[split]) for split in ("validation", "test")}
    assert found[1]["temperature"] == fitted["validation"] != fitted["test"]


@pytest.mark.parametrize(("between", "num"), [(10, 10), (1000, 40), (1, 1), (0.25, 10), (1.0, 40), (0.001, 1)])
def test_the_sample_is_as_many_images_as_asked_for_or_all_there_are(between: float, num: int) -> None:
    chosen = sample(40, between)
    assert len(chosen) == len(set(chosen.tolist())) == num
    assert chosen.tolist() == sorted(chosen.tolist())


def test_the_sample_is_a_part_of_validation_the_same_in_every_call() -> None:
    logits, labels = both_splits()
    chosen = sample(40, 10)
    assert torch.equal(logits[SAMPLE], logits["validation"][:, chosen])
    assert torch.equal(labels[SAMPLE], labels["validation"][chosen])
    assert torch.equal(chosen, sample(40, 10))


def test_costs_by_image_are_averaged_over_the_test_images() -> None:
    logits, labels = both_splits()
    dear = {split: COSTS[split] * torch.arange(1, given.shape[1] + 1) for split, given in logits.items()}
    entry = level_entry(HEADER, "final", logits, labels, dear)
    assert entry["macs"] == [macs * 20.5 for macs in MACS]
    assert outcomes_by_split(logits, labels, dear)["test"].macs.shape == (3, 40)


def test_layers_keep_their_order_and_say_which_group_they_are_of() -> None:
    found = [(row["layer"], row["group"], row["weights"], row["kept"]) for row in layer_entries(HEADER)]
    assert found == [("stem", "base", 8, 2), ("exit0", "exits", 4, 4)]


def test_the_last_level_is_the_recovered_one_and_the_one_before_it_final() -> None:
    assert states(5) == ["unpruned", "intermediate", "intermediate", "final", "recovered"]
    assert states(3) == ["unpruned", "final", "recovered"]


def test_a_branch_is_empty_if_one_of_its_convolutions_is() -> None:
    counts = emptied_counts(HEADER["dead_channels"], HEADER["branches"])
    assert counts == {
        "filters": 16,
        "empty_filters": 7,
        "channels": 12,
        "empty_channels": 4,
        "branches": 2,
        "empty_branches": 1,
    }
