"""The stage that writes the page, from a made-up study's logits to HTML."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exitprune.evaluation.claims import CLAIMS, rule_in_words
from exitprune.reporting.formatting import millions, percent
from exitprune.stages import report
from exitprune.variants import names_of
from tests.synthetic import EVALUATE, PARAMS, write_data, write_measured, write_run, write_study, write_tables

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Checks that elements close in order; keeps ids, links, sources and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: dict[str, list[str]] = {"id": [], "href": [], "src": [], "text": []}
        self.tags: set[str] = set()
        self.feed(page)
        self.text = re.sub(r"\s+", " ", " ".join(self.found["text"]))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in self.found:
                self.found[name].append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.found["text"].append(data)


def write_report(folder: Path, records: list[Path], measured: bool = False, **params: Any) -> Outline:
    tables = write_tables(folder, records)
    if measured:
        write_measured(tables)
    (folder / "figures").mkdir()
    for name in names_of("figures"):
        (folder / "figures" / f"{name}.svg").write_text(f"<svg>{name}</svg>")
    settings = json.dumps({**PARAMS, **params})
    report.main(settings, tables, folder / "figures", folder / "report.html", records)
    return Outline((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outline]:
    folder = tmp_path_factory.mktemp("study")
    return folder, write_report(folder, write_study(folder)[1], measured=True)


def test_the_page_is_whole_and_its_contents_lead_somewhere(study: tuple[Path, Outline]) -> None:
    _, page = study
    assert page.open == []
    assert len(page.found["id"]) == len(set(page.found["id"]))
    assert {link[1:] for link in page.found["href"] if link.startswith("#")} <= set(page.found["id"])


def test_the_page_needs_nothing_beside_itself(study: tuple[Path, Outline]) -> None:
    folder, page = study
    assert len(page.found["src"]) == len(names_of("figures"))
    pictures = [base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")) for source in page.found["src"]]
    assert sorted(pictures) == [f"<svg>{name}</svg>".encode() for name in names_of("figures")]
    assert not {"script", "link", "iframe"} & page.tags
    assert "url(" not in (folder / "report.html").read_text(encoding="utf-8")


def test_every_claim_stands_with_its_rule_and_its_verdict(study: tuple[Path, Outline]) -> None:
    folder, page = study
    judged = pd.read_csv(folder / "tables" / "claims.csv")
    for claim in CLAIMS:
        verdict = judged.query(f"claim == {claim.number} and state == 'final'")["verdict"].iloc[0]
        after = page.text.split(f"Claim {claim.number}:")[1]
        assert after.split("After the last round: ")[1].startswith(verdict)
        assert rule_in_words(claim, EVALUATE) in page.text


def test_measured_times_stand_with_the_machine_they_are_from(study: tuple[Path, Outline]) -> None:
    folder, page = study
    section = page.text.split("9. Measured time")[1].split("10. Provenance")[0]
    row = pd.read_csv(folder / "inference.csv").query("network == 'filters' and choice == 'one point lost'").iloc[0]
    assert "an abacus" in section
    assert (
        f"filters one point lost {percent(row['accuracy'])} {millions(row['macs'])} {millions(row['macs_executed'])} 0.333 0.333"
        in section
    )


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
    assert "this study is of digits" in study[1].text


def test_provenance_holds_parameters_data_and_seconds(study: tuple[Path, Outline]) -> None:
    text = study[1].text
    assert "criterion: magnitude" in text
    assert "0" * 64 in text
    assert "prune-seed0-joint 33.4" in re.sub(r"\s+", " ", text)


def test_the_page_says_how_little_its_seeds_can_show(study: tuple[Path, Outline]) -> None:
    assert "With 3 seeds a 95 % interval reaches 2.5 standard deviations" in study[1].text


def test_a_study_of_one_order_and_one_seed_says_what_it_cannot_tell(tmp_path: Path) -> None:
    _, records = write_study(tmp_path, seeds=(4,), recipes=("joint",), rounds=1)
    page = write_report(tmp_path, records, seeds=[4], recipes={"joint": PARAMS["recipes"]["joint"]})
    assert page.open == []
    assert page.text.count("Not tested: it takes both recipes") == 3
    assert "With one seed there is no spread" in page.text
    assert not re.search(r"\bnan\b", page.text)


def test_a_network_that_is_not_the_papers_has_nothing_put_beside_the_papers(tmp_path: Path) -> None:
    model = {**PARAMS["model"], "depth": 110}
    labels = write_data(tmp_path / "data.safetensors")
    records = [write_run(tmp_path, 0, recipe, labels, 1, model=model) for recipe in ("joint", "sequential")]
    page = write_report(tmp_path, records, seeds=[0], model=model)
    assert "there is nothing to put side by side" in page.text
    assert "mean absolute difference" not in page.text


def test_names_of_classes_or_studies_cannot_break_the_page(tmp_path: Path) -> None:
    labels = write_data(tmp_path / "data.safetensors", source="<script>alert(1)</script>")
    run = write_run(tmp_path, 0, "joint", labels, rounds=1)
    page = write_report(tmp_path, [run], seeds=[0], recipes={"joint": PARAMS["recipes"]["joint"]})
    assert "script" not in page.tags
