"""DVC around Snakemake: experiments, differences between them, and a remote."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest

from .repository import Repository

pytestmark = pytest.mark.slow


def final_sparsity(repository: Repository) -> float:
    """What the summary says the joint order ended at."""
    summary = json.loads((repository.path / "results/smoke/summary.json").read_text())
    return float(summary["joint"]["final"]["final_sparsity_all"])


def base_bytes(repository: Repository) -> bytes:
    """The base network's checkpoint."""
    return (repository.path / "runs/smoke/seed0/base.safetensors").read_bytes()


def test_repro_runs_the_study_and_then_has_nothing_to_do(finished: Repository) -> None:
    assert final_sparsity(finished) == pytest.approx(0.8, abs=1e-3)
    assert "didn't change, skipping" in finished.run("dvc", "repro")
    assert finished.run("git", "status", "--porcelain") == ""


@pytest.mark.parametrize("where", [[], ["--temp"]], ids=["workspace", "temp"])
def test_an_experiment_recomputes_what_depends_on_its_parameter(finished: Repository, where: list[str]) -> None:
    before = base_bytes(finished)
    finished.run("dvc", "exp", "run", *where, "--name", "sparser", "--set-param", "sparsity=0.9")
    if where:
        assert final_sparsity(finished) == pytest.approx(0.8, abs=1e-3)
        finished.run("dvc", "exp", "apply", "sparser")
    assert final_sparsity(finished) == pytest.approx(0.9, abs=1e-3)
    assert base_bytes(finished) == before
    assert finished.would_run() == set()

    shown = finished.run("dvc", "exp", "show", "--csv")
    assert "sparser" in shown
    assert "0.9" in shown
    metrics = json.loads(finished.run("dvc", "metrics", "diff", "HEAD", "--json"))
    change = metrics["metrics.json"]["final_sparsity"]
    assert change["old"] == pytest.approx(0.8, abs=1e-3)
    assert change["new"] == pytest.approx(0.9, abs=1e-3)
    plots = finished.run("dvc", "plots", "diff", "HEAD", "--out", "dvc_plots")
    page = Path(finished.path, "dvc_plots/index.html").read_text()
    assert "index.html" in plots
    assert "tradeoff" in page
    assert '"strokeDash": {"field": "recipe"' in page.replace("\n", "")
    assert ".png" in page
    assert ".svg" not in page


def test_a_remote_brings_everything_to_a_fresh_clone(finished: Repository, tmp_path: Path) -> None:
    finished.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    finished.commit()
    finished.run("dvc", "push")
    finished.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    clone.run("dvc", "pull")
    assert clone.would_run() == set()
    for folder, pattern in (("runs", "*.safetensors"), ("results", "*.svg")):
        names = [path.relative_to(finished.path) for path in (finished.path / folder).rglob(pattern)]
        assert names
        assert all((clone.path / name).read_bytes() == (finished.path / name).read_bytes() for name in names)
    assert clone.would_run() == set()
    clone.set_params(sparsity=0.9)
    assert "prune" in clone.would_run()


def test_going_back_to_a_commit_brings_its_checkpoints_back(finished: Repository) -> None:
    before = base_bytes(finished)
    finished.set_params(base={"epochs": 1})
    finished.run("dvc", "repro")
    finished.commit()
    assert base_bytes(finished) != before
    finished.run("git", "checkout", "--quiet", "HEAD~1")
    finished.run("dvc", "checkout")
    assert finished.would_run() == set()
    assert base_bytes(finished) == before


def test_a_clone_without_a_remote_makes_the_same_checkpoints(finished: Repository, tmp_path: Path) -> None:
    finished.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    assert not {"base", "heads", "prune", "recover"} & clone.would_run()  # its records count
    clone.snakemake("checkpoints")
    names = [path.relative_to(finished.path) for path in finished.path.glob("runs/smoke/seed0/**/*.safetensors")]
    names = [name for name in names if "logits" not in name.parts]
    assert names
    assert all((clone.path / name).read_bytes() == (finished.path / name).read_bytes() for name in names)


def test_a_preset_that_git_does_not_know_is_missed_in_a_sentence(finished: Repository) -> None:
    (finished.path / "presets/mine.yaml").write_text("like: smoke\n")
    said = finished.run("dvc", "exp", "run", "--temp", "--set-param", "study=mine", fails=True)
    assert "there is no 'mine'" in said
    assert "git add presets/mine.yaml first" in said


def test_experiments_of_two_studies_share_their_columns(finished: Repository) -> None:
    finished.run("dvc", "exp", "run", "--name", "filters", "--set-param", "study=smoke-filter")
    header, *rows = csv.reader(finished.run("dvc", "exp", "show", "--csv", "--only-changed").splitlines())
    columns = [header.index(name) for name in ("accuracy_first", "accuracy_second", "final_sparsity")]
    assert len(header) < 40
    assert all(row[column] for row in rows for column in columns)
    changed = json.loads(finished.run("dvc", "metrics", "diff", "HEAD", "--json"))
    assert len(changed["metrics.json"]) <= 13


def test_snakemakes_report_holds_figures_and_page(finished: Repository) -> None:
    finished.snakemake("--report", "all.zip")
    with zipfile.ZipFile(finished.path / "all.zip") as archive:
        names = [Path(name).name for name in archive.namelist()]
    assert {path.name for path in finished.path.glob("results/smoke/figures/*.svg")} <= set(names)
    assert "report.html" in names
