"""Methods side by side, from records that are made up: means and differences by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks import methods_page

from exitprune.errors import BadInput
from exitprune.evaluation.arrays import packed
from exitprune.evaluation.method_gaps import missing
from exitprune.evaluation.methods import MEASURES, ORDERS, differences, headline, means, runs, units_gone
from exitprune.evaluation.record_reading import read_record
from exitprune.evaluation.records import About, Record
from exitprune.reporting.method_costs import front
from exitprune.reporting.method_orders import WORDS, apart
from exitprune.reporting.method_tables import best, emptied, labels, unpruned
from exitprune.stages.compare_methods import main
from tests.browser import axe_script, chromium
from tests.page import Outline
from tests.synthetic import EVALUATE, write_study

NUM_IMAGES = 2000
"""So many that a gain of a hundredth is the same in each group of images, and nothing but seeds scatters."""
GAINS: dict[str, list[float]] = {
    "erk": [0.02, 0.03, 0.04],
    "snip": [-0.02, -0.03, -0.04],
    "force": [-0.02, 0.0, 0.03],
    "random": [0.0, 0.0, 0.0],
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three seeds of four methods in both orders; joint gains so much for the classifier."""
    folder = tmp_path_factory.mktemp("records")
    (made,) = write_study(folder, seeds=(0,), recipes=("joint",), rounds=1)[1]
    about, found = json.loads((made / "record.json").read_text()), []
    del about["sha256"]
    about["levels"][-1]["num_images"]["test"] = NUM_IMAGES
    for method, gains in GAINS.items():
        for seed, gain in enumerate(gains):
            level = (0.0, 0.05, -0.05)[seed]  # seeds lie further apart than orders
            for order, more in (("joint", level + gain), ("sequential", level)):
                about |= {"seed": seed, "recipe": f"{method}-{order}"}
                about["made_of"]["settings"] |= {"order": {"name": order, "budget": "half"}, "sparsity": 0.8}
                start = "initial" if method == "snip" else "trained"
                about["made_of"]["settings"] |= {"start": start, "criterion": "random", "schedule": "linear"}
                about["made_of"]["settings"] |= {"scope": "global", "ending": "last"}
                about["levels"][-1]["accuracy"]["test"] = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.8 + more]
                path = folder / "made-up" / "seeds" / f"{seed}-{method}-{order}"
                shutil.copytree(made, path)
                kept = np.load(made / "recovered.npz")
                of_hundred = np.round(100 * np.array(about["levels"][-1]["accuracy"]["test"]))
                right = np.arange(NUM_IMAGES) % 100 < of_hundred[:, None]
                arrays = {**kept, "test_correct": right, "test_confidence": np.ones(right.shape, np.float32)}
                content = packed(arrays)
                (path / "recovered.npz").write_bytes(content)
                about["outcomes"]["recovered"] = sha256(content).hexdigest()
                (path / "record.json").write_text(json.dumps(about))
                found.append(path)
    return found


@pytest.fixture(scope="module")
def whole(records: list[Path]) -> list[Record]:
    return [read_record(path) for path in records]


@pytest.fixture(scope="module")
def abouts(whole: list[Record]) -> list[About]:
    return [one.about for one in whole]


