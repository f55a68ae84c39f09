"""Methods side by side, from records that are made up: means and differences by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from exitprune.errors import BadInput
from exitprune.evaluation.methods import differences, headline, runs
from exitprune.evaluation.records import About, read_about
from exitprune.stages.compare_methods import main
from tests.synthetic import EVALUATE, write_study

GAINS = {
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
    for method, gains in GAINS.items():
        for seed, gain in enumerate(gains):
            for order, more in (("joint", gain), ("sequential", 0.0)):
                about |= {"seed": seed, "recipe": f"{method}-{order}"}
                about["made_of"]["settings"] |= {"order": {"name": order, "budget": "half"}, "sparsity": 0.8}
                about["levels"][-1]["accuracy"]["test"] = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.8 + more]
                path = folder / f"{seed}-{method}-{order}"
                path.mkdir()
                (path / "record.json").write_text(json.dumps(about))
                found.append(path)
    return found


@pytest.fixture(scope="module")
def abouts(records: list[Path]) -> list[About]:
    return [read_about(path) for path in records]


def test_a_run_is_what_its_record_says_after_recovery(abouts: list[About]) -> None:
    table = runs(abouts)
    assert len(table) == 24
    row = table[(table["method"] == "erk") & (table["order"] == "joint")].iloc[2]
    assert (row["gone"], row["seed"]) == (0.8, 2)
    assert row["classifier"] == pytest.approx(0.84)
    assert row["early_exits"] == pytest.approx(0.6)
    assert row["macs"] == abouts[0].levels[-1].macs[-1]


def test_differences_are_paired_by_seed_and_say_who_is_better(abouts: list[About]) -> None:
    found = differences(runs(abouts), 0.95)
    of = found[found["measure"] == "classifier"].set_index("method")
    assert of.loc["erk", "difference"] == pytest.approx(0.03)
    assert of.loc["erk", "low"] == pytest.approx(0.03 - 4.302653 * 0.01 / 3**0.5, abs=1e-6)
    assert dict(of["better"]) == {
        "erk": "joint", "snip": "sequential", "force": "none told", "random": "cannot tell",
    }  # fmt: skip
    assert headline(found)["joint"] == ["erk at 0.8"]


def test_a_seed_that_lacks_one_order_is_no_pair(abouts: list[About]) -> None:
    some = [about for about in abouts if (about.seed, about.recipe) != (1, "erk-joint")]
    found = differences(runs(some), 0.95).query("method == 'erk' and measure == 'classifier'").iloc[0]
    assert (found["num_seeds"], found["difference"]) == (2, pytest.approx(0.03))


def test_the_stage_writes_tables_the_figure_and_what_they_say(records: list[Path], tmp_path: Path) -> None:
    settings = json.dumps({"evaluate": EVALUATE.model_dump()})
    main(settings, records, tmp_path / "methods.json")
    assert json.loads((tmp_path / "methods.json").read_text())["sequential"] == ["snip at 0.8"]
    assert len(pd.read_csv(tmp_path / "methods.csv")) == 8
    assert len(pd.read_csv(tmp_path / "joint_minus_sequential.csv")) == 8
    assert "joint less sequential" in (tmp_path / "methods.svg").read_text()
    assert (tmp_path / "methods.png").stat().st_size > 10_000


def test_records_of_other_images_are_refused(records: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "0-erk-joint"
    other.mkdir()
    text = (records[0] / "record.json").read_text()
    (other / "record.json").write_text(text.replace("0" * 64, "1" * 64))
    with pytest.raises(BadInput, match="of other images or exits"):
        main(json.dumps({"evaluate": EVALUATE.model_dump()}), [*records, other], tmp_path / "methods.json")
