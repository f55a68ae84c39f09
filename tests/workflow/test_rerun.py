"""What a change reruns, and what it does not: asked of Snakemake itself, in a repository where everything has run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from .repository import Repository

AFTER_PRUNE = {"prune", "recover", "evaluate", "tables", "figure", "report"}


def edit(file: Path) -> None:
    """Change a source file's content without changing what it does."""
    file.write_text(file.read_text() + "\n# edited\n")


def test_nothing_runs_twice(finished: Repository) -> None:
    assert finished.would_run() == set()


def test_new_times_comments_and_code_that_is_not_used_rerun_nothing(finished: Repository) -> None:
    edit(finished.path / "README.md")
    assert "didn't change, skipping" in finished.run("dvc", "repro")
    for path in [*finished.path.glob("src/**/*.py"), *finished.path.glob("runs/**/*.*")]:
        os.utime(path)
    edit(finished.path / "src/exitprune/training/loop.py")
    edit(finished.path / "src/exitprune/pruning/criteria/random.py")
    assert finished.would_run() == set()


def test_what_pruning_depends_on_trains_nothing_before_it_again(finished: Repository) -> None:
    finished.set_params(sparsity=0.9, finetune={"lr": 0.02})
    assert finished.would_run() == AFTER_PRUNE
    section = finished.path / "src/exitprune/config/prune.py"
    field = "    finetune: Training"
    section.write_text(section.read_text().replace(field, f"    patience: int = 3\n{field}"))
    criterion = finished.path / "src/exitprune/pruning/criteria/magnitude.py"
    text = criterion.read_text().replace('    """|w|."""', '    """|w| ** power."""\n\n    power: float = 1.0')
    criterion.write_text(text)
    finished.set_params(criterion={"name": "magnitude", "power": 2.0})
    assert finished.would_run() == AFTER_PRUNE


def test_a_comment_in_code_that_trains_trains_nothing_again_when_a_setting_changes(finished: Repository) -> None:
    edit(finished.path / "src/exitprune/training/loop.py")
    finished.set_params(sparsity=0.9)
    assert finished.would_run() == AFTER_PRUNE


def test_the_code_of_a_figure_redraws_that_figure_alone(finished: Repository) -> None:
    edit(finished.path / "src/exitprune/reporting/figures/tradeoff.py")
    assert finished.would_run() == {"figure", "report"}
    assert finished.snakemake("--dry-run").count("Draw the figure") == 1


def test_the_pooling_of_exits_keeps_the_base(finished: Repository) -> None:
    finished.set_params(model={"pool": 2})
    assert finished.would_run() == AFTER_PRUNE | {"heads"}


def test_the_recovery_keeps_the_levels(finished: Repository) -> None:
    finished.set_params(recovery={"epochs": 2})
    assert finished.would_run() == AFTER_PRUNE - {"prune"}


def test_the_augmentation_does_not_prepare_the_images_again(finished: Repository) -> None:
    finished.set_params(data={"augment": {"pad": 0}})
    assert finished.would_run() == AFTER_PRUNE | {"base", "heads"}


def test_the_margin_of_claims_redoes_tables_alone(finished: Repository) -> None:
    finished.set_params(evaluate={"margin": 0.02})
    assert finished.would_run() == {"tables", "figure", "report"}


def test_a_recipe_more_computes_that_recipe_alone(finished: Repository) -> None:
    finished.set_params(recipes={"joint": {}, "sequential": {}, "rough": {"order": "joint", "sparsity": 0.9}})
    plan = finished.snakemake("--dry-run")
    assert finished.would_run() == AFTER_PRUNE
    assert plan.count("Prune, recipe rough") == 1
    assert "Prune, recipe joint" not in plan


def test_the_code_of_one_order_prunes_that_order_alone(finished: Repository) -> None:
    with (finished.path / "src/exitprune/pruning/orders/joint.py").open("a") as file:
        file.write("\nEDITED = True\n")
    listing = finished.snakemake("--dry-run")
    assert "Prune, recipe joint" in listing
    assert "Prune, recipe sequential" not in listing


def test_results_without_snakemakes_records_are_refused(finished: Repository) -> None:
    finished.run("rm", "-r", ".snakemake")
    assert "move runs/smoke away and run again" in finished.snakemake("--dry-run", fails=True)
    finished.run("mv", "runs/smoke", "runs/before")
    assert finished.would_run() == set()


