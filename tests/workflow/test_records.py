"""A seed computed elsewhere counts: what a clone with records computes, what it refuses, and what stays whatever happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from .repository import Repository

PUBLISHED = {"tables", "figure", "report"}
TRAINING = {"data", "base", "heads", "prune", "recover", "evaluate"}
RECORD = "results/smoke/seeds/0-joint/record.json"


@pytest.fixture
def clone(finished: Repository, tmp_path: Path) -> Repository:
    """What git holds of the finished study: records and tables, no images and no checkpoints."""
    finished.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    return Repository(tmp_path / "clone")


def planned(repository: Repository, *arguments: str) -> dict[str, int]:
    """How many jobs of each rule a dry run lists."""
    listed = re.findall(r"^(\w+) +(\d+)$", repository.snakemake("--dry-run", *arguments), re.MULTILINE)
    return {rule: int(number) for rule, number in listed if rule not in ("all", "total")}


def edit(repository: Repository, file: str, line: str) -> None:
    """Add a line to a file of the package."""
    with (repository.path / "src/exitprune" / file).open("a") as opened:
        opened.write(f"\n{line}\n")


def respell(repository: Repository, **settings: object) -> None:
    """Let a record say that it is made of other settings."""
    about = json.loads((repository.path / RECORD).read_text())
    about["made_of"]["settings"] |= settings
    del about["sha256"]
    (repository.path / RECORD).write_text(json.dumps(about))


def test_a_clone_with_records_trains_nothing_and_one_more_seed_trains_that_seed(clone: Repository) -> None:
    assert set(planned(clone)) <= PUBLISHED
    assert not (clone.path / "runs/smoke/seed0").exists()
    more = planned(clone, "--config", "seeds=[0,1]")
    assert {rule: more[rule] for rule in TRAINING} == {
        "data": 1, "base": 1, "heads": 1, "prune": 2, "recover": 2, "evaluate": 2,
    }  # fmt: skip
    assert set(planned(clone, "checkpoints")) >= {"base", "heads", "prune", "recover"}
    assert set(planned(clone, "--config", "records=here")) >= TRAINING


def test_the_machine_decides_nothing_and_neither_do_comments_nor_code_beside_the_numbers(clone: Repository) -> None:
    edit(clone, "training/loop.py", "# a comment")
    edit(clone, "jobs/progress.py", "EDITED = True")
    edit(clone, "evaluation/claims.py", "EDITED = True")
    clone.set_params(compute={"threads": 2})
    assert set(planned(clone)) <= PUBLISHED


def test_a_record_of_other_settings_that_git_holds_is_said_to_be_that_and_computed_anew(clone: Repository) -> None:
    clone.set_params(finetune={"lr": 0.02})
    said = clone.snakemake("--dry-run")
    sentences = [line for line in said.splitlines() if "is not of what is asked for" in line]
    assert len(sentences) == 2  # a sentence for each record
    assert "finetune.lr is 0.01 there and 0.02 here" in sentences[0]
    assert "The old one is kept in" in sentences[0]
    assert re.search(r"^prune +2$", said, re.MULTILINE)


def test_a_record_of_other_code_is_computed_anew_unless_other_code_is_welcome(clone: Repository) -> None:
    edit(clone, "training/loop.py", "EDITED = True")
    said = clone.snakemake("--dry-run")
    assert "training/loop.py was other code" in said
    assert re.search(r"^base +1$", said, re.MULTILINE)
    assert set(planned(clone, "--config", "other_code=any")) <= PUBLISHED


def test_a_foreign_record_of_other_settings_stops_the_study_and_is_left_alone(clone: Repository) -> None:
    respell(clone, sparsity=0.5)
    before = (clone.path / RECORD).read_bytes()
    said = clone.snakemake(fails=True)
    assert "0-joint is not a record of what this study asks for: sparsity is 0.5 there and 0.8 here" in said
    assert "Traceback" not in said
    assert (clone.path / RECORD).read_bytes() == before
    assert not (clone.path / "runs/smoke/seed0").exists()


def test_a_damaged_record_is_told_of_before_the_other_seeds_are_trained(clone: Repository) -> None:
    content = (clone.path / RECORD).read_text()
    assert '"seed": 0' in content
    (clone.path / RECORD).write_text(content.replace('"seed": 0', '"seed": 9', 1))
    said = clone.snakemake("--config", "seeds=[0,1]", fails=True)
    assert "0-joint/record.json: is not as it was written" in said
    assert "Traceback" not in said
    assert not (clone.path / "runs/smoke/seed1").exists()


def test_a_record_put_in_the_place_of_one_made_here_stops_the_study(finished: Repository) -> None:
    respell(finished, sparsity=0.5)
    assert "sparsity is 0.5 there and 0.8 here. Nothing was done" in finished.snakemake(fails=True)


def test_a_table_that_is_missing_is_made_again_and_one_more_file_is_one_more_table(finished: Repository) -> None:
    (finished.path / "results/smoke/tables/exits.csv").unlink()
    assert set(planned(finished)) == PUBLISHED
    finished.run("git", "checkout", "--quiet", "results")
    folder = finished.path / "src/exitprune/evaluation/tables"
    (folder / "mine.py").write_text((folder / "seeds.py").read_text())
    assert "results/smoke/tables/mine.csv" in finished.snakemake("--dry-run")


FIGURE = '''"""Processors of all seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import new_figure

