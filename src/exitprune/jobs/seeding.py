"""Randomness: every random number comes from a generator named by what it is for, so that nothing depends on what ran before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*purpose: object) -> int:
    """A 63-bit seed from a purpose such as (seed, "joint", 3)."""
    digest = hashlib.sha256(repr(purpose).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*purpose: object) -> torch.Generator:
    """A CPU generator of its own for a purpose; draws are the same whatever device they are moved to."""
    return torch.Generator().manual_seed(seed_of(*purpose))


@contextmanager
def seeded(*purpose: object) -> Iterator[None]:
    """Run a block (initialising weights, say) on torch's global generator, seeded for a purpose, and leave no trace there."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(*purpose))
        yield
