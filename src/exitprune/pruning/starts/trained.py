"""Trained: pruning begins with level 0, the trained network with its exits, as in the paper.

When: trained.
"""

from __future__ import annotations

from typing import ClassVar

from exitprune.pruning.starts import Start


class Trained(Start):
    """After all training."""

    watches: ClassVar[bool] = False