if TYPE_CHECKING:
    from exitprune.evaluation.study import Study

PLACE = 99
TITLE = "Where it was computed"
CAPTION = "Records by processor."
TABLES = ("processors",)


def table(study: Study) -> pd.DataFrame:
    """Records of each processor."""
    return study.table("seeds").groupby("processor").size().rename("records").reset_index()


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """Bars."""
    counted = pd.read_csv(tables / "processors.csv")
    figure = new_figure(2)
    figure.subplots().barh(counted["processor"], counted["records"])
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """Nothing is averaged."""
    return "Counts."


def alt(tables: Path, evaluate: Evaluate) -> str:
    """In words."""
    return "A bar for each processor."
'''


@pytest.mark.slow
def test_a_figure_with_a_table_of_its_own_is_one_file(clone: Repository) -> None:
    (clone.path / "src/exitprune/reporting/figures/processors.py").write_text(FIGURE)
    clone.snakemake()
    table = pd.read_csv(clone.path / "results/smoke/tables/processors.csv")
    assert table["records"].tolist() == [2]
    assert (clone.path / "results/smoke/figures/processors.svg").exists()
    assert "Where it was computed" in (clone.path / "results/smoke/report.html").read_text()
    assert clone.would_run() == set()


@pytest.mark.slow
def test_one_more_seed_is_added_to_those_that_are_there(clone: Repository) -> None:
    before = (clone.path / RECORD).read_bytes()
    clone.snakemake("--config", "seeds=[0,1]")
    assert (clone.path / RECORD).read_bytes() == before
    assert not (clone.path / "runs/smoke/seed0").exists()
    seeds = pd.read_csv(clone.path / "results/smoke/tables/seeds.csv")
    assert seeds.groupby("seed").size().to_dict() == {0: 2, 1: 2}
    assert set(pd.read_csv(clone.path / "results/smoke/tables/claims.csv")["num_seeds"]) == {2}
    assert planned(clone, "--config", "seeds=[0,1]") == {}


@pytest.mark.slow
def test_what_a_run_writes_over_is_kept_aside(finished: Repository) -> None:
    before = {path.name: path.read_bytes() for path in (finished.path / RECORD).parent.iterdir()}
    finished.set_params(recovery={"epochs": 0})
    finished.snakemake()
    assert (finished.path / RECORD).read_bytes() != before["record.json"]
    [kept] = finished.path.glob(".exitprune/records/*/0-joint")
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    assert finished.would_run() == set()


@pytest.mark.slow
def test_what_the_command_line_says_of_a_study_of_methods_it_says_of_all(fresh: Repository) -> None:
    options = ["--config", "study=digits-methods-90", "records=here", "seeds=[0,1]", "--", "methods"]
    said = fresh.snakemake("--dry-run", "--printshellcmds", *options)
    assert "for study in digits-methods digits-methods-50 digits-dense; do" in said
    assert """--config study=$study records=here 'seeds=["0", "1"]' -- records""" in said
