"""A mistake stops before any training, with one sentence, and harms nothing that is there."""

from __future__ import annotations

from typing import Any

import pytest

from .repository import Repository

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"sparsitty": 0.8}, "sparsitty: unknown parameter"),
    ({"study": "imagenet"}, "there is no 'imagenet'; allowed: cifar10"),
    ({"rounds": 999, "seeds": list(range(1_000, 3_000))}, "GB free"),
]
"""One for each place that looks; `tests/cases/bad_params` has many more for the first."""


@pytest.mark.parametrize(
    ("values", "sentence"), MISTAKES, ids=lambda value: next(iter(value)) if isinstance(value, dict) else ""
)
def test_a_wrong_parameter_stops_before_any_job(fresh: Repository, values: dict[str, Any], sentence: str) -> None:
    fresh.set_params(**values)
    output = fresh.snakemake(fails=True)
    assert sentence in output
    assert "Traceback" not in output
    assert not (fresh.path / "runs").exists()


def test_a_wrong_parameter_keeps_what_is_there(finished: Repository) -> None:
    before = sorted(path for path in finished.path.glob("*/smoke/**/*"))
    finished.set_params(sparsity=2)
    assert "sparsity" in finished.snakemake(fails=True)
    assert sorted(path for path in finished.path.glob("*/smoke/**/*")) == before


def test_a_missing_data_set_stops_at_the_first_job(fresh: Repository) -> None:
    fresh.set_params(data={"source": "folder", "path": "not/there"})
    output = fresh.snakemake(fails=True)
    assert "not/there" in output
    assert "Traceback" not in output
    assert not list(fresh.path.glob("runs/**/base*"))


def test_a_wrong_value_given_to_an_experiment_is_refused(finished: Repository) -> None:
    output = finished.run("dvc", "exp", "run", "--set-param", "sparsity=1.5", fails=True)
    assert "sparsity: Input should be less than 1" in output
