"""Progress: what stands in a log file, and what a loss that is not finite turns into."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitprune.errors import BadInput
from exitprune.jobs.progress import LOG, Progress, Rate, RunAway, at_rate, set_up_logging


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
    progress = Progress("prune joint, seed 0", 1, num_rounds=3, rate=Rate("finetune.lr", 7, "heads.lr"))
    progress.start_round(3)
    sentence = r"prune joint, seed 0, round 3/3: the loss is nan; finetune\.lr 7 is too large, make it smaller"
    with pytest.raises(BadInput, match=sentence), progress:
        raise RunAway("the loss is nan", began_with=3.0)


def test_a_training_at_a_rate_of_its_own_is_blamed_by_that_one() -> None:
    progress = Progress("prune joint, seed 0", num_images=1, rate=Rate("finetune.lr", 0.1))
    sentence = r"the loss is nan; criterion\.lr 7 is too large"
    with pytest.raises(BadInput, match=sentence), progress, at_rate(Rate("criterion.lr", 7)):
        raise RunAway("the loss is nan", began_with=3.0)


def test_where_the_network_had_run_away_before_the_rate_before_is_blamed() -> None:
    progress = Progress("heads, seed 0", num_images=1, rate=Rate("heads.lr", 7, "base.lr"))
    with pytest.raises(BadInput, match=r"a network whose answers reach 2e\+15, since base\.lr is too large"), progress:
        raise RunAway("the loss is nan", began_with=1.9e15)
