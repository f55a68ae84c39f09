"""How much is left after each round.

Contract of a file: a class of `Schedule` with `kept_shares`; its fields are its settings.
"""

from __future__ import annotations

from exitprune.config.section import Variant


class Schedule(Variant):
    """A way from everything to what is to be left."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        """The share of the units kept after each round: never rising, in (0, 1], and 1 - sparsity at the end."""
        raise NotImplementedError  # each schedule says it
