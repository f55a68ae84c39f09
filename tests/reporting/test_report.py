"""The report: what is worked out for it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy import stats

from exitprune.config.params import Params
from exitprune.evaluation.record_reading import read_about
from exitprune.reporting.formatting import NOTHING
from exitprune.reporting.origin_tables import recipe_table
from exitprune.reporting.report import few_seeds, jobs_of
from tests.synthetic import PARAMS, write_study


def test_how_little_three_seeds_can_show_is_what_the_t_distribution_says() -> None:
    three = few_seeds(3, 0.95)
    low, high = stats.t.interval(0.95, 2, scale=1 / 3**0.5)
    assert three["width"] == pytest.approx((high - low) / 2)
    assert few_seeds(1, 0.95)["width"] == math.inf


def test_jobs_are_those_of_the_records_those_that_recipes_share_once(tmp_path: Path) -> None:
    records = write_study(tmp_path, seeds=(0, 1), rounds=1)[1]
    jobs = {job["name"]: job["seconds"] for job in jobs_of([read_about(path) for path in records])}
    assert list(jobs) == sorted(jobs)
    assert len(jobs) == 2 * (2 + 2 * 3)
    assert (jobs["base-seed0"], jobs["prune-seed1-sequential"]) == (12, 33.4)


def test_heads_that_a_recipe_trains_for_itself_are_a_job_of_their_own(tmp_path: Path) -> None:
    abouts = [read_about(path) for path in write_study(tmp_path, seeds=(0,), rounds=1)[1]]
    shared = abouts[0].origin.seconds["heads"]
    abouts[1].origin.seconds["heads"] = shared + 5
    jobs = {job["name"]: job["seconds"] for job in jobs_of(abouts)}
    assert (jobs["heads-seed0"], jobs["heads-seed0-sequential"]) == (shared, shared + 5)


def test_a_variant_stands_in_one_row_whether_or_not_something_of_it_is_set() -> None:
    half = {**PARAMS["recipes"]["sequential"], "rounds": 4, "order": {"name": "sequential", "budget": "half"}}
    params = Params.model_validate({**PARAMS, "recipes": {**PARAMS["recipes"], "half": half}})
    titles, rows = recipe_table(params)
    assert titles == ["joint", "sequential", "half"]
    assert ["order", "joint", "sequential", "sequential"] in rows
    assert ["order.budget", NOTHING, NOTHING, "half"] in rows
