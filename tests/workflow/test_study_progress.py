"""What a study says of its time, in a real run."""

from __future__ import annotations

import json
import re

import pytest

from tests.workflow.repository import Repository


@pytest.mark.slow
def test_a_run_says_what_it_will_take_and_every_job_how_far_it_is(fresh: Repository) -> None:
    output = fresh.snakemake("--", "runs/smoke/seed0/level-00.safetensors")
    promised = re.search(r"^smoke: 3 jobs, about \d+ s on 2 cores, about \d+ MB on disk in all", output, re.MULTILINE)
    assert promised
    assert re.search(r"^smoke: ended after \d+ s$", output, re.MULTILINE)
    for job in ("base", "heads"):
        said = json.loads((fresh.path / "logs" / "smoke" / "seed0" / f"{job}.progress").read_text())
        assert said["done"] == said["total"] > 0
        assert said["where"] == f"{job}, seed 0"


@pytest.mark.slow
def test_a_plan_runs_nothing(fresh: Repository) -> None:
    output = fresh.run("exitprune", "study", "--plan", "--cores", "2")
    jobs = {rule: int(number) for number, rule in re.findall(r"(\d+) ([a-z]+)(?:,|$)", output.splitlines()[1])}
    assert re.match(rf"smoke: {sum(jobs.values())} jobs, about ", output)
    assert {rule: jobs[rule] for rule in ("data", "base", "heads", "prune")} == {
        "data": 1,
        "base": 1,
        "heads": 1,
        "prune": 2,
    }
    assert not (fresh.path / "runs").exists()