@pytest.mark.slow
def test_without_recovery_the_last_level_stays_as_it_is(finished: Repository) -> None:
    finished.set_params(recovery={"epochs": 0})
    finished.snakemake()
    chain = finished.path / "runs/smoke/seed0/joint"
    last, recovered = (load_file(chain / f"{name}.safetensors") for name in ("level-02", "recovered"))
    assert last.keys() == recovered.keys()
    assert all(torch.equal(last[name], recovered[name]) for name in last)


@pytest.mark.slow
def test_filters_are_pruned_and_both_fair_readings_judged(finished: Repository) -> None:
    half = {"order": {"name": "sequential", "budget": "half"}}
    finished.set_params(granularity="filter", recipes={"joint": {}, "sequential": {}, "sequential_half": half})
    finished.snakemake()
    page = (finished.path / "results/smoke/report.html").read_text()
    assert "against sequential_half, after the last round" in page.lower()
    assert "granularity: filter" in page


@pytest.mark.slow
def test_the_grid_starts_from_the_studys_base_and_changes_nothing_of_the_study(fresh: Repository) -> None:
    fresh.set_params(
        study="digits",
        data={"limit": 100},
        base={"epochs": 1},
        heads={"epochs": 1},
        rounds=1,
        grid={"seeds": [7], "vary": {"model.pool": [1, "none"], "finetune.lr": [0.01]}},
    )
    fresh.snakemake("runs/digits/seed7/base.safetensors")
    assert fresh.would_run("grid") == {"grid_heads", "grid_prune", "grid"}
    fresh.snakemake("grid")
    table = pd.read_csv(fresh.path / "results/digits/grid.csv")
    assert table.groupby(["model.pool", "recipe"]).size().tolist() == [1, 1, 1, 1]
    assert not (table["mean_accuracy"] == table["exit0"]).all()
    fresh.set_params(grid={"vary": {"model.pool": [1], "finetune.lr": [0.01]}})
    assert fresh.would_run("grid") == {"grid"}
    fresh.set_params(grid={"vary": {"base.epochs": [0.5], "model.pool": [1], "finetune.lr": [0.01]}})
    assert fresh.would_run("grid") == {"grid_base", "grid_heads", "grid_prune", "grid"}
    assert fresh.would_run() >= {"base", "heads", "prune"}


@pytest.mark.slow
def test_a_point_of_the_grid_that_cannot_be_is_one_sentence(fresh: Repository) -> None:
    fresh.set_params(grid={"vary": {"rounds": [0]}})
    assert "grid: rounds-0: params.yaml or presets/smoke.yaml: rounds: " in fresh.snakemake("grid", fails=True)


@pytest.mark.slow
def test_weights_that_a_point_of_the_grid_begins_with_are_watched(fresh: Repository) -> None:
    fresh.set_params(grid={"vary": {"model.weights": ["nowhere.pt"]}})
    said = fresh.snakemake("--dry-run", "grid", fails=True)
    assert "Missing input files for rule grid_base" in said
    assert "nowhere.pt" in said


@pytest.mark.slow
def test_a_recipe_that_sets_what_the_grid_varies_is_tried_at_its_own_value_alone(fresh: Repository) -> None:
    fixed = {"order": "joint", "finetune": {"lr": 0.02}}
    fresh.set_params(recipes={"joint": None, "fixed": fixed}, grid={"vary": {"finetune.lr": [0.01, 0.02]}})
    assert re.search(r"^grid_prune +3$", fresh.snakemake("--dry-run", "grid"), re.MULTILINE)
    fresh.set_params(recipes={"joint": fixed}, grid={"vary": {"finetune.lr": [0.01]}})
    assert "grid.vary: every recipe sets one of finetune.lr itself" in fresh.snakemake("grid", fails=True)


@pytest.mark.slow
def test_another_study_leaves_the_first_alone(finished: Repository) -> None:
    (finished.path / "presets/other.yaml").write_text((finished.path / "presets/smoke.yaml").read_text())
    before = {path: path.read_bytes() for path in finished.path.glob("*/smoke/**/*.*") if path.is_file()}
    finished.run("git", "add", "presets")
    finished.run("dvc", "exp", "run", "--set-param", "study=other", "--set-param", "rounds=1")
    assert {path: path.read_bytes() for path in before} == before
    assert (finished.path / "results/other/report.html").exists()
    finished.set_params(study="smoke", rounds=2)
    assert finished.would_run() == set()
    finished.commit()
    finished.run("rm", "-r", "runs")
    finished.run("dvc", "checkout")
    assert finished.would_run() == set()  # Snakemake brings in what DVC has checked out
    assert {path: path.read_bytes() for path in before} == before
