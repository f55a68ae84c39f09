"""Progress: what stands in a log file, and what a loss that is not finite turns into."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitprune.errors import BadInput
from exitprune.jobs.progress import LOG, Progress, set_up_logging


@pytest.fixture(autouse=True)
def _no_handlers_left() -> Iterator[None]:
    yield
    for handler in list(LOG.handlers):
        handler.close()
        LOG.removeHandler(handler)
    LOG.setLevel(logging.NOTSET)


def test_every_epoch_is_a_plain_line_with_round_loss_and_speed(tmp_path: Path) -> None:
    set_up_logging(tmp_path / "logs" / "job.log")
    with Progress("prune joint, seed 0", num_images=64, num_rounds=2) as progress:
        progress.start_round(2)
        progress.step(64)
        progress.end_epoch(1, 0.5)
    line = (tmp_path / "logs" / "job.log").read_text()
    assert re.fullmatch(r"[\d:]{8} prune joint, seed 0, round 2/2, epoch 1: loss 0\.5000, \d+ images/s\n", line)


def test_a_loss_that_is_not_finite_becomes_a_sentence_with_seed_and_round() -> None:
    progress = Progress("prune joint, seed 0", num_images=1, num_rounds=3)
    progress.start_round(3)
    with pytest.raises(BadInput, match=r"prune joint, seed 0, round 3/3: the loss is nan"), progress:
        raise FloatingPointError("the loss is nan")
