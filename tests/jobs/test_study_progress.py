"""Progress of a whole study, from made-up jobs: what is read, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitprune.jobs.estimate import START
from exitprune.jobs.study_progress import Job, promise, roughly, state_of, time_left
from tests.jobs.made_up import job, say


@pytest.mark.parametrize(
    ("plan", "cores", "expected"),
    [
        ([], 1, 0.0),
        ([job(), job()], 1, 20.0),
        ([job(), job()], 2, 10.0),
        ([job(), job(after=[0])], 2, 20.0),
        ([job(threads=2), job(), job()], 2, 20.0),
        ([job(threads=8)], 2, 10.0),  # Snakemake gives it the cores there are
        ([job(30), job(), job(after=[1]), job(after=[2])], 2, 30.0),
    ],
)
def test_jobs_share_the_cores_and_wait_for_what_they_need(plan: list[Job], cores: int, expected: float) -> None:
    assert time_left([one.work.seconds for one in plan], plan, cores) == expected


@given(st.lists(st.floats(0, 100), max_size=8), st.integers(1, 4))
def test_the_time_left_lies_between_perfect_sharing_and_none(seconds: list[float], cores: int) -> None:
    plan = [job(s) for s in seconds]
    left = time_left(seconds, plan, cores)
    assert max([sum(seconds) / cores, *seconds]) - 1e-6 <= left <= sum(seconds) + 1e-6


def test_a_study_not_begun_has_all_before_it(tmp_path: Path) -> None:
    plan = [job(14, 1_000, file=tmp_path / "a.progress"), job(14, 1_000, after=[0]), job(3, after=[1])]
    state = state_of(plan, 2)
    assert (state.jobs, state.images, state.share, state.left) == ((0, 3), (0, 2_000), 0.0, 31.0)


def test_jobs_that_run_say_how_far_they_are_and_correct_what_was_promised(tmp_path: Path) -> None:
    """Half of 1,000 images in 20 s, where all had been promised in 10: four times as slow, the jobs to come too."""
    file = say(tmp_path / "a.progress", 500, 1_000, 20.0, where="prune joint, seed 1, round 3/6")
    plan = [job(START + 10, 1_000, file=file), job(START + 10, 1_000, after=[0])]
    state = state_of(plan, 2)
    assert state.images == (500, 2_000)
    assert state.left == pytest.approx(0.5 * (START + 40) + (START + 40))
    assert state.where == "prune joint, seed 1, round 3/6"


def test_images_that_an_earlier_run_had_done_do_not_count_as_fast(tmp_path: Path) -> None:
    file = say(tmp_path / "a.progress", 900, 1_000, 2.0, skipped=700)
    plan = [job(START + 10, 1_000, file=file), job(START + 10, 1_000)]
    assert state_of(plan, 1).left == pytest.approx(0.1 * (START + 10) + START + 10)


def test_what_a_job_says_of_its_size_is_believed_over_the_promise(tmp_path: Path) -> None:
    plan = [job(20, 1_000, file=say(tmp_path / "a.progress", 0, 3_000, 0.0))]
    assert state_of(plan, 1).images == (0, 3_000)


@pytest.mark.parametrize("content", ["", '{"done": 3', "[1]", "null", '{"total": "many"}', "\x00\xff"])
def test_half_a_file_is_read_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.progress"
    file.write_text(content, encoding="latin-1")
    assert state_of([job(14, 1_000, file=file)], 1).images == (0, 1_000)


def test_a_machine_that_others_use_too_takes_longer_for_what_is_left() -> None:
    """Half is over after three times as long as it should have taken."""
    plan = [job(10, finished=True), job(10)]
    assert state_of(plan, 1, elapsed=30.0).left == 30.0
    assert state_of(plan, 1).left == 10.0


def test_a_finished_study_has_nothing_left() -> None:
    state = state_of([job(14, 1_000, finished=True), job(3, finished=True)], 2)
    assert (state.jobs, state.images, state.share, state.left) == ((2, 2), (1_000, 1_000), 1.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "5 s"), (21, "20 s"), (54, "55 s"), (56, "1 min"), (272, "5 min"), (3_590, "1 h"), (8_000, "2 h 10 min")],
)
def test_a_duration_is_rounded_as_befits_a_guess(seconds: float, text: str) -> None:
    assert roughly(seconds) == f"about {text}"


def test_what_will_be_spent_is_said_before() -> None:
    text = promise("digits", [job(300), job(300)], 2, 7.2e8)
    assert text.startswith("digits: 2 jobs, about 5 min on 2 cores, about 720 MB on disk in all")


def test_the_line_names_images_jobs_share_and_time(tmp_path: Path) -> None:
    file = say(tmp_path / "a.progress", 1_500, 3_000, 60.0)
    plan = [job(124, 3_000, file=file), job(64, finished=True)]
    assert state_of(plan, 2).line("digits") == (
        "digits: 67%, 1 of 2 jobs, 1,500 of 3,000 images, about 1 min left (prune joint, seed 1)"
    )
