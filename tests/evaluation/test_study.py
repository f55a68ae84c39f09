"""Tables of a whole made-up study, all of them from records."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exitprune.errors import BadInput
from exitprune.evaluation.exiting import sweep_outcomes
from exitprune.evaluation.paper import compare
from exitprune.evaluation.record_reading import read_record
from exitprune.evaluation.records import SPLITS, Outcomes
from exitprune.evaluation.study import Study, of_every_seed, study_of
from exitprune.evaluation.summary import summary
from exitprune.evaluation.tables.exit_rates import THRESHOLDS
from exitprune.variants import names_of
from tests.synthetic import EVALUATE, PRUNING, write_data, write_run, write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    return study_of([read_record(path) for path in write_study(folder, seeds=(0, 1, 2), rounds=2)[1]], EVALUATE)


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One seed of one recipe."""
    folder = tmp_path_factory.mktemp("lone")
    return study_of([read_record(path) for path in write_study(folder, (4,), ("joint",), 1)[1]], EVALUATE)


def by_loop(outcomes: Outcomes, threshold: float) -> tuple[list[int], int, int]:
    """Images leaving at each exit, right answers and MACs in all, one image after the other."""
    num_exits, num_images = outcomes.confidence.shape
    leaving, right, macs = [0] * num_exits, 0, 0
    for image in range(num_images):
        exit_ = next((e for e in range(num_exits - 1) if outcomes.confidence[e, image] > threshold), num_exits - 1)
        leaving[exit_] += 1
        right += int(outcomes.correct[exit_, image])
        macs += int(outcomes.macs[exit_, 0])
    return leaving, right, macs


def test_recipes_of_other_seeds_are_not_compared(study: Study) -> None:
    with pytest.raises(BadInput, match=r"sequential has the seeds \[0, 1\], joint \[0, 1, 2\]"):
        study_of([one for one in study.records if (one.about.recipe, one.about.seed) != ("sequential", 2)], EVALUATE)


def test_every_table_is_made_and_none_is_empty_but_the_papers(study: Study) -> None:
    for name in set(names_of("tables")) - {"paper_tradeoff", "neighbours"}:  # of CIFAR-10 alone
        assert len(study.table(name)), name


def test_exits_have_a_row_per_level_split_and_exit_with_block_and_cost(study: Study) -> None:
    exits = study.table("exits")
    swept, between = 3, {"joint": 1, "sequential": 3}
    assert len(exits) == 7 * 3 * sum(swept * 3 + between[recipe] for recipe in between)
    row = exits.query(
        "recipe == 'sequential' and seed == 1 and state == 'final' and split == 'test' and exit == 0"
    ).iloc[0]
    level = next(
        lv
        for about, lv, _ in study.levels()
        if (about["recipe"], about["seed"], lv.state) == ("sequential", 1, "final")
    )
    assert (row["block"], row["accuracy"], row["macs"]) == (4, level.accuracy["test"][0], level.macs[0])


def test_layers_are_those_of_the_last_round_alone(study: Study) -> None:
    layers = study.table("layers")
    assert layers.groupby("recipe")["level"].unique().map(list).to_dict() == {"joint": [2], "sequential": [4]}
    assert layers["position"].max() == 64
    differences = study.table("layers_difference")
    joint, sequential = (study.table("layers_mean").query("recipe == @recipe") for recipe in ("joint", "sequential"))
    expected = joint["sparsity"].to_numpy() - sequential["sparsity"].to_numpy()
    assert differences["difference"].to_numpy() == pytest.approx(expected)


def test_accuracy_over_the_rounds_is_of_the_same_images_at_every_level_and_stands_beside_the_sparsity(
    study: Study,
) -> None:
    mean = study.table("exits_mean").query("recipe == 'joint' and split == 'sample' and exit == 0")
    assert mean["name"].tolist() == ["level-00", "level-01", "level-02", "recovered"]
    assert mean["sparsity"].is_monotonic_increasing
    assert study.table("exits").query("split == 'sample'")["num_images"].unique().tolist() == [EVALUATE.between]
    assert "intermediate" not in set(study.table("exits_mean").query("split == 'test'")["state"])


