"""Last: a round trains for all its epochs, and the last network stays, as in the paper."""

from __future__ import annotations

from exitprune.training.endings import Ending


class Last(Ending):
    """Nothing is looked at."""
