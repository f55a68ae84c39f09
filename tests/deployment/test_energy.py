"""Energy is what counters say, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitprune.deployment.energy import Counter, Meter, counters

NO_LIBRARY = "libnothing-of-this-name.so"


def a_zone(powercap: Path, zone: str, name: str, energy: int) -> Path:
    folder = powercap / zone
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text("1000000000\n")
    (folder / "energy_uj").write_text(f"{energy}\n")
    return folder / "energy_uj"


def test_packages_are_counted_once_and_their_parts_are_not(tmp_path: Path) -> None:
    first = a_zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    a_zone(tmp_path, "intel-rapl:0:0", "core", 2_000_000)
    a_zone(tmp_path, "intel-rapl-mmio:0", "package-0", 5_000_000)  # the same processor
    a_zone(tmp_path, "intel-rapl:1", "psys", 9_000_000)
    second = a_zone(tmp_path, "intel-rapl:2", "package-1", 999_000_000)
    there = counters(tmp_path, NO_LIBRARY)
    assert [counter.name for counter in there] == ["package-0", "package-1"]
    meter = Meter(there)
    (tmp_path / "intel-rapl-mmio:0" / "energy_uj").write_text("7500000\n")
    first.write_text("7500000\n")
    second.write_text("1000000\n")  # it has begun anew
    assert meter.joules() == pytest.approx(2.5 + 2.0)


def test_without_counters_there_is_no_number(tmp_path: Path) -> None:
    assert counters(tmp_path / "nowhere", NO_LIBRARY) == []
    assert Meter([]).joules() is None


def test_a_counter_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    a_zone(tmp_path, "intel-rapl:0", "package-0", 1).unlink()
    (a_zone(tmp_path, "intel-rapl:1", "package-1", 1)).write_text("no number")
    assert counters(tmp_path, NO_LIBRARY) == []


def test_a_counter_that_never_wraps_is_believed() -> None:
    values = iter([10.0, 12.0])
    assert Meter([Counter("card", lambda: next(values))]).joules() == 2.0