def test_exit_rates_are_those_of_a_loop_over_images(lone: Study) -> None:
    rates = (
        lone.table("exit_rates").query("state == 'final'").pivot(index="threshold", columns="exit", values="exit_rate")
    )
    outcomes = next(one for one in lone.swept if one.state == "final").outcomes["test"]
    for place in (0, 3, 21, 60, 120):
        leaving, _, _ = by_loop(outcomes, float(THRESHOLDS[place]))
        assert rates.iloc[place].tolist() == [number / 90 for number in leaving]


def test_thresholds_are_chosen_on_validation_and_reported_on_test(lone: Study) -> None:
    points = lone.table("operating_points")
    for one in lone.swept:
        swept = sweep_outcomes(one.outcomes["validation"])
        rows = points[points["state"] == one.state].set_index("choice")
        allowed = swept.accuracy >= swept.accuracy[0] - EVALUATE.margin - 1e-9
        assert rows.loc["cheapest", "validation_macs"] == pytest.approx(swept.average_macs[allowed].min())
        assert rows.loc["best", "validation_accuracy"] == pytest.approx(swept.accuracy.max())
        half = swept.average_macs <= swept.average_macs[0] / 2
        assert rows.loc["half", "validation_accuracy"] == pytest.approx(swept.accuracy[half].max())
        for row in rows.to_dict("records"):
            for split in SPLITS:
                leaving, right, macs = by_loop(one.outcomes[split], row["threshold"])
                assert row[f"{split}_accuracy"] == pytest.approx(right / sum(leaving))
                assert row[f"{split}_macs"] == pytest.approx(macs / sum(leaving))


def test_measures_are_of_test_images_and_leave_the_classifier_out_of_the_early_exits(lone: Study) -> None:
    values = lone.table("measures").query("state == 'recovered'").set_index("measure")["value"]
    level = next(level for _, level, _ in lone.levels() if level.state == "recovered")
    assert values["last_exit_accuracy"] == level.accuracy["test"][-1]
    assert values["early_exits_accuracy"] == pytest.approx(np.mean(level.accuracy["test"][:-1]))
    assert values["last_exit_macs"] == level.macs[-1]
    points = lone.table("operating_points").query("state == 'recovered' and choice == 'best'")
    assert values["best_accuracy"] == points["test_accuracy"].iloc[0]


def test_levels_on_the_way_are_not_swept(study: Study) -> None:
    for name in ("tradeoff", "operating_points", "operating_rates", "measures", "exit_rates"):
        assert set(study.table(name)["state"]) == {"unpruned", "final", "recovered"}, name


def test_heads_that_come_later_have_nothing_to_be_held_against(tmp_path: Path) -> None:
    labels = write_data(tmp_path / "data.safetensors")
    later = {**PRUNING["heads"], "when": "after"}
    runs = [write_run(tmp_path, 0, "sequential", labels, 1, heads=later), write_run(tmp_path, 0, "joint", labels, 1)]
    table = study_of([read_record(path) for path in runs], EVALUATE).table("change_by_pruning")
    missing = table[table["accuracy_unpruned"].isna()]
    assert set(missing["recipe"]) == {"sequential"}
    assert set(missing["exit"]) == set(range(6))
    assert missing["change"].isna().all()
    assert missing["accuracy"].notna().all()


def test_seeds_are_listed_with_where_they_come_from(study: Study) -> None:
    seeds = study.table("seeds")
    assert list(zip(seeds["seed"], seeds["recipe"], strict=True)) == [
        (s, r) for s in range(3) for r in ("joint", "sequential")
    ]
    first = seeds.iloc[0]
    assert (first["processor"], first["date"], first["threads"], first["precision"]) == (
        "an abacus",
        "2026-11-25",
        1,
        "float32",
    )
    assert first[["seconds_base", "seconds_prune", "seconds_evaluate"]].tolist() == [12, 33.4, 2]


def test_bands_say_what_they_are(study: Study, lone: Study) -> None:
    assert set(study.table("tradeoff")["band"]) == {"95 % t interval of 3 seeds"}
    assert set(lone.table("tradeoff")["band"]) == {"one seed"}
    assert lone.table("tradeoff")[["low", "high"]].isna().all(axis=None)


