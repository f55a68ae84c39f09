"""Disk space."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitprune.config.params import Params
from exitprune.config.study import resolve
from exitprune.errors import BadInput
from exitprune.jobs.disk import Amount, check_space, needed_bytes, training_memory_mb
from exitprune.training.maps import LARGEST

ROOT = Path(__file__).parents[2]
DIGITS = Amount(num_images=1797, num_test=0, num_classes=10, shape=(1, 8, 8))


def params(**changes: Any) -> Params:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    return resolve({**values, "study": "digits", **changes}, ROOT / "presets")


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(free, 0, free))


def test_a_study_that_does_not_fit_is_refused_with_both_sizes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_free(monkeypatch, needed_bytes(params(), DIGITS) - 1)
    with pytest.raises(BadInput, match=r"digits writes about .* GB more and .* has .* GB free"):
        check_space(params(), DIGITS, tmp_path)


def test_memory_of_a_training_job_holds_maps_and_images_twice() -> None:
    assert training_memory_mb(0) * 10**6 > LARGEST + 4 * 10**9
    assert training_memory_mb(5000) - training_memory_mb(0) == 10_000


def test_what_is_there_already_needs_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs = tmp_path / "grid"  # a study may be called so
    for name in ("seed0/level", "seed0/rival-8.safetensors", "seed0/rival-8/joint/level", "grid/point/level"):
        (runs / name).parent.mkdir(parents=True, exist_ok=True)
        (runs / name).write_bytes(bytes(1000))
    with_free(monkeypatch, needed_bytes(params(), DIGITS) - 1000)
    check_space(params(), DIGITS, runs)
    with_free(monkeypatch, needed_bytes(params(), DIGITS) - 1001)  # rivals and searches come on top
    with pytest.raises(BadInput, match="digits writes about"):
        check_space(params(), DIGITS, runs)


def test_the_disk_is_that_of_the_folder_which_may_lead_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Any:
        asked.append(path)
        return shutil._ntuple_diskusage(1, 0, 10**15)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    (tmp_path / "large").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "large")
    check_space(params(), DIGITS, tmp_path / "runs" / "digits")
    assert asked == [tmp_path / "large"]


def test_seeds_and_rounds_multiply_the_need() -> None:
    pixels = 1797 * 8 * 8
    assert needed_bytes(params(seeds=[0, 1]), DIGITS) - pixels == 2 * (needed_bytes(params(seeds=[0]), DIGITS) - pixels)
    assert needed_bytes(params(rounds=40), DIGITS) > 1.9 * needed_bytes(params(), DIGITS)


def test_a_small_study_is_not_taken_for_a_large_one_nor_large_images_for_small() -> None:
    tiny = params(study="smoke", seeds=[0], data={"source": "folder", "path": "mk", "limit": "all"})
    assert 3_400_000 < needed_bytes(tiny, Amount(56, 16, 2, (1, 8, 8))) < 10_000_000  # 3.4 MB were written
    assert needed_bytes(tiny, Amount(1000, 200, 2, (3, 3000, 4000))) > 36_000_000_000
