"""What a study promises before anything is measured: images exactly, seconds about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from exitprune.config.params import Params
from exitprune.config.study import resolve
from exitprune.jobs.disk import Amount
from exitprune.jobs.estimate import Sizes, sizes_of, work_of

ROOT = Path(__file__).parents[2]
RECIPES = {
    "joint": None,
    "sequential": None,
    "presses": {"order": "joint", "granularity": "filter", "criterion": {"name": "greg1", "epochs": 7}},
    "watches": {"order": "joint", "start": {"name": "epoch", "number": 3}},
    "other_heads": {"order": "joint", "heads": {"epochs": 9}},
    "rewinds": {"order": "joint", "rewind": 4},
}
DIGITS, CIFAR = Amount(1797, 0, 10, (1, 8, 8)), Amount(60_000, 10_000, 10, (3, 32, 32))


def study(name: str, **values: object) -> Params:
    given = yaml.safe_load((ROOT / "params.yaml").read_text())
    return resolve({**given, "study": name, **values}, ROOT / "presets")


def test_sizes_of_a_source_not_prepared_yet_are_those_it_is_known_by(tmp_path: Path) -> None:
    assert sizes_of(study("digits"), tmp_path / "data.json", DIGITS) == Sizes(1_006, 252, 539, 8)
    assert sizes_of(study("paper"), tmp_path / "data.json", CIFAR) == Sizes(45_000, 5_000, 10_000, 32)
    assert sizes_of(study("smoke"), tmp_path / "data.json", DIGITS).train == 240  # 300 less a fifth: it has a limit


@pytest.mark.parametrize(
    "text", ["", "[]", '{"counts": 3}', '{"counts": {"train": {"a": 1}}, "height": 1, "width": 1}']
)
def test_a_damaged_count_of_prepared_data_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.json").write_text(text)
    assert sizes_of(study("digits"), tmp_path / "data.json", DIGITS) == Sizes(1_006, 252, 539, 8)


def test_sizes_of_prepared_data_are_those_counted(tmp_path: Path) -> None:
    counts = {"train": {"a": 3, "b": 4}, "validation": {"a": 1}, "test": {"b": 5}}
    (tmp_path / "data.json").write_text(json.dumps({"counts": counts, "height": 12, "width": 27}))
    assert sizes_of(study("digits"), tmp_path / "data.json", DIGITS) == Sizes(7, 1, 5, 18)


@pytest.mark.parametrize(
    ("rule", "wildcards", "images"),
    [
        ("base", {"seed": "0"}, 12_000),
        ("rival", {"seed": "0", "depth": "8"}, 12_000),
        ("rival_prune", {"seed": "0", "depth": "8", "recipe": "joint"}, 20_000),
        ("heads", {"seed": "0"}, 5_000),
        ("prune", {"recipe": "joint"}, 20_000),
        ("grid_prune", {"recipe": "joint"}, 20_000),
        ("prune", {"recipe": "sequential"}, 40_000),
        ("prune", {"recipe": "presses"}, 20_000 + 20 * 7_000),
        ("prune", {"recipe": "watches"}, 20_000 + 12_000 + 5_000),
        ("heads_of_recipe", {"recipe": "other_heads"}, 9_000),
        ("grid_heads_of_recipe", {"recipe": "other_heads"}, 9_000),
        ("snapshot", {"epoch": "6"}, 6_000),
        ("snapshot", {"recipe": "rewinds"}, 4_000),
        ("recover", {"recipe": "joint"}, 2_000),
        ("evaluate", {"recipe": "joint"}, 3 * 800 + 19 * 300),
        ("tables", {}, 0),
        ("a_rule_of_one_s_own", {}, 0),
    ],
)
def test_images_are_epochs_times_training_images(rule: str, wildcards: dict[str, str], images: int) -> None:
    work = work_of(rule, wildcards, study("digits", recipes=RECIPES), Sizes(1_000, 300, 500, 8))
    assert work.images == images
    assert work.seconds > 0


@pytest.mark.parametrize(
    ("rule", "recipe", "measured"),
    [("base", "", 25), ("prune", "joint", 30), ("prune", "sequential", 42), ("evaluate", "joint", 8.4)],
)
def test_seconds_are_within_a_factor_of_two_of_a_run_of_the_digits(rule: str, recipe: str, measured: float) -> None:
    """Benchmarks of one run of `make reproduce` on two cores of a Xeon with AMX, jobs that had a core to themselves."""
    seconds = work_of(rule, {"recipe": recipe}, study("digits"), Sizes(1_006, 252, 539, 8)).seconds
    assert measured / 2 < seconds < 2 * measured