def test_the_summary_has_finite_numbers_alone_and_no_name_of_a_parameter(study: Study) -> None:
    found = summary(study)
    assert found["joint"]["final"]["final_sparsity_all"] == pytest.approx((15 * 0.8 + 0.7) / 16)
    flat = pd.json_normalize(found)
    assert all(math.isfinite(value) for value in flat.iloc[0])
    assert not {"sparsity", "rounds", "seeds"} & {name.rsplit(".", 1)[-1] for name in flat.columns}


def test_one_seed_of_both_recipes_gives_no_verdict(tmp_path: Path) -> None:
    records = [read_record(path) for path in write_study(tmp_path, seeds=(0,), rounds=1)[1]]
    assert set(study_of(records, EVALUATE).table("claims")["verdict"]) == {"one seed: no verdict"}


def test_a_study_of_one_recipe_says_what_is_not_tested(lone: Study) -> None:
    assert set(lone.table("claims")["verdict"]) == {"not tested"}
    assert lone.table("layers_difference").empty
    assert "joint_minus_sequential" not in summary(lone)


def test_records_of_other_images_make_no_study_together(tmp_path: Path) -> None:
    paths = write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)[1]
    other = tmp_path / "other"
    labels = write_data(other / "data.safetensors", sha256="1" * 64)
    paths.append(write_run(other, 1, "joint", labels, rounds=1))
    with pytest.raises(BadInput, match="the record 1-joint is of other images than 0-joint"):
        study_of([read_record(path) for path in paths], EVALUATE)


def test_the_same_record_twice_makes_no_study(tmp_path: Path) -> None:
    path = write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)[1][0]
    with pytest.raises(BadInput, match="2 records of 0-joint"):
        study_of([read_record(path)] * 2, EVALUATE)


def test_another_network_than_the_papers_has_an_empty_comparison(tmp_path: Path) -> None:
    labels = write_data(tmp_path / "data.safetensors")
    path = write_run(tmp_path, 0, "joint", labels, 1, granularity="filter")
    study = study_of([read_record(path)], EVALUATE)
    assert study.table("paper_comparison").empty
    assert study.table("paper_summary").empty
    assert "paper" in study.table("paper_comparison").columns


def test_a_classifier_that_the_second_phase_leaves_alone_changes_by_nothing(study: Study) -> None:
    """Before and after are told of the same images: those on the way were evaluated on a sample of validation alone."""
    change = study.table("paper_comparison").query("quantity == 'change by pruning'")
    assert change.query("recipe == 'sequential' and position == 6")["ours"].tolist() == [0]
    assert (change.query("recipe == 'sequential' and position < 6")["ours"] < 0).all()


def test_paper_and_ours_stand_side_by_side_for_every_layer_and_exit() -> None:
    layers = pd.DataFrame({"quantity": "layer sparsity", "position": range(1, 65), "name": "any"})
    exits = pd.DataFrame({"quantity": "exit accuracy", "position": range(7), "name": [f"exit {e}" for e in range(7)]})
    ours = pd.concat([layers, exits]).assign(ours=0.5)
    table = compare(pd.concat([ours.assign(recipe="joint"), ours.assign(recipe="a third")]), comparable=False)
    assert table["quantity"].value_counts().to_dict() == {"layer sparsity": 64, "exit accuracy": 7}
    assert set(table["recipe"]) == {"joint"}
    assert not table["comparable"].any()
    first_exit = table.query("name == 'exit 0'").iloc[0]
    assert (first_exit["paper"], first_exit["ours"]) == (0.607, 0.5)
    assert first_exit["difference"] == pytest.approx(-0.107)


def test_what_some_seeds_have_not_is_left_out() -> None:
    table = pd.DataFrame({"recipe": ["a", "a", "b"], "seed": [0, 1, 0], "macs": [1.0, 2.0, 3.0]})
    assert of_every_seed(table, ["recipe"])["macs"].tolist() == [1.0, 2.0]
