"""A mistake stops before any training, with one sentence, and harms nothing that is there."""

from __future__ import annotations

from typing import Any

import pytest

from exitprune.variants import names_of

from .repository import Repository

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"sparsitty": 0.8}, "sparsitty: unknown parameter"),
    ({"rounds": "twenty"}, "rounds: Input should be a valid integer"),
    ({"sparsity": 1.0}, "sparsity: Input should be less than 1"),
    ({"recipes": ["reverse"]}, "recipes.reverse.order: there is no 'reverse'; allowed: "),
    ({"criterion": "size"}, f"there is no 'size'; allowed: {', '.join(names_of('criteria'))}"),
    ({"criterion": {"name": "taylor", "ceiling": 2}}, "taylor has no setting 'ceiling'; its settings: none"),
    (
        {"granularity": {"name": "filter", "round_to": 0}},
        "filter: round_to: Input should be greater than or equal to 1",
    ),
    ({"model": {"exits": [1, 3]}}, "ResNet-8 has 3 blocks"),
    ({"study": "imagenet"}, "there is no 'imagenet'; allowed: cifar10"),
    ({"rounds": 999, "seeds": list(range(1_000, 3_000))}, "GB free"),
]


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
