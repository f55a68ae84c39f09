"""Tables of made-up studies, made once for all figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitprune.stages.tables import main
from tests.synthetic import AS_CIFAR10, EVALUATE, MODEL, settings, write_data, write_measured, write_run, write_study

SETTINGS = settings(model=MODEL, granularity="weight", evaluate=EVALUATE)


@pytest.fixture(scope="session")
def digits_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds, both recipes, with measured times beside them."""
    folder = tmp_path_factory.mktemp("digits")
    data, evaluation = write_study(folder)
    main(SETTINGS, data, evaluation, folder / "tables", folder / "summary.json")
    write_measured(folder / "tables")
    return folder / "tables"


@pytest.fixture(scope="session")
def lone_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One seed, one recipe."""
    folder = tmp_path_factory.mktemp("lone")
    data, evaluation = write_study(folder, seeds=(0,), recipes=("joint",), rounds=1)
    main(SETTINGS, data, evaluation, folder / "tables", folder / "summary.json")
    return folder / "tables"


@pytest.fixture(scope="session")
def cifar10_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data that are taken for CIFAR-10, so that the paper's values are drawn in."""
    folder = tmp_path_factory.mktemp("cifar10")
    labels = write_data(folder / "data.safetensors", **AS_CIFAR10)
    evaluation = [write_run(folder / recipe, 0, recipe, labels, rounds=1) for recipe in ("joint", "sequential")]
    main(SETTINGS, folder / "data.safetensors", evaluation, folder / "tables", folder / "summary.json")
    return folder / "tables"
