"""The stage that writes the page, from a made-up study's records to HTML."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest

from exitprune.evaluation.claims import CLAIMS, rule_in_words
from exitprune.reporting.formatting import millions, percent
from exitprune.variants import names_of
from tests.page import Outline, write_page
from tests.synthetic import EVALUATE, PARAMS, write_data, write_measured, write_run, write_study, write_tables


def page_of(folder: Path, records: list[Path], **params: Any) -> Outline:
    write_tables(folder, records)
    return write_page(folder, records, **params)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outline]:
    folder = tmp_path_factory.mktemp("study")
    _, records = write_study(folder)
    write_measured(write_tables(folder, records))
    return folder, write_page(folder, records)


def test_the_page_is_whole_and_its_contents_lead_somewhere(study: tuple[Path, Outline]) -> None:
    _, page = study
    assert page.open == []
    assert len(page.found["id"]) == len(set(page.found["id"]))
    assert {link[1:] for link in page.found["href"] if link.startswith("#")} <= set(page.found["id"])


def test_the_page_needs_nothing_beside_itself(study: tuple[Path, Outline]) -> None:
    folder, page = study
    pictures = [unquote(source.removeprefix("data:image/svg+xml,")) for source in page.found["src"]]
    assert sorted(pictures) == sorted(
        f"<svg xmlns='http://www.w3.org/2000/svg'>{name}</svg>" for name in names_of("figures")
    )
    assert not {"link", "iframe"} & page.tags
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_every_figure_has_a_text_alternative(study: tuple[Path, Outline]) -> None:
    assert sorted(study[1].found["alt"]) == sorted(f"Seen in {name}" for name in names_of("figures"))


def test_every_claim_stands_with_its_rule_and_its_verdict(study: tuple[Path, Outline]) -> None:
    folder, page = study
    judged = pd.read_csv(folder / "tables" / "claims.csv")
    for claim in CLAIMS:
        verdict = judged.query(f"claim == {claim.number} and state == 'final'")["verdict"].iloc[0]
        after = page.text.split(f"Claim {claim.number}:")[1]
        assert after.split("Against sequential, after the last round: ")[1].startswith(verdict)
        assert rule_in_words(claim, EVALUATE) in page.text


def test_the_answer_stands_before_everything_else(study: tuple[Path, Outline]) -> None:
    before = study[1].text.split("The evidence")[0]
    for box in ("What was asked, and found", "How sure that is", "What it saves", "What to deploy"):
        assert box in before
    assert "3 seeds" in before
    assert "fewer MACs" in before
    assert "chance" in before


def test_the_network_to_deploy_is_the_best_on_validation_images(study: tuple[Path, Outline]) -> None:
    folder, page = study
    points = pd.read_csv(folder / "tables" / "operating_points.csv").query(
        "state == 'recovered' and choice == 'cheapest'"
    )
    recipe = points.groupby("recipe")["validation_accuracy"].mean().idxmax()
    of_recipe = points[points["recipe"] == recipe]
    best = of_recipe.sort_values(["validation_accuracy", "validation_macs"], ascending=[False, True]).iloc[0]
    file = f"runs/synthetic/seed{best['seed']}/{best['recipe']}/recovered.safetensors"
    assert f"exitprune export {file} --out model" in page.text
    threshold = float(re.findall(r"exitprune predict model/model.onnx image.png --threshold ([\d.]+)", page.text)[0])
    assert threshold == pytest.approx(best["threshold"], rel=1e-3)


def test_the_script_has_the_numbers_of_the_tables(study: tuple[Path, Outline]) -> None:
    folder, page = study
    sweep = pd.read_csv(folder / "tables" / "threshold_sweep.csv").query("state == 'final' and recipe == 'sequential'")
    there = next(one for one in page.data["sweeps"] if (one["state"], one["recipe"]) == ("final", "sequential"))
    assert there["accuracy"] == pytest.approx(sweep["accuracy"].tolist(), abs=1e-5)
    assert there["macs"] == pytest.approx(sweep["average_macs"].tolist(), abs=1)
    assert [sum(rates) for rates in there["rates"]] == pytest.approx([1] * len(sweep), abs=1e-3)
    assert [one["recipe"] for one in page.data["sweeps"] if one["state"] == "unpruned"] == [None]


def test_measured_times_stand_with_the_machine_they_are_from(study: tuple[Path, Outline]) -> None:
    folder, page = study
    section = page.text.split(" Measured time")[-1].split("How it was done")[0]
    row = pd.read_csv(folder / "inference.csv").query("network == 'filters' and choice == 'one point lost'").iloc[0]
    assert "an abacus" in page.text
    macs = f"{millions(row['macs'])} {millions(row['macs_executed'])}"
    assert f"filters one point lost {percent(row['accuracy'])} {macs} 0.333 0.333" in section


def test_headline_numbers_are_those_of_the_summary(study: tuple[Path, Outline]) -> None:
    folder, page = study
    summary = json.loads((folder / "summary.json").read_text())
    row = page.text.split("Accuracy of the classifier (last exit)")[1].split("Mean accuracy")[0]
    assert [cell.split(" ± ")[0] for cell in re.findall(r"[\d.]+ ± [\d.]+", row)] == [
        percent(summary["unpruned"]["last_exit_accuracy"]),
        *(percent(summary[recipe]["final"]["last_exit_accuracy"]) for recipe in ("joint", "sequential")),
        *(percent(summary[recipe]["recovered"]["last_exit_accuracy"]) for recipe in ("joint", "sequential")),
    ]


def test_numbers_of_another_data_set_are_said_to_be_that(study: tuple[Path, Outline]) -> None:
    assert "this study is of handwritten digits (scikit-learn), 180 images" in study[1].text


def test_provenance_holds_parameters_recipes_data_seeds_and_seconds(study: tuple[Path, Outline]) -> None:
    text = study[1].text
    assert "criterion: magnitude" in text
    assert re.search(r"finetune.lr 0.1 0.1", text)
    assert "0" * 64 in text
    assert "Every seed, and where it was computed" in text


def test_the_page_says_how_little_its_seeds_can_show(study: tuple[Path, Outline]) -> None:
    assert "a 95 % interval over 3 seeds reaches 2.5 standard deviations" in study[1].text


def test_a_study_of_one_recipe_and_one_seed_shows_no_empty_sections(tmp_path: Path) -> None:
    _, records = write_study(tmp_path, seeds=(4,), recipes=("joint",), rounds=1)
    page = page_of(tmp_path, records, seeds=[4], recipes={"joint": PARAMS["recipes"]["joint"]})
    assert page.open == []
    assert "Joint was the only recipe, so there is nothing to compare." in page.text
    assert "One seed: no verdict." in page.text
    assert not {"claims", "seeds", "measured"} & set(page.found["id"])
    assert not re.search(r"\bnan\b", page.text)


def test_one_seed_gives_no_verdict_however_large_the_difference(tmp_path: Path) -> None:
    _, records = write_study(tmp_path, seeds=(0,), rounds=1)
    page = page_of(tmp_path, records, seeds=[0])
    assert "points ahead (one seed: no verdict)" in page.text
    assert "not distinguishable" not in page.text.split("The evidence")[0]


def test_the_first_line_tells_the_share_and_the_rounds_of_every_recipe(tmp_path: Path) -> None:
    _, records = write_study(tmp_path, seeds=(0,), rounds=1)
    sparser = {**PARAMS["recipes"]["sequential"], "sparsity": 0.9, "rounds": 4}
    page = page_of(tmp_path, records, seeds=[0], recipes={**PARAMS["recipes"], "sequential": sparser})
    assert "80 and 90 % sparsity in 3 and 4 rounds, 1 seed;" in page.text


def test_a_network_that_is_not_the_papers_has_nothing_put_beside_the_papers(tmp_path: Path) -> None:
    _, records = write_study(tmp_path, seeds=(0,), rounds=1)
    write_tables(tmp_path, records)
    for name in ("paper_comparison", "paper_summary"):
        path = tmp_path / "tables" / f"{name}.csv"
        path.write_text(path.read_text().split("\n")[0] + "\n")
    page = write_page(tmp_path, records, seeds=[0])
    assert "paper" not in page.found["id"]
    assert "mean absolute difference" not in page.text


def test_names_of_classes_or_studies_cannot_break_the_page(tmp_path: Path) -> None:
    labels = write_data(tmp_path / "data.safetensors", source="</script><script>alert(1)</script>")
    run = write_run(tmp_path, 0, "joint", labels, rounds=1)
    page = page_of(tmp_path, [run], seeds=[0], recipes={"joint": PARAMS["recipes"]["joint"]}, study="</script><b>")
    assert page.open == []
    assert not any("alert(1)" in script and not script.startswith("{") for script in page.scripts)
    assert page.data["study"] == "</script><b>"
