"""Measured times count only for the networks they were measured on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exitprune.deployment.measured_times import Row, best_rival, milliseconds, read_measured
from exitprune.errors import BadInput
from exitprune.evaluation.deployable import Limit
from tests.synthetic import write_measured, write_study, write_tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    return write_tables(folder, write_study(folder, rounds=1)[1])


def test_nothing_measured_is_nothing(tables: Path) -> None:
    (tables.parent / "inference.csv").unlink(missing_ok=True)
    assert read_measured(tables) is None


def test_times_of_the_same_networks_are_read(tables: Path) -> None:
    write_measured(tables)
    measured = read_measured(tables)
    assert measured is not None
    assert set(measured["seed"]) == {0, 1}


def test_the_study_may_be_that_of_any_network_that_was_timed(tables: Path) -> None:
    write_measured(tables)
    path = tables.parent / "inference.csv"
    names = {"unstructured": "filters", "filters": "unstructured"}
    pd.read_csv(path).replace({"network": names}).to_csv(path, index=False)
    assert read_measured(tables) is not None


def test_a_time_is_of_the_processor_on_one_thread_and_by_the_clock_on_more() -> None:
    table = pd.DataFrame({"threads": [1, 2, 1], "milliseconds": [3.0, 2.0, 5.0], "cpu_milliseconds": [1.0, 4.0, None]})
    assert milliseconds(table).tolist() == [1.0, 2.0, 5.0]
    rows = [
        Row("plain ResNet-8", 0, "", "onnxruntime", threads, 64, "", 1.0, 0.9, 100.0, wall, cpu)
        for threads, wall, cpu in ((1, 3.0, 1.0), (2, 2.0, 4.0), (1, 5.0, math.nan))
    ]
    assert [row.cost for row in rows] == [1.0, 2.0, 5.0]


def test_one_seed_of_other_networks_is_one_too_many(tables: Path) -> None:
    write_measured(tables)
    path = tables.parent / "inference.csv"
    measured = pd.read_csv(path)
    measured.loc[measured["seed"] == 1, "sha256"] = "of another training"
    measured.to_csv(path, index=False)
    assert read_measured(tables) is None


@pytest.mark.parametrize("change", [{"sha256": "of another training"}, {"seed": 7}])
def test_times_of_other_networks_are_not(tables: Path, change: dict[str, Any]) -> None:
    write_measured(tables)
    path = tables.parent / "inference.csv"
    pd.read_csv(path).assign(**change).to_csv(path, index=False)
    assert read_measured(tables) is None


def test_times_that_do_not_say_of_which_networks_are_not(tables: Path) -> None:
    write_measured(tables)
    path = tables.parent / "inference.csv"
    pd.read_csv(path).drop(columns="sha256").to_csv(path, index=False)
    assert read_measured(tables) is None


@pytest.mark.parametrize("wrong", ["many", "nan", "inf", ""])
def test_times_that_are_no_numbers_are_refused(tables: Path, wrong: str) -> None:
    write_measured(tables)
    path = tables.parent / "inference.csv"
    measured = pd.read_csv(path, dtype=str)
    measured.loc[3, "milliseconds"] = wrong
    measured.to_csv(path, index=False)
    with pytest.raises(BadInput, match=r"inference\.csv: not as make bench-inference writes it"):
        read_measured(tables)
    path.write_bytes(b"sha256,\xff\xfe\n")
    with pytest.raises(BadInput, match=r"inference\.csv: not as make bench-inference writes it"):
        read_measured(tables)


@pytest.mark.parametrize(
    ("limit", "runtime"),
    [
        (Limit("macs", 100.0), "sparse"),
        (Limit("milliseconds", 4.0), "sparse"),
        (Limit("accuracy_lost", 0.0), "sparse"),
        (Limit("accuracy_lost", 0.2), "sparse"),
        (Limit("accuracy_lost", 0.2, by_time=True), "int8"),
    ],
)
def test_of_rivals_as_good_the_cheaper_is_told(limit: Limit, runtime: str) -> None:
    runs = {"onnxruntime": (0.9, 3.0), "sparse": (0.9, 2.0), "int8": (0.8, 1.0)}
    rows = [
        Row("plain ResNet-8", 0, "", name, 1, 64, "", 1.0, accuracy, 100.0, milliseconds)
        for name, (accuracy, milliseconds) in runs.items()
    ]
    rival = best_rival(rows, limit, unpruned=0.9)
    assert rival is not None
    assert rival.runtime == runtime


def test_a_rival_is_the_mean_of_its_seeds() -> None:
    rows = [
        Row("plain ResNet-8", seed, "", "sparse", 1, 64, "", 1.0, accuracy, macs, milliseconds)
        for seed, (accuracy, macs, milliseconds) in enumerate([(0.8, 100.0, 2.0), (0.9, 200.0, 4.0)])
    ]
    rival = best_rival(rows, Limit("macs", 150.0), unpruned=0.9)
    assert rival is not None
    assert rival.accuracy == pytest.approx(0.85)
    assert (rival.macs, rival.milliseconds, rival.num_seeds) == (150.0, 3.0, 2)
