"""Tables of made-up studies, made once for all figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.synthetic import AS_CIFAR10, write_data, write_measured, write_run, write_study, write_tables


@pytest.fixture(scope="session")
def digits_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds, both recipes, with measured times beside them."""
    folder = tmp_path_factory.mktemp("digits")
    tables = write_tables(folder, write_study(folder)[1])
    write_measured(tables)
    return tables


@pytest.fixture(scope="session")
def lone_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One seed, one recipe."""
    folder = tmp_path_factory.mktemp("lone")
    return write_tables(folder, write_study(folder, seeds=(0,), recipes=("joint",), rounds=1)[1])


@pytest.fixture(scope="session")
def crowded_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight recipes with long names, and measured times of many networks beside them."""
    folder = tmp_path_factory.mktemp("crowded")
    recipes = ("joint", "sequential", *(f"a_recipe_with_a_long_name_{number}" for number in range(6)))
    tables = write_tables(folder, write_study(folder, seeds=(0, 1), recipes=recipes, rounds=1)[1])
    write_measured(tables, ("unstructured", *(f"plain ResNet-{n}, 80 % of the weights pruned" for n in range(20))))
    return tables


@pytest.fixture(scope="session")
def cifar10_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data that are taken for CIFAR-10, so that the paper's values are drawn in."""
    folder = tmp_path_factory.mktemp("cifar10")
    labels = write_data(folder / "data.safetensors", **AS_CIFAR10)
    return write_tables(folder, [write_run(folder, 0, recipe, labels, rounds=1) for recipe in ("joint", "sequential")])
