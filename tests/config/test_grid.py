from __future__ import annotations

from exitprune.config.grid import Grid, at


def test_every_combination_is_a_point_with_a_name_for_its_folder() -> None:
    grid = Grid(seeds=[7], vary={"finetune.lr": [0.01, 0.1], "model.pool": [4, "none"]})
    assert list(grid.points) == [
        "finetune.lr-0.01_model.pool-4",
        "finetune.lr-0.01_model.pool-none",
        "finetune.lr-0.1_model.pool-4",
        "finetune.lr-0.1_model.pool-none",
    ]
    assert grid.points["finetune.lr-0.1_model.pool-none"] == {"finetune.lr": 0.1, "model.pool": "none"}


def test_a_point_sets_its_values_and_touches_nothing_else() -> None:
    values = {"finetune": {"lr": 1, "epochs": 2}, "scope": None, "rounds": 3}
    assert at(values, {"finetune.lr": 5, "scope": "layer", "heads.lr": 6}) == {
        "finetune": {"lr": 5, "epochs": 2},
        "scope": "layer",
        "rounds": 3,
        "heads": {"lr": 6},
    }
    assert values["finetune"] == {"lr": 1, "epochs": 2}


def test_a_setting_of_a_variant_that_is_a_word_keeps_the_word() -> None:
    changed = at({"criterion": "greg2", "finetune": None}, {"criterion.ceiling": 1, "finetune.lr": 0.1})
    assert changed == {"criterion": {"name": "greg2", "ceiling": 1}, "finetune": {"lr": 0.1}}
