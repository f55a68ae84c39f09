"""Numbers in the documentation are those of the published results."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from benchmarks import error_rates, methods_page, paper_page, paper_picture
from benchmarks.inference import page as inference_page
from benchmarks.pages import as_markdown, table_of
from benchmarks.paper_sure import PAGES

from exitprune.evaluation.claims import CLAIMS
from exitprune.evaluation.outcome import outcome_of
from exitprune.evaluation.record_reading import read_record
from exitprune.variants import names_of
from tests.synthetic import write_study

ROOT = Path(__file__).parents[1]


def table(page: str, first_title: str) -> list[list[str]]:
    """The rows of the Markdown table whose first column has this title."""
    text = (ROOT / "docs" / page).read_text()
    found = re.search(rf"^\| {re.escape(first_title)} \|.*\n\|[-:| ]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, f"docs/{page} has no table that begins with {first_title!r}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


@pytest.mark.parametrize(
    ("page", "name"),
    [(page, name) for page in PAGES for name in re.findall("<!-- table: (.*?) -->", page.read_text(encoding="utf-8"))],
)
def test_the_papers_pages_have_the_numbers_of_the_results(page: Path, name: str) -> None:
    kind, study = name.split()
    expected = as_markdown(*paper_page.KINDS[kind](ROOT / "results" / study / "tables"))
    assert table_of(page, name) == expected, "python -m benchmarks.paper_page puts them there"


@pytest.mark.parametrize("name", list(inference_page.tables()))
def test_the_page_of_times_has_the_numbers_of_the_results(name: str) -> None:
    page, made = ROOT / "docs/inference.md", inference_page.tables()[name]
    assert table_of(page, name) == as_markdown(*made), "python -m benchmarks.inference.page puts them there"


@pytest.mark.parametrize("name", re.findall("<!-- table: (.*?) -->", methods_page.PAGE.read_text(encoding="utf-8")))
def test_the_page_of_methods_has_the_numbers_of_the_results(name: str) -> None:
    kind, study = name.split()
    expected = as_markdown(*methods_page.KINDS[kind](ROOT / "results" / study))
    assert table_of(methods_page.PAGE, name) == expected, "python -m benchmarks.methods_page puts them there"


def test_the_papers_picture_is_of_the_published_tables() -> None:
    said = paper_picture.said(ROOT / "results")
    assert "paper-16: +" in said
    assert said in paper_picture.PICTURE.read_text(encoding="utf-8"), "python -m benchmarks.paper_picture draws it"


def test_the_steps_published_are_those_of_the_claims() -> None:
    folder = ROOT / "results/cifar10-16"
    steps, claims = pd.read_csv(folder / "steps.csv"), pd.read_csv(folder / "tables/claims.csv")
    both = steps[steps["first"] == "joint"].merge(
        claims,
        left_on=["second", "state", "measure"],
        right_on=["against", "state", "measure"],
        suffixes=("", "_claimed"),
    )
    assert set(both["second"]) == {
        "ordered",
        "control",
        "control_half",
        "apart",
        "shares",
        "ordered_long",
        "joint_frozen",
    }
    assert len(both) == 7 * 2 * len(CLAIMS)
    for number in ("difference", "low", "high"):
        assert both[number].to_numpy() == pytest.approx(both[f"{number}_claimed"].to_numpy(), abs=1e-7)


def test_the_rates_of_error_told_are_those_simulated() -> None:
    rates = pd.read_csv(ROOT / "docs/error_rates.csv")
    assert table_of(ROOT / "docs/statistics.md", "error rates") == as_markdown(
        list(rates.columns), error_rates.as_rows(rates)
    )
    none_true = rates[rates["truth"].isin(["no claim true", "at the margin"]) | (rates["rule"] == "one claim, ours")]
    none_true = none_true[~none_true["truth"].str.contains("deviation")]
    assert none_true.filter(like="seeds").to_numpy().max() < 0.055


def test_the_protocol_told_is_that_of_the_preset() -> None:
    preset = (ROOT / "presets/paper.yaml").read_text()
    for row in table("paper.md", "setting"):
        for word in re.findall("`(.*?)`", row[-1]):
            assert word in preset, row[0]


def test_every_claim_stands_with_its_quantity() -> None:
    assert [int(row[0]) for row in table("paper.md", "number")] == [claim.number for claim in CLAIMS]


def test_the_example_of_reading_a_record_gives_what_the_tables_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)[1]
    (tmp_path / "results/digits").mkdir(parents=True)
    (tmp_path / "results/digits/seeds").symlink_to(records[0].parent)
    monkeypatch.chdir(tmp_path)
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs/records.md").read_text(), re.DOTALL)
    assert found
    names: dict[str, float] = {}
    exec(found[1], names)
    outcomes = read_record(records[0]).outcomes["recovered"]["test"]
    expected = outcome_of(outcomes, 0.9)
    assert names["accuracy"] == pytest.approx(expected.accuracy)
    assert names["average_macs"] == pytest.approx(expected.average_macs)


@pytest.mark.parametrize(
    "report", sorted((ROOT / "results").glob("*/report.html")), ids=lambda report: report.parent.name
)
def test_no_figure_is_left_that_its_report_does_not_show(report: Path) -> None:
    shown = report.read_text(encoding="utf-8")
    drawn = {figure.stem for figure in (report.parent / "figures").iterdir()}
    assert {name for name in drawn if name not in names_of("figures") and name not in shown} == set()
