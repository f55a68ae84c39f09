"""Images of one's own in the workflow: equal content prepares nothing again, other content does, in DVC too."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .repository import Repository

pytestmark = pytest.mark.slow

DATA = "runs/smoke/data.safetensors"


@pytest.fixture
def images(fresh: Repository) -> Path:
    """Two classes of noise beside the repository, in a folder whose name would be a wildcard; the study is set to it."""
    folder = fresh.path.parent / "my {v2} 'images' é"
    draw = np.random.default_rng(0)
    for split, num in (("train", 20), ("test", 8)):
        for name in ("a", "b"):
            (folder / split / name).mkdir(parents=True)
            for number in range(num):
                Image.fromarray(draw.integers(0, 256, (8, 8), np.uint8)).save(folder / split / name / f"{number}.bmp")
    fresh.set_params(data={"source": "folder", "path": str(folder), "limit": "all"})
    return folder


def test_snakemake_knows_images_by_their_content(fresh: Repository, images: Path) -> None:
    fresh.snakemake(DATA)
    (images / "train/a/.DS_Store").write_bytes(b"Bud1")
    (images / "train/a/.#0.bmp").symlink_to("nowhere")
    assert "passed over: hidden or of the system: 2" in fresh.snakemake("--dry-run", DATA)
    assert fresh.would_run(DATA) == set()
    moved = images.rename(images.with_name("moved"))
    fresh.set_params(data={"path": "../moved"})
    assert fresh.would_run(DATA) == set()
    shutil.move(moved / "train/a/0.bmp", moved / "train/b/20.bmp")
    assert fresh.would_run(DATA) == {"data"}


def test_dvc_looks_at_the_images_each_time(fresh: Repository, images: Path) -> None:
    fresh.run("dvc", "repro", "--single-item", "images")
    before = (fresh.path / "images.json").read_bytes()
    (images / "train/a/.DS_Store").write_bytes(b"Bud1")
    fresh.run("dvc", "repro", "--single-item", "images")
    assert (fresh.path / "images.json").read_bytes() == before
    shutil.copy(images / "train/a/0.bmp", images / "train/a/1.bmp")
    fresh.run("dvc", "repro", "--single-item", "images")
    assert (fresh.path / "images.json").read_bytes() != before
