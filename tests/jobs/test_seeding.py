"""Random numbers depend on what they are for and on nothing else."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from exitprune.jobs.seeding import generator, seed_of, seeded


def test_a_seed_is_the_same_on_every_machine_and_day() -> None:
    assert seed_of(0, "joint", 3) == 603329696750392401  # printf "(0, 'joint', 3)" | sha256sum, the first 63 bits


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_purposes_are_told_apart(a: int, b: int) -> None:
    assert (seed_of(a) == seed_of(b)) == (a == b)
    assert seed_of(a, b) != seed_of(int(f"{a}{b}"))
    assert 0 <= seed_of(a) < 2**63


def test_a_generator_draws_the_same_whatever_ran_before() -> None:
    first = torch.rand(5, generator=generator(1, "x"))
    torch.rand(100)
    generator(1, "y").get_state()
    assert torch.equal(torch.rand(5, generator=generator(1, "x")), first)
    assert not torch.equal(torch.rand(5, generator=generator(2, "x")), first)


def test_a_seeded_block_draws_its_own_numbers_and_leaves_no_trace() -> None:
    torch.manual_seed(7)
    expected = torch.rand(6)
    torch.manual_seed(7)
    outside = torch.rand(3)
    with seeded("weights", 0):
        inside = torch.rand(3)
    outside = torch.cat([outside, torch.rand(3)])
    assert torch.equal(outside, expected)
    torch.manual_seed(8)
    with seeded("weights", 0):
        assert torch.equal(torch.rand(3), inside)