@pytest.fixture(scope="module")
def summed(records: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stage writes of all of them, and of one as if nothing had been pruned."""
    folder = tmp_path_factory.mktemp("summed")
    main(json.dumps({"evaluate": EVALUATE.model_dump()}), records, folder / "methods.json", dense=records[:1])
    return folder


def test_a_run_is_what_its_record_says_after_recovery(abouts: list[About]) -> None:
    table = runs(abouts)
    assert len(table) == 24
    row = table[(table["method"] == "erk") & (table["order"] == "joint")].iloc[2]
    assert (row["gone"], row["seed"]) == (0.8, 2)
    assert row["classifier"] == pytest.approx(0.79)
    assert row["early_exits"] == pytest.approx(0.6)
    assert row["macs"] == abouts[0].levels[-1].macs[-1]


def test_layers_without_a_weight_are_told_by_method_and_order(abouts: list[About]) -> None:
    def without(about: About, *names: str) -> About:
        layers = [layer.model_copy(update={"kept": 0}) if layer.layer in names else layer for layer in about.layers]
        return about.model_copy(update={"layers": layers})

    assert emptied(runs(abouts)) == []
    some = [
        without(about, "exit0", "b1.c1", "b1.c2") if about.recipe == "erk-joint" and about.seed else about
        for about in abouts
    ]
    assert emptied(runs(some)) == [("erk at 80 %", "b1 and exit0", "2 of 3 joint and 0 of 3 sequential networks")]


def test_the_most_accurate_are_named_of_those_that_lost_what_was_to_go(abouts: list[About]) -> None:
    table = runs(abouts).astype({"units_gone": float})
    table["units_gone"] = 0.8
    table.loc[table["method"] == "erk", "units_gone"] = 0.7
    assert [one.split(" (")[0] for one in best(means(table), "classifier", 0.8)] == [
        *("force-joint 80.3", "force-sequential 80.0", "random-joint 80.0")
    ]
    assert unpruned(table) == pytest.approx(
        {
            "classifier": np.mean([one.levels[0].accuracy["test"][-1] for one in abouts]),
            "early_exits": np.mean([one.levels[0].accuracy["test"][:-1] for one in abouts]),
        }
    )


def test_in_what_the_orders_differ_is_read_off_what_they_left(abouts: list[About]) -> None:
    table = runs(abouts).query("method != 'random'").astype({"units_gone": float, "sparsity_exits": float})
    assert apart(table) == [(WORDS["same"], "erk (80 %), force (80 %), snip (80 %)")]  # of one record, seed by seed
    of = {method: table["method"] == method for method in ("erk", "force", "snip")}
    joint = table["order"] == "joint"
    table.loc[joint, "final"] = "another"
    assert apart(table) == []
    table.loc[of["erk"], "sparsity_exits"] = 0.0
    table.loc[of["force"] & joint, "sparsity_exits"] -= 0.11
    table.loc[of["snip"] & joint, "units_gone"] -= 0.02
    assert apart(table) == [
        (WORDS["base"], "erk (80 %)"),
        (WORDS["exits"], "force (80 %)"),
        (WORDS["amount"], "snip (80 %)"),
    ]
    assert apart(table[joint]) == []


def test_differences_are_paired_by_seed_and_say_who_is_better(whole: list[Record]) -> None:
    found = differences(whole, 0.95)
    of = found[found["measure"] == "classifier"].set_index("method")
    assert of.loc["erk", "difference"] == pytest.approx(0.03)
    assert of.loc["erk", "low"] == pytest.approx(0.03 - 4.302653 * 0.01 / 3**0.5, abs=1e-6)
    assert dict(of["better"]) == {
        "erk": "joint", "snip": "sequential", "force": "none told", "random": "cannot tell",
    }  # fmt: skip
    assert headline(found)["joint"] == ["erk at 0.8"]


def test_what_is_left_after_correction_is_told_of_as_many_comparisons_as_were_made(whole: list[Record]) -> None:
    of = differences(whole, 0.95).query("measure == 'classifier'").set_index("method")
    assert of.loc["erk", "p"] == pytest.approx(0.035099, abs=1e-5)  # t = 3 / (1 / sqrt(3)), two degrees of freedom
    assert of.loc["erk", "p_corrected"] == pytest.approx(
        3 * 0.035099, abs=1e-4
    )  # random has no spread, hence no p-value
    assert (of.loc["erk", "better"], of.loc["erk", "holds"]) == ("joint", False)


def test_as_large_a_share_of_units_is_gone_as_its_layers_lost(abouts: list[About]) -> None:
    (share,) = {round(units_gone(about), 6) for about in abouts}
    kept = sum(layer.kept for layer in abouts[0].layers)
    assert share == pytest.approx(1 - kept / sum(layer.weights for layer in abouts[0].layers), abs=0.2)
    told = abouts[0].model_dump()
    told["made_of"]["settings"]["granularity"] = "filter"
    told["layers"] = [
        {**layer, "weights": 100, "kept": 25 if layer["layer"].endswith(".c1") else 100} for layer in told["layers"]
    ]
    filters = About.model_validate(told)
    assert units_gone(filters) == pytest.approx(
        0.75
    )  # of the blocks' first convolutions, which alone have filters that may go


def test_a_few_images_that_all_seeds_share_decide_nothing(whole: list[Record]) -> None:
    def with_gain(record: Record) -> Record:
        """Joint has 20 more images right than sequential, one more with each seed; all stand together."""
        test = record.outcomes["recovered"]["test"]
        right = np.arange(NUM_IMAGES) >= 400 - (20 + record.about.seed) * record.about.recipe.endswith("-joint")
        given = replace(test, correct=np.broadcast_to(right, test.correct.shape))
        return replace(
            record, outcomes={**record.outcomes, "recovered": {**record.outcomes["recovered"], "test": given}}
        )

    erk = [with_gain(one) for one in whole if one.about.recipe.startswith("erk-")]
    found = differences(erk, 0.95).query("measure == 'classifier'").iloc[0]
    assert found["difference"] - 5 * found["std"] > 0  # by seeds alone it would be decided
    assert found["better"] == "none told"


def test_a_seed_that_lacks_one_order_is_no_pair(whole: list[Record]) -> None:
    some = [one for one in whole if (one.about.seed, one.about.recipe) != (1, "erk-joint")]
    found = differences(some, 0.95).query("method == 'erk' and measure == 'classifier'").iloc[0]
    assert (found["num_seeds"], found["difference"]) == (2, pytest.approx(0.03))


def test_a_mean_is_of_the_seeds_that_both_orders_have(abouts: list[About]) -> None:
    some = runs([one for one in abouts if (one.seed, one.recipe) != (1, "erk-joint")])
    row = means(some).query("method == 'erk' and order == 'sequential'").iloc[0]
    assert (row["num_seeds"], row["classifier"]) == (2, pytest.approx(np.mean([0.8, 0.75])))


def test_what_is_left_goes_by_the_confidence_that_is_asked_for(whole: list[Record]) -> None:
    p_value = differences(whole, 0.95).query("method == 'erk' and measure == 'classifier'")["p_corrected"].item()
    for confidence, holds in ((1 - p_value - 0.001, True), (1 - p_value + 0.001, False)):
        assert (
            differences(whole, confidence).query("method == 'erk' and measure == 'classifier'")["holds"].item() == holds
        )


def test_the_stage_writes_tables_the_figure_and_what_they_say(summed: Path) -> None:
    said = json.loads((summed / "methods.json").read_text())
    assert said["classifier"]["sequential"] == ["snip at 0.8"]
    assert said["missing"] == []
    assert len(pd.read_csv(summed / "methods.csv")) == 8
    assert len(pd.read_csv(summed / "joint_minus_sequential.csv")) == 8
    assert "joint less sequential" in (summed / "methods-80.svg").read_text()
    assert (summed / "methods-80.png").stat().st_size > 10_000
    assert "nothing pruned, as many epochs" in (summed / "methods-80.svg").read_text()
    assert "the most accurate at or below each cost" in (summed / "methods-cost.svg").read_text()
    page = Outline((summed / "methods.html").read_text(encoding="utf-8"))
    assert "Of 4 comparisons: joint better in 1, sequential in 1, no difference told in 1." in page.text
    assert "Everything at once is better with: erk (80 %)." in page.text
    assert (
        "Pruned before training: joint better in 0 of 1, sequential in 1. "
        "Pruned after training: joint better in 1 of 3, sequential in 0." in page.text
    )
    assert {"#answer"} < {one for one in page.found["href"] if one.startswith("#")}
    assert {one[1:] for one in page.found["href"] if one.startswith("#")} <= set(page.found["id"])


def test_the_tables_of_the_documentation_are_read_off_what_the_stage_wrote(summed: Path) -> None:
    titles, (row,) = methods_page.came(["erk"], summed)
    cells = dict(zip(titles, row, strict=True))
    assert row[0] == "erk"
    assert cells["classifier, points"] == "+3.0 (+0.5 to +5.5)"
    assert (cells["joint, %"], cells["sequential, %"], cells["pairs"]) == ("83.0", "80.0", "3")
    titles, rows = methods_page.found(summed)
    assert rows[0][1:] == ["4", "erk (80 %)", "snip (80 %)", "1", "1"]
    _, rows = methods_page.answer(summed)
    assert rows[0] == ["80", "classifier", "4", "1", "0", "+3.0 to +3.0", "1", "0"]
    assert rows[1][2:] == ["4", "0", "0", "\N{EN DASH}", "0", "0"]
    _, rows = methods_page.whens(summed)
    assert [row[:6] for row in rows if row[1] == "classifier"] == [
        ["before training", "classifier", "1", "0", "0", "1"],
        ["after training", "classifier", "3", "2", "1", "0"],
    ]
    assert methods_page.steps(summed) == methods_page.kept(summed) == methods_page.NONE


def test_the_page_says_what_networks_have_from_which_nothing_went(records: list[Path], summed: Path) -> None:
    level = read_record(records[0]).about.levels[-1]
    (row,) = [line for line in (summed / "methods.html").read_text().splitlines() if "Nothing pruned, before" in line]
    as_long = (
        f"Nothing pruned, as many epochs: classifier {100 * level.accuracy['test'][-1]:.1f}, early exits, mean 60.0."
    )
    assert as_long in row


def test_a_row_of_the_figure_says_what_is_not_as_in_the_others() -> None:
    rows = [("erk", 0.8, 3, False), ("snip", 0.8, 2, False), ("pruner", 0.6, 3, False), ("manidp", 0.0, 3, True)]
    means = pd.DataFrame(
        {"gone": 0.8, "method": name, "order": order, "units_gone": gone, "num_seeds": seeds, "per_image": per_image}
        | dict.fromkeys((*MEASURES, "sparsity_exits"), 0.5)
        | {"macs": 1.0, "macs_dense": 2.0}
        for name, gone, seeds, per_image in rows
        for order in ORDERS
    )
    assert labels(means) == {
        "erk": "erk",
        "snip": "snip (2 seeds)",
        "pruner": "pruner \N{DAGGER}",
        "manidp": "manidp",
    }


def test_the_front_of_accuracy_and_cost_is_told_in_steps() -> None:
    table = pd.DataFrame({"left": [0.3, 0.1, 0.2, 0.4, 0.2], "classifier": [0.603, 0.5, 0.6, 0.59, 0.55]})
    assert front(table, "classifier").index.tolist() == [1, 2]
    assert front(table.assign(classifier=table["classifier"] + 0.01 * table["left"]), "classifier").index.tolist() == [
        1,
        2,
    ]
    assert front(table.assign(classifier=[0.606, 0.5, 0.6, 0.59, 0.55]), "classifier").index.tolist() == [1, 2, 0]


def test_what_is_not_there_is_told_and_nothing_else_is_refused(records: list[Path], tmp_path: Path) -> None:
    settings = json.dumps({"evaluate": EVALUATE.model_dump()})
    elsewhere = [Path("results/made-up-90/seeds/0-erk-joint")]
    main(settings, [one for one in records if one.name != "1-erk-joint"] + elsewhere, tmp_path / "methods.json")
    assert json.loads((tmp_path / "methods.json").read_text())["missing"] == [
        "made-up-90: none of its 1 records is there"
    ]
    with pytest.raises(BadInput, match="none of 1 records is there, such as results"):
        main(settings, elsewhere, tmp_path / "methods.json")


@pytest.mark.parametrize(
    ("gone", "sentences"),
    [
        ([], []),
        (["0-a-joint"], ["study: 1 of 4 records are missing: seed 0 of a-joint"]),
        (["0-a-joint", "0-b-joint"], ["study: 2 of 4 records are missing: seed 0 of every recipe"]),
        (
            ["0-a-joint", "0-b-joint", "1-b-joint"],
            ["study: 3 of 4 records are missing: seed 0 of every recipe; seed 1 of b-joint"],
        ),
        (["0-a-joint", "1-a-joint"], ["study: 2 of 4 records are missing: seeds 0, 1 of a-joint"]),
        (["0-a-joint", "1-a-joint", "0-b-joint", "1-b-joint"], ["study: none of its 4 records is there"]),
    ],
)
def test_gaps_are_told_in_few_words(gone: list[str], sentences: list[str]) -> None:
    wanted = [Path("results/study/seeds", f"{seed}-{recipe}") for recipe in ("a-joint", "b-joint") for seed in (0, 1)]
    assert missing(wanted, [one for one in wanted if one.name not in gone]) == sentences


def test_of_many_recipes_with_gaps_the_first_are_named() -> None:
    wanted = [Path("results/study/seeds", f"{seed}-{recipe}") for recipe in "abcdefgh" for seed in (0, 1)]
    assert missing(wanted, [one for one in wanted if one.name != "0-h" and not one.name.startswith("1-")]) == [
        "study: 9 of 16 records are missing: seed 1 of every recipe; seed 0 of h"
    ]
    there = [one for one in wanted if one.name == "1-h" or one.name.startswith("0-")]
    assert missing(wanted, there) == ["study: 7 of 16 records are missing: seed 1 of a, b, c, d, e, f and 1 more"]


def test_one_recipe_made_in_two_ways_is_refused(records: list[Path], tmp_path: Path) -> None:
    other = shutil.copytree(records[0], tmp_path / "9-erk-joint")
    text = (records[0] / "record.json").read_text()
    (other / "record.json").write_text(text.replace('"sparsity": 0.8', '"sparsity": 0.7'))
    with pytest.raises(BadInput, match="made of other settings than"):
        main(json.dumps({"evaluate": EVALUATE.model_dump()}), [*records, other], tmp_path / "methods.json")


def test_records_of_other_images_are_refused(records: list[Path], tmp_path: Path) -> None:
    other = shutil.copytree(records[0], tmp_path / "0-erk-joint")
    text = (records[0] / "record.json").read_text()
    (other / "record.json").write_text(text.replace("0" * 64, "1" * 64))
    with pytest.raises(BadInput, match="of other images or exits"):
        main(json.dumps({"evaluate": EVALUATE.model_dump()}), [*records, other], tmp_path / "methods.json")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_barrier_and_columns_sort(summed: Path, width: int, scheme: str) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 860}, color_scheme=scheme)
        page.goto((summed / "methods.html").as_uri())
        page.evaluate(axe_script())
        assert [rule["id"] for rule in page.evaluate("axe.run()")["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#methods-table thead th").nth(4).locator("button").press("Enter")
        found = page.evaluate(
            "[...document.querySelectorAll('#methods-table tbody tr')].map(r => r.cells[4].textContent)"
        )
        assert found == sorted(found)
