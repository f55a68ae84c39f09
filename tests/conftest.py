"""What many tests need: one thread, reproducible hypothesis, tiny networks and a few images."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
from hypothesis import settings

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.jobs.seeding import seeded
from exitprune.networks.early_exit import EarlyExitNetwork, Spec

settings.register_profile("exitprune", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("exitprune")


class Build(Protocol):
    """Makes a network, its weights drawn from the seed; what is not named is tiny."""

    def __call__(
        self,
        depth: int = 8,
        exits: tuple[int, ...] = (1, 2),
        pool: int | None = 4,
        channels: int = 1,
        side: int = 8,
        num_classes: int = 4,
        seed: int = 0,
    ) -> EarlyExitNetwork: ...


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small convolutions are slower with two; and what a test sets does not reach the next one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)  # a stage sets it, and hypothesis needs small numbers
    torch.use_deterministic_algorithms(False)


def make_network(
    depth: int = 8,
    exits: tuple[int, ...] = (1, 2),
    pool: int | None = 4,
    channels: int = 1,
    side: int = 8,
    num_classes: int = 4,
    seed: int = 0,
) -> EarlyExitNetwork:
    """A network, its weights drawn from the seed."""
    with seeded("test", seed):
        return EarlyExitNetwork(Spec("resnet", {"depth": depth}, channels, side, side, num_classes, exits, pool))


@pytest.fixture(scope="session")
def build() -> Build:
    """A maker of networks."""
    return make_network


@pytest.fixture
def network(build: Build) -> EarlyExitNetwork:
    """ResNet-8 for 8 x 8 grey images of four classes, exits after blocks 1 and 2."""
    return build()


@pytest.fixture(scope="session")
def _unpruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small study's images, base and level 0."""
    from tests.small_study import Study  # imports every stage

    study = Study(tmp_path_factory.mktemp("unpruned"))
    study.run_data()
    study.run_base()
    study.run_heads()
    return study.path


@pytest.fixture
def study(_unpruned: Path, tmp_path: Path) -> Any:
    """A small study of its own for each test; level 0 is there."""
    from tests.small_study import Study

    shutil.copytree(_unpruned, tmp_path, dirs_exist_ok=True)
    return Study(tmp_path)


@pytest.fixture(scope="session")
def images() -> Images:
    """Forty images of noise whose mean brightness tells their class."""
    draw = torch.Generator().manual_seed(1)
    labels = torch.arange(40) % 4
    pixels = torch.randint(0, 64, (40, 1, 8, 8), generator=draw) + 48 * labels[:, None, None, None]
    scaled = pixels.double() / 255
    mean, std = scaled.mean().float(), scaled.std().float()
    return Images(pixels.to(torch.uint8), labels, mean.reshape(1, 1, 1), std.reshape(1, 1, 1))


@pytest.fixture(scope="session")
def brief() -> Training:
    """Two epochs with momentum and weight decay, which would revive pruned weights if anything could."""
    return Training(epochs=2, lr=0.05, lr_scheduler="one_cycle", momentum=0.9, weight_decay=5e-4, batch_size=10)


@pytest.fixture(scope="session")
def augment() -> Augment:
    """Shift by a pixel; no mirror."""
    return Augment(pad=1, flip=False)


def pytest_collection_finish() -> None:
    """What is imported stays; looking through it for garbage again and again would take a tenth of the time."""
    gc.collect()
    gc.freeze()
