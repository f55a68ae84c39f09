"""What `make bench-inference` does: train what is timed beside the study, time everything, draw it into both reports."""

from __future__ import annotations

import pandas as pd
import pytest

from .repository import Repository


@pytest.mark.slow
def test_times_are_measured_and_drawn_into_both_reports(finished: Repository) -> None:
    bench = ("python", "-m", "benchmarks.inference", "smoke", "--quick", "--turns", "1")
    said = finished.run(*bench, fails=True)  # what is timed is not there yet
    assert "not there; run: make bench-inference STUDY=smoke" in said
    assert "Traceback" not in said
    finished.snakemake("--", "all", "rivals")
    finished.snakemake("--config", "study=smoke-filter")
    finished.run(*bench)
    finished.snakemake()
    finished.snakemake("--config", "study=smoke-filter")
    for study in ("smoke", "smoke-filter"):
        results = finished.path / "results" / study
        times = pd.read_csv(results / "inference.csv")
        assert {"dense, exits", "80 % of the weights pruned", "plain ResNet-8"} < set(times["network"])
        assert (times["milliseconds"] > 0).all()
        assert "onnxruntime, ms at 64" in (results / "report.html").read_text()


def test_a_study_that_prunes_filters_alone_cannot_be_timed(finished: Repository) -> None:
    said = finished.run("python", "-m", "benchmarks.inference", "smoke-filter", "--check", fails=True)
    assert "smoke-filter: to be timed it needs granularity weight" in said
    assert "Traceback" not in said
